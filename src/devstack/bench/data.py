"""`data`: what the data scripts do in a second, and what they take; each is the real command in its own process."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from devstack.bench.measure import Measure
from devstack.bench.org_view import EVENTS, PEOPLE, fill
from devstack.bench.parts import Parts, parts
from devstack.old_shapes import old_user
from devstack.processes import start_child

PATIENCE_SECONDS = 3600.0
LOOK_SECONDS = 0.05
SMALL = 10_000
BATCH = 5_000
FOUND = 3
COPY = "users_of_old"
DOCTOR_SECONDS = 300 / 2_000_000  # at most, an event


@dataclass(frozen=True)
class Ran:
    """A process that ended: how long it took in seconds, the most memory it had in MB (VmHWM), its exit code."""

    seconds: float
    peak_mb: float
    code: int


@dataclass(frozen=True)
class Command:
    """A command over so many documents."""

    measure: str
    documents: int
    seconds: float
    documents_per_second: float
    peak_mb: float
    limit_seconds: float | None = None

    @property
    def good(self) -> bool:
        return self.limit_seconds is None or self.seconds < self.limit_seconds

    def line(self) -> str:
        return json.dumps(asdict(self))


async def measure_normalize(documents: int, runs: int) -> Measure:
    """Users a second, beside the barest loop on the same ones; how much more memory that takes than a few do."""
    async with parts(events=1) as found:
        few = replace(found, database=f"{found.database}_few")
        await asyncio.to_thread(_fill, few, SMALL)
        small = (await _normalized(few)).peak_mb
        await asyncio.to_thread(_fill, found, documents)
        rounds = [(await _floor(found), await _normalized(found)) for _ in range(runs)]
    floor = statistics.median(documents / low.seconds for low, _ in rounds)
    ours = statistics.median(documents / high.seconds for _, high in rounds)
    peak = max(high.peak_mb for _, high in rounds)
    told = Measure("normalize", round(ours, 1), round(floor, 1), round(ours / floor, 3), "users/s", runs)
    return told.beside(documents=documents, peak_mb=peak, peak_of_few_mb=small, more_mb=round(peak - small, 1))


async def measure_commands(organizations: int, exported: int) -> list[Command]:
    """`doctor` over the events of so many organizations, and the export of some to SQLite."""
    async with parts(events=1) as found:
        few, each = replace(found, database=f"{found.database}_exported"), PEOPLE * EVENTS
        await fill(found, found.environment(), organizations, datetime.now(UTC))
        await fill(few, few.environment(), exported, datetime.now(UTC))
        doctor = await _ran(_switchboard("doctor", "--json"), found.environment(MONGODB_TIMEOUT="2"))
        with tempfile.TemporaryDirectory() as folder:
            target = f"sqlite:///{Path(folder, 'export.db')}"
            export = await _ran(_switchboard("export-sql", "--to", target, "--json"), few.environment())
        events = organizations * each
        examined = replace(_command("doctor", events, doctor), limit_seconds=round(events * DOCTOR_SECONDS, 1))
        return [examined, _command("export-sql", exported * each, export)]


def _command(name: str, documents: int, ran: Ran) -> Command:
    return Command(name, documents, round(ran.seconds, 1), round(documents / ran.seconds, 1), ran.peak_mb)


def _switchboard(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "switchboard", *arguments]


async def _floor(found: Parts) -> Ran:
    await asyncio.to_thread(_renew, found)
    command = [sys.executable, "-m", "devstack.bench.floor_normalize", found.mongod.uri, found.database]
    return await _ran(command, found.environment())


async def _normalized(found: Parts) -> Ran:
    await asyncio.to_thread(_renew, found)
    return await _ran(_switchboard("normalize-users", "--json"), found.environment(MONGODB_TIMEOUT="2"))


def _fill(found: Parts, documents: int) -> None:
    with MongoClient[dict[str, Any]](found.mongod.uri, w=1) as client:
        for begin in range(0, documents, BATCH):
            some = [old_user(number) for number in range(begin, min(begin + BATCH, documents))]
            client[found.database][COPY].insert_many(some, ordered=False)


def _renew(found: Parts) -> None:
    """The users as they were, copied by MongoDB itself."""
    with MongoClient[dict[str, Any]](found.mongod.uri) as client:
        database = client[found.database]
        for name in ("runs", "before_images"):
            database.drop_collection(name)
        database[COPY].aggregate([{"$out": "users"}])
        client.admin.command("fsync")


async def _ran(command: list[str], environment: dict[str, str]) -> Ran:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        process = start_child(command, log=log, variables=environment)
        peak = 0.0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while process.poll() is None:
                peak = max(peak, _peak_mb(process.pid))
                await asyncio.sleep(LOOK_SECONDS)
        if process.returncode not in (0, FOUND):
            said = await asyncio.to_thread(_end_of, log)
            raise RuntimeError(f"{command[-2:]} ended with {process.returncode}: {said}")
    return Ran(time.perf_counter() - began, peak, process.returncode)


def _peak_mb(pid: int) -> float:
    """0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    return round(kilobytes / 1024, 1)


def _end_of(log: Path) -> str:
    return log.read_text("utf-8")[-500:]
