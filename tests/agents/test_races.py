"""Many at once, over several processes, at one number and at one agent. `scripts/races` does it many times over.

That these races find what they are for is tested by `tests/races`, with a server that looks first and writes after.
"""

from collections.abc import AsyncIterator

import pytest

from devstack.mongod import Mongod
from tests.races.cluster import Cluster, cluster
from tests.races.every import AGENTS
from tests.races.play import Outcome, play


@pytest.fixture(scope="module")
async def several(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with cluster(mongod, tmp_path_factory.mktemp("several")) as running:
        yield running


async def played(several: Cluster, name: str, rounds: int) -> Outcome:
    outcome = await play(several, AGENTS[name], rounds)
    assert outcome.violations == 0, outcome.sentences
    assert outcome.answers.total() == rounds * outcome.callers
    return outcome


async def test_a_hundred_who_create_on_one_number_at_once_make_one_agent(several: Cluster) -> None:
    """And one of everything that belongs to it; the others are told that the number is taken, and not by whom."""
    outcome = await played(several, "create_on_one_number", 4)
    assert outcome.callers == 100
    assert outcome.answers == {"create 201": 4, "create 409 phone_number_taken": 4 * 99}


async def test_a_number_goes_to_who_creates_or_to_who_restores_and_never_to_both(several: Cluster) -> None:
    outcome = await played(several, "restore_against_create", 5)
    assert outcome.answers["restore 200"] + outcome.answers["create 201"] == 5


async def test_whatever_is_done_to_one_agent_at_once_its_history_has_no_gap_and_no_editor_is_overwritten(
    several: Cluster,
) -> None:
    outcome = await played(several, "change_one_agent", 8)
    assert {kind.split()[0] for kind in outcome.answers} > {"edit", "delete", "restore", "activate", "grant", "revoke"}
    assert not [answer for answer in outcome.answers if " 5" in answer]
