"""`runtime-200`, `runtime-304`: runtime configurations of agents by the thousand, through one uvicorn worker."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from uuid import uuid4

import aiohttp
from motor.motor_asyncio import AsyncIOMotorClient

from devstack.bench.load import get, requests_per_second
from devstack.bench.measure import Measure, interleaved
from devstack.bench.parts import Parts, parts, server
from switchboard.agents.model import Agent, configuration_of, new_agent
from switchboard.bootstrap import running
from switchboard.configurations.model import Configuration, Safe
from switchboard.crypto import KeyRing
from switchboard.providers.model import SttConfig, TtsConfig
from switchboard.runtime import service as service_keys
from switchboard.runtime.service import Grant
from switchboard.settings import load_settings

AGENTS = 2_000
CONNECTIONS = 16


@dataclass(frozen=True)
class Asked:
    """The key of a service, and the agents with their versions."""

    key: str
    versions: dict[str, str]

    def requests(self, *, known: bool) -> list[bytes]:
        return [
            get(_path(agent_id), X_API_Key=self.key, **({"If_None_Match": f'"{etag}"'} if known else {}))
            for agent_id, etag in self.versions.items()
        ]


async def measure_runtime(runs: int, seconds: float) -> list[Measure]:
    """Requests a second; `seconds` is the length of a round."""
    async with parts(events=1) as found:
        environment = found.environment()
        asked = await _filled(found, environment)
        async with (
            server("switchboard", "serve", environment=environment, path="/health/live") as ours,
            server("devstack.bench.floor_runtime", environment=environment, path="/nothing") as floor,
        ):
            await _same_answers(asked, ours, floor)
            return [
                await _measured("runtime-200", asked, (ours, floor), runs, seconds),
                await _measured("runtime-304", asked, (ours, floor), runs, seconds),
            ]


async def _measured(name: str, asked: Asked, ports: tuple[int, int], runs: int, seconds: float) -> Measure:
    status = int(name.rpartition("-")[2])
    requests = asked.requests(known=status == 304)

    async def ask(port: int) -> float:
        return await requests_per_second(port, requests, seconds, CONNECTIONS, status)

    return await interleaved(name, "requests/s", runs, lambda: ask(ports[0]), lambda: ask(ports[1]))


async def _filled(found: Parts, environment: dict[str, str]) -> Asked:
    with mock.patch.dict(os.environ, environment, clear=True):
        settings = load_settings(None)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(found.mongod.uri)
    database, now = client[found.database], datetime.now(UTC)
    async with running(settings) as services:
        _, text = await service_keys.create("bench", Grant(["agents.runtime"]), now)
        made = [_agent(number, services.key_ring, now) for number in range(AGENTS)]
        await database["agents"].insert_many([agent.model_dump() for agent, _ in made])
        beside = [agent.beside(configuration).model_dump() for agent, configuration in made]
        await database["agent_configurations"].insert_many(beside)
    client.close()
    return Asked(text, {agent.agent_id: agent.etag for agent, _ in made})


def _agent(number: int, ring: KeyRing, now: datetime) -> tuple[Agent, Configuration]:
    """An active agent, ten of them in each organization."""
    agent = new_agent(f"organization-{number // 10}", now)
    safe = Safe(ring, agent.agent_id)
    configuration = Configuration(
        name=f"Agent {number}",
        phone_number=f"+4930{number:08d}",
        chatbot_api="https://bot.example.com/chat",
        chatbot_key=safe.seal("chatbot_key", uuid4().hex),
        initial_message="Hello, how can I help you?",
        tts_config=TtsConfig(
            voice_id="anna", model="sonic-2", tts_api_key=safe.seal("tts_config.tts_api_key", uuid4().hex)
        ),
        stt_config=SttConfig(model="nova-3", api_key=safe.seal("stt_config.api_key", uuid4().hex)),
    )
    active = agent.configured(configuration, ready=True).model_copy(update={"status": "active"})
    return active, configuration_of(active, active.beside(configuration))


def _path(agent_id: str) -> str:
    return f"/internal/v1/agents/{agent_id}/runtime"


async def _same_answers(asked: Asked, ours: int, floor: int) -> None:
    """Both must answer the same facts, or the comparison is worth nothing."""
    path = _path(next(iter(asked.versions)))
    async with aiohttp.ClientSession(headers={"X-API-Key": asked.key}) as http:
        bodies = []
        for port in (ours, floor):
            async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                bodies.append({**await response.json(), "updated_at": None, "etag": response.headers["ETag"]})
    if bodies[0] != bodies[1]:
        raise RuntimeError(f"the floor does not answer the same: {sorted(set(bodies[0]) ^ set(bodies[1]))}")
