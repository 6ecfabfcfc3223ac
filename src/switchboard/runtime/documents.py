"""Service keys."""

from datetime import datetime, timedelta
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument

from switchboard.mongo import Session, collection, query, readable
from switchboard.runtime.model import ServiceKey

USE_NOTED_EVERY = timedelta(minutes=1)


class ServiceKeyDocument(ServiceKey, Document):
    class Settings:
        name: ClassVar[str] = "service_keys"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("key_id", ASCENDING)], unique=True, name="key_id_unique"),
            IndexModel([("key_hash", ASCENDING)], unique=True, name="key_hash_unique"),
            IndexModel([("org_id", ASCENDING)], name="org_id"),
        ]

    @classmethod
    @query
    async def add(cls, key: ServiceKey) -> None:
        await collection(cls).insert_one(key.model_dump())

    @classmethod
    @query
    async def by_hash(cls, key_hash: str) -> ServiceKey | None:
        stored = await collection(cls).find_one({"key_hash": key_hash})
        return None if stored is None else ServiceKey.model_validate(stored)

    @classmethod
    @query
    async def by_id(cls, key_id: str) -> ServiceKey | None:
        stored = await collection(cls).find_one({"key_id": key_id})
        return None if stored is None else ServiceKey.model_validate(stored)

    @classmethod
    @query
    async def all(cls) -> list[ServiceKey]:  # type: ignore[override]
        """Every key, the newest first."""
        found = collection(cls).find({}, sort=[("created_at", -1), ("key_id", 1)])
        return readable(ServiceKey, [stored async for stored in found])

    @classmethod
    @query
    async def revoke(cls, key_id: str, now: datetime) -> ServiceKey | None:
        """Revoke a key that is not; None when there is none."""
        stored = await collection(cls).find_one_and_update(
            {"key_id": key_id, "revoked_at": None},
            {"$set": {"revoked_at": now}},
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else ServiceKey.model_validate(stored)

    @classmethod
    @query
    async def count_bound(cls, org_id: str) -> int:
        """Keys that are bound to this organization and not revoked."""
        return await collection(cls).count_documents({"org_id": org_id, "revoked_at": None})

    @classmethod
    @query
    async def revoke_bound(cls, org_id: str, now: datetime, session: Session) -> None:
        """Revoke the keys that are bound to this organization."""
        bound = {"org_id": org_id, "revoked_at": None}
        await collection(cls).update_many(bound, {"$set": {"revoked_at": now}}, session=session)

    @classmethod
    @query
    async def note_use(cls, key: ServiceKey, now: datetime) -> None:
        """Remember that it was used, once a minute at most."""
        if key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY:
            return
        await collection(cls).update_one({"key_id": key.key_id}, {"$max": {"last_used_at": now}})
