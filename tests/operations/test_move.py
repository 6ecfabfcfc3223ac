"""The move of docs/operations.md, line by line, while the older backend goes on writing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devstack.mongod import free_port
from devstack.propelauth import PropelAuthEmulator
from tests.http.served import SEALING_KEY
from tests.legacy_calendars import old
from tests.operations.book import Command, move
from tests.operations.old_system import PEOPLE, OldSystem, old_system
from tests.operators import Ended, Operator
from tests.world import World, eventually

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACT = (  # each fills in strangers of its own, so one after the other
    ("tests/legacy_calendars/test_variants.py",),
    ("tests/legacy_calendars/test_rows.py",),
    ("tests/legacy_organizations/test_organization_rows.py",),
    ("tests/legacy_agents/test_live.py",),
)
DONE, FOUND = 0, 3
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def propelauth() -> AsyncIterator[PropelAuthEmulator]:
    """One of its own: a back-fill walks over all organizations."""
    async with PropelAuthEmulator() as running:
        yield running


@pytest.fixture
def book() -> dict[str, list[Command]]:
    return move()


async def run(operator: Operator, commands: list[Command]) -> list[Ended]:
    """One after the other; each is done, or found something that it names."""
    ended = []
    for command in commands:
        faster = ("--requests-per-second", "100") if command[0] == "backfill" else ()  # nothing limits the emulator
        ended.append(await operator.run(*command, *faster, timeout=120))
        assert ended[-1].code in (DONE, FOUND), (command, ended[-1].out[-2000:], ended[-1].err[-2000:])
    return ended


async def killed(operator: Operator, command: Command, name: str) -> None:
    """A run of this name is killed once it has got somewhere, and has not come to its end."""
    runs = operator.database["runs"]
    process = await operator.start(*command)
    await eventually(lambda: runs.find_one({"name": name, "open": True, "position": {"$ne": None}}), 60)
    process.kill()
    assert (await operator.end(process)).code < 0
    dead = {"name": name, "open": True}  # nobody waits half a minute for the lease of the dead
    assert runs.update_one(dead, {"$set": {"leased_until": LONG_AGO}}).matched_count == 1


@pytest.mark.timeout(240)
async def test_the_move_loses_nothing_of_what_the_older_backend_writes_meanwhile(
    request: pytest.FixtureRequest,
    world: World,
    operator: Operator,
    propelauth: PropelAuthEmulator,
    book: dict[str, list[Command]],
) -> None:
    operator.propelauth = propelauth
    system = old_system(operator, propelauth, users=4000)
    await run(operator, book["Prepare"])
    with operator.untouched():
        checked = await run(operator, book["Check"])
    assert [ended.code for ended in checked] == [FOUND] * 4

    backend = system.backend()
    async with backend.going_on():
        await run(operator, book["Migrate"])
        (normalise,) = book["Normalise"]
        await killed(operator, normalise, "normalize-users")
        await run(operator, [normalise])
        await run(operator, book["Back-fill"])
        imported = await run(operator, book["Import the agents"])
        assert [ended.code for ended in imported] == [DONE] * len(imported), [ended.out for ended in imported]
        await run(operator, book["Verify"])
        await check_what_arrived(system)
        async with serving(operator, book["Switch"][:2]) as api:
            await check_people(api, system)
    assert backend.count > 100
    assert [ended.code for ended in await run(operator, book["Switch"][2:])] == [DONE, DONE]

    assert backend.lost() == []
    assert len(system.users.distinct("user_id")) == system.users.count_documents({"user_id": {"$exists": True}})
    old.check_all(operator.database)
    assert operator.database["sessions"].count_documents({}) == 9
    await check_contract(operator, CONTRACT if request.config.getoption("--thorough") else CONTRACT[:1])


async def check_what_arrived(system: OldSystem) -> None:
    database = system.operator.database
    assert sorted(database["organizations"].distinct("org_id")) == sorted(system.org_ids)
    assert database["user_organizations"].count_documents({}) == PEOPLE
    assert database["pending_invites"].count_documents({"status": "pending"}) == 3
    assert sorted(database["agents"].distinct("legacy_id")) == [f"reception_{letter}" for letter in "abcde"]
    assert database["old_agents"].count_documents({}) == 3


@asynccontextmanager
async def serving(operator: Operator, faces: list[Command]) -> AsyncIterator[httpx.AsyncClient]:
    """`switchboard serve` and `switchboard worker`, as the book starts them."""
    assert faces == [("serve",), ("worker",)]
    port = str(free_port())
    processes = [await operator.start(*face, SERVER_PORT=port) for face in faces]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as api:
            async with asyncio.timeout(60):
                while not await ready(api):  # noqa: ASYNC110  (the state of another process)
                    await asyncio.sleep(0.05)
            yield api
    finally:
        for process in processes:
            process.terminate()
        ended = [await operator.end(process) for process in processes]
    assert [each.code for each in ended] == [-signal.SIGTERM, DONE], ended


async def ready(api: httpx.AsyncClient) -> bool:
    try:
        return (await api.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def check_people(api: httpx.AsyncClient, system: OldSystem) -> None:
    """Everybody of PropelAuth is who they were, on the old paths and on the new."""
    propelauth = system.operator.propelauth
    for user_id in system.user_ids[:3]:
        headers = {"Authorization": f"Bearer {propelauth.access_token(user_id)}"}
        earlier = await api.get("/api/v1/auth/user", headers=headers)
        ours = await api.get("/v1/me/bootstrap", headers=headers)
        assert (earlier.status_code, ours.status_code) == (200, 200)
        assert earlier.json()["user"]["user_id"] == ours.json()["user"]["user_id"] == user_id
        assert [each["org_id"] for each in ours.json()["organizations"]] == [
            system.org_ids[system.user_ids.index(user_id) % 3]
        ]


async def check_contract(operator: Operator, contract: Sequence[Sequence[str]]) -> None:
    """The tests of the earlier front ends' paths, on the database as it was moved."""
    there = {"MONGODB_URI": operator.mongod.uri, "DATABASE": operator.name, "SEALING_KEYS": SEALING_KEY}
    variables = {f"SWITCHBOARD_TESTS_{name}": value for name, value in there.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for paths in contract:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths),
            cwd=ROOT, env={**kept, **variables}, stdout=-1, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = await _ended(process)
        assert process.returncode == 0, said[-4000:]


