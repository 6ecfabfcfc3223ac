"""`idle`: calendars in which nothing has changed, through the code of one worker process.

Beside it `first_pulls`, the rate of those before, and `refreshing`, that of a round in which every access token is too
old, as they all are where pauses are longer than an hour.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from pymongo import monitoring

from devstack.bench.crowd import Crowd
from devstack.bench.crowded import Crowded, crowded
from devstack.bench.measure import Measure, interleaved
from devstack.bench.soak import NEVER
from devstack.mongod import Mongod
from switchboard.pulls import service
from switchboard.worker import CHORE_LIST

SETTINGS = {"CALENDAR_REQUESTS_PER_MINUTE": NEVER, "CALENDAR_PERSON_REQUESTS_PER_MINUTE": NEVER}
PER_PEOPLE = 5 / 3  # calendars a person of a crowd has
COUNTED = ("insert", "query", "update", "delete", "getmore", "command")
AT_ONCE = {chore.name: chore.at_once for chore in CHORE_LIST}


class Commands(monitoring.CommandListener):
    """Counts the commands that this process sends to MongoDB."""

    def __init__(self) -> None:
        self.sent = 0

    def started(self, _: monitoring.CommandStartedEvent) -> None:
        self.sent += 1

    def succeeded(self, _: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, _: monitoring.CommandFailedEvent) -> None:
        pass


class Idle:
    """Rounds over the same calendars, and what they cost."""

    def __init__(self, crowd: Crowded, commands: Commands) -> None:
        self.crowd = crowd
        self.commands = commands
        self.calendars: list[dict[str, Any]] = []
        self.rounds = 0
        self.costs = dict.fromkeys(("requests", "commands", "operations"), 0)

    async def pull_all(self) -> float:
        """The first pulls, so that there is nothing new afterwards; calendars a second."""
        started = time.perf_counter()
        await self._worked("pull_calendar", service.sync_whole)
        seconds = time.perf_counter() - started
        tokens = {user["user_id"]: user["access_token"] async for user in self.crowd.database["users"].find()}
        self.calendars = [stored async for stored in self.crowd.database["calendars"].find()]
        for stored in self.calendars:
            if stored["status"] != "synced":
                raise RuntimeError(f"the first pull of {stored['calendar_id']} ended as {stored['status']}")
            stored["access_token"] = tokens[stored["user_id"]]
        await self.crowd.database["floor_calendars"].insert_many(self.calendars)
        return len(self.calendars) / seconds

    async def ours(self) -> float:
        """Calendars a second; counts what they cost."""
        before = await self._spent()
        rate = await self._round()
        after = await self._spent()
        self.rounds += 1
        for name in self.costs:
            self.costs[name] += after[name] - before[name]
        return rate

    async def refreshing(self) -> dict[str, float]:
        """A round in which every person's access token has to be fetched first."""
        await self.crowd.database["users"].update_many({}, {"$set": {"token_expiration": 0}})
        before = self.commands.sent
        rate = await self._round()
        each = (self.commands.sent - before) / len(self.calendars)
        return {"refreshing": round(rate, 1), "refreshing_commands_each": round(each, 3)}

    async def _round(self) -> float:
        """All calendars are due, and pulled; calendars a second. Setting and counting them costs two commands."""
        began = datetime.now(UTC)
        due = {"$set": {"next_sync_at": began - timedelta(seconds=1)}}
        await self.crowd.database["calendars"].update_many({}, due)
        started = time.perf_counter()
        await self._worked("pull_changes", service.sync_changes)
        seconds = time.perf_counter() - started
        done = {"status": "synced", "last_success_at": {"$gte": began}}
        left = len(self.calendars) - await self.crowd.database["calendars"].count_documents(done)
        if left:
            raise RuntimeError(f"{left} calendars were not pulled")
        return len(self.calendars) / seconds

    async def _worked(self, chore: str, step: Any) -> None:
        """As many at once as a worker has, until nothing is due."""

        async def repeat() -> None:
            while await step(self.crowd.services, datetime.now(UTC)):
                pass

        await asyncio.gather(*(repeat() for _ in range(AT_ONCE[chore])))

    async def _spent(self) -> dict[str, int]:
        """The question for it costs a command and an operation itself, which every round has once."""
        commands = self.commands.sent
        status = await self.crowd.database.client.admin.command("serverStatus")
        asked = (await self.crowd.order("how far"))["asked"]
        return {
            "requests": asked,
            "commands": commands,
            "operations": sum(status["opcounters"][name] for name in COUNTED),
        }

    def cost(self) -> dict[str, float]:
        """By calendar."""
        pulled = self.rounds * len(self.calendars)
        return {f"{name}_each": round(count / pulled, 3) for name, count in self.costs.items()}

    async def floor(self) -> float:
        """The barest loop: the same request with the same token, its sync token kept; as many at once."""
        turns = asyncio.Semaphore(AT_ONCE["pull_changes"] * service.AT_ONCE)
        started = time.perf_counter()
        async with aiohttp.ClientSession() as http:
            await asyncio.gather(*(self._asked(http, stored, turns) for stored in self.calendars))
        return len(self.calendars) / (time.perf_counter() - started)

    async def _asked(self, http: aiohttp.ClientSession, stored: dict[str, Any], turns: asyncio.Semaphore) -> None:
        google = self.crowd.variables["GOOGLE_API_ADDRESS"]
        address = f"{google}/calendar/v3/calendars/{quote(stored['google_calendar_id'], safe='')}/events"
        query = {"singleEvents": "true", "maxResults": "2500", "syncToken": stored["sync_token"]}
        headers = {"Authorization": f"Bearer {stored['access_token']}", "Accept-Encoding": "gzip"}
        async with turns:
            async with http.get(address, params=query, headers=headers) as response:
                page = orjson.loads(await response.read())
            now = datetime.now(UTC)
            kept = {"sync_token": page["nextSyncToken"], "last_success_at": now, "next_sync_at": now}
            await self.crowd.database["floor_calendars"].update_one({"_id": stored["_id"]}, {"$set": kept})


async def measure_idle(calendars: int, runs: int) -> Measure:
    """Calendars a second; beside it the requests to Google and what MongoDB was asked, by calendar."""
    commands, people = Commands(), round(calendars / PER_PEOPLE)
    monitoring.register(commands)
    async with Mongod() as mongod, crowded(Crowd(people, events=3), mongod, **SETTINGS) as crowd:
        idle = Idle(crowd, commands)
        first = await idle.pull_all()
        measure = await interleaved("idle", "calendars/s", runs, idle.ours, idle.floor)
        return measure.beside(**idle.cost(), first_pulls=round(first, 1), **await idle.refreshing())
