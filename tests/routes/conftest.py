from collections.abc import AsyncIterator

import pytest

from tests.conftest import bound
from tests.routes.stage import Stage, staged
from tests.world import World


@pytest.fixture(scope="package")
async def whole_stage(whole_world: World) -> AsyncIterator[Stage]:
    async with staged(await bound(whole_world), whole=False) as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage, world: World) -> Stage:
    """The one stage: refused calls leave it as it is, and others have organizations of their own.

    Everybody asks every route for their own, for nothing, and for one kind of others' things: `scripts/matrix` for all.
    """
    return whole_stage
