"""`soak`: calendars change while requests fail and workers die; at the end MongoDB must hold what Google shows."""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devstack.bench.crowd import Crowd
from devstack.bench.crowded import Crowded, crowded
from devstack.bench.workers import Workers, serving
from devstack.mongod import Mongod, free_port

NEVER = "1000000"  # budgets that hold nobody up
SETTINGS = {
    "CALENDAR_POLL_SECONDS": "10",
    "CALENDAR_LONGEST_POLL_SECONDS": "20",
    "CALENDAR_WATCHED_POLL_SECONDS": "20",
    "CALENDAR_PAGE_SIZE": "50",
    "CALENDAR_REQUESTS_PER_MINUTE": NEVER,
    "CALENDAR_PERSON_REQUESTS_PER_MINUTE": NEVER,
    "GOOGLE_TIMEOUT": "2",
}
START_SECONDS, LOOK_SECONDS, TELL_SECONDS = 60, 0.25, 30


@dataclass(frozen=True)
class Plan:
    """`seconds` of changes and faults. About every `disturbed` seconds a worker is killed or, with `freeze`, stopped
    for so many seconds; `patience` is how long they may take at the end. With `push` an API process hears of changes.
    """

    crowd: Crowd
    seconds: float
    workers: int = 2
    disturbed: float = 15.0
    freeze: float = 0.0
    patience: float = 900.0
    push: bool = False
    program: tuple[str, ...] = ("switchboard", "worker")
    settings: dict[str, str] = field(default_factory=lambda: SETTINGS)

    def variables(self) -> dict[str, str]:
        """The settings, with a port of their own for the API where one is to hear of changes."""
        if not self.push:
            return self.settings
        port = str(free_port())
        return {**self.settings, "SERVER_PORT": port, "CALENDAR_PUSH_ADDRESS": f"http://127.0.0.1:{port}"}


@dataclass(frozen=True)
class Soaked:
    """What happened. `pulls` are leases that were taken, `converged` the seconds until everything was pulled once more
    after the last change, `late` the changes that the machine was behind with at most, `told` the notifications sent.
    """

    seed: int
    people: int
    calendars: int
    events: int
    seconds: float
    changes: int
    late: int
    told: int
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
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="switchboard-soak-")))
        crowd = await stack.enter_async_context(crowded(plan.crowd, mongod, **plan.variables()))
        if plan.push:
            await stack.enter_async_context(serving(crowd.variables, folder))
        workers = Workers(plan.program, crowd.variables, folder)
        stack.push_async_callback(workers.stop)
        return await _soaked(plan, crowd, workers, said)


async def _soaked(plan: Plan, crowd: Crowded, workers: Workers, said: Callable[[str], None]) -> Soaked:
    workers.start(plan.workers)
    await _at_work(crowd)
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
        seed=plan.crowd.seed,
        people=plan.crowd.people,
        calendars=len(calendars),
        events=await crowd.database["calendar_events"].count_documents({}),
        seconds=plan.seconds,
        changes=state["changes"],
        late=state["late"],
        told=state["told"],
        pulls=sum(calendar.fence for calendar in calendars),
        requests=asked,
        kills=workers.kills,
        freezes=workers.freezes,
        converged=round(seconds, 1),
        differences=differences,
        crashes=workers.crashes(),
    )


async def _at_work(crowd: Crowded) -> None:
    """Wait for the first request of a worker; TimeoutError if there is none."""
    async with asyncio.timeout(START_SECONDS):
        while not (await crowd.order("how far"))["asked"]:  # noqa: ASYNC110  (it happens in other processes)
            await asyncio.sleep(LOOK_SECONDS)


async def _lived(plan: Plan, crowd: Crowded, workers: Workers, said: Callable[[str], None]) -> None:
    async def tell() -> None:
        for left in range(int(plan.seconds), 0, -TELL_SECONDS):
            await asyncio.sleep(min(left, TELL_SECONDS))
            state = await crowd.order("how far")
            said(f"{max(0, left - TELL_SECONDS)} s to go: {state['changes']} changes, {state['asked']} requests")

    chosen = random.Random(plan.crowd.seed)
    await asyncio.gather(tell(), workers.disturb(plan.seconds, plan.disturbed, plan.freeze, chosen))


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
    return f"{stored['calendar_id']} was not pulled again: { ({name: stored.get(name) for name in names}) }"


async def measure_soak(people: int, minutes: float, seed: int, said: Callable[[str], None]) -> Soaked:
    """One change for every 25 people a second; a twentieth of the requests fails; leases last a minute."""
    crowd = Crowd(people, events=20, seed=seed, changes=people / 25, faults=0.05)
    plan = Plan(crowd, minutes * 60, freeze=70.0 if minutes > 2 else 0.0, push=True)
    async with Mongod(cache_gb=1.0) as mongod:
        return await soak(plan, mongod, said)
