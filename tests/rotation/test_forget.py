"""`switchboard secrets forget`: a key is lost, and everything starts again without it."""

from datetime import UTC, datetime

import pytest

from switchboard.crypto import KeyRing
from switchboard.sealing.model import new_check
from tests.operators import Operator
from tests.rotation.stored import COLLECTIONS, VALUES, Stored
from tests.sealing.test_checks import new_key

STARTS = "Processes start without this key from now on."
HISTORY = "Only the history of agents holds them."
SEALED = "{} stored secrets were sealed by the key lost."
LOST, NEW = new_key("lost"), new_key("new")


@pytest.fixture
def stored(operator: Operator) -> Stored:
    """A database in which a process ran with the key that is lost now, and three agents whose keys it sealed."""
    found = Stored(operator.database, "org")
    found.database["sealing_checks"].insert_one(new_check(KeyRing.read(LOST), datetime.now(UTC)).model_dump())
    found.fill(KeyRing.read(LOST), 3)
    operator.variables["SEALING_KEYS"] = NEW
    return found


async def test_everything_starts_again_and_the_agents_are_named(operator: Operator, stored: Stored) -> None:
    stuck = await operator.run("secrets", "rotate")
    values = stored.values()
    with operator.untouched():
        told = await operator.run("secrets", "forget", "lost", "--dry-run")

    forgotten = await operator.run("secrets", "forget", "lost", "--json")
    rotated = await operator.run("secrets", "rotate", "--json")

    assert stuck.code == 1
    assert "If it is lost, 'switchboard secrets forget' lets everything start without it." in stuck.err
    assert (told.code, told.err) == (3, "")
    counted, named, written = told.out.splitlines()
    assert (counted, written) == (SEALED.format(3 * VALUES), "Nothing was written.")
    assert named.startswith("Enter the keys of these agents again: ")
    assert all(agent_id in named for agent_id in stored.secrets)
    assert (forgotten.code, forgotten.report["values"], forgotten.report["dry_run"]) == (3, 3 * VALUES, False)
    assert sorted(forgotten.report["agents"]) == sorted(stored.secrets)
    assert (rotated.code, rotated.report["unreadable"], rotated.report["unreadable_keys"]) == (3, 3 * VALUES, ["lost"])
    assert stored.checks() == {"new"}
    assert stored.values() == values


async def test_a_key_that_is_found_after_all_opens_everything(operator: Operator, stored: Stored) -> None:
    await operator.run("secrets", "forget", "lost")

    rotated = await operator.run("secrets", "rotate", "--json", SEALING_KEYS=f"{NEW},{LOST}")

    assert (rotated.code, rotated.report["renewed"]) == (0, 3 * VALUES)
    assert stored.check(KeyRing.read(NEW)) == 3 * VALUES


async def test_what_only_the_history_holds_names_no_agent(operator: Operator, stored: Stored) -> None:
    for name in ("agents", "agent_configurations"):
        stored.database[name].delete_many({})

    forgotten = await operator.run("secrets", "forget", "lost")
    rotated = await operator.run("secrets", "rotate")

    assert rotated.out.endswith(f"{3 * VALUES // 2} cannot be read by any key. {HISTORY}\n")
    said = [SEALED.format(3 * VALUES // 2), HISTORY, STARTS]
    assert (forgotten.code, forgotten.out.splitlines()) == (3, said)


async def test_a_key_that_sealed_nothing_leaves_nothing_to_do(operator: Operator, stored: Stored) -> None:
    for name in COLLECTIONS:
        stored.database[name].delete_many({})

    forgotten = await operator.run("secrets", "forget", "lost")

    assert (forgotten.code, forgotten.out.splitlines()) == (0, [SEALED.format(0), STARTS])


async def test_a_key_that_is_there_and_one_that_never_was_are_refused(operator: Operator, stored: Stored) -> None:
    there = await operator.run("secrets", "forget", "lost", SEALING_KEYS=f"{NEW},{LOST}")
    never = await operator.run("secrets", "forget", "other")

    assert (there.code, there.out, there.err) == (
        1,
        "",
        "This key is in SEALING_KEYS. 'switchboard secrets rotate' says when it may leave.\n",
    )
    assert (never.code, never.out) == (1, "")
    assert never.err.startswith("No process that was started here had a sealing key of this id")
    assert stored.checks() == {"lost"}
