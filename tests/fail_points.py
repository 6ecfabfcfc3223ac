"""MongoDB made to refuse commands, or to take its time with them, by its fail point `failCommand`: a server has one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient


@dataclass(frozen=True)
class FailPoint:
    """One that is set. `before` is how many commands had met one in the life of the server."""

    mongo: MongoClient[dict[str, Any]]
    before: int

    def lift(self) -> int:
        """Let commands through again; how many have met it."""
        lifted = self.mongo.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
        return int(lifted["count"]) - self.before

    async def met(self, seconds: float = 20) -> None:
        """Wait until a command meets it. An OperationFailure if none does."""
        once = {"waitForFailPoint": "failCommand", "timesEntered": self.before + 1, "maxTimeMS": int(seconds * 1000)}
        await asyncio.to_thread(self.mongo.admin.command, once)


@contextmanager
def failing(
    mongo: MongoClient[dict[str, Any]], *commands: str, times: int | None = None, after: int = 0, **data: Any
) -> Iterator[FailPoint]:
    """These commands fail: all, or so many `times`, or all `after` so many; as the server's `data` say.

    `namespace` and `appName` say whose, `errorCode` and `closeConnection` say how. One that is `held_up` is not failed.
    """
    mode: Any = {"times": times} if times else {"skip": after} if after else "alwaysOn"
    order = {"configureFailPoint": "failCommand", "mode": mode, "data": {"failCommands": list(commands), **data}}
    point = FailPoint(mongo, int(mongo.admin.command(order)["count"]))
    try:
        yield point
    finally:
        point.lift()


def held_up(seconds: float) -> dict[str, Any]:
    """What to say instead of a failure when commands are to take so long, and then to be done."""
    return {"blockConnection": True, "blockTimeMS": int(seconds * 1000)}
