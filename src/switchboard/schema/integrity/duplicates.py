"""Documents that share what only one may have, whether or not there is an index that forbids it."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from switchboard.mongo import Collection
from switchboard.schema.integrity.walk import batches
from switchboard.schema.registry import Index


class Duplicates(NamedTuple):
    """How many values more than one document has, and how many documents have them."""

    keys: int
    documents: int


async def duplicates_against(place: Collection, index: Index) -> Duplicates:
    """What stands against a unique index."""
    totals = {"$group": {"_id": None, "keys": {"$sum": 1}, "documents": {"$sum": "$documents"}}}
    found = await place.aggregate([*_stages(index), totals], allowDiskUse=True).to_list(1)
    return Duplicates(int(found[0]["keys"]), int(found[0]["documents"])) if found else Duplicates(0, 0)


async def shared(place: Collection, index: Index) -> AsyncIterator[tuple[int, Any]]:
    """For each value that several documents have: how many, and the id of one of them."""
    async for batch in batches(place.aggregate(_stages(index), allowDiskUse=True)):
        for found in batch:
            yield int(found["documents"]), found["first"]


def _stages(index: Index) -> list[dict[str, Any]]:
    """A sparse index leaves out documents that have none of its fields, every other takes nothing for null."""
    names = [name for name, _ in index.keys]
    covered: dict[str, Any] = dict(index.partial) if index.partial is not None else {}
    if index.sparse:
        covered = {**covered, "$or": [{name: {"$exists": True}} for name in names]}
    key = {name.replace(".", "_"): {"$ifNull": [f"${name}", None]} for name in names}
    return [
        {"$match": covered},
        {"$group": {"_id": key, "documents": {"$sum": 1}, "first": {"$min": "$_id"}}},
        {"$match": {"documents": {"$gt": 1}}},
    ]
