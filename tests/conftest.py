import gc
import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from pymongo import MongoClient
from structlog.contextvars import merge_contextvars
from structlog.processors import KeyValueRenderer, add_log_level, format_exc_info

from devstack.mongod import Mongod
from switchboard.bootstrap import register
from switchboard.clients.endpoint_connections import Endpoints
from switchboard.mongo import collection
from switchboard.users.documents import UserDocument
from tests.operators import Operator
from tests.world import Person, World, elsewhere
from tests.world import world as started

ROOM_IN_MEMORY = 2_000_000_000  # bytes
# Folders whose tests share something that takes long to make; with several processes one of them has it.
TOGETHER = ("tests/routes/", "tests/races/", "tests/outages/")
LONG = (
    *TOGETHER,
    *("tests/operations/", "tests/http/test_schemathesis.py", "tests/secrets/test_walk.py", "tests/devstack/stack/"),
    *("tests/worker/test_worker.py", "tests/webhooks/test_convergence.py", "tests/agents/test_races.py"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="Also slower tests that check the same behaviour a second way"
    )
    parser.addoption("--sql-servers", action="store_true", help="Also export into PostgreSQL and MariaDB, if installed")


def pytest_configure(config: pytest.Config) -> None:
    structlog.configure(processors=[merge_contextvars, add_log_level, format_exc_info, KeyValueRenderer()])
    config.addinivalue_line("markers", "thorough: checks a second way what others check; run with --thorough")
    config.addinivalue_line("markers", "sql_servers: needs PostgreSQL and MariaDB; run with --sql-servers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Thorough tests are left out unless they were asked for. A file stays in one process; long ones come first."""
    left_out = [] if config.getoption("--thorough") else [each for each in items if each.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if not each.get_closest_marker("thorough")]
    for item in items:
        file = item.nodeid.partition("::")[0]
        together = next((folder for folder in TOGETHER if file.startswith(folder)), file)
        item.add_marker(pytest.mark.xdist_group(together))
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting makes objects that stay: to look through them for garbage takes a third of its time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    if (uri := elsewhere("MONGODB_URI")) is not None:
        yield SimpleNamespace(uri=uri)  # type: ignore[misc]
        return
    with Mongod(test_commands=True, inside=in_memory()) as running:
        with MongoClient[dict[str, Any]](running.uri) as mongo:
            # Many a test's clock stands in the past: what is expired by MongoDB's would go in the middle of the test.
            mongo.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        yield running


def in_memory() -> Path | None:
    """A folder that no disk keeps, where there is one with room: half the time of a write is the disk's."""
    memory = Path("/dev/shm")
    roomy = memory.is_mount() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY
    return memory if roomy else None


@pytest.fixture(scope="session")
async def whole_world(mongod: Mongod) -> AsyncIterator[World]:
    async with started(mongod) as world:
        world.services.google.retries.backoff = 0.02
        endpoints = Endpoints(world.settings.agent, resolve=_resolve)
        world.app.state.services = replace(world.services, endpoints=endpoints)
        yield world


async def _resolve(_: str, __: int) -> list[str]:
    """No name has an address, and no server of names is asked for one."""
    raise OSError


async def bound(world: World) -> World:
    """The same, with the models on its database: in a process they are on that of the world that was started last."""
    database = world.services.transactions._client[world.settings.mongodb.database]
    if collection(UserDocument).database.client is not database.client:
        await register(database, world.settings)
    return world


@pytest.fixture
async def world(whole_world: World) -> AsyncIterator[World]:
    """The one world, with what the emulators remember and the faults of other tests forgotten."""
    await bound(whole_world)
    whole_world.google.emulator.forget()
    whole_world.propelauth.emulator.forget()
    yield whole_world
    whole_world.google.emulator.forget()
    whole_world.propelauth.emulator.forget()


@pytest.fixture
def api(world: World) -> httpx.AsyncClient:
    return world.api


@pytest.fixture
def ada(world: World) -> Person:
    return world.person()


@pytest.fixture
def operator(world: World, tmp_path: Path) -> Iterator[Operator]:
    """Somebody with a command line, on an empty database of their own."""
    name = f"operator_{uuid4().hex[:8]}"
    yield Operator(world.mongod, world.propelauth, world.mongo, name, tmp_path)
    world.mongo.drop_database(name)
