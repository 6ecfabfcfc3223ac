"""Attempts of POSTs with an Idempotency-Key. They are forgotten after two days."""

from datetime import datetime
from typing import ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from switchboard.idempotency.model import UNDER_WAY, Attempt
from switchboard.mongo import collection, query

KEPT: Final = 2 * 24 * 3600  # seconds


class AttemptDocument(Attempt, Document):
    class Settings:
        name: ClassVar[str] = "idempotency_keys"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("key_hash", ASCENDING)], unique=True, name="key_hash_unique"),
            IndexModel([("begun_at", ASCENDING)], expireAfterSeconds=KEPT, name="begun_at_ttl"),
        ]

    @classmethod
    @query
    async def begin(cls, attempt: Attempt) -> Attempt | None:
        """Note it; the earlier one of the same key, if there is one."""
        try:
            await collection(cls).insert_one(attempt.model_dump())
        except DuplicateKeyError:
            stored = await collection(cls).find_one({"key_hash": attempt.key_hash})
            return attempt if stored is None else Attempt.model_validate(stored)
        return None

    @classmethod
    @query
    async def take_over(cls, earlier: Attempt, now: datetime) -> bool:
        """Go on with one that was never answered; False when somebody else does."""
        same = {"key_hash": earlier.key_hash, "begun_at": earlier.begun_at, "status": None}
        return (await collection(cls).update_one(same, {"$set": {"begun_at": now}})).matched_count == 1

    @classmethod
    @query
    async def answered(cls, attempt: Attempt) -> None:
        same = {"key_hash": attempt.key_hash, "begun_at": attempt.begun_at}
        fields = attempt.model_dump(include={"status", "media_type", "etag", "body"})
        await collection(cls).update_one(same, {"$set": fields})

    @classmethod
    @query
    async def let_go(cls, attempt: Attempt) -> None:
        """It failed, and may have been carried out: its repetition goes on at once."""
        same = {"key_hash": attempt.key_hash, "begun_at": attempt.begun_at, "status": None}
        await collection(cls).update_one(same, {"$set": {"begun_at": attempt.begun_at - UNDER_WAY}})

    @classmethod
    @query
    async def forget(cls, attempt: Attempt) -> None:
        """It was refused: its repetition starts anew."""
        same = {"key_hash": attempt.key_hash, "begun_at": attempt.begun_at, "status": None}
        await collection(cls).delete_one(same)
