"""Walking a whole collection in pieces, each of which ends well within its deadline, whatever its ids are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

from bson import MinKey

from switchboard.mongo import Collection, Database, collection, patiently, query
from switchboard.runs.documents import RunDocument

PIECE: Final = 20_000
BATCH: Final = 1000

_BY_ID: Final = [("_id", 1)]


def database_at_hand() -> Database:
    """The one that the documents of this process are on."""
    database: Any = collection(RunDocument).database
    return cast(Database, database)


@dataclass(frozen=True)
class Piece:
    """The documents whose `_id` is from `low` on and below `high`, in the order that holds across types of ids."""

    place: Collection
    low: Any
    high: Any | None
    size: int

    async def find(
        self, which: dict[str, Any], shown: dict[str, Any] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Those of them that match, some hundred at a time."""
        found: Any = self.place.find(which, shown).hint(_BY_ID).min([("_id", self.low)]).batch_size(BATCH)
        if self.high is not None:
            found = found.max([("_id", self.high)])
        async for batch in batches(found):
            yield batch


async def batches(found: Any, size: int = BATCH) -> AsyncIterator[list[dict[str, Any]]]:
    """What a cursor finds. Each batch has a deadline of its own, and none outlives its making: whoever walks does more
    than walk.
    """
    while batch := await _next(found, size):
        yield batch


async def pieces(place: Collection, size: int = PIECE) -> AsyncIterator[Piece]:
    """All of a collection. What is inserted behind the walk is not seen."""
    low: Any = MinKey()
    while low is not None:
        high = await _beyond(place, low, size)
        yield Piece(place, low, high, size)
        low = high


@query
async def size_of(place: Collection) -> int:
    """About how many documents there are, for a progress bar."""
    return await place.estimated_document_count()


@query
async def _beyond(place: Collection, low: Any, size: int) -> Any | None:
    with patiently():
        found = place.find({}, {"_id": 1}).hint(_BY_ID).min([("_id", low)]).skip(size).limit(1)
        following = await found.to_list(1)
    return following[0]["_id"] if following else None


@query
async def _next(found: Any, size: int) -> list[dict[str, Any]]:
    with patiently():
        batch: list[dict[str, Any]] = await found.to_list(size)
    return batch
