"""`org-view`: a week of an organization's calendars through one uvicorn worker, in milliseconds.

The collection holds 20 thousand events of one organization, or two million of a hundred like it. `org-view-one` asks
for a page of an organization that has all of the two million.
"""

import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

import aiohttp
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import WriteConcern
from rich.console import Console

from devstack.bench.measure import Measure
from devstack.bench.parts import Parts, parts, server
from switchboard.bootstrap import running
from switchboard.calendars.model import primary_calendar_id
from switchboard.settings import load_settings

ORGANIZATIONS: Final = 100
PEOPLE: Final = 40  # in each organization
EVENTS: Final = 500  # of each person, from a month ago until in a year
PATTERN: Final = "events_of_one_organization"
EVERYBODY: Final = "organization-of-all"
GUESTS: Final = [f"guest{number}@example.com" for number in range(3)]
WEEK: Final = timedelta(days=7)
SPAN: Final = timedelta(days=395)

Database = AsyncIOMotorDatabase[dict[str, Any]]
Document = dict[str, Any]


@dataclass(frozen=True)
class Company:
    """An organization and its people, who belong to the organization of all as well."""

    org_id: str
    user_ids: list[str]

    @property
    def org_ids(self) -> list[str]:
        return sorted([self.org_id, EVERYBODY])

    def events(self, begin: datetime) -> Iterator[Document]:
        """Half of a person's events are their own, the others meetings of three; one in fifty lasts for days."""
        step, chance = SPAN / EVENTS, random.Random(self.org_id)
        calendar_ids = [primary_calendar_id(user_id) for user_id in self.user_ids]
        for number in range(EVENTS):
            start = (begin + number * step).replace(minute=0, second=0, microsecond=0)
            length, together = timedelta(hours=60 if number % 50 == 0 else 1), 3 if number % 2 else 1
            for place, (user_id, calendar_id) in enumerate(zip(self.user_ids, calendar_ids, strict=True)):
                if place % together == 0:
                    google_id, hour = _new_id(chance), start + timedelta(hours=place % 9)
                whose = {"user_id": user_id, "calendar_id": calendar_id, "org_ids": self.org_ids}
                event_id = _new_id(chance)
                yield {"_id": event_id, "event_id": event_id, **whose, **_event(google_id, hour, hour + length)}


def _new_id(chance: random.Random) -> str:
    """Like one that `events.model.digest` makes, but the end is that of the organization's number."""
    return f"{chance.getrandbits(116):029x}000"


def _event(google_id: str, start: datetime, end: datetime) -> Document:
    """What a pull stores of it, on whosever calendar."""
    return {
        "google_event_id": google_id,
        "meeting_id": google_id,
        "title": f"Meeting {google_id[:6]}",
        "description": "Agenda: where we stand, what comes next, who does it. " * 3,
        "location": f"Room {google_id[:2]}",
        "start_time": start,
        "end_time": end,
        "timezone": "Europe/Berlin",
        "attendees": GUESTS,
        "attendee_states": [{"email": guest, "response": "accepted"} for guest in GUESTS],
        "attendees_omitted": False,
        "all_day": False,
        "long": end - start > timedelta(days=1),
        "status": "confirmed",
        "visibility": "private" if google_id[0] == "0" else "default",
        "busy": True,
        "event_type": "default",
        "my_response": "accepted",
        "organizer_email": GUESTS[0],
        "ical_uid": f"{google_id}@google.com",
        "recurring_event_id": None,
        "original_start_time": None,
        "meeting_link": "https://meet.google.com/abc-defg-hij",
        "html_link": f"https://www.google.com/calendar/event?eid={google_id}",
        "created_at": start - WEEK,
        "updated_at": start - WEEK,
        "etag": f'"{google_id}"',
        "run": 1,
    }


async def measure_org_view(runs: int, requests: int) -> list[Measure]:
    """Over all answers to `runs` rounds of `requests` requests, one after the other, of each in turn."""
    async with parts(events=1) as found:
        few, many = (replace(found, database=f"{found.database}_{name}") for name in ("few", "many"))
        now = datetime.now(UTC)
        few_settings, many_settings = few.environment(), many.environment()  # each call makes new keys
        await fill(few, few_settings, 1, now)
        await fill(many, many_settings, ORGANIZATIONS, now)
        async with (
            server("switchboard", "serve", environment=few_settings, path="/health/live") as small,
            server("switchboard", "serve", environment=many_settings, path="/health/live") as large,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {found.outside['token']}"}) as http,
        ):
            week = {"from": now.isoformat(), "to": (now + WEEK).isoformat()}
            asking = [
                Asking(http, f"http://127.0.0.1:{port}/v1/orgs/{org_id}/events", week)
                for port, org_id in ((small, _org_id(0)), (large, _org_id(0)), (large, EVERYBODY))
            ]
            await _same_answers(asking[0], asking[1])
            small_times, large_times, whole_times = await _times(asking, runs, requests)
            return [
                _measure("org-view", large_times, small_times, runs),
                _measure("org-view-one", whole_times, small_times, runs),
            ]


