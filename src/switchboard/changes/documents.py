"""The outbox of agents' changes, and the change stream over it.

The order of the feed is that of the commits, which neither `at` nor any number given before a commit has; so a
follower's position is the stream's own token, and what a transaction took back was never in it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, ClassVar, Final, TypeVar

import pymongo
from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.errors import OperationFailure

from switchboard.changes.model import AgentChange, Asked, FeedExpired
from switchboard.errors import SwitchboardError
from switchboard.mongo import Session, as_our_error, at_hand, collection, query, readable

Result = TypeVar("Result")

KEPT: Final = 7 * 24 * 3600  # seconds
GLANCE_SECONDS: Final = 0.5  # a look at the stream holds one of the driver's threads for no longer
CATCH_UP_SECONDS: Final = 10.0  # MongoDB looks through 400,000 entries of the oplog in a second
CLOSE_SECONDS: Final = 1.0
_HISTORY_LOST: Final = frozenset({136, 260, 280, 286})  # CappedPositionLost, InvalidResumeToken, ChangeStream...


class Feed:
    """A change stream, from its opening on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def position(self) -> str:
        """Where it has come to, past all that `next` gave and past what is not for its follower."""
        return str(self._stream.resume_token["_data"])

    @query
    async def open(self, after: str | None) -> None:
        """Raises `FeedExpired` when MongoDB cannot go on from there."""
        with _expiring(after), pymongo.timeout(CATCH_UP_SECONDS) if after else nullcontext():
            await _to_its_end(self._stream.__aenter__())

    @query
    async def next(self, *, wait: bool) -> list[AgentChange]:
        """What is there; with `wait`, when there is nothing, what comes within a glance. Raises `FeedExpired`."""
        found: list[dict[str, Any]] = []
        with _expiring():
            while at_hand(self._stream) or (wait and not found):
                change = await _to_its_end(self._stream.try_next())
                if change is None:
                    break
                found.append(change["fullDocument"])
        if not self._stream.alive:  # the collection was dropped
            raise FeedExpired
        return readable(AgentChange, found)

    @query
    async def close(self) -> None:
        with pymongo.timeout(CLOSE_SECONDS):  # the driver knows no deadline here
            await _to_its_end(self._stream.close())


class AgentChangeDocument(AgentChange, Document):
    class Settings:
        name: ClassVar[str] = "agent_changes"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("change_id", ASCENDING)], unique=True, name="change_id_unique"),
            IndexModel([("at", ASCENDING)], expireAfterSeconds=KEPT, name="at_ttl"),
        ]

    @classmethod
    @query
    async def add(cls, change: AgentChange, session: Session) -> None:
        await collection(cls).insert_one(change.model_dump(), session=session)

    @classmethod
    @asynccontextmanager
    async def follow(cls, org_id: str | None, asked: Asked) -> AsyncIterator[Feed]:
        """The feed of an organization, or of all without one. Raises `FeedExpired`."""
        only: dict[str, Any] = {"operationType": "insert"}
        if org_id is not None:
            only["fullDocument.org_ids"] = org_id
        client: Any = collection(cls).database.client
        glance = min(GLANCE_SECONDS, client.options.timeout / 2)
        stream = collection(cls).watch(
            [{"$match": only}],
            resume_after=None if asked.after is None else {"_data": asked.after},
            batch_size=asked.limit,
            max_await_time_ms=int(glance * 1000),
        )
        feed = Feed(stream)
        try:
            await feed.open(asked.after)
            yield feed
        finally:
            await feed.close()


@contextmanager
def _expiring(after: str | None = None) -> Iterator[None]:
    """Turn the ways in which MongoDB cannot go on from a position into `FeedExpired`."""
    try:
        yield
    except OperationFailure as error:
        if error.code in _HISTORY_LOST or (after and _leads_nowhere(error)):
            raise FeedExpired from None
        raise


def _leads_nowhere(error: OperationFailure) -> bool:
    """Whether MongoDB needs too long from the position to now, or the position is none that it ever gave."""
    if (error.details or {}).get("codeName") == "MaxTimeMSExpired":  # the driver's own errors have no such name
        return True
    return type(as_our_error(error)) is SwitchboardError


async def _to_its_end(step: Awaitable[Result]) -> Result:
    """Its result. When the request is cancelled, the driver's thread is let finish first: a stream that is closed
    under its feet would be opened again by it."""
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise
