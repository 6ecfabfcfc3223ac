"""References that name what is not there.

The distinct keys that holders name are walked, not the holders: of two million events there are some thousand people.
A key that is missing is looked for after its holders were read, so one that is made before them is never missed.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from switchboard.mongo import Session, patiently, query
from switchboard.runs.model import Image
from switchboard.schema.integrity.findings import MOST_AT_ONCE, Change, Examination, Fault, Kind, Mend
from switchboard.schema.registry import Entity, Registry, Relation

BATCH: Final = 1000
FEW: Final = 20  # so many may be missing, however few there are
MOST_KEYS: Final = 100_000

_BACKFILL: Final = "'switchboard backfill' brings back what PropelAuth has; nothing is removed on a guess."


def checked(registry: Registry) -> list[Relation]:
    """The relations that must hold: those whose holder goes, is emptied, or stands against it when the target goes."""
    return [
        each
        for each in registry.relations
        if each.stored and each.on_delete != "keep" and registry[each.holder].owner is None
    ]


def suspicious(missing: int, distinct: int) -> bool:
    """Whether so much is missing that it is rather the targets that were lost, or the wrong collection is looked at."""
    return missing > MOST_KEYS or (missing > FEW and missing * 2 > distinct)


async def size(examination: Examination) -> int:
    return len(checked(examination.registry))


async def run(examination: Examination) -> AsyncIterator[Fault]:
    """In the order of the registry: what holds another's key comes after it, so orphans of orphans are found too."""
    for relation in checked(examination.registry):
        async for fault in _Looked(examination, relation).faults():
            yield fault
        examination.advance(1)


@dataclass(frozen=True)
class _Looked:
    """One relation that is being looked at."""

    examination: Examination
    relation: Relation

    @property
    def holder(self) -> Entity:
        return self.examination.registry[self.relation.holder]

    @property
    def target(self) -> Entity:
        return self.examination.registry[self.relation.target]

    @property
    def many(self) -> bool:
        return self.holder.field(self.relation.field).many

    async def faults(self) -> AsyncIterator[Fault]:
        missing, distinct = await self._missing()
        if not missing:
            return
        lost = suspicious(len(missing), distinct) or await self._empty()
        for begin in range(0, len(missing), BATCH):
            keys = missing[begin : begin + BATCH]
            gone = set() if lost else await self._gone(keys)
            for key, count, sample in await self._holders(keys):
                goes = isinstance(key, str) and key in gone  # what is no text may be no key of a set either
                yield Fault(self._kind(lost=lost), (sample,), count, self._mend(key) if goes else None)

    def _kind(self, *, lost: bool) -> Kind:
        relation, of = self.relation, self.target.collection
        fixes = {
            "cascade": "takes the key out of the list" if self.many else "removes them",
            "nullify": f"empties {relation.field}",
        }
        return Kind(
            f"references.{self.holder.collection}.{relation.field}",
            self.holder.collection,
            f"{relation.field} names a document of {of} that is not there.",
            fixes.get(relation.on_delete),
            f"So much of {of} is missing that it may be another collection, or one that was lost."
            if lost
            else _BACKFILL,
        )

    @query
    async def _missing(self) -> tuple[list[Any], int]:
        """The keys that are not there, and how many distinct keys there are."""
        missing: list[Any] = []
        distinct = 0
        field = self.relation.field
        unwound = [{"$unwind": f"${field}"}] if self.many else []
        stages = [*unwound, {"$group": {"_id": f"${field}"}}]
        with patiently():
            found = self._place(self.holder).aggregate(stages, allowDiskUse=True, batchSize=BATCH)
            while keys := [each["_id"] for each in await found.to_list(BATCH)]:
                distinct += len(keys)
                missing += await self._absent([key for key in keys if key is not None])
                if len(missing) > MOST_KEYS:
                    break
        return missing, distinct

    async def _absent(self, keys: Sequence[Any], session: Session | None = None) -> list[Any]:
        name = self.relation.target_field
        found = self._place(self.target).find({name: {"$in": list(keys)}}, {"_id": 0, name: 1}, session=session)
        there = {each[name] async for each in found if isinstance(each[name], str)}
        return [key for key in keys if not (isinstance(key, str) and key in there)]

    @query
    async def _empty(self) -> bool:
        return await self._place(self.target).find_one({}, {"_id": 1}) is None

    @query
    async def _gone(self, keys: Sequence[Any], session: Session | None = None) -> set[Any]:
        """Those of these missing keys whose holders may go.

        An organization is gone once the audit log says that it was deleted. A person without a document who is still a
        member of something is not: then the document is what is missing.
        """
        texts = [key for key in keys if isinstance(key, str)]
        if self.relation.on_delete not in ("cascade", "nullify"):
            return set()
        if self.target.name == "Organization":
            told = {"org_id": {"$in": texts}, "action": "organization.deleted"}
            log = self._place(self.examination.registry["AuditEntry"])
            return {each["org_id"] async for each in log.find(told, {"org_id": 1}, session=session)}
        if self.target.name == "User":
            memberships = self._place(self.examination.registry["UserOrganization"])
            found = memberships.find({"user_id": {"$in": texts}}, {"user_id": 1}, session=session)
            return set(texts) - {each["user_id"] async for each in found}
        return set(texts)

    @query
    async def _holders(self, keys: Sequence[Any]) -> list[tuple[Any, int, Any]]:
        """The keys that settled holders name, each with how many do and one of them."""
        field = self.relation.field
        stages: list[dict[str, Any]] = [{"$match": {field: {"$in": list(keys)}, **self._settled()}}]
        stages += [{"$unwind": f"${field}"}, {"$match": {field: {"$in": list(keys)}}}] if self.many else []
        stages += [{"$group": {"_id": f"${field}", "count": {"$sum": 1}, "first": {"$min": "$_id"}}}]
        with patiently():
            found = self._place(self.holder).aggregate(stages, allowDiskUse=True)
            return [(each["_id"], each["count"], each["first"]) async for each in found]

    def _mend(self, key: Any) -> Mend:
        async def mend(session: Session) -> list[Change]:
            if not await self._absent([key], session) or key not in await self._gone([key], session):
                return []
            which = {self.relation.field: key, **self._settled()}
            found = self._place(self.holder).find(which, session=session, limit=MOST_AT_ONCE)
            return [(self.holder.collection, self._image(stored, key)) async for stored in found]

        return mend

    def _image(self, stored: dict[str, Any], key: Any) -> Image:
        field = self.relation.field
        if self.many:
            return Image(
                stored["_id"], {field: stored[field]}, {field: [each for each in stored[field] if each != key]}
            )
        if self.relation.on_delete == "nullify":
            return Image(stored["_id"], {field: key}, {field: None})
        return Image(stored["_id"], stored, None)

    def _settled(self) -> dict[str, Any]:
        """Not those whose id says that they were only just inserted: an id of another type says nothing."""
        return {"_id": {"$not": {"$gte": self.examination.settled_id}}}

    def _place(self, entity: Entity) -> Any:
        return self.examination.database[entity.collection]
