"""Runs and their before-images."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

import bson
from beanie import Document
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, DeleteOne, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError, WriteError

from switchboard.mongo import Collection, Session, collection, patiently, query, readable
from switchboard.runs.model import LEASE, BeforeImages, Image, Run, StandsAgainst, State

KEPT: Final = 90 * 24 * 3600  # seconds that a run can be taken back for
PACK_BYTES: Final = 4_000_000
_NOT_VALID: Final = 121


class RunDocument(Run, Document):
    class Settings:
        name: ClassVar[str] = "runs"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("run_id", ASCENDING)], unique=True, name="run_id_unique"),
            IndexModel(
                [("name", ASCENDING)],
                unique=True,
                partialFilterExpression={"open": True},
                name="name_unique_while_open",
            ),
            IndexModel([("begun_at", DESCENDING)], name="begun_at"),
        ]

    @classmethod
    @query
    async def prepare(cls) -> None:
        """Make the indexes that decide who works; other collections' may not be possible before the work is done."""
        await collection(cls).create_indexes(cls.Settings.indexes)
        await collection(BeforeImagesDocument).create_indexes(BeforeImagesDocument.Settings.indexes)

    @classmethod
    @query
    async def add(cls, run: Run) -> bool:
        """False when a run of this name is open."""
        try:
            await collection(cls).insert_one(run.model_dump())
        except DuplicateKeyError:
            return False
        return True

    @classmethod
    @query
    async def take(cls, run: Run, holder: str, now: datetime) -> Run | None:
        """Go on with an open run whose holder gave it back or went silent; None when somebody else just did."""
        which = {"run_id": run.run_id, "open": True, "fence": run.fence, **_free(now)}
        mine = {"state": "running", "holder": holder, "leased_until": now + LEASE, "updated_at": now}
        taken = await collection(cls).find_one_and_update(
            which, {"$set": mine, "$inc": {"fence": 1}}, return_document=ReturnDocument.AFTER
        )
        return None if taken is None else Run.model_validate(taken)

    @classmethod
    @query
    async def opened(cls, name: str) -> Run | None:
        stored = await collection(cls).find_one({"name": name, "open": True})
        return None if stored is None else Run.model_validate(stored)

    @classmethod
    @query
    async def find(cls, run_id: str) -> Run | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"run_id": run_id})
        return None if stored is None else Run.model_validate(stored)

    @classmethod
    @query
    async def newest(cls, limit: int) -> list[Run]:
        found = collection(cls).find({}, sort=[("begun_at", DESCENDING)], limit=limit)
        return readable(Run, [stored async for stored in found])

    @classmethod
    @query
    async def set_by_holder(cls, run: Run, fields: Mapping[str, Any]) -> bool:
        """Set fields while this holder has it; False when another took it over."""
        which = {"run_id": run.run_id, "fence": run.fence, "open": True}
        return (await collection(cls).update_one(which, {"$set": dict(fields)})).matched_count == 1

    @classmethod
    @query
    async def close(cls, run_id: str, states: Sequence[State], state: State, now: datetime) -> bool:
        """End a run that is in one of these states and that nobody works on."""
        which = {"run_id": run_id, "state": {"$in": list(states)}, **_free(now)}
        ended = {"state": state, "open": False, "updated_at": now}
        return (await collection(cls).update_one(which, {"$set": ended})).matched_count == 1


def _free(now: datetime) -> dict[str, Any]:
    """The filter for runs that nobody holds, as `Run.held` says it."""
    return {"$or": [{"state": {"$ne": "running"}}, {"leased_until": {"$lte": now}}]}


class BeforeImagesDocument(BeforeImages, Document):
    class Settings:
        name: ClassVar[str] = "before_images"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel(
                [("run_id", ASCENDING), ("fence", ASCENDING), ("number", ASCENDING)],
                unique=True,
                name="run_id_fence_number_unique",
            ),
            IndexModel([("at", ASCENDING)], expireAfterSeconds=KEPT, name="at_ttl"),
        ]

    @classmethod
    @query
    async def add(cls, run: Run, of: str, images: Sequence[Image], now: datetime) -> int:
        """Keep images; how many packs they took. They are there before this returns."""
        about = {"run_id": run.run_id, "fence": run.fence, "collection": of, "at": now}
        packs = [{**about, "number": run.packs + number, "images": pack} for number, pack in enumerate(_packs(images))]
        if packs:
            await collection(cls).insert_many(packs)
        return len(packs)

    @classmethod
    async def backwards(cls, run_id: str) -> AsyncIterator[tuple[str, list[Image]]]:
        """The images of a run, the last ones first, with the collection they are of."""
        pack = await cls._before(run_id, {})
        while pack is not None:
            images = [Image(each["_id"], each.get("before"), each.get("after")) for each in pack["images"]]
            yield pack["collection"], images[::-1]
            fence, number = pack["fence"], pack["number"]
            earlier = [{"fence": {"$lt": fence}}, {"fence": fence, "number": {"$lt": number}}]
            pack = await cls._before(run_id, {"$or": earlier})

    @classmethod
    @query
    async def _before(cls, run_id: str, which: dict[str, Any]) -> dict[str, Any] | None:
        latest = [("fence", DESCENDING), ("number", DESCENDING)]
        found: dict[str, Any] | None = await collection(cls).find_one({"run_id": run_id, **which}, sort=latest)
        return found

    @classmethod
    @query
    async def count(cls, run_id: str) -> int:  # type: ignore[override]
        """How many packs are kept of a run."""
        return await collection(cls).count_documents({"run_id": run_id})

    @classmethod
    @query
    async def forget(cls, run_id: str) -> None:
        await collection(cls).delete_many({"run_id": run_id})

    @classmethod
    @query
    async def count_images_of(cls, key: str, fields: Sequence[str], own: tuple[str, Sequence[Any]]) -> int:
        """How many images show a person or whatever else goes by a `key`: all that have it in one of these fields, and
        those of its `own` documents, which are told by their collection and their `_id`s.
        """
        of, ids = own
        shown = {"$match": {"$or": [*_naming(key, fields, "images."), {"collection": of, **_with(ids, "images.")}]}}
        with patiently():
            found = collection(cls).aggregate([shown, {"$unwind": "$images"}, shown, {"$count": "images"}])
            return sum([counted["images"] async for counted in found])

    @classmethod
    @query
    async def drop_images_of(cls, key: str, fields: Sequence[str], own: tuple[str, Sequence[Any]]) -> None:
        """Drop the same images; whatever else their runs did can still be taken back."""
        of, ids = own
        packs = collection(cls)
        with patiently():
            named = {"$or": _naming(key, fields, "images.")}
            await packs.update_many(named, {"$pull": {"images": {"$or": _naming(key, fields)}}})
            theirs = {"collection": of, **_with(ids, "images.")}
            await packs.update_many(theirs, {"$pull": {"images": _with(ids)}})


