"""The client in docs/runtime-client.md does what the document says, word for word."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Header, Response

from switchboard.changes.routes import router
from switchboard.http import errors
from tests.changes.follower import Follower, changed, commit, key
from tests.world import World, eventually, serving

BLOCKS = re.findall(
    r"^```python\n(.*?)^```",
    (Path(__file__).parents[2] / "docs" / "runtime-client.md").read_text("utf-8"),
    re.DOTALL | re.MULTILINE,
)


@dataclass
class Runtime:
    """The real feed, beside agents that are told by their ETag alone."""

    world: World
    url: str = ""
    etags: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def add(self) -> str:
        agent_id = uuid4().hex
        self.etags[agent_id] = f'"{uuid4().hex}"'
        return agent_id

    async def change(self, *agent_ids: str) -> None:
        for agent_id in agent_ids:
            self.etags[agent_id] = f'"{uuid4().hex}"'
        await commit(self.world, *(changed(agent_id=agent_id) for agent_id in agent_ids))

    async def remove(self, agent_id: str) -> None:
        del self.etags[agent_id]
        await commit(self.world, changed(agent_id=agent_id))

    def told(self) -> list[tuple[str, int]]:
        """What was asked for since the last look, and the status it got."""
        told, self.asked = self.asked, []
        return told

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        app = FastAPI()
        app.state.services = self.world.services
        errors.install(app)
        app.include_router(router)
        app.get("/internal/v1/agents/{agent_id}/runtime")(self._answer)
        async with serving(app) as self.url:
            yield

    async def _answer(self, agent_id: str, if_none_match: str = Header("")) -> Response:
        etag = self.etags.get(agent_id)
        status = 404 if etag is None else 304 if etag == if_none_match else 200
        self.asked.append((agent_id, status))
        body = f'{{"is": {etag}}}' if status == 200 else None
        return Response(body, status, {"ETag": etag} if etag else {})


@pytest.fixture
async def runtime(world: World) -> AsyncIterator[Runtime]:
    runtime = Runtime(world)
    async with runtime.served():
        yield runtime


@pytest.fixture
async def agents(runtime: Runtime) -> AsyncIterator[Any]:
    names: dict[str, Any] = {}
    exec(BLOCKS[0], names)  # noqa: S102
    headers = await key(scopes=["agents.runtime", "changes.read"])
    with httpx.Client(base_url=runtime.url, headers=headers, trust_env=False) as api:
        yield names["Agents"](api)


async def configuration(agents: Any, agent_id: str) -> Any:
    return await asyncio.to_thread(agents.configuration, agent_id)


async def step(agents: Any, cursor: str | None) -> Any:
    return await asyncio.to_thread(agents.follow, cursor)


async def test_an_agent_is_fetched_once_and_again_when_the_feed_tells_of_it(runtime: Runtime, agents: Any) -> None:
    cursor = await step(agents, None)
    changing, quiet, unread = runtime.add(), runtime.add(), runtime.add()

    first = [await configuration(agents, agent_id) for agent_id in (changing, quiet, changing)]
    assert first == [{"is": runtime.etags[agent_id].strip('"')} for agent_id in (changing, quiet, changing)]
    assert runtime.told() == [(changing, 200), (quiet, 200)]

    await runtime.change(changing, unread)
    await step(agents, cursor)
    assert await configuration(agents, changing) == {"is": runtime.etags[changing].strip('"')}
    assert runtime.told() == [(changing, 200)]


async def test_a_change_that_a_call_has_seen_costs_an_answer_without_a_body(runtime: Runtime, agents: Any) -> None:
    cursor = await step(agents, None)
    agent_id = runtime.add()
    await runtime.change(agent_id)
    known = await configuration(agents, agent_id)

    await step(agents, cursor)

    assert await configuration(agents, agent_id) == known
    assert runtime.told() == [(agent_id, 200), (agent_id, 304)]


async def test_an_agent_that_is_gone_is_let_go(runtime: Runtime, agents: Any) -> None:
    cursor = await step(agents, None)
    agent_id = runtime.add()
    await configuration(agents, agent_id)
    await runtime.remove(agent_id)

    await step(agents, cursor)

    assert agent_id not in agents.kept
    assert await configuration(agents, agent_id) is None


async def test_after_an_expired_cursor_everything_kept_is_asked_for_anew(runtime: Runtime, agents: Any) -> None:
    stays, moved = runtime.add(), runtime.add()
    for agent_id in (stays, moved):
        await configuration(agents, agent_id)
    await runtime.change(moved)
    runtime.told()

    start = await step(agents, Follower.cursor_at("82" * 20))
    cursor = await step(agents, start)

    assert start is None
    assert cursor is not None
    assert sorted(runtime.told()) == sorted([(stays, 304), (moved, 200)])


async def test_what_could_not_be_fetched_is_fetched_by_the_same_cursor_again(runtime: Runtime, agents: Any) -> None:
    cursor = await step(agents, None)
    agent_id = runtime.add()
    await configuration(agents, agent_id)
    await runtime.change(agent_id)
    address, agents.api.base_url = agents.api.base_url, "http://127.0.0.1:9"
    with pytest.raises(httpx.HTTPError):
        await step(agents, cursor)
    agents.api.base_url = address

    await step(agents, cursor)

    assert await configuration(agents, agent_id) == {"is": runtime.etags[agent_id].strip('"')}


async def test_all_of_it_follows_within_a_second(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = await key(scopes=["agents.runtime", "changes.read"])
    monkeypatch.setenv("SWITCHBOARD_ADDRESS", runtime.url)
    monkeypatch.setenv("SWITCHBOARD_KEY", headers["X-API-Key"])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # it ends when its client is closed, below
    others = set(threading.enumerate())
    names: dict[str, Any] = {}
    exec("\n".join(BLOCKS), names)  # noqa: S102
    [thread] = [thread for thread in set(threading.enumerate()) - others if "follow_forever" in thread.name]
    agent_id = runtime.add()
    await configuration(names["agents"], agent_id)
    try:
        for _ in range(3):
            started = time.monotonic()
            await runtime.change(agent_id)
            now = {"is": runtime.etags[agent_id].strip('"')}
            await eventually(lambda now=now: names["agents"].kept[agent_id][1] == now)
            assert time.monotonic() - started < 1.0
    finally:
        names["api"].close()
        await runtime.change(agent_id)  # ends the poll
        await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
