"""A crowd with a database: who they are here, and whether what is kept of their calendars is what Google shows."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from uuid import NAMESPACE_URL, uuid4, uuid5

from motor.motor_asyncio import AsyncIOMotorClient

from devstack.bench.crowd import Crowd
from devstack.bench.outside import SCOPES
from devstack.bench.parts import Parts, child
from devstack.mongod import Mongod
from switchboard.bootstrap import running
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import Calendar, primary_calendar_id
from switchboard.clients.google import EventQuery
from switchboard.clients.google_events import read_event
from switchboard.connections.service import Access
from switchboard.services import Services
from switchboard.settings import load_settings

Json = dict[str, Any]
AT_ONCE = 4
START_SECONDS = 300.0


@dataclass
class Crowded:
    """A crowd's emulators, its people in a database of their own, and the services that look at both."""

    people: list[Json]
    variables: dict[str, str]
    services: Services
    database: Any
    outside: asyncio.subprocess.Process

    async def order(self, word: str) -> Json:
        """Tell the crowd's process `go`, `halt` or anything else; how far it is."""
        assert self.outside.stdin is not None  # noqa: S101
        self.outside.stdin.write(f"{word}\n".encode())
        return await _line(self.outside)

    async def add_people(self, now: datetime) -> None:
        """Everybody with working tokens, all calendars due."""
        await self.database["users"].insert_many([_user(person, now) for person in self.people])
        for person in self.people:
            user_id = user_id_of(person["email"])
            await CalendarDocument.add(primary_calendar_id(user_id), user_id, now)
            for google_id in person["calendars"][1:]:
                await CalendarDocument.choose(user_id, google_id, {"name": google_id, "busy": True}, now)

    async def calendars(self) -> list[Calendar]:
        return [Calendar.model_validate(stored) async for stored in self.database["calendars"].find()]

    async def differences(self) -> list[str]:
        """Every event that is kept and not shown, shown and not kept, or kept otherwise than Google shows it."""
        turns = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._compared(calendar, turns) for calendar in await self.calendars()))
        strays = await self.database["calendar_events"].count_documents({}) - sum(count for count, _ in found)
        told = [line for _, lines in found for line in lines]
        return [f"{strays} events are nobody's", *told] if strays else told

    async def _compared(self, calendar: Calendar, turns: asyncio.Semaphore) -> tuple[int, list[str]]:
        """How many events a calendar has here, and how they differ in the window that it was pulled for."""
        async with turns:
            shown, kept = await self._shown(calendar), await self._kept(calendar)
        by_name = {event["google_event_id"]: event for event in kept}
        names = sorted(shown.keys() | by_name.keys())
        told = [
            f"{calendar.google_calendar_id} of {calendar.user_id}, event {name}: {said}"
            for name in names
            if (said := _difference(shown.get(name), by_name.get(name)))
        ]
        twice = [f"{calendar.calendar_id}: {len(kept) - len(by_name)} events are kept twice"]
        return len(kept), told if len(kept) == len(by_name) else twice + told

    async def _shown(self, calendar: Calendar) -> dict[str, Json]:
        """The emulator's own expanded list of the window, by Google's ids."""
        window = calendar.window
        if window is None:
            raise RuntimeError(f"{calendar.calendar_id} was never pulled: {calendar.status}, {calendar.reason}")
        query = EventQuery(time_min=window.start.isoformat(), time_max=window.end.isoformat())
        access = Access(self.services, calendar.user_id, datetime.now(UTC))
        google_id, page_token = calendar.google_calendar_id or "primary", None
        found: dict[str, Json] = {}
        while True:
            page = await access.use(
                lambda token: self.services.google.event_page(token, google_id, query, page_token)  # noqa: B023
            )
            found |= {item["id"]: read_event(item, page.timezone) or {} for item in page.items}
            page_token = page.next_page_token
            if page_token is None:
                return found

    async def _kept(self, calendar: Calendar) -> list[Json]:
        own = {"calendar_id": calendar.calendar_id, "user_id": calendar.user_id}
        return [event async for event in self.database["calendar_events"].find(own)]


@asynccontextmanager
async def crowded(crowd: Crowd, mongod: Mongod, **settings: str) -> AsyncIterator[Crowded]:
    """A crowd and its people on this mongod. `settings` are variables beside those of `Parts.environment`.

    `Crowded.variables` are for workers: the services here have the same.
    """
    async with child("devstack.bench.crowd", crowd.argument()) as outside:
        told = await _line(outside)
        database = f"crowd_{uuid4().hex[:8]}"
        variables = Parts(mongod, told, database).environment(**settings)
        with mock.patch.dict(os.environ, variables, clear=True):
            loaded = load_settings(None)
        client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(mongod.uri, tz_aware=True)
        async with running(loaded) as services:
            found = Crowded(told["people"], variables, services, client[database], outside)
            await found.add_people(datetime.now(UTC))
            yield found
        await client.drop_database(database)
        client.close()


async def _line(process: asyncio.subprocess.Process) -> Json:
    assert process.stdout is not None  # noqa: S101
    async with asyncio.timeout(START_SECONDS):
        said: Json = json.loads(await process.stdout.readline())
    return said


def user_id_of(email: str) -> str:
    return str(uuid5(NAMESPACE_URL, email))


def _user(person: Json, now: datetime) -> Json:
    grant = person["grant"]
    tokens = {"access_token": grant["access_token"], "refresh_token": grant["refresh_token"]}
    expires = int(now.timestamp()) + grant["expires_in"]
    return {
        "user_id": user_id_of(person["email"]),
        "email": person["email"],
        **tokens,
        "token_expiration": expires,
        "scope": list(SCOPES),
    }


def _difference(shown: Json | None, kept: Json | None) -> str:
    if shown is None or kept is None:
        return "not kept" if kept is None else "kept, but Google does not show it"
    other = [
        f"{name} is {kept.get(name)!r} instead of {shown[name]!r}" for name in shown if kept.get(name) != shown[name]
    ]
    return ", ".join(other)