def _naming(key: str, fields: Sequence[str], within: str = "") -> list[dict[str, str]]:
    return [{f"{within}{side}.{field}": key} for side in ("before", "after") for field in fields]


def _with(ids: Sequence[Any], within: str = "") -> dict[str, Any]:
    return {f"{within}_id": {"$in": list(ids)}}


@query
async def take_back(of: str, image: Image) -> bool:
    """Undo one change; False when somebody changed the same fields since, or the document is not there.

    Raises `StandsAgainst` when a removed document cannot be put back beside what is there now.
    """
    place = collection(RunDocument).database[of]
    try:
        return await _taken_back(place, image)
    except DuplicateKeyError as error:
        index = re.search(r"index: (\S+)", str(error))
        if index is not None and index[1] == "_id_":
            return False
        raise StandsAgainst.put_back(of, image.id, f"the index {index[1] if index else 'of its own'}") from None
    except WriteError as error:
        if error.code != _NOT_VALID:
            raise
        raise StandsAgainst.put_back(of, image.id, "the validator") from None


async def _taken_back(place: Collection, image: Image) -> bool:
    if image.before is None:
        return (await place.delete_one(image.still_after())).deleted_count == 1
    if image.after is None:
        await place.insert_one(dict(image.before))
        return True
    return (await place.update_one(image.still_after(), image.undo())).matched_count == 1


@query
async def is_back(of: str, image: Image) -> bool:
    """Whether the document is as it was before the change."""
    place = collection(RunDocument).database[of]
    if image.before is None:
        return await place.find_one({"_id": image.id}, {"_id": 1}) is None
    return await place.find_one(image.still_before(), {"_id": 1}) is not None


@query
async def would_go_back(of: str, image: Image) -> bool:
    """Whether `take_back` would undo this change now."""
    place = collection(RunDocument).database[of]
    if image.after is None:
        return await place.find_one({"_id": image.id}, {"_id": 1}) is None
    return await place.find_one(image.still_after(), {"_id": 1}) is not None


@query
async def put(of: str, images: Sequence[Image], session: Session) -> int:
    """Make changes; how many are made. One whose document others changed since it was read is not."""
    place = collection(RunDocument).database[of]
    new = {image.id: image.after for image in images if image.before is None}
    there = place.find({"_id": {"$in": list(new)}}, session=session) if new else None
    same = {each["_id"] for each in await there.to_list(None) if each == new[each["_id"]]} if there else set()
    writes = [_write(each) for each in images if each.id not in same]
    done = await place.bulk_write(writes, session=session) if writes else None
    return len(same) + (done.modified_count + done.upserted_count + done.deleted_count if done else 0)


def _write(image: Image) -> UpdateOne | DeleteOne:
    if image.before is None:
        fields = {name: value for name, value in (image.after or {}).items() if name != "_id"}
        return UpdateOne({"_id": image.id}, {"$setOnInsert": fields}, upsert=True)
    return DeleteOne(image.still_before()) if image.after is None else UpdateOne(image.still_before(), image.change())


def _packs(images: Sequence[Image]) -> Iterator[list[RawBSONDocument]]:
    """Images as they are stored, in lists that one document can hold."""
    pack: list[RawBSONDocument] = []
    size = 0
    for image in images:
        stored = {"_id": image.id, "before": image.before, "after": image.after}
        encoded = bson.encode({name: value for name, value in stored.items() if value is not None or name == "_id"})
        if pack and size + len(encoded) > PACK_BYTES:
            yield pack
            pack, size = [], 0
        pack.append(RawBSONDocument(encoded))
        size += len(encoded)
    if pack:
        yield pack
