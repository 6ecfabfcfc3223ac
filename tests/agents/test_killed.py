"""An API process is killed with -9 in the middle of creates, again and again: an agent is there whole, or not at all.

As often as SWITCHBOARD_KILLS says, four times without it.
"""

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pymongo import AsyncMongoClient, MongoClient

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.idempotency.model import UNDER_WAY
from tests import fork_server
from tests.fail_points import failing, held_up
from tests.fork_server import Forked
from tests.http.served import environment
from tests.races import kept
from tests.races.cluster import Cluster
from tests.races.kept import LIVE, Agents
from tests.races.scene import Scene, scene
from tests.world import let_go

KILLS = int(os.environ.get("SWITCHBOARD_KILLS", "4"))
AHEAD = 3  # processes that are started while another one is killed
Document = dict[str, Any]


@dataclass
class Process:
    child: Forked
    api: httpx.AsyncClient

    async def end(self) -> None:
        self.child.kill()
        await asyncio.to_thread(self.child.wait, 20)
        await self.api.aclose()


@dataclass(frozen=True)
class Create:
    """One request, as it is made and repeated. `answer` is what came back, if anything did."""

    scene: Scene
    key: str
    name: str
    number: str | None
    answer: httpx.Response | None = None

    async def ask(self, api: httpx.AsyncClient) -> "Create":
        headers = {**self.scene.owner.headers, "Idempotency-Key": self.key}
        body = {"name": self.name, "phone_number": self.number, "chatbot_key": "sk-of-the-bot"}
        try:
            answer = await api.post(f"{self.scene.at}/agents", headers=headers, json=body)
        except httpx.TransportError:
            return self
        return replace(self, answer=answer)

    @property
    def made(self) -> str | None:
        """The agent that it was told it made."""
        created = self.answer is not None and self.answer.status_code == httpx.codes.CREATED
        return str(self.answer.json()["agent_id"]) if created and self.answer else None


@dataclass
class Ground:
    mongod: Mongod
    propelauth: PropelAuthEmulator
    mongo: AsyncMongoClient[Document]
    database: str
    folder: Path
    started: list[Process] = field(default_factory=list)

    async def start(self) -> Process:
        more = {"MONGODB_DATABASE": self.database, "LOG_LEVEL": "warning"}
        variables = environment(self.mongod.uri, self.propelauth, **more)
        log = self.folder / f"{uuid4().hex}.log"
        child = fork_server.start(["switchboard", "serve"], variables=variables, folder=self.folder, log=log)
        url = f"http://127.0.0.1:{variables['SERVER_PORT']}"
        process = Process(child, httpx.AsyncClient(base_url=url, trust_env=False, timeout=30))
        self.started.append(process)
        async with asyncio.timeout(40):
            while not await _answers(process):
                assert child.poll() is None, log.read_text()
                await asyncio.sleep(0.02)
        return process

    async def processes(self, number: int) -> AsyncIterator[Process]:
        """So many, one after the other, a few of them ahead of time."""
        waiting = deque[asyncio.Task[Process]]()
        for left in range(number, 0, -1):
            while len(waiting) < min(AHEAD, left):
                waiting.append(asyncio.create_task(self.start()))
            yield await waiting.popleft()

    async def scene(self, api: httpx.AsyncClient) -> Scene:
        return await scene(Cluster([api], self.propelauth, self.mongo, self.mongo[self.database], []), ["Owner"])

    async def agents(self, creates: list[Create]) -> Agents:
        return await kept.agents(self.mongo, self.database, {create.scene.org_id for create in creates})

    async def some(self, number: int, scene: Scene) -> list[Document]:
        """The agents of an organization, once there are so many."""
        async with asyncio.timeout(20):
            while True:
                found = (await kept.agents(self.mongo, self.database, [scene.org_id])).agents
                if len(found) >= number:
                    return found
                await asyncio.sleep(0.01)

    async def audited(self) -> Counter[str]:
        """How often the audit log says of which agent that it was created."""
        log = self.mongo[self.database]["audit_log"]
        return Counter([entry["target"]["id"] async for entry in log.find({"action": "agent.created"})])

    async def let_go(self) -> int:
        return await asyncio.to_thread(let_go, self.mongod)

    @contextmanager
    def no_answer_is_kept(self) -> Iterator[None]:
        """What a request with an Idempotency-Key did is done, and MongoDB does not come to note its answer."""
        slow = {"namespace": f"{self.database}.idempotency_keys", **held_up(3)}
        with MongoClient[dict[str, Any]](self.mongod.uri) as mongo, failing(mongo, "update", **slow):
            yield

    async def wait_over(self) -> None:
        """Nobody can be answering any more what was not answered."""
        attempts = self.mongo[self.database]["idempotency_keys"]
        async for attempt in attempts.find({"status": None}):
            earlier = {"$set": {"begun_at": attempt["begun_at"] - UNDER_WAY - timedelta(seconds=1)}}
            await attempts.update_one({"_id": attempt["_id"]}, earlier)


