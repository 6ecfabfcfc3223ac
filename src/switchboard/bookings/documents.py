"""The ids of events that were written to from here."""

from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from switchboard.bookings.model import Booking
from switchboard.events.documents import CalendarEventDocument
from switchboard.mongo import collection, query


class BookingDocument(Booking, Document):
    class Settings:
        name: ClassVar[str] = "bookings"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("event_id", ASCENDING)], unique=True, name="event_id_unique"),
            IndexModel([("user_id", ASCENDING)], name="user_id"),
            IndexModel([("forget_at", ASCENDING)], expireAfterSeconds=0, name="forget_at_ttl"),
        ]

    @classmethod
    @query
    async def note(cls, booking: Booking) -> None:
        """Remember its ids, or remember them for longer."""
        fields = booking.model_dump(include={"event_id", "user_id", "calendar_id", "google_event_id"})
        noted = {"$setOnInsert": fields, "$set": {"cancelled_at": booking.cancelled_at}}
        later = {"$max": {"forget_at": booking.forget_at}}
        found, which = collection(cls), {"event_id": booking.event_id}
        try:
            await found.update_one(which, {**noted, **later}, upsert=True)
        except DuplicateKeyError:  # two at once
            await found.update_one(which, {"$set": noted["$set"], **later})

    @classmethod
    @query
    async def known(cls, user_id: str, event_id: str) -> Booking | None:
        """The ids of a person's event: of one that is in the mirror, or that was written to from here."""
        mine = {"user_id": user_id, "event_id": event_id}
        ids = {"calendar_id": 1, "google_event_id": 1, "end_time": 1}
        event = await collection(CalendarEventDocument).find_one({"_id": event_id, "user_id": user_id}, ids)
        if event is not None:
            event = {**event, **mine, "forget_at": event["end_time"]}
        stored = event or await collection(cls).find_one(mine)
        return None if stored is None else Booking.model_validate(stored)
