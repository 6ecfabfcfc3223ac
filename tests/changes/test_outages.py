"""MongoDB stalls, fails, restarts or has lost the history; the process is told to end: a poll ends too, with a word."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from devstack.mongod import Mongod, free_port
from switchboard.changes import documents
from tests.changes.follower import Follower, changed, follower, service_key
from tests.fail_points import failing
from tests.http.served import Served, served
from tests.world import World, eventually

PASSING: tuple[dict[str, Any], ...] = ({"closeConnection": True}, {"errorCode": 10107})
OF_THE_FEED = {"namespace": "switchboard.agent_changes", "appName": "switchboard"}
LOST = {"errorCode": 286, "errorLabels": ["NonResumableChangeStreamError"]}


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A process with a mongod nobody else uses, at a port that stays, so that it can be stopped and made to fail."""
    async with Mongod(test_commands=True, port=free_port()) as mongod:
        folder = tmp_path_factory.mktemp("served")
        async with served(folder, mongod, MONGODB_TIMEOUT="1") as running:
            yield running


@pytest.fixture
def mongo(own: Served) -> Iterator[MongoClient[dict[str, Any]]]:
    assert own.mongod is not None
    with MongoClient[dict[str, Any]](own.mongod.uri) as client:
        yield client


@pytest.fixture
async def reader(own: Served, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[Follower]:
    kept, text = service_key()
    mongo["switchboard"]["service_keys"].insert_one(kept.model_dump())
    async with httpx.AsyncClient(base_url=own.url, trust_env=False, timeout=30) as api:
        started = Follower(api, {"X-API-Key": text})
        await started.follow()
        yield started


def write(mongo: MongoClient[dict[str, Any]]) -> str:
    """A change; its agent."""
    change = changed()
    mongo["switchboard"]["agent_changes"].insert_one(change.model_dump())
    return change.agent_id


@asynccontextmanager
async def waiting(mongo: MongoClient[Any], reader: Follower) -> AsyncIterator["asyncio.Task[httpx.Response]"]:
    """A poll, when MongoDB has been asked for what comes next."""
    asked = [{"$currentOp": {}}, {"$match": {"op": "getmore", "ns": "switchboard.agent_changes"}}]
    poll = asyncio.create_task(reader.ask(wait=20))
    try:
        await eventually(lambda: list(mongo.admin.aggregate(asked)))
        yield poll
    finally:
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)


async def timed(poll: "asyncio.Task[httpx.Response]") -> tuple[int, str, float]:
    """Status and code of its answer, and how long it still took."""
    started = time.monotonic()
    answer = await poll
    return answer.status_code, answer.json().get("code", ""), time.monotonic() - started


async def test_a_stall_ends_the_waiting_and_loses_nothing(own: Served, mongo: Any, reader: Follower) -> None:
    assert own.mongod is not None
    async with waiting(mongo, reader) as poll:
        own.mongod.pause()
        try:
            status, code, took = await timed(poll)
        finally:
            own.mongod.resume()
    agent_id = write(mongo)

    assert (status, code) == (503, "unavailable")
    assert took < 4.0
    assert await reader.agents(wait=5) == [agent_id]


async def test_a_crash_ends_the_waiting_and_loses_nothing(own: Served, mongo: Any, reader: Follower) -> None:
    assert own.mongod is not None
    before = write(mongo)
    lagging = Follower(reader.api, reader.headers, reader.cursor)
    assert await reader.agents(wait=5) == [before]
    async with waiting(mongo, reader) as poll:
        await asyncio.to_thread(own.mongod.kill9)
        status, code, took = await timed(poll)
    await asyncio.to_thread(own.mongod.start)
    after = write(mongo)

    assert (status, code) == (503, "unavailable")
    assert took < 4.0
    assert await reader.agents(wait=5) == [after]
    assert await lagging.agents(wait=5) == [before, after]


