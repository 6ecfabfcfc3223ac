from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from devstack.mongod import Mongod
from tests.world import Person, World
from tests.world import world as started


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    with Mongod(test_commands=True) as running:
        yield running


@pytest.fixture(scope="session")
async def whole_world(mongod: Mongod) -> AsyncIterator[World]:
    async with started(mongod) as world:
        world.services.google.retries.backoff = 0.02
        yield world


@pytest.fixture
def world(whole_world: World) -> Iterator[World]:
    """The one world, with what the emulators remember and the faults of other tests forgotten."""
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
