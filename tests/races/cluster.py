"""The API in several processes over one mongod, with PropelAuth played in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from tests import fork_server
from tests.fork_server import Forked
from tests.http.served import environment

PROCESSES = 3
REAL = ["switchboard", "serve"]
NAIVE = ["tests.races.naive"]


@dataclass
class Cluster:
    """`apis` has a client for each process, `logs` what each of them said."""

    apis: list[httpx.AsyncClient]
    propelauth: PropelAuthEmulator
    mongo: AsyncMongoClient[dict[str, Any]]
    database: AsyncDatabase[dict[str, Any]]
    logs: list[Path]

    def hear_webhooks(self, process: int | None) -> None:
        """Deliver PropelAuth's events to this process from now on; None: to nobody."""
        url = None if process is None else f"{self.apis[process].base_url}/v1/webhooks/propelauth"
        self.propelauth.webhook_url = url

    def forget(self) -> None:
        """Empty PropelAuth: it looks through all it knows, so a long run would become slower with every round."""
        world = self.propelauth.world
        for known in (world.users, world.orgs, world.memberships, world.invites):
            known.clear()
        self.forget_events()

    def forget_events(self) -> None:
        """Requests, orders to fail, and webhooks."""
        self.propelauth.deliveries.clear()
        self.propelauth.emulator.forget()


@asynccontextmanager
async def cluster(mongod: Mongod, folder: Path, *, naive: bool = False) -> AsyncIterator[Cluster]:
    """`naive`: the processes run the same application without the conditional writes (see `tests.races.naive`)."""
    name = f"races_{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        propelauth = await stack.enter_async_context(PropelAuthEmulator())
        mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongod.uri, tz_aware=True)
        stack.push_async_callback(mongo.close)
        logs = [folder / f"api-{number}.log" for number in range(PROCESSES)]
        apis, answering = [], []
        for log in logs:
            process, url = _start(mongod, propelauth, name, log, naive)
            stack.push_async_callback(_end, process)
            apis.append(await stack.enter_async_context(_client(url)))
            answering.append(_until_it_answers(apis[-1], process))
        await asyncio.gather(*answering)
        yield Cluster(apis, propelauth, mongo, mongo[name], logs)


def _start(mongod: Mongod, propelauth: PropelAuthEmulator, name: str, log: Path, naive: bool) -> tuple[Forked, str]:
    more = {"MONGODB_DATABASE": name, "MONGODB_TIMEOUT": "10", "PROPELAUTH_TIMEOUT": "5", "LOG_LEVEL": "warning"}
    variables = environment(mongod.uri, propelauth, **more)
    process = fork_server.start(NAIVE if naive else REAL, variables=variables, folder=log.parent, log=log)
    return process, f"http://127.0.0.1:{variables['SERVER_PORT']}"


def _client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=2)
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits)


async def _until_it_answers(api: httpx.AsyncClient, process: Forked) -> None:
    async with asyncio.timeout(40):
        while process.poll() is None:
            try:
                if (await api.get("/health/live")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"an API process ended with {process.returncode}")


async def _end(process: Forked) -> None:
    process.terminate()
    await asyncio.to_thread(process.wait, 20)
