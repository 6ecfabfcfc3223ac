"""Turns. A person has one document, which goes with the turn."""

from typing import Any, ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, query
from switchboard.turns.model import Turn

TURN_SECONDS = 30.0  # longer than it is held, by as much as what was sent in the end may take to arrive
FORGOTTEN_AFTER: Final = 3600  # seconds


class TurnDocument(Turn, Document):
    """By the server's clock. A turn that is not ended ends by itself."""

    class Settings:
        name: ClassVar[str] = "turns"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING)], unique=True, name="user_id_unique"),
            IndexModel([("until", ASCENDING)], expireAfterSeconds=FORGOTTEN_AFTER, name="until_ttl"),
        ]

    @classmethod
    @query
    async def take(cls, user_id: str, owner: str) -> bool:
        """Become the one whose turn it is, or stay so; False while it is somebody else's."""
        over = {"$lte": [{"$ifNull": ["$until", "$$NOW"]}, "$$NOW"]}
        me = {"$literal": owner}
        mine: dict[str, Any] = {"$or": [over, {"$eq": ["$owner", me]}]}
        until = {"$add": ["$$NOW", int(TURN_SECONDS * 1000)]}
        taken = {"owner": {"$cond": [mine, me, "$owner"]}, "until": {"$cond": [mine, until, "$until"]}}
        try:
            turn = await collection(cls).find_one_and_update(
                {"user_id": user_id}, [{"$set": taken}], upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two at once
            return False
        return bool(turn["owner"] == owner)

    @classmethod
    @query
    async def end(cls, user_id: str, owner: str) -> bool:
        """Let the next one have it; whether it was nobody else's since it was taken."""
        return (await collection(cls).delete_one({"user_id": user_id, "owner": owner})).deleted_count == 1
