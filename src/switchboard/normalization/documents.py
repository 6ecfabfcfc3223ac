"""The documents of people as a normalisation reads and writes them: some hundred at a time, only what it looks at."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import bson
from bson.errors import BSONError
from pymongo import UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError, WriteError

from switchboard.mongo import collection, patiently, query
from switchboard.normalization.model import FIELDS
from switchboard.runs.model import Image
from switchboard.users.documents import UserDocument

BATCH: Final = 1000
WRITERS: Final = 3  # MongoDB has more cores than one
_SHOWN: Final = dict.fromkeys(FIELDS, 1)
MOST_BYTES: Final = 16_000_000  # of a filter and its update
# A validator or an index (of two lists) stands against it, or it would be too large.
_REFUSED: Final = frozenset({121, 171, 10334, 17419, 17420})


@dataclass(frozen=True)
class Written:
    """How many documents were still as they had been read, and the images that the server refuses to make true."""

    changed: int
    refused: list[Image]


@query
async def count() -> int:
    """How many documents there are, about."""
    return await collection(UserDocument).estimated_document_count()


@query
async def batch(after: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The next documents in the order of `_id`, behind the one of this `_id`, whatever types the ids have."""
    by_id = [("_id", 1)]
    found = collection(UserDocument).find({}, _SHOWN, sort=by_id, hint=by_id, limit=BATCH + 1, batch_size=BATCH + 2)
    if after is not None:  # `$gt` would only find ids of the same type; `min` finds this document as well
        found = found.min([("_id", after["_id"])])
    with patiently():
        batch = await found.to_list(None)
    return batch[1:] if after is not None and batch and batch[0]["_id"] == after["_id"] else batch[:BATCH]


@query
async def these(ids: Sequence[Any]) -> list[dict[str, Any]]:
    with patiently():
        return await collection(UserDocument).find({"_id": {"$in": list(ids)}}, _SHOWN).to_list(None)


async def write(images: Sequence[Image]) -> Written:
    """Change each of these documents unless somebody else changed what was looked at since it was read."""
    some = [images[number::WRITERS] for number in range(WRITERS)]
    done = await asyncio.gather(*(_write(each) for each in some if each), return_exceptions=True)
    for each in done:  # only once all have ended: who is told of an error may take the run back
        if isinstance(each, BaseException):
            raise each
    written = [each for each in done if isinstance(each, Written)]
    return Written(sum(each.changed for each in written), [one for each in written for one in each.refused])


@query
async def _write(images: Sequence[Image]) -> Written:
    try:
        with patiently():
            done = await collection(UserDocument).bulk_write(_together(images), ordered=False)
    except (PyMongoError, BSONError):  # one by one each is told apart, is not too large, and is repeated by the driver
        return await _one_by_one(images)
    return Written(done.matched_count, [])


def _together(images: Sequence[Image]) -> list[UpdateMany]:
    """One update for all that change in the same fields: to plan each by itself takes MongoDB longer than to make it.

    It still decides about each document at the moment of its write.
    """
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Image]] = {}
    for image in images:
        groups.setdefault((tuple(image.before or ()), tuple(image.after or ())), []).append(image)
    return [_alike(group, *names) for names, group in groups.items()]


def _alike(images: Sequence[Image], before: tuple[str, ...], after: tuple[str, ...]) -> UpdateMany:
    ids = [image.id for image in images]

    def each(side: Literal["before", "after"], name: str) -> dict[str, Any]:
        values = [getattr(image, side)[name] for image in images]
        return {"$arrayElemAt": [{"$literal": values}, {"$indexOfArray": [{"$literal": ids}, "$_id"]}]}

    # BSON's `undefined`, which old shells wrote, is read as null.
    as_read: list[dict[str, Any]] = [
        {"$eq": [{"$ifNull": [f"${name}", None]}, each("before", name)]} for name in before
    ]
    as_read += [{"$ne": [{"$type": f"${name}"}, "missing"]} for name in before]
    as_read += [{"$eq": [{"$type": f"${name}"}, "missing"]} for name in after if name not in before]
    gone = [name for name in before if name not in after]
    change: list[dict[str, Any]] = [{"$set": {name: each("after", name) for name in after}}] if after else []
    change += [{"$unset": gone}] if gone else []
    return UpdateMany({"_id": {"$in": ids}, "$expr": {"$and": as_read}}, change)


async def _one_by_one(images: Sequence[Image]) -> Written:
    """Change them after an attempt that may have changed some of them already."""
    writes = [(image, _alone(image)) for image in images]
    too_large = [image for image, write in writes if write is None]
    sent = [(image, write) for image, write in writes if write is not None]
    if not sent:
        return Written(0, too_large)
    try:
        with patiently():
            done = await collection(UserDocument).bulk_write([write for _, write in sent], ordered=False)
    except BulkWriteError as error:
        written = _partly(error, [image for image, _ in sent])
        return Written(written.changed, [*too_large, *written.refused])
    return Written(done.matched_count, too_large)


def _alone(image: Image) -> UpdateOne | None:
    """None when it is too large to be asked for in any way."""
    change = image.change()
    for which in (image.still_before_or_after(), image.still_before()):
        if len(bson.encode({"q": which, "u": change})) <= MOST_BYTES:
            return UpdateOne(which, change)
    return None


def _partly(error: BulkWriteError, images: Sequence[Image]) -> Written:
    told = error.details or {}
    errors = told.get("writeErrors", [])
    others = [each for each in errors if each.get("code") not in _REFUSED] or told.get("writeConcernErrors")
    if others:
        raise WriteError("a write failed", others[0].get("code")) from error
    return Written(told.get("nMatched", 0), [images[each["index"]] for each in errors])