async def _ended(process: asyncio.subprocess.Process) -> str:
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 150)
    finally:
        if process.returncode is None:
            process.kill()
    return out.decode()


@pytest.mark.thorough
@pytest.mark.timeout(240)
async def test_the_move_can_be_taken_back(
    world: World, operator: Operator, propelauth: PropelAuthEmulator, book: dict[str, list[Command]]
) -> None:
    operator.propelauth = propelauth
    system = old_system(operator, propelauth, users=100)
    before = system.content("users", "agents", "old_agents", "sessions")
    await run(operator, book["Migrate"])
    await run(operator, book["Normalise"])
    assert system.content("users", "agents") != {name: before[name] for name in ("users", "agents")}
    await run(operator, [*book["Back-fill"], *book["Import the agents"][1:]])

    listing, *others = book["Roll back"]
    (listed,) = await run(operator, [(*listing, "--json")])
    ids = {each["name"]: each["run_id"] for each in listed.report["runs"]}
    index = "$MONGODB_USERS_COLLECTION.user_id_unique"
    named = {index: index.replace("$MONGODB_USERS_COLLECTION", "users")}
    named |= {"RUN_ID_OF_IMPORT": ids["import-agents"], "RUN_ID_OF_NORMALIZE": ids["normalize-users"]}
    await run(operator, [tuple(named.get(word, word) for word in command) for command in others])

    assert operator.database["agent_configurations"].count_documents({}) == 5, "deleted ones can be restored"
    operator.database["agents"].delete_many({"status": "deleted"})
    after = system.content("users", "agents", "old_agents", "sessions")
    people = {stored["_id"]: stored for stored in after.pop("users")}
    for stored in before.pop("users"):
        now = people[stored["_id"]]
        assert now == {**now, **stored, "updated_at": now["updated_at"]}, "a back-fill only adds, and says when"
    assert after == before