@pytest.mark.parametrize(
    ("command", "fault"),
    [(command, fault) for command in ("aggregate", "getMore") for fault in PASSING] + [("getMore", {"errorCode": 43})],
    ids=str,
)
async def test_a_fault_that_passes_at_once_is_not_noticed(
    mongo: Any, reader: Follower, command: str, fault: dict[str, Any]
) -> None:
    with failing(mongo, command, times=1, **OF_THE_FEED, **fault) as point:
        poll = asyncio.create_task(reader.ask(wait=20))
        await point.met(5)
    agent_id = write(mongo)

    assert [change["agent_id"] for change in (await poll).json()["changes"]] == [agent_id]


@pytest.mark.parametrize(
    ("command", "fault", "told"),
    [
        ("aggregate", {"errorCode": 13}, (500, "misconfigured")),
        ("aggregate", {"errorCode": 50}, (410, "feed_expired")),  # the way from there is too long
        ("aggregate", LOST, (410, "feed_expired")),
        ("getMore", {"closeConnection": True}, (200, "")),
        ("getMore", {"errorCode": 50}, (503, "unavailable")),
        ("getMore", {"errorCode": 2}, (500, "error")),
        ("getMore", LOST, (410, "feed_expired")),
    ],
    ids=str,
)
async def test_a_fault_is_told_by_its_kind(
    mongo: Any, reader: Follower, command: str, fault: dict[str, Any], told: tuple[int, str]
) -> None:
    with failing(mongo, command, **OF_THE_FEED, **fault):
        answer = await reader.ask(wait=0.5)
    agent_id = write(mongo)

    assert (answer.status_code, answer.json().get("code", "")) == told
    assert not any(word in answer.text.lower() for word in ("mongo", "failpoint", "127.0.0.1", "token"))
    assert await reader.agents(wait=5) == [agent_id]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_a_fault_that_does_not_pass_is_told_when_the_stream_opens(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(documents, "CATCH_UP_SECONDS", 0.5)
    here = await follower(world)
    with failing(world.mongo, "aggregate", namespace=f"{world.database.name}.agent_changes", **fault):
        started = time.monotonic()
        answer = await here.ask(wait=20)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert time.monotonic() - started < 2.0


async def test_a_history_that_is_not_there_says_to_start_anew(mongo: Any, reader: Follower) -> None:
    write(mongo)
    await reader.follow()
    token = reader.position
    day_before = f"{token[:2]}{int(token[2:10], 16) - 86400:08X}{token[10:]}"
    cut = token[:60]
    assert len(token) > 60

    for position in (day_before, cut):
        answer = await reader.ask(cursor=reader.cursor_at(position), wait=5)
        assert (answer.status_code, answer.json()["code"]) == (410, "feed_expired")
        assert answer.json()["detail"] == "Read your agents again, then follow the feed from its new start."

    mongo["switchboard"]["agent_changes"].drop()  # as a restored backup does
    answer = await reader.ask(wait=5)
    assert (answer.status_code, answer.json()["code"]) == (410, "feed_expired")

    reader.cursor = None
    await reader.follow()
    agent_id = write(mongo)
    assert await reader.agents(wait=5) == [agent_id]


async def test_a_collection_that_is_dropped_ends_the_waiting(mongo: Any, reader: Follower) -> None:
    write(mongo)
    await reader.follow()
    async with waiting(mongo, reader) as poll:
        mongo["switchboard"]["agent_changes"].drop()

        assert (await timed(poll))[:2] == (410, "feed_expired")


async def test_a_process_that_is_told_to_end_waits_for_no_change(own: Served, mongo: Any, reader: Follower) -> None:
    async with waiting(mongo, reader) as poll:
        os.kill(own.pid, signal.SIGTERM)
        status, _, took = await timed(poll)

        assert status == 200
        assert took < 1.5
        await eventually(lambda: '"Application shutdown complete' in own.log.read_text(), seconds=2.0)
