"""That only one has what only one may have, whether or not its index is there."""

from collections.abc import AsyncIterator
from typing import Any

from switchboard.mongo import patiently, query
from switchboard.schema.indexes.collections import stored_indexes
from switchboard.schema.indexes.standing import compared
from switchboard.schema.integrity.duplicates import shared
from switchboard.schema.integrity.findings import Examination, Fault, Kind
from switchboard.schema.registry import Index, Registry

Place = tuple[str, Index]


def places(registry: Registry) -> list[Place]:
    """Every unique index with its collection: keys, 1:1 relations, and what only one live or pending one may have."""
    return [
        (name, index)
        for name, entities in registry.collections().items()
        for index in entities[0].indexes
        if index.unique
    ]


async def size(examination: Examination) -> int:
    return len(places(examination.registry)) + 1


async def run(examination: Examination) -> AsyncIterator[Fault]:
    for name, index in places(examination.registry):
        if not await _forbidden(examination, name, index):
            async for count, first in shared(examination.database[name], index):
                yield Fault(_kind(examination, name, index), (first,), count - 1)
        examination.advance(1)
    for event_id in await _strange_events(examination):
        yield Fault(_event_kind(examination), (event_id,))
    examination.advance(1)


async def _forbidden(examination: Examination, name: str, index: Index) -> bool:
    """Whether MongoDB itself sees to it."""
    (standing, *_) = compared(name, [index], await stored_indexes(examination.database, name))
    return standing.state in ("fine", "other name")


@query
async def _strange_events(examination: Examination) -> list[Any]:
    """Events whose `_id` is not their event_id, so that nothing keeps them apart; at most a thousand."""
    events = examination.database[examination.registry["CalendarEvent"].collection]
    with patiently():
        found = events.find({"$expr": {"$ne": ["$_id", "$event_id"]}}, {"_id": 1}, limit=1000)
        return [each["_id"] async for each in found]


def _kind(examination: Examination, name: str, index: Index) -> Kind:
    fields = " and ".join(field for field, _ in index.keys)
    people = name == examination.users
    advice = (
        "'switchboard normalize-users' merges them." if people else "Decide which of them stays, and remove the others."
    )
    return Kind(
        f"duplicates.{name}.{index.name}", name, f"Documents share {fields}, which only one may have.", advice=advice
    )


def _event_kind(examination: Examination) -> Kind:
    name = examination.registry["CalendarEvent"].collection
    return Kind(
        f"duplicates.{name}.event_id",
        name,
        "The _id of an event is not its event_id, so the same one may stand there twice.",
        advice="Remove them; the next whole pull brings the events again.",
    )