async def _answers(process: Process) -> bool:
    try:
        return (await process.api.get("/health/live")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture
async def ground(mongod: Mongod, tmp_path: Path) -> AsyncIterator[Ground]:
    mongo = AsyncMongoClient[Document](mongod.uri, tz_aware=True)
    async with PropelAuthEmulator() as propelauth, mongo:
        made = Ground(mongod, propelauth, mongo, f"killed_{uuid4().hex[:8]}", tmp_path)
        yield made
        for process in made.started:
            await process.end()


def some_creates(scene: Scene) -> Iterator[Create]:
    """With a number, without one, and two that want the same one."""
    one, two = (f"+4930{uuid4().int % 10**8:08d}" for _ in range(2))
    for number in (one, None, two, two):
        yield Create(scene, uuid4().hex, f"Agent {uuid4().hex}", number)


async def killed(ground: Ground, process: Process, chance: Random) -> list[Create]:
    """What was under way when the process was killed, with those answers that came before.

    As many are asked for once before, to see how long that takes: the kill comes somewhere within that time.
    """
    made = await ground.scene(process.api)
    before = [await create.ask(process.api) for create in some_creates(made)]
    began = time.monotonic()
    before += await asyncio.gather(*(create.ask(process.api) for create in some_creates(made)))
    took = time.monotonic() - began
    asked = [asyncio.create_task(create.ask(process.api)) for create in some_creates(made)]
    await asyncio.sleep(chance.uniform(0, took))  # the moment is what the test is about
    process.child.kill()
    return [*before, *await asyncio.gather(*asked)]


def halves(found: Agents, audited: Counter[str]) -> list[str]:
    """What is there of an agent that is not there whole."""
    due = Counter({agent["agent_id"]: 1 for agent in found.agents})
    return [*kept.rules(found), *(["the audit log differs from what is there"] if audited != due else [])]


@pytest.mark.timeout(60 + 12 * KILLS)
async def test_after_a_kill_an_agent_is_there_whole_or_not_at_all_and_the_repeated_create_makes_it_once(
    ground: Ground,
) -> None:
    chance, creates = Random("killed"), list[Create]()
    async for process in ground.processes(KILLS):
        creates += await killed(ground, process, chance)
    left_open = await ground.let_go()
    found = await ground.agents(creates)

    there = {agent["name"]: agent["agent_id"] for agent in found.agents}
    assert halves(found, await ground.audited()) == []
    assert all(there[create.name] == create.made for create in creates if create.made)
    assert left_open > 0
    assert len([create for create in creates if create.answer is None]) > KILLS

    await ground.wait_over()
    next_one = await ground.start()
    repeated = [await create.ask(next_one.api) for create in creates]

    found = await ground.agents(creates)
    assert halves(found, await ground.audited()) == []
    assert wrongly(repeated, there, found) == []


async def test_a_create_whose_process_dies_before_its_answer_is_kept_is_answered_with_the_agent_it_made(
    ground: Ground,
) -> None:
    first, second = await ground.start(), await ground.start()
    numbered, unnumbered, *_ = some_creates(await ground.scene(first.api))
    with ground.no_answer_is_kept():
        asked = [asyncio.create_task(create.ask(first.api)) for create in (numbered, unnumbered)]
        before = await ground.some(2, numbered.scene)
        await first.end()
        assert [create.answer for create in await asyncio.gather(*asked)] == [None, None]
    await ground.let_go()
    await ground.wait_over()

    repeated = [await create.ask(second.api) for create in (numbered, unnumbered)]

    found = await ground.agents([numbered])
    assert halves(found, await ground.audited()) == []
    assert wrongly(repeated, {agent["name"]: agent["agent_id"] for agent in before}, found) == []


def wrongly(repeated: list[Create], before: dict[str, str], found: Agents) -> list[str]:
    """What is not as if each request had gone through once; `before` are agents by name that were there already."""
    names = Counter(agent["name"] for agent in found.agents)
    numbers = Counter(agent["phone_number"] for agent in found.agents if agent["status"] in LIVE)
    wrong = [f"{times} agents were made by one request" for times in names.values() if times > 1]
    for create in repeated:
        assert create.answer is not None
        is_there = create.name in names
        told = create.answer.status_code, create.answer.json().get("code")
        if is_there and create.name in before and create.made != before[create.name]:
            wrong.append(f"the repeated request of an agent that was there is answered {told}")
        elif is_there != (create.made is not None):
            wrong.append(f"an agent is {'' if is_there else 'not '}there, and the repeated request is answered {told}")
        elif create.number and (numbers[create.number] != 1 or (not is_there and told[1] != "phone_number_taken")):
            wrong.append(f"{numbers[create.number]} agents have one number, and a request for it is answered {told}")
        elif not create.number and not is_there:
            wrong.append(f"nothing was made, and the repeated request is answered {told}")
    return wrong
