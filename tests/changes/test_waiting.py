"""A follower waits for the next change, one of few at a time, and no longer than it listens."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from switchboard.changes import service
from switchboard.changes.model import Asked
from switchboard.changes.schemas import FeedQuery
from switchboard.services import Service
from tests.changes.follower import Follower, changed, commit, follower
from tests.world import World, eventually

SERVICE = Service("key", "runtime", frozenset({"changes.read"}), None, None)


def waiting() -> int:
    return int(next(iter(service.WAITING.collect())).samples[0].value)


def open_streams(world: World) -> list[Any]:
    """Cursors over the collection that MongoDB keeps, in use or not."""
    stages: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleCursors": True}},
        {"$match": {"ns": f"{world.settings.mongodb.database}.agent_changes", "cursor": {"$exists": True}}},
    ]
    return list(world.mongo.admin.aggregate(stages))


async def never() -> bool:
    return False


@asynccontextmanager
async def polls(
    reader: Follower, number: int = 1, wait: float = 20
) -> AsyncIterator[list[asyncio.Task[httpx.Response]]]:
    """That many polls, all waiting."""
    before = waiting()
    running = [asyncio.create_task(reader.ask(wait=20)) for _ in range(number)]
    try:
        await eventually(lambda: waiting() == before + number)
        yield running
    finally:
        for poll in running:
            poll.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await eventually(lambda: waiting() == before)


async def test_a_change_is_there_within_a_second(world: World) -> None:
    reader = await follower(world)
    took = []
    for _ in range(8):
        change = changed()
        async with polls(reader) as [poll]:
            started = time.monotonic()
            await commit(world, change)
            answer = (await poll).json()
            took.append(time.monotonic() - started)
        assert [shown["agent_id"] for shown in answer["changes"]] == [change.agent_id]
        reader.cursor = answer["cursor"]

    assert max(took) < 1.0


async def test_a_change_from_before_the_poll_is_there_at_once(world: World) -> None:
    reader = await follower(world)
    await commit(world, changed())

    started = time.monotonic()
    assert len(await reader.follow(wait=20)) == 1

    assert time.monotonic() - started < 1.0


async def test_changes_of_others_do_not_end_the_waiting(world: World) -> None:
    reader = await follower(world, "org-that-waits")
    mine = changed("org-that-waits")
    async with polls(reader) as [poll]:
        await commit(world, changed("another"))
        done, _ = await asyncio.wait([poll], timeout=0.7)
        assert not done
        await commit(world, mine)

        assert [shown["agent_id"] for shown in (await poll).json()["changes"]] == [mine.agent_id]


async def test_without_a_change_the_waiting_ends_in_time(world: World) -> None:
    reader = await follower(world)

    started = time.monotonic()
    shown = await reader.follow(wait=0.8)

    assert shown == []
    assert 0.8 <= time.monotonic() - started < 2.0


async def test_one_more_than_may_wait_is_answered_at_once(world: World) -> None:
    reader = await follower(world)
    change = changed()
    async with polls(reader, service.MOST_WAITING) as seated:
        started = time.monotonic()
        shown = await reader.follow(wait=20)
        assert shown == []
        assert time.monotonic() - started < 1.0
        assert waiting() == service.MOST_WAITING

        await commit(world, change)
        answers = await asyncio.gather(*seated)

    for answer in answers:
        assert [shown["agent_id"] for shown in answer.json()["changes"]] == [change.agent_id]
    assert await reader.agents(wait=20) == [change.agent_id]


async def test_a_follower_that_hangs_up_frees_its_place(world: World) -> None:
    reader = await follower(world)
    async with polls(reader, service.MOST_WAITING) as [first, *_]:
        first.cancel()
        await eventually(lambda: waiting() == service.MOST_WAITING - 1, seconds=2.0)
        async with polls(reader):
            assert waiting() == service.MOST_WAITING

    await eventually(lambda: not open_streams(world), seconds=2.0)


@pytest.mark.parametrize("glances", [0, 1])
async def test_a_request_that_is_cancelled_leaves_no_stream_open(world: World, glances: int) -> None:
    reader = await follower(world)
    after = FeedQuery(cursor=reader.cursor).asked().after
    asked_whether_gone = 0

    async def gone() -> bool:
        nonlocal asked_whether_gone
        asked_whether_gone += 1
        return False

    reading = asyncio.create_task(service.read(SERVICE, Asked(after, 20, 10), gone))
    await eventually(lambda: asked_whether_gone > glances)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert waiting() == 0
    assert open_streams(world) == []


async def test_a_request_that_is_cancelled_while_the_stream_opens_leaves_none_open(world: World) -> None:
    reader = await follower(world)
    after = FeedQuery(cursor=reader.cursor).asked().after
    for turns in range(6):
        reading = asyncio.create_task(service.read(SERVICE, Asked(after, 20, 10), never))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

        assert open_streams(world) == []


async def test_answers_leave_no_stream_open(world: World) -> None:
    reader = await follower(world)
    await commit(world, changed(), changed())
    await reader.follow(limit=1)
    await reader.follow(wait=0.1)

    assert open_streams(world) == []
