"""Calendars with their leases, and events.

A lease is taken by one conditional update and counts up the calendar's `fence`. Every write of a pull carries that
number and does nothing where a higher one has written, so a worker that slept through its lease can't overwrite its
successor (facts/google-calendar.md section 6.4).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from beanie import Document
from pymongo import ASCENDING, DeleteOne, IndexModel, InsertOne, ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError

from switchboard.calendars.model import LONG, Calendar, CalendarEvent, Change, Position, Window
from switchboard.mongo import collection, query, readable

LEASE_SECONDS = 60.0
BATCH = 1000  # writes that end well within the deadline of one operation
DUPLICATE_KEY = 11000

_FREE = {"$expr": {"$lte": ["$lease_until", "$$NOW"]}}
_FIRST = datetime(1, 1, 1, tzinfo=UTC)


class CalendarDocument(Calendar, Document):
    class Settings:
        name: ClassVar[str] = "calendars"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("calendar_id", ASCENDING)], unique=True, name="calendar_id_unique"),
            IndexModel([("user_id", ASCENDING)], name="user_id"),
            IndexModel([("next_sync_at", ASCENDING)], name="next_sync_at"),
            IndexModel([("google_calendar_id", ASCENDING)], name="google_calendar_id"),
        ]

    @classmethod
    @query
    async def find(cls, calendar_id: str) -> Self | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"calendar_id": calendar_id})
        return None if stored is None else cls.model_validate(stored)

    @classmethod
    @query
    async def connect(cls, calendar_id: str, user_id: str, now: datetime) -> None:
        """Make sure there is one and that it is due now: a pull by an earlier grant loses its lease."""
        due = {"user_id": user_id, "status": "new", "reason": None, "next_sync_at": now, "failure_count": 0}
        free = {"lease_owner": None, "lease_until": None}
        await collection(cls).update_one(
            {"calendar_id": calendar_id}, {"$set": {**due, **free}, "$inc": {"fence": 1}}, upsert=True
        )

    @classmethod
    @query
    async def add(cls, calendar_id: str, user_id: str, now: datetime) -> None:
        """Make sure there is one; one that is there stays as it is."""
        new = {"user_id": user_id, "status": "new", "next_sync_at": now, "failure_count": 0, "fence": 0}
        await collection(cls).update_one({"calendar_id": calendar_id}, {"$setOnInsert": new}, upsert=True)

    @classmethod
    @query
    async def shared(cls, calendar_id: str) -> bool:
        """Whether another person's connected calendar is the same one at Google."""
        own = await collection(cls).find_one({"calendar_id": calendar_id}, {"google_calendar_id": 1})
        google_id = own.get("google_calendar_id") if own else None
        if google_id is None:
            return False
        same = {"google_calendar_id": google_id, "calendar_id": {"$ne": calendar_id}}
        return await collection(cls).find_one(same, {"_id": 1}) is not None

    @classmethod
    @query
    async def disconnect(cls, calendar_id: str, look_again_at: datetime) -> None:
        """End its pulls: a running one loses its lease by the higher fence. It is due once more, to be emptied."""
        emptied = dict.fromkeys(
            ("sync_token", "google_calendar_id", "last_success_at", "window_set_at", "lease_owner", "lease_until")
        )
        ended = {**emptied, "status": "disconnected", "reason": None, "next_sync_at": look_again_at}
        await collection(cls).update_one({"calendar_id": calendar_id}, {"$set": ended, "$inc": {"fence": 1}})

    @classmethod
    @query
    async def claim(cls, calendar_id: str, owner: str) -> Self | None:
        """Take the lease of this calendar, if it is free."""
        return await cls._claim({"calendar_id": calendar_id}, owner)

    @classmethod
    @query
    async def claim_due(cls, now: datetime, owner: str) -> Self | None:
        """Take the lease of the calendar that has been due for longest."""
        return await cls._claim({"next_sync_at": {"$lte": now}}, owner)

    @classmethod
    async def _claim(cls, which: dict[str, Any], owner: str) -> Self | None:
        stored = await collection(cls).find_one_and_update(
            {**which, **_FREE},
            [{"$set": {"lease_owner": owner, "lease_until": _lease_end(), "fence": {"$add": ["$fence", 1]}}}],
            sort=[("next_sync_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else cls.model_validate(stored)

    @query
    async def keep(self, fields: dict[str, Any] | None = None) -> bool:
        """Lengthen the lease and set fields; False when it is no longer ours."""
        literal = {name: {"$literal": value} for name, value in (fields or {}).items()}
        lengthened = {"$set": {**literal, "lease_until": _lease_end()}}
        done = await collection(type(self)).update_one(self._mine(), [lengthened])
        return done.matched_count == 1

    @query
    async def finish(self, fields: dict[str, Any]) -> bool:
        """Set fields and give the lease back in one write; False when it was no longer ours, and nothing is set."""
        ended = {**fields, "lease_owner": None, "lease_until": None}
        done = await collection(type(self)).update_one(self._mine(), {"$set": ended})
        return done.matched_count == 1

    def _mine(self) -> dict[str, Any]:
        return {"calendar_id": self.calendar_id, "fence": self.fence}


def _lease_end() -> dict[str, Any]:
    """By the server's clock, which all workers share."""
    return {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}


class CalendarEventDocument(CalendarEvent, Document):
    id: str  # type: ignore[assignment]  # the event_id itself, so that an upsert needs no second unique index
    run: int = 0

    class Settings:
        name: ClassVar[str] = "calendar_events"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING), ("start_time", ASCENDING), ("_id", ASCENDING)], name="user_start"),
            IndexModel(
                [("user_id", ASCENDING), ("end_time", ASCENDING)],
                partialFilterExpression={"long": True},
                name="user_long_end",
            ),
            IndexModel([("calendar_id", ASCENDING), ("run", ASCENDING)], name="calendar_run"),
        ]

    @classmethod
    @query
    async def any_of(cls, calendar_id: str) -> bool:
        return await collection(cls).find_one({"calendar_id": calendar_id}, {"_id": 1}) is not None

    @classmethod
    @query
    async def insert_all(cls, changes: list[Change], run: int) -> None:
        """The fast way into a calendar that has no events; `apply` where one of them is there already."""
        for batch in _batches([change for change in changes if change.fields is not None]):
            try:
                await collection(cls).insert_many([_inserted(change, run) for change in batch], ordered=False)
            except BulkWriteError as error:
                _only_duplicates(error)
                await cls._apply(batch, run)

    @classmethod
    @query
    async def apply(cls, changes: list[Change], run: int) -> None:
        """Store and remove what a page says, except where a later run has written."""
        for batch in _batches(changes):
            await cls._apply(batch, run)

    @classmethod
    async def _apply(cls, changes: list[Change], run: int) -> None:
        writes: list[InsertOne[dict[str, Any]] | UpdateOne | DeleteOne] = [_write(change, run) for change in changes]
        try:
            await collection(cls).bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            _only_duplicates(error)

    @classmethod
    @query
    async def sweep(cls, calendar_id: str, window: Window, run: int) -> None:
        """After a whole pull: remove what it did not bring, of its own calendar only (rules 8 and 9).

        Events that ended before the window go as well: they are older than what is kept, and nothing would say any
        more that one of them is gone.
        """
        unseen = {"calendar_id": calendar_id, "run": {"$lt": run}}
        await cls._delete({**unseen, "start_time": {"$lt": window.end}})

    @classmethod
    @query
    async def remove_of(cls, calendar_id: str, before_run: int | None = None) -> None:
        """Remove all events of a calendar, or those an earlier run than this wrote."""
        older = {} if before_run is None else {"run": {"$lt": before_run}}
        await cls._delete({"calendar_id": calendar_id, **older})

    @classmethod
    async def _delete(cls, which: dict[str, Any]) -> None:
        """Batch by batch: a hundred thousand at once take longer than one operation may."""
        found = collection(cls)
        while ids := [stored["_id"] async for stored in found.find(which, {"_id": 1}, limit=BATCH)]:
            await found.delete_many({**which, "_id": {"$in": ids}})

    @classmethod
    @query
    async def of_user(
        cls, user_id: str, between: Window, after: Position | None, limit: int
    ) -> tuple[list[CalendarEvent], Position | None]:
        """Events that touch a range, by start and id, after a position; and the position to go on from, if any.

        Two index walks instead of one bad plan (facts/google-calendar.md section 6.2): those that began at most a day
        before the range, and the long ones that began earlier and reach into it. An event without length counts where
        it starts.
        """
        from_day, ends = between.start - LONG, {"end_time": {"$gt": between.start}}
        reaches = {"$or": [ends, {"start_time": {"$gte": between.start}}]}
        first = _FIRST if after is None else after[0]
        found: list[dict[str, Any]] = []
        if first < from_day:
            earlier = {"start_time": {"$gte": first, "$lt": from_day}, "long": True, **ends}
            found += await cls._walk(user_id, earlier, after, limit + 1, "user_long_end")
        usual = {"start_time": {"$gte": max(first, from_day), "$lt": between.end}, **reaches}
        found += await cls._walk(user_id, usual, after, limit + 1, "user_start")
        found.sort(key=_position)
        more = _position(found[limit - 1]) if len(found) > limit else None
        return readable(CalendarEvent, found[:limit]), more

    @classmethod
    async def _walk(
        cls, user_id: str, which: dict[str, Any], after: Position | None, limit: int, index: str
    ) -> list[dict[str, Any]]:
        """By start and id. An `_id` that is no text is not ours, and could not be put in order with the others."""
        mine = {"user_id": user_id, "_id": {"$gte": ""}, **which}
        if after is not None:
            start, last_id = after
            mine = {"$and": [mine, {"$or": [{"start_time": {"$gt": start}}, {"_id": {"$gt": last_id}}]}]}
        order = [("start_time", ASCENDING), ("_id", ASCENDING)]
        return [stored async for stored in collection(cls).find(mine, limit=limit, sort=order, hint=index)]


def _batches(changes: list[Change]) -> Iterator[list[Change]]:
    for begin in range(0, len(changes), BATCH):
        yield changes[begin : begin + BATCH]


def _position(stored: dict[str, Any]) -> Position:
    return stored["start_time"], stored["_id"]


def _inserted(change: Change, run: int) -> dict[str, Any]:
    return {"_id": change.event_id, "event_id": change.event_id, **(change.fields or {}), "run": run}


def _write(change: Change, run: int) -> UpdateOne | DeleteOne:
    mine = {"_id": change.event_id, "run": {"$lte": run}}
    if change.fields is None:
        return DeleteOne(mine)
    return UpdateOne(mine, {"$set": {"event_id": change.event_id, **change.fields, "run": run}}, upsert=True)


def _only_duplicates(error: BulkWriteError) -> None:
    """A later run wrote this event, so the filter missed it and the upsert met its key: as it should be."""
    failures = error.details.get("writeErrors", ())
    if error.details.get("writeConcernErrors") or any(failure.get("code") != DUPLICATE_KEY for failure in failures):
        raise error
