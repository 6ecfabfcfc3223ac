"""Consents under way and connections, one per person."""

from datetime import datetime
from typing import ClassVar, Self

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.connections.model import Connection, Consent
from switchboard.mongo import collection, query

LEASE_MILLISECONDS = 30_000


class ConsentDocument(Consent, Document):
    class Settings:
        name: ClassVar[str] = "calendar_consents"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("state_hash", ASCENDING)], unique=True, name="state_hash_unique"),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expires_at_ttl"),
        ]

    @classmethod
    @query
    async def add(cls, consent: Consent) -> None:
        await collection(cls).insert_one(consent.model_dump(include=set(Consent.model_fields)))

    @classmethod
    @query
    async def take(cls, state_hash: str, user_id: str) -> Self | None:
        """The consent, which is used up by this; None when it is not there or another person's."""
        stored = await collection(cls).find_one_and_delete({"state_hash": state_hash, "user_id": user_id})
        return None if stored is None else cls.model_validate(stored)


class ConnectionDocument(Connection, Document):
    refresh_owner: str | None = None
    refresh_until: datetime | None = None

    class Settings:
        name: ClassVar[str] = "calendar_connections"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING)], unique=True, name="user_id_unique"),
            IndexModel([("google_subject", ASCENDING)], name="google_subject"),
        ]

    @classmethod
    @query
    async def find(cls, user_id: str) -> Self | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"user_id": user_id})
        return None if stored is None else cls.model_validate(stored)

    @classmethod
    @query
    async def connect(cls, before: Connection, after: Connection) -> bool:
        """Replace a connection; False when someone else connected another account since `before` was read."""
        same = {"$in": [before.google_subject, after.google_subject]}
        fields = after.model_dump(include=set(Connection.model_fields))
        found, which = collection(cls), {"user_id": after.user_id, "google_subject": same}
        try:
            await found.update_one(which, {"$set": fields}, upsert=True)
        except DuplicateKeyError:  # another account, or the same one connected at the same time
            done = await found.update_one(which, {"$set": fields})
            return done.matched_count == 1
        return True

    @classmethod
    @query
    async def lose(cls, user_id: str, fingerprint: str, reason: str, now: datetime) -> None:
        """Google refused a grant. A connection that was removed meanwhile stays so."""
        fields = {"lost_at": now, "lost_fingerprint": fingerprint, "lost_reason": reason}
        await collection(cls).update_one({"user_id": user_id}, {"$set": fields})

    @classmethod
    @query
    async def remove(cls, user_id: str) -> None:
        await collection(cls).delete_one({"user_id": user_id})

    @classmethod
    @query
    async def others_connect(cls, user_id: str, google_subject: str | None) -> bool:
        """Whether another person connected the same Google account."""
        if google_subject is None:
            return False
        same = {"google_subject": google_subject, "user_id": {"$ne": user_id}}
        return await collection(cls).find_one(same, {"_id": 1}) is not None

    @classmethod
    @query
    async def claim_refresh(cls, user_id: str, owner: str) -> bool:
        """Become the one who refreshes, by the server's clock, for `LEASE_MILLISECONDS` at most."""
        found = collection(cls)
        new = {"user_id": user_id, "source": "stored"}
        await found.update_one({"user_id": user_id}, {"$setOnInsert": new}, upsert=True)
        free = {"user_id": user_id, "$expr": {"$lte": ["$refresh_until", "$$NOW"]}}
        until = {"$add": ["$$NOW", LEASE_MILLISECONDS]}
        claimed = await found.find_one_and_update(
            free,
            [{"$set": {"refresh_owner": owner, "refresh_until": until}}],
            projection={"_id": 1},
            return_document=ReturnDocument.AFTER,
        )
        return claimed is not None

    @classmethod
    @query
    async def release_refresh(cls, user_id: str, owner: str) -> None:
        mine = {"user_id": user_id, "refresh_owner": owner}
        await collection(cls).update_one(mine, {"$unset": {"refresh_owner": "", "refresh_until": ""}})
