"""The audit log. Entries are added and read; all that ever changes is whose name they tell (`switchboard.erasure`)."""

from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from switchboard.audit.model import AuditEntry, AuditFilter
from switchboard.mongo import Place, Session, collection, first_page, query, readable


class AuditEntryDocument(AuditEntry, Document):
    class Settings:
        name: ClassVar[str] = "audit_log"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("entry_id", ASCENDING)], unique=True, name="entry_id_unique"),
            IndexModel([("org_id", ASCENDING), ("at", DESCENDING), ("entry_id", DESCENDING)], name="org_id_at"),
        ]

    @classmethod
    @query
    async def add(cls, entry: AuditEntry, session: Session | None = None) -> None:
        """Write an entry, in the transaction of the change it tells of; what was only read has none."""
        await collection(cls).insert_one(entry.model_dump(), session=session)

    @classmethod
    @query
    async def page(
        cls, org_id: str, wanted: AuditFilter, after: Place | None, limit: int
    ) -> tuple[list[AuditEntry], Place | None]:
        """Entries of an organization, the newest first, from those older than `after` on; and where more begin."""
        older: dict[str, Any] = {}
        if after is not None:
            at, entry_id = after
            older = {"$or": [{"at": {"$lt": at}}, {"at": at, "entry_id": {"$lt": entry_id}}]}
        asked = {"$and": [{"org_id": org_id, **_asked(wanted)}, older]}
        found = collection(cls).find(asked, sort=[("at", -1), ("entry_id", -1)], limit=limit + 1)
        stored, more = first_page([each async for each in found], limit, "at", "entry_id")
        return readable(AuditEntry, stored), more


def _asked(wanted: AuditFilter) -> dict[str, Any]:
    equal = {"action": wanted.action, "actor.id": wanted.actor_id, "target.id": wanted.target_id}
    bounds = {"$gte": wanted.since, "$lt": wanted.until}
    times = {name: bound for name, bound in bounds.items() if bound is not None}
    known = {name: value for name, value in equal.items() if value is not None}
    return {**known, "at": times} if times else known
