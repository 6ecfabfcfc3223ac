"""`soak`: many people's calendars change while requests fail and workers die; at the end MongoDB is what Google shows."""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devstack.bench.crowd import Crowd
from devstack.bench.crowded import Crowded, crowded
from devstack.bench.workers import Workers
from devstack.mongod import Mongod

NEVER = "1000000"  # budgets that hold nobody up
SETTINGS = {
    "CALENDAR_POLL_SECONDS": "10",
    "CALENDAR_LONGEST_POLL_SECONDS": "20",
    "CALENDAR_PAGE_SIZE": "50",
    "CALENDAR_REQUESTS_PER_MINUTE": NEVER,
    "CALENDAR_PERSON_REQUESTS_PER_MINUTE": NEVER,
    "GOOGLE_TIMEOUT": "2",
}
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Plan:
    """`seconds` of changes and faults. About every `disturbed` seconds a worker is killed or, with `freeze`, stopped for
    so many seconds; `patience` is how long they may take at the end.
    """

    crowd: Crowd
    seconds: float
    workers: int = 2
    disturbed: float = 15.0
    freeze: float = 0.0
    patience: float = 900.0
    program: tuple[str, ...] = ("switchboard", "worker")
    settings: dict[str, str] = field(default_factory=lambda: SETTINGS)


@dataclass(frozen=True)
class Soaked:
    """What happened. `pulls` are leases that were taken, `converged` the seconds until everything was pulled once more
    after the last change, `late` the changes that the machine was behind with at most.
    """

    people: int
    calendars: int
    events: int
    seconds: float
    changes: int
    late: int
    pulls: int
    requests: int
    kills: int
    freezes: int
    converged: float
    differences: list[str]
    crashes: list[str]

    @property
    def good(self) -> bool:
        return not self.differences and not self.crashes

    def line(self) -> str:
        counts = {"differences": len(self.differences), "crashes": len(self.crashes)}
        return json.dumps({"measure": "soak", **asdict(self), **counts})


async def soak(plan: Plan, mongod: Mongod, said: Callable[[str], None] = lambda _: None) -> Soaked:
    """Run it; nothing that it started is left. `said` gets a word on how far it is."""
    with tempfile.TemporaryDirectory(prefix="switchboard-soak-") as folder:
        async with crowded(plan.crowd, mongod, **plan.settings) as crowd:
            workers = Workers(plan.program, crowd.variables, Path(folder))
            try:
                return await _soaked(plan, crowd, workers, said)
            finally:
                await workers.stop()


async def _soaked(plan: Plan, crowd: Crowded, workers: Workers, said: Callable[[str], None]) -> Soaked:
    workers.start(plan.workers)
    await crowd.order("go")
    said(f"{plan.crowd.people} people, changes for {plan.seconds:.0f} s")
    await _lived(plan, crowd, workers, said)
    state = await crowd.order("halt")
    await workers.thaw()
    said(f"{state['changes']} changes, {workers.kills} kills, {workers.freezes} freezes; now they catch up")
    seconds, behind = await _converged(crowd, state["now"], plan.patience)
    differences = behind or await crowd.differences()
    calendars = await crowd.calendars()
    asked = (await crowd.order("how far"))["asked"]
    await workers.stop()
    return Soaked(
        people=plan.crowd.people,
        calendars=len(calendars),
        events=await crowd.database["calendar_events"].count_documents({}),
        seconds=plan.seconds,
        changes=state["changes"],
        late=state["late"],
        pulls=sum(calendar.fence for calendar in calendars),
        requests=asked,
        kills=workers.kills,
        freezes=workers.freezes,
        converged=round(seconds, 1),
        differences=differences,
        crashes=workers.crashes(),
    )


async def _lived(plan: Plan, crowd: Crowded, workers: Workers, said: Callable[[str], None]) -> None:
    disturbing = asyncio.create_task(
        workers.disturb(plan.disturbed, plan.freeze, random.Random(plan.crowd.seed))
    )
    ends = time.monotonic() + plan.seconds
    while (left := ends - time.monotonic()) > 0 and not disturbing.done():
        await asyncio.sleep(min(left, 30))
        state = await crowd.order("how far")
        said(f"{max(0, left - 30):.0f} s to go: {state['changes']} changes, {state['asked']} requests")
    disturbing.cancel()
    await asyncio.wait({disturbing})
    if not disturbing.cancelled():
        disturbing.result()


async def _converged(crowd: Crowded, halted: float, patience: float) -> tuple[float, list[str]]:
    """Seconds until every calendar had a good pull that began after the last change; those that never had one."""
    after = datetime.fromtimestamp(halted, UTC)
    fresh = {"status": "synced", "last_success_at": {"$gte": after}}
    while time.time() < halted + patience:
        if not await crowd.database["calendars"].count_documents({"$nor": [fresh]}):
            return time.time() - halted, []
        await asyncio.sleep(LOOK_SECONDS)
    behind = [_state(stored) async for stored in crowd.database["calendars"].find({"$nor": [fresh]})]
    return time.time() - halted, behind


def _state(stored: dict[str, Any]) -> str:
    names = ("status", "reason", "failure_count", "next_sync_at", "lease_until", "last_success_at")
    return f"{stored['calendar_id']} was not pulled again: {({name: stored.get(name) for name in names})}"


async def measure_soak(people: int, minutes: float, seed: int, said: Callable[[str], None]) -> Soaked:
    """One change for every 25 people a second; a twentieth of the requests fails; leases last a minute."""
    crowd = Crowd(people, events=20, seed=seed, changes=people / 25, faults=0.05)
    plan = Plan(crowd, minutes * 60, freeze=70.0 if minutes > 2 else 0.0)
    async with Mongod(cache_gb=1.0) as mongod:
        return await soak(plan, mongod, said)
