"""Requests to Google that processes have set aside, by the minute."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, query

KEPT: Final = timedelta(minutes=10)


class RequestBudgetDocument(Document):
    """The requests of one minute. Its `_id` names whose minute it is; `taken` of its requests were set aside."""

    id: str  # type: ignore[assignment]
    taken: int
    expires_at: datetime

    class Settings:
        name: ClassVar[str] = "request_budgets"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expires_at_ttl")
        ]

    @classmethod
    @query
    async def take(cls, key: str, amount: int, limit: int, minute: datetime) -> bool:
        """Set aside an amount of a minute's limit; False when that much is not left."""
        which = {"_id": f"{key}|{minute:%Y-%m-%dT%H:%M}", "taken": {"$lte": limit - amount}}
        more = {"$inc": {"taken": amount}, "$setOnInsert": {"expires_at": minute + KEPT}}
        try:
            await collection(cls).update_one(which, more, upsert=True)
        except DuplicateKeyError:  # it is there, and too little of it is left; or two made it at once
            return (await collection(cls).update_one(which, more)).matched_count == 1
        return True
