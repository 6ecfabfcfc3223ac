"""Processes that start, or refuse to, by the keys in SEALING_KEYS."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.cli import cli
from switchboard.crypto import KeyRing
from switchboard.errors import Misconfigured
from switchboard.sealing.model import new_check
from tests import fork_server
from tests.fork_server import Forked
from tests.http.served import environment
from tests.sealing.test_checks import new_key
from tests.world import eventually

FACES = ("serve", "worker")
Database = Any


@pytest.fixture(scope="module")
async def propelauth() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


@pytest.fixture
def database(mongod: Mongod) -> Iterator[Database]:
    with MongoClient[dict[str, Any]](mongod.uri) as client:
        yield client[f"sealing_{uuid4().hex[:8]}"]


def sealed_by(database: Database, *keys: str) -> None:
    """As if a process with each of these keys had run here."""
    for key in keys:
        database["sealing_checks"].insert_one(new_check(KeyRing.read(key), datetime.now(UTC)).model_dump())


async def ended(arguments: list[str], variables: dict[str, str], folder: Path) -> tuple[int | None, str, str]:
    process = fork_server.start(["switchboard", *arguments], variables=variables, folder=folder)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), err.decode()


async def test_serve_and_worker_refuse_a_wrong_missing_or_malformed_key_in_a_sentence(
    mongod: Mongod, propelauth: PropelAuthEmulator, tmp_path: Path, database: Database
) -> None:
    first, second = new_key("first"), new_key("second")
    sealed_by(database, first, second)
    changed, cut = new_key("first"), f"first:{base64.b64encode(bytes(range(31))).decode()}"
    refusals = {
        f"{second},{changed}": "The key first in SEALING_KEYS is not the one that sealed the stored secrets",
        f"{new_key('third')},{first}": "The key second is missing from SEALING_KEYS, and secrets may be sealed by it.",
        f"{second},{cut}": "The sealing key first must be 32 bytes.",
    }
    calls = [(face, keys) for keys in refusals for face in FACES]
    variables = {keys: environment(mongod.uri, propelauth, SEALING_KEYS=keys) for keys in refusals}
    for each in variables.values():
        each["MONGODB_DATABASE"] = database.name
    before = list(database["sealing_checks"].find())

    found = await asyncio.gather(*(ended([face], variables[keys], tmp_path) for face, keys in calls))

    for (face, keys), (code, out, err) in zip(calls, found, strict=True):
        assert (face, code, out, err.count("\n")) == (face, 1, "", 1)
        assert refusals[keys] in err
        for key in keys.split(","):
            assert key.partition(":")[2][:12] not in err
    assert list(database["sealing_checks"].find()) == before


@contextmanager
def started(face: str, variables: dict[str, str], log: Path) -> Iterator[Forked]:
    process = fork_server.start(["switchboard", face], variables=variables, folder=log.parent, log=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


async def test_serve_and_worker_started_at_once_with_the_same_new_key_both_start_and_leave_one_check(
    mongod: Mongod, propelauth: PropelAuthEmulator, tmp_path: Path, database: Database
) -> None:
    old, new = new_key("old"), new_key("new")
    sealed_by(database, old)
    log = {face: tmp_path / f"{face}.log" for face in FACES}
    given = {"SEALING_KEYS": f"{new},{old}", "MONGODB_DATABASE": database.name, "LOG_LEVEL": "debug"}
    variables = environment(mongod.uri, propelauth, **given)
    url = f"http://127.0.0.1:{variables['SERVER_PORT']}"

    with started("serve", variables, log["serve"]) as api, started("worker", variables, log["worker"]) as worker:
        await eventually(lambda: "worker.started" in log["worker"].read_text() or worker.poll() is not None, 20)
        await eventually(lambda: answers(url) or api.poll() is not None, 20)
        assert (api.poll(), worker.poll()) == (None, None)

    assert sorted(check["key_id"] for check in database["sealing_checks"].find()) == ["new", "old"]
    said = "".join(each.read_text() for each in log.values())
    assert not any(key.partition(":")[2][:12] in said for key in (old, new))


async def test_a_key_made_on_the_command_line_fits_and_an_id_that_is_none_is_refused(tmp_path: Path) -> None:
    calls = [["secrets", "key", key_id] for key_id in ("2026-11", "a:b")]

    made, refused = await asyncio.gather(*(ended(arguments, {}, tmp_path) for arguments in calls))

    assert (made[0], made[2], KeyRing.read(made[1]).key_ids) == (0, "", {"2026-11"})
    assert refused == (1, "", "Each sealing key has an id of its own: letters, digits, - and _, at most 32.\n")


def test_each_key_that_is_made_is_another_and_its_id_must_fit() -> None:
    runner = CliRunner()
    made = {runner.invoke(cli, ["secrets", "key", "k1"]).stdout for _ in range(20)}
    assert len(made) == 20
    for key_id in ("", "a b", "a,b", "a:b", "ä", "a\n", "x" * 33):
        refused = runner.invoke(cli, ["secrets", "key", key_id])
        assert (type(refused.exception), refused.stdout) == (Misconfigured, "")
