"""An API process is killed with -9 in the middle of writes; the next one finishes what is asked of it again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pymongo import MongoClient

from devstack.emulator import Fault, RecordedRequest
from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.memberships.model import PATIENCE
from tests.http.served import environment, serving_process
from tests.outages.test_left import past
from tests.outages.writes import WRITES, Write
from tests.world import World, eventually

NAMES = ("create", "accept", "change_role", "transfer")
HANGS = 60.0  # seconds; longer than the test


@dataclass
class Killed:
    """A call that was under way; `request` is what PropelAuth was just asked, and `acted` whether it did it."""

    name: str
    write: Write
    call: "asyncio.Task[httpx.Response]"
    request: RecordedRequest
    acted: bool

    def __str__(self) -> str:
        return f"{self.name}, {self.request.method} {self.request.path}, {'acted' if self.acted else 'not acted'}"


@asynccontextmanager
async def process(world: World, variables: dict[str, str], folder: Path) -> AsyncIterator[int]:
    """An API process of this world's parts; its id."""
    manager = serving_process(variables, folder)
    served = await asyncio.to_thread(manager.__enter__)
    try:
        async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=HANGS) as api:
            world.api = api
            yield served.pid
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def hanging(world: World, name: str, number: int, *, acted: bool) -> Killed | None:
    """Start a call that hangs at its request of this number; None when it has fewer."""
    write = await WRITES[name](world)
    fault = world.propelauth.emulator.fail(Fault(path="/api/", skip=number, latency=HANGS, drop=True))
    call = asyncio.create_task(write.make())
    await eventually(lambda: fault.spent or call.done())
    if call.done():
        world.propelauth.emulator.faults.clear()
        return None
    return Killed(name, write, call, world.propelauth.emulator.requests[-1], acted)


async def everywhere(world: World, name: str) -> list[Killed]:
    """The same call hanging at each of its requests; at each that writes once with and once without it being done."""
    found: list[Killed] = []
    number = 0
    while (killed := await hanging(world, name, number, acted=False)) is not None:
        found.append(killed)
        if killed.request.method != "GET":
            again = await hanging(world, name, number, acted=True)
            assert again is not None
            found.append(again)
        number += 1
    return found


async def act(world: World, request: RecordedRequest) -> None:
    """PropelAuth does what it was asked, though nobody waits for its answer any more."""
    headers = {name: request.headers[name] for name in ("Authorization", "X-Propelauth-url")}
    async with httpx.AsyncClient(base_url=world.propelauth.url, trust_env=False) as client:
        answer = await client.request(request.method, request.path, content=request.body, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_after_a_kill_in_the_middle_of_anything_the_repeated_call_makes_it_whole(
    world: World, mongod: Mongod, tmp_path: Path
) -> None:
    database = f"killed_{uuid4().hex[:8]}"
    mongodb = world.settings.mongodb.model_copy(update={"database": database})
    async with PropelAuthEmulator() as propelauth:
        propelauth.settings.unique_org_names = False
        more = {"MONGODB_DATABASE": database, "PROPELAUTH_TIMEOUT": str(HANGS)}
        variables = environment(mongod.uri, propelauth, **more)
        parts = {"propelauth": propelauth, "settings": world.settings.model_copy(update={"mongodb": mongodb})}
        with MongoClient[dict[str, Any]](mongod.uri, tz_aware=True) as mongo:
            own = World(**{**vars(world), **parts, "mongo": mongo})
            async with process(own, variables, tmp_path) as pid:
                killed = [each for name in NAMES for each in await everywhere(own, name)]
                os.kill(pid, signal.SIGKILL)
                lost = await asyncio.gather(*(each.call for each in killed), return_exceptions=True)
            assert all(isinstance(each, httpx.TransportError) for each in lost)
            assert len(killed) > 15
            for each in killed:
                if each.acted:
                    await act(own, each.request)
            async with process(own, variables, tmp_path):
                for each in killed:
                    past(own, each.write.org.org_id, PATIENCE)  # nobody can be carrying it out any more
                    await finished(own, each)


async def finished(world: World, killed: Killed) -> None:
    """Make the call again: everything is as if it had gone through at once."""
    answer = await killed.write.make(world.api)
    assert answer.status_code == killed.write.status, f"{killed}: {answer.text}"
    for left in world.propelauth.pending_invites(killed.write.org.org_id) if killed.name == "accept" else ():
        world.propelauth.revoke_invite(left.org_id, left.invitee_email)  # the comparison does that
    assert killed.write.wrong() == [], str(killed)
