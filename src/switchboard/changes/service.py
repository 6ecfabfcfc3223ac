"""Reading the feed of agents' changes, by waiting for the next one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import Gauge

from switchboard.changes.documents import AgentChangeDocument
from switchboard.changes.model import AgentChange, Asked
from switchboard.services import Service

MOST_WAITING: Final = 32  # each holds a connection to MongoDB
WAITING: Final = Gauge("switchboard_change_feeds_waiting", "Followers of the feed that wait for a change")
_seats: Final = asyncio.Semaphore(MOST_WAITING)


async def read(caller: Service, asked: Asked, gone: Callable[[], Awaitable[bool]]) -> tuple[list[AgentChange], str]:
    """Changes in the order they were made, and the position after them.

    It waits for the first of them as long as asked, unless the caller is `gone` or too many are waiting. Raises
    `MissingScope`, `FeedExpired`.
    """
    caller.check("changes.read")
    async with _seated(asked.patience) as patience, AgentChangeDocument.follow(caller.org_id, asked) as feed:
        deadline = time.monotonic() + patience
        changes = await feed.next(wait=False)
        while not changes and time.monotonic() < deadline and not await gone():
            changes = await feed.next(wait=True)
        return changes, feed.position


@asynccontextmanager
async def _seated(patience: float) -> AsyncIterator[float]:
    """How long to wait, in seconds: not at all without a seat."""
    if not patience or _seats.locked():
        yield 0.0
        return
    async with _seats:
        with WAITING.track_inprogress():
            yield patience
