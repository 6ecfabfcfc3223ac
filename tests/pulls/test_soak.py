"""The soak of `scripts/bench soak` in small (facts/reliability.md, figure F12): most of what can fail fails.

SOAK_SEEDS=10 runs ten seeds, each as long as the figure asks for.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from devstack.bench.crowd import Crowd
from devstack.bench.soak import NEVER, Plan, Soaked, soak
from devstack.mongod import Mongod
from tests.pulls.hasty import LEASE_SECONDS

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = int(os.environ.get("SOAK_SEEDS", "1"))
SECONDS, KILLED_EVERY = (8.0, 2.5) if SEEDS == 1 else (30.0, 5.0)
SETTINGS: Final = {
    "PYTHONPATH": str(ROOT),
    "CALENDAR_POLL_SECONDS": "1",
    "CALENDAR_LONGEST_POLL_SECONDS": "1",
    "CALENDAR_PAGE_SIZE": "20",
    "CALENDAR_REQUESTS_PER_MINUTE": NEVER,
    "CALENDAR_PERSON_REQUESTS_PER_MINUTE": NEVER,
    "GOOGLE_TIMEOUT": "0.5",
}


async def soaked(mongod: Mongod, seed: int) -> Soaked:
    """Five hundred events, three workers; three in ten requests fail."""
    crowd = Crowd(people=20, events=25, seed=seed, changes=40, faults=0.3, latency=0.8)
    plan = Plan(
        crowd,
        SECONDS,
        workers=3,
        disturbed=KILLED_EVERY,
        freeze=2 * LEASE_SECONDS,
        patience=40,
        program=("tests.pulls.hasty",),
        settings=SETTINGS,
    )
    return await soak(plan, mongod)


@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_fails_and_whoever_dies_mongodb_ends_as_google_shows_it(mongod: Mongod, seed: int) -> None:
    happened = await soaked(mongod, seed)

    assert happened.differences == []
    assert happened.crashes == []
    assert happened.kills > 0
    assert happened.changes > 50
