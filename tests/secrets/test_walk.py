"""No secret shows where it is not due: a walk over every route as every caller, and all that it leaves behind."""

from collections.abc import AsyncIterator

import pytest

from tests.secrets.logs import logged
from tests.secrets.stage import Stage, staged
from tests.secrets.walk import Walk, walking
from tests.world import World


@pytest.fixture
async def stage(world: World, team) -> Stage:
    return await staged(world, team)


@pytest.fixture
async def walk(stage: Stage) -> AsyncIterator[Walk]:
    async with walking(stage) as walk:
        yield walk


async def test_the_walk_finds_no_secret_where_it_is_not_due(world, team, capfd) -> None:
    import time

    t0 = time.monotonic()
    with logged() as log:
        stage = await staged(world, team)
        print("stage", time.monotonic() - t0)
        async with walking(stage) as walk:
            await walk.all_places()
            print("places", time.monotonic() - t0)
            await walk.all_callers()
            print("callers", time.monotonic() - t0)
            walk.look("the log", log.getvalue().encode())
    print("log", time.monotonic() - t0, len(log.getvalue()))
    walk.look_at_database()
    print("db", time.monotonic() - t0)
    for route, st in walk.answered.items():
        print(route, sorted(st))
    print(sorted(walk.leaks)[:50], sorted(walk.due), len(log.getvalue().splitlines()))
    assert 0
