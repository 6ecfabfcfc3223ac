"""The client in docs/runtime-client.md against the real API: it fetches, caches by ETag, and follows the feed."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from switchboard.runtime import service as keys
from switchboard.runtime.service import Grant
from tests.agents.conftest import Made, Team, key, number
from tests.delivery.conftest import active, done, fresh, noted, share
from tests.world import World, eventually

DOCUMENT = (Path(__file__).parents[2] / "docs" / "runtime-client.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
SCOPES = re.findall(r"--scope (\S+)", DOCUMENT)


@pytest.fixture
async def connect(world: World) -> AsyncIterator[Callable[..., Any]]:
    """The document's `Agents` with a key of the scopes that it says; `told` is what its requests were answered."""
    opened: list[httpx.Client] = []

    async def agents(org_id: str | None = None) -> Any:
        role = None if org_id is None else "Member"
        _, text = await keys.create("voice-runtime", Grant(SCOPES, org_id, role), datetime.now(UTC))
        told: list[int] = []
        hooks = {"response": [lambda answer: told.append(answer.status_code)]}
        api = httpx.Client(base_url=world.url, headers={"X-API-Key": text}, trust_env=False, event_hooks=hooks)
        opened.append(api)
        names: dict[str, Any] = {}
        exec(BLOCKS[0], names)  # noqa: S102
        made = names["Agents"](api)
        made.told = told
        return made

    yield agents
    for api in opened:
        api.close()


async def configuration(agents: Any, made: Made) -> Any:
    return await asyncio.to_thread(agents.configuration, made.agent_id)


async def step(agents: Any, cursor: str | None) -> Any:
    return await asyncio.to_thread(agents.follow, cursor)


async def test_a_call_gets_the_configuration_and_the_next_ones_ask_nobody(home: Team, connect) -> None:
    agents, secret = await connect(), key()
    made = await active(home, chatbot_key=secret)

    configurations = [await configuration(agents, made) for _ in range(3)]

    assert [each["chatbot_key"] for each in configurations] == [secret] * 3
    assert agents.told == [200]
    assert len(noted(made)) == 1


async def test_what_is_fetched_again_without_a_change_costs_no_body_and_no_entry(home: Team, connect) -> None:
    agents = await connect()
    cursor = await step(agents, None)
    made = await active(home)
    known = await configuration(agents, made)
    agents.told.clear()

    await step(agents, cursor)  # it tells of what came before the fetch

    assert agents.told == [200, 304]
    assert await configuration(agents, made) == known
    assert len(noted(made)) == 1


async def test_every_change_reaches_the_next_call(home: Team, connect) -> None:
    agents, secret, moved = await connect(), key(), number()
    made, quiet = await active(home), await active(home)
    await configuration(agents, quiet)
    cursor = await step(agents, None)
    await configuration(agents, made)

    async def after(method: str, path: str = "", **more: Any) -> Any:
        nonlocal cursor
        await done(made, method, path, **more)
        cursor = await step(agents, cursor)
        return await configuration(agents, made)

    assert (await after("PATCH", json={"phone_number": moved}))["phone_number"] == moved
    assert (await after("PATCH", json={"stt_config": {"api_key": secret}}))["stt_config"]["api_key"] == secret
    assert (await after("POST", "/revisions/1/restore"))["stt_config"]["api_key"] != secret
    assert await after("POST", "/deactivate") is None
    assert (await after("POST", "/activate"))["status"] == "active"
    assert await after("DELETE") is None
    made.shown = (await made.ask("owner", "POST", "/restore")).json()
    assert (await after("POST", "/activate"))["phone_number"] == moved
    assert len(noted(quiet)) == 1


async def test_an_organization_that_loses_an_agent_runs_it_no_more(team, connect) -> None:
    made, other = await active(await team()), await team()
    await share(made, other)
    theirs, owners = await connect(other.org_id), await connect(made.team.org_id)
    cursors = [await step(agents, None) for agents in (theirs, owners)]
    assert await configuration(theirs, made) == await configuration(owners, made)

    await done(made, "DELETE", f"/grants/{other.org_id}")
    for agents, cursor in zip((theirs, owners), cursors, strict=True):
        await step(agents, cursor)

    assert made.agent_id not in theirs.kept
    assert await configuration(theirs, made) is None
    assert (await configuration(owners, made))["agent_id"] == made.agent_id


async def test_as_it_stands_in_the_document_it_follows_within_a_second(home: Team, world, connect, monkeypatch) -> None:
    text = (await connect()).api.headers["X-API-Key"]
    for name, value in {"ADDRESS": world.url, "KEY": text}.items():
        monkeypatch.setenv(f"SWITCHBOARD_{name}", value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # it ends when its client is closed, below
    made, others, names = await active(home), set(threading.enumerate()), dict[str, Any]()
    exec("\n".join(BLOCKS), names)  # noqa: S102
    [follower] = [each for each in set(threading.enumerate()) - others if "follow_forever" in each.name]
    agents = names["agents"]
    await configuration(agents, made)
    try:
        for _ in range(3):
            secret, started = key(), time.monotonic()
            await done(made, "PATCH", json={"chatbot_key": secret})
            await eventually(lambda secret=secret: agents.kept[made.agent_id][1]["chatbot_key"] == secret)
            assert time.monotonic() - started < 1.0
        assert (await configuration(agents, made))["chatbot_key"] == secret
    finally:
        names["api"].close()
        await fresh(made)
        await done(made, "PATCH", json={"initial_message": "the end"})  # ends the poll
        await asyncio.to_thread(follower.join, 10)
    assert not follower.is_alive()
