"""Whatever happens at PropelAuth and here, however events arrive: at the end the mirror is what PropelAuth holds."""

from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from devstack.propelauth import PropelAuthEmulator
from switchboard.clients.propelauth import PropelAuthClient
from tests.clients.test_propelauth import settings_of
from tests.webhooks.history import History, services_of
from tests.world import World

Begin = Callable[..., History]

SEEDS = st.integers(0, 2**32)
STEPS = st.integers(8, 24)
BOUNDED = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to make a history smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
async def project(whole_world: World) -> AsyncIterator[tuple[PropelAuthEmulator, PropelAuthClient]]:
    """A project of PropelAuth of its own, so that it can be walked through."""
    async with PropelAuthEmulator() as emulator:
        emulator.settings.max_orgs_per_user = 100
        async with PropelAuthClient.opened(settings_of(emulator, timeout=3.0)) as client:
            yield emulator, client


@pytest.fixture
def begin(world: World, project: tuple[PropelAuthEmulator, PropelAuthClient]) -> Begin:
    emulator, client = project
    services = services_of(world, emulator, client)

    def history(seed: int, *, lossy: bool = False) -> History:
        for name in ("webhook_deliveries", "membership_changes"):
            world.database[name].delete_many({})
        return History(world, emulator, services, seed, lossy)

    return history


@BOUNDED
@given(seed=SEEDS, steps=STEPS)
async def test_events_that_are_lost_and_answers_that_are_lost_leave_no_trace_after_a_comparison(begin, seed, steps):
    history = begin(seed, lossy=True)
    await history.begin()
    for _ in range(steps):
        await history.step()

    await history.settle()
    await history.compare()

    ours, theirs = history.states()
    assert ours == theirs
    assert history.wrong_counts() == {}
    assert history.left_over() == []


@BOUNDED
@given(seed=SEEDS, steps=STEPS)
async def test_events_in_any_order_and_number_are_enough_for_organizations_and_members(begin, seed, steps):
    """There is no event when an invite is taken back, so invites need the comparison."""
    history = begin(seed)
    await history.begin()
    for _ in range(steps):
        await history.step()

    await history.deliver_all()

    ours, theirs = history.states("invites")
    assert ours == theirs
    assert history.wrong_counts() == {}
    assert history.left_over() == []
