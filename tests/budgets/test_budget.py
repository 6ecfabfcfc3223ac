"""How many requests the background may send in a minute, all processes together."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from switchboard.budgets.documents import RequestBudgetDocument
from switchboard.budgets.service import Budget
from switchboard.settings import CalendarSettings
from tests.world import World


@pytest.fixture
def minute(world: World) -> datetime:
    """A minute that no other test has spent from."""
    world.database["request_budgets"].delete_many({})
    return datetime.now(UTC).replace(second=7)


async def allowed(budget: Budget, now: datetime, tries: int, user_id: str | None = None) -> int:
    return sum([await budget.allows(user_id, now) for _ in range(tries)])


async def test_all_processes_together_stay_within_the_minute_and_the_next_one_begins_anew(minute) -> None:
    budgets = [Budget(CalendarSettings(requests_per_minute=250)) for _ in range(4)]

    counts = await asyncio.gather(*(allowed(budget, minute, 200) for budget in budgets))

    assert sum(counts) == 250
    assert await allowed(budgets[0], minute + timedelta(minutes=1), 3) == 3


async def test_one_person_gets_no_more_than_their_share_however_many_ask(minute) -> None:
    budgets = [Budget(CalendarSettings(person_requests_per_minute=40)) for _ in range(3)]
    ada, bob = uuid4().hex, uuid4().hex

    counts = await asyncio.gather(*(allowed(budget, minute, 30, ada) for budget in budgets))

    assert sum(counts) == 40
    assert await allowed(budgets[0], minute, 5, bob) == 5
    assert await allowed(budgets[0], minute, 5) == 5


async def test_a_process_asks_mongodb_once_for_many_requests(world, minute) -> None:
    budget = Budget(CalendarSettings(requests_per_minute=6000))

    assert await allowed(budget, minute, 60) == 60

    (kept,) = world.database["request_budgets"].find()
    assert kept["taken"] == 60


async def test_callers_at_once_in_one_process_take_no_more_than_there_is(minute) -> None:
    budget = Budget(CalendarSettings(requests_per_minute=20))

    answers = await asyncio.gather(*(budget.allows(None, minute) for _ in range(100)))

    assert sum(answers) <= 20
    assert sum(answers) + await allowed(budget, minute, 40) == 20


async def test_two_who_begin_a_minute_at_once_both_count(world, minute) -> None:
    key = uuid4().hex

    taken = await asyncio.gather(*(RequestBudgetDocument.take(key, 1, 1000, minute) for _ in range(50)))

    assert all(taken)
    (kept,) = world.database["request_budgets"].find({"_id": {"$regex": key}})
    assert kept["taken"] == 50