@dataclass(frozen=True)
class Asking:
    """One question, asked again and again over one connection."""

    http: aiohttp.ClientSession
    address: str
    week: dict[str, str]

    async def answer(self) -> Any:
        async with self.http.get(self.address, params=self.week) as response:
            found = await response.json()
            if response.status != 200 or not found["events"]:
                raise RuntimeError(f"{self.address} answered {response.status}")
            return found

    async def milliseconds(self) -> float:
        began = time.perf_counter()
        async with self.http.get(self.address, params=self.week) as response:
            await response.read()
        return (time.perf_counter() - began) * 1000


async def _times(asking: list[Asking], runs: int, requests: int) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in asking]
    for round_number in range(runs + 1):  # the first does not count
        for each, times in zip(asking, found, strict=True):
            measured = [await each.milliseconds() for _ in range(requests)]
            times += measured if round_number else []
    return found


def _measure(name: str, ours: list[float], floor: list[float], runs: int) -> Measure:
    middle, low = statistics.median(ours), statistics.median(floor)
    found = Measure(name, round(middle, 2), round(low, 2), round(middle / low, 3), "ms", runs)
    late, late_floor = (statistics.quantiles(times, n=100)[98] for times in (ours, floor))
    return found.beside(ours_p99=round(late, 2), floor_p99=round(late_floor, 2))


async def _same_answers(small: Asking, large: Asking) -> None:
    """Both must tell the same events, or the comparison is worth nothing."""
    told = [(await each.answer())["events"] for each in (small, large)]
    if told[0] != told[1]:
        raise RuntimeError(f"the same week has {len(told[0])} and {len(told[1])} events")


def _org_id(number: int) -> str:
    return f"organization-{number}"


async def fill(found: Parts, environment: dict[str, str], organizations: int, now: datetime) -> None:
    """Write organizations with their people, calendars and events, and let the application build its indexes."""
    began = time.monotonic()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(found.mongod.uri)
    database = client.get_database(found.database, write_concern=WriteConcern(1))
    companies = [
        Company(_org_id(number), [f"person-{number}-{place}" for place in range(PEOPLE)])
        for number in range(organizations)
    ]
    companies[0].user_ids[0] = found.outside["user_id"]
    await _people(database, companies, now)
    first, *others = companies
    events = list(first.events(now - timedelta(days=30)))
    for name in ("calendar_events", PATTERN):
        await database[name].insert_many(events, ordered=False)
    for number, company in enumerate(others, 1):
        await database[PATTERN].aggregate(_copies(first, company, number)).to_list(1)
    await database.drop_collection(PATTERN)
    client.close()
    with mock.patch.dict(os.environ, {**environment, "MONGODB_TIMEOUT": "900"}, clear=True):
        settings = load_settings(None)
    async with running(settings):
        pass
    Console(stderr=True).print(f"{organizations * PEOPLE * EVENTS:,} events after {time.monotonic() - began:.0f} s")


def _copies(of: Company, company: Company, number: int) -> list[Document]:
    """The same events for another organization, made by MongoDB itself: to send two million takes twice as long."""
    names = ("_id", "event_id", "google_event_id", "meeting_id")
    ids = {name: {"$concat": [{"$substrCP": [f"${name}", 0, 29]}, f"{number:03x}"]} for name in names}
    place = {"$indexOfArray": [of.user_ids, "$user_id"]}
    calendar_ids = [primary_calendar_id(user_id) for user_id in company.user_ids]
    whose = {
        "user_id": {"$arrayElemAt": [company.user_ids, place]},
        "calendar_id": {"$arrayElemAt": [calendar_ids, place]},
        "org_ids": company.org_ids,
    }
    return [{"$set": {**ids, **whose}}, {"$merge": {"into": "calendar_events", "whenMatched": "fail"}}]


async def _people(database: Database, companies: list[Company], now: datetime) -> None:
    """Each belongs to their company, and to the organization of all."""
    confirmed = {"confirmed_at": now, "confirmed_by": "backfill"}
    named = [company.org_id for company in companies] + [EVERYBODY]
    await database["organizations"].insert_many(
        [{"org_id": org_id, "name": org_id, "created_at": now, "updated_at": now, **confirmed} for org_id in named]
    )
    belong = [
        {"user_id": user_id, "org_id": org_id, "role_in_org": "Member", "joined_at": now, **confirmed}
        for company in companies
        for user_id in company.user_ids
        for org_id in (company.org_id, EVERYBODY)
    ]
    await database["user_organizations"].insert_many(belong)
    people = [(company, user_id) for company in companies for user_id in company.user_ids]
    await database["users"].insert_many(
        [{"user_id": user_id, "first_name": "Ada", "email": f"{user_id}@example.com"} for _, user_id in people]
    )
    kept = {"window_start": now - timedelta(days=30), "window_end": now + timedelta(days=365)}
    state = {"status": "synced", "primary": True, "busy": True, "fence": 1, "last_success_at": now, **kept}
    await database["calendars"].insert_many(
        [
            {"calendar_id": primary_calendar_id(user_id), "user_id": user_id, "org_ids": company.org_ids, **state}
            for company, user_id in people
        ]
    )
