"""`switchboard secrets rotate`: its report and exit codes, and what a kill in the middle leaves."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.crypto import KeyRing
from switchboard.sealing.model import new_check
from tests.http.served import environment
from tests.rotation.processes import begun, rotated
from tests.rotation.stored import VALUES, Stored
from tests.sealing.test_checks import new_key
from tests.world import eventually

OLD, NEW = new_key("old"), new_key("new")
RING = KeyRing.read(f"{NEW},{OLD}")


@pytest.fixture(scope="module")
async def propelauth() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


@pytest.fixture
def stored(mongod: Mongod) -> Iterator[Stored]:
    """A database in which a process ran with the old key."""
    with MongoClient[dict[str, Any]](mongod.uri, tz_aware=True) as client:
        found = Stored(client[f"rotation_{uuid4().hex[:8]}"], "org")
        found.database["sealing_checks"].insert_one(new_check(KeyRing.read(OLD), datetime.now(UTC)).model_dump())
        yield found
        client.drop_database(found.database.name)


def variables(mongod: Mongod, propelauth: PropelAuthEmulator, stored: Stored, keys: str) -> dict[str, str]:
    return environment(mongod.uri, propelauth, MONGODB_DATABASE=stored.database.name, SEALING_KEYS=keys)


async def test_a_refusal_a_dry_run_a_run_and_one_that_finds_nothing_to_do(
    mongod: Mongod, propelauth: PropelAuthEmulator, stored: Stored, tmp_path: Path
) -> None:
    stored.fill(KeyRing.read(OLD), 3)
    given, alone = (variables(mongod, propelauth, stored, keys) for keys in (f"{NEW},{OLD}", NEW))
    before = stored.everything()

    refused, dry = await asyncio.gather(rotated(alone, tmp_path), rotated(given, tmp_path, "--dry-run", "--json"))
    assert stored.everything() == before
    real = await rotated(given, tmp_path, "--json")
    again = await rotated(alone, tmp_path)

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("The key old is missing from SEALING_KEYS")
    counts = {"looked_at": 18, "renewed": 18, "current": 0, "unreadable": 0, "unreadable_agents": []}
    counts |= {"unreadable_keys": []}
    assert (dry.code, dry.report) == (0, {**counts, "retired_keys": [], "dry_run": True, "key_id": "new"})
    assert (real.code, real.report) == (0, {**counts, "retired_keys": ["old"], "dry_run": False, "key_id": "new"})
    assert (again.code, again.out, again.err) == (0, "0 of 18 secrets were sealed anew by the key new.\n", "")
    assert (stored.sealed_by(), stored.check(KeyRing.read(NEW))) == ({"new"}, 18)
    for said in (refused, dry, real, again):
        assert not any(key.partition(":")[2][:12] in f"{said.out}{said.err}" for key in (OLD, NEW))


async def test_what_cannot_be_read_is_told_with_its_agents_and_exit_code_3_and_plain_values_are_sealed(
    mongod: Mongod, propelauth: PropelAuthEmulator, stored: Stored, tmp_path: Path
) -> None:
    stored.fill(KeyRing.read(OLD), 3)
    lost, plain = list(stored.secrets)[:2]
    agents = stored.database["agents"]
    agents.update_one({"agent_id": lost}, {"$set": {"chatbot_key": "enc:v1:gone:AAAA"}})
    agents.update_one({"agent_id": plain}, {"$set": {"chatbot_key": stored.secrets[plain]["chatbot_key"]}})

    ended = await rotated(variables(mongod, propelauth, stored, f"{NEW},{OLD}"), tmp_path)

    assert (ended.code, ended.err) == (3, "")
    assert ended.out == (
        "17 of 18 secrets were sealed anew by the key new.\n"
        f"1 cannot be read by any key. Enter the keys of these agents again: {lost}.\n"
        "Nothing needs these keys any more: old.\n"
    )
    assert stored.sealed_by() == {"gone", "new"}
    assert stored.checks() == {"new"}


async def test_what_a_key_sealed_that_is_there_keeps_it_from_leaving(
    mongod: Mongod, propelauth: PropelAuthEmulator, stored: Stored, tmp_path: Path
) -> None:
    """Put back to where it belongs, a value that was moved would open."""
    stored.fill(KeyRing.read(OLD), 2)
    agents = stored.database["agents"]
    one, other = agents.find()
    agents.update_one({"_id": one["_id"]}, {"$set": {"chatbot_key": other["chatbot_key"]}})

    ended = await rotated(variables(mongod, propelauth, stored, f"{NEW},{OLD}"), tmp_path, "--json")

    assert (ended.code, ended.report["unreadable_keys"], ended.report["retired_keys"]) == (3, ["old"], [])
    assert stored.checks() == {"old", "new"}


async def test_killed_in_the_middle_it_leaves_every_value_readable_and_the_next_run_goes_on(
    mongod: Mongod, propelauth: PropelAuthEmulator, stored: Stored, tmp_path: Path
) -> None:
    stored.fill(KeyRing.read(OLD), 1000)
    given = variables(mongod, propelauth, stored, f"{NEW},{OLD}")
    newer = {"chatbot_key": {"$regex": "^enc:v1:new:"}}

    process = begun(given, tmp_path)
    await eventually(lambda: stored.database["agents"].find_one(newer) or process.returncode is not None, 30)
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL

    assert stored.sealed_by() == {"old", "new"}
    total = 1000 * VALUES
    assert await asyncio.to_thread(stored.check, RING) == total
    left = sum(":old:" in text for _, _, text in stored.values())
    ended = await rotated(given, tmp_path, "--json")
    assert (ended.code, ended.report["renewed"], ended.report["current"]) == (0, left, total - left)
    assert ended.report["retired_keys"] == ["old"]
    assert (stored.sealed_by(), stored.check(KeyRing.read(NEW))) == ({"new"}, total)
