"""A check for each key that may have sealed something here."""

from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, query
from switchboard.sealing.model import SealingCheck


class SealingCheckDocument(SealingCheck, Document):
    class Settings:
        name: ClassVar[str] = "sealing_checks"
        indexes: ClassVar[list[IndexModel]] = [IndexModel([("key_id", ASCENDING)], unique=True, name="key_id_unique")]

    @classmethod
    @query
    async def all(cls) -> list[SealingCheck]:  # type: ignore[override]
        return [SealingCheck.model_validate(stored) async for stored in collection(cls).find({}, sort=[("key_id", 1)])]

    @classmethod
    @query
    async def add(cls, check: SealingCheck) -> SealingCheck:
        """Keep the check of a key unless there is one; either way the one that is kept."""
        found, which = collection(cls), {"key_id": check.key_id}
        new = {"$setOnInsert": check.model_dump(exclude=set(which))}
        stored: dict[str, Any] | None
        try:
            stored = await found.find_one_and_update(which, new, upsert=True, return_document=ReturnDocument.AFTER)
        except DuplicateKeyError:  # two processes start at once
            stored = await found.find_one(which)
        return SealingCheck.model_validate(stored)

    @classmethod
    @query
    async def remove(cls, key_id: str) -> None:
        """Let processes start without this key."""
        await collection(cls).delete_one({"key_id": key_id})
