"""`memory`: how much a real worker process takes at most while it pulls one very large calendar (Linux).

Beside it, what the events take in MongoDB: that is where docs/scale.md has its sizes from.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from devstack.bench.outside import EMAIL, SCOPES
from devstack.bench.parts import parts
from devstack.processes import Child, start_child
from switchboard.calendars.model import primary_calendar_id

LIMIT_MB = 200
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.1
USER_ID, ORG_ID = "2a7ddc4e-6a3c-4f0e-9a53-0f1f6a6d5c11", "7f0c1b1e-5a53-4d3f-8f57-2f4a6d1f9f0a"
_PAST = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Memory:
    """Peaks in MB (VmHWM): after the start, after the first pull, and after another of everything, nothing changed.

    `document_bytes` is what an event takes uncompressed, `stored_bytes` on disk, `index_bytes` its entry in each index.
    """

    measure: str
    events: int
    started_mb: float
    pulled_mb: float
    pulled_again_mb: float
    limit_mb: int
    seconds: float
    document_bytes: float
    stored_bytes: float
    index_bytes: dict[str, float]

    @property
    def good(self) -> bool:
        return max(self.pulled_mb, self.pulled_again_mb) < self.limit_mb

    def line(self) -> str:
        return json.dumps(asdict(self))


async def measure_memory(events: int) -> Memory:
    async with parts(events) as found:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(found.mongod.uri)
        database = client[found.database]
        await _add_person(database, found.outside["grant"])
        worker = start_child([sys.executable, "-m", "switchboard", "worker"], variables=found.environment())
        try:
            return await _measured(worker, database, events)
        finally:
            worker.kill()
            await asyncio.to_thread(worker.wait, 10)
            client.close()


async def _measured(worker: Child, database: Any, events: int) -> Memory:
    calendars, kept = database["calendars"], database["calendar_events"]

    async def started() -> bool:
        return "calendar_events" in await database.list_collection_names()

    async def pulled() -> bool:
        done = {"status": "synced", "lease_owner": None}
        return bool(await calendars.count_documents(done))

    await _until(worker, started)
    at_first = _peak_mb(worker)
    own = {"calendar_id": primary_calendar_id(USER_ID)}
    new = {"status": "new", "fence": 0, "failure_count": 0, "lane": "whole", "primary": True}
    began = time.perf_counter()
    await calendars.insert_one({**own, "user_id": USER_ID, **new, "next_sync_at": _PAST})
    await _until(worker, pulled)
    seconds, after_first = time.perf_counter() - began, _peak_mb(worker)
    if (found := await kept.count_documents({})) != events:
        raise RuntimeError(f"{found} events were stored instead of {events}")
    anew = {"status": "new", "sync_token": None, "lane": "whole", "next_sync_at": _PAST}
    await calendars.update_one(own, {"$set": anew})
    await _until(worker, pulled)
    peaks = (at_first, after_first, _peak_mb(worker))
    return Memory("memory", events, *peaks, LIMIT_MB, round(seconds, 1), *await _sizes(database))


async def _sizes(database: Any) -> tuple[float, float, dict[str, float]]:
    """An event's shares, once everything is on disk."""
    await database.client.admin.command("fsync")
    found = await database.command("collStats", "calendar_events")
    count = found["count"]
    indexes = {name: round(size / count, 1) for name, size in found["indexSizes"].items()}
    return round(found["avgObjSize"], 1), round(found["storageSize"] / count, 1), indexes


async def _add_person(database: Any, grant: dict[str, Any]) -> None:
    tokens = {"access_token": grant["access_token"], "refresh_token": grant["refresh_token"]}
    stored = {"user_id": USER_ID, "email": EMAIL, **tokens, "token_expiration": int(time.time()) + 3000}
    await database["users"].insert_one({**stored, "scope": list(SCOPES)})
    await database["user_organizations"].insert_one({"user_id": USER_ID, "org_id": ORG_ID, "role_in_org": "Member"})


async def _until(worker: Child, condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            if worker.poll() is not None:
                raise RuntimeError(f"the worker ended with {worker.returncode}")
            await asyncio.sleep(LOOK_SECONDS)


def _peak_mb(worker: Child) -> float:
    lines = Path(f"/proc/{worker.pid}/status").read_text("utf-8").splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return round(kilobytes / 1024, 1)
