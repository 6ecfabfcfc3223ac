"""Whoever goes on from the cursor of the answer before misses nothing and gets nothing twice."""

import asyncio
import random
from typing import Any

import pytest

from switchboard.changes.documents import AgentChangeDocument
from switchboard.changes.model import AgentChange
from tests.changes.follower import Follower, changed, follower
from tests.world import World

WRITERS = 8
TRANSACTIONS = 12


class TakenBack(Exception):
    pass


class Writers:
    """They write one to four changes a transaction, end it when others are in the middle of theirs, or take it back."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self.committed: list[AgentChange] = []
        self.taken_back: list[AgentChange] = []

    async def write(self) -> None:
        for _ in range(TRANSACTIONS):
            changes = [changed() for _ in range(self._random.randint(1, 4))]
            fails = self._random.random() < 0.25
            try:
                await self._world.services.transactions.run(self._body(changes, fails))
            except TakenBack:
                self.taken_back += changes
            else:
                self.committed += changes

    def _body(self, changes: list[AgentChange], fails: bool) -> Any:
        pauses = [self._random.randint(0, 4) for _ in changes]

        async def body(session: Any) -> None:
            for change, pause in zip(changes, pauses, strict=True):
                await AgentChangeDocument.add(change, session)
                for _ in range(pause):  # others commit meanwhile
                    await self._world.services.ping()
            if fails:
                raise TakenBack

        return body


async def read_all(
    reader: Follower, writers: Writers, writing: asyncio.Future[Any], chance: random.Random
) -> list[str]:
    """The ids of changes as they come, by answers of which some are lost on their way."""
    seen: list[str] = []
    while not writing.done() or len(seen) < len(writers.committed):
        wait, limit = chance.choice([0, 0.2]), chance.choice([1, 1, 2, 3, 500])
        if chance.random() < 0.3:
            await reader.ask(wait=wait, limit=limit)  # lost: the cursor before is used again
        seen += [change["change_id"] for change in await reader.follow(wait=wait, limit=limit)]
    return seen + [change["change_id"] for change in await reader.follow()]


@pytest.mark.parametrize("seed", range(2))
async def test_resuming_loses_nothing_and_doubles_nothing(world: World, seed: int) -> None:
    readers = [await follower(world) for _ in range(3)]
    writers = Writers(world, seed)
    with world.database["agent_changes"].watch([{"$match": {"operationType": "insert"}}]) as stream:
        writing = asyncio.gather(*(writers.write() for _ in range(WRITERS)))
        chances = [random.Random(f"{seed} {number}") for number in range(len(readers))]
        pairs = zip(readers, chances, strict=True)
        async with asyncio.timeout(20):
            seen = await asyncio.gather(*(read_all(reader, writers, writing, chance) for reader, chance in pairs))
            await writing
        truth = [stream.next()["fullDocument"]["change_id"] for _ in writers.committed]

    assert sorted(truth) == sorted(change.change_id for change in writers.committed)
    assert writers.taken_back
    for ids in seen:
        assert ids == truth
