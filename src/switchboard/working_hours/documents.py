"""Working hours that people keep; who keeps none has the usual ones."""

from datetime import datetime
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, query, readable
from switchboard.working_hours.model import Schedule, WorkingHours


class WorkingHoursDocument(WorkingHours, Document):
    class Settings:
        name: ClassVar[str] = "working_hours"
        indexes: ClassVar[list[IndexModel]] = [IndexModel([("user_id", ASCENDING)], unique=True, name="user_id_unique")]

    @classmethod
    @query
    async def of_users(cls, user_ids: list[str]) -> dict[str, WorkingHours]:
        """What these people keep; who keeps nothing is not in it."""
        found = collection(cls).find({"user_id": {"$in": user_ids}})
        return {each.user_id: each for each in readable(WorkingHours, [stored async for stored in found])}

    @classmethod
    @query
    async def put(cls, user_id: str, schedule: Schedule, now: datetime) -> WorkingHours:
        """Keep these; as they are stored then."""
        found, which = collection(cls), {"user_id": user_id}
        fields = schedule.model_dump(mode="json", by_alias=True, include=set(Schedule.model_fields))
        kept = {"$set": {**fields, "updated_at": now}}
        after = ReturnDocument.AFTER
        try:
            stored = await found.find_one_and_update(which, kept, upsert=True, return_document=after)
        except DuplicateKeyError:  # two first ones at once
            stored = await found.find_one_and_update(which, kept, return_document=after)
        return WorkingHours.model_validate(stored)
