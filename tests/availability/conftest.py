"""An organization whose members have calendars; their events are written by the tests themselves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from switchboard.availability import service
from switchboard.availability.schemas import ServiceAvailabilityAsked
from switchboard.calendars.model import calendar_id_of, primary_calendar_id
from switchboard.events.model import LONG, Window
from switchboard.services import Service
from switchboard.spans.model import at
from tests.organizations.conftest import Factory, Organization, organization
from tests.world import Person, World

__all__ = ["organization"]  # fixture

HOUR: Final = timedelta(hours=1)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # of what is pulled


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def told(moment: datetime) -> str:
    """As it is told on the wire."""
    return moment.isoformat().replace("+00:00", "Z")


@dataclass
class Team:
    world: World
    org: Organization

    @property
    def headers(self) -> dict[str, str]:
        return self.org.owner.headers

    async def person(self, *, zone: str = "UTC", **calendar: Any) -> Person:
        """A member with a calendar that was pulled just now, unless its fields say otherwise."""
        (person,) = await self.people(1, zone=zone, **calendar)
        return person

    async def people(self, number: int, *, zone: str = "UTC", **calendar: Any) -> list[Person]:
        people = [self.world.person(google=False) for _ in range(number)]
        for person in people:
            self.connect(person, zone=zone, **calendar)
            self.org.add("Member", person)
        await self.org.mirrored()
        return people

    def connect(self, person: Person, *, zone: str = "UTC", **calendar: Any) -> None:
        scope = ["https://www.googleapis.com/auth/calendar.readonly"]
        self.world.user_document(person, timezone=zone, scope=scope, access_token="a", refresh_token="r")
        self.calendar(person, primary_calendar_id(person.user_id), **calendar)

    def calendar(self, person: Person, calendar_id: str, **fields: Any) -> str:
        """Store a calendar of theirs."""
        own = calendar_id == primary_calendar_id(person.user_id)
        kept = {"calendar_id": calendar_id, "user_id": person.user_id, "primary": own, "org_ids": [self.org.org_id]}
        pulled = {"status": "synced", "last_success_at": datetime.now(UTC), "window_start": FIRST, "window_end": LAST}
        self.world.database["calendars"].insert_one({**kept, **pulled, "busy": True, "fence": 1, **fields})
        return calendar_id

    def second_calendar(self, person: Person, **fields: Any) -> str:
        """Another one that they chose."""
        return self.calendar(person, calendar_id_of(person.user_id, uuid4().hex), **fields)

    def change(self, person: Person, **fields: Any) -> None:
        """Put other fields into their calendars."""
        self.world.database["calendars"].update_many({"user_id": person.user_id}, {"$set": fields})

    def event(self, person: Person, start: datetime, end: datetime, **fields: Any) -> dict[str, Any]:
        own_id = uuid4().hex
        named = {"_id": own_id, "event_id": own_id, "google_event_id": own_id, "title": f"canary-{own_id}"}
        placed = {"user_id": person.user_id, "calendar_id": primary_calendar_id(person.user_id), "run": 1}
        times = {"start_time": start, "end_time": end, "timezone": "UTC", "long": end - start > LONG}
        return {**named, **placed, **times, "org_ids": [self.org.org_id], "busy": True, **fields}

    def busy(self, person: Person, start: datetime, hours: float = 1, **fields: Any) -> None:
        """Store an event of so many hours."""
        self.put(self.event(person, start, start + hours * HOUR, **fields))

    def put(self, *events: dict[str, Any]) -> None:
        self.world.database["calendar_events"].insert_many(events)

    def keeps(self, person: Person, **schedule: Any) -> None:
        """Store working hours of theirs."""
        self.world.database["working_hours"].insert_one({"user_id": person.user_id, **schedule})

    async def shows(self, person: Person, shows: str) -> None:
        answer = await self.world.api.put(
            f"{self.org.at}/calendar-sharing", headers=person.headers, json={"shows": shows}
        )
        assert answer.status_code == 200, answer.text

    async def ask(self, path: str, people: Any, first: datetime, last: datetime, **more: Any) -> httpx.Response:
        body = {"from": first.isoformat(), "to": last.isoformat(), **people, **more}
        return await self.world.api.post(f"{self.org.at}/{path}", headers=self.headers, json=body)

    async def free_busy(self, people: list[Person], first: datetime, last: datetime) -> list[dict[str, Any]]:
        """What is told of each."""
        answer = await self.ask("free-busy", {"people": [each.user_id for each in people]}, first, last)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["people"]
        return found

    async def slots(self, people: list[Person], first: datetime, last: datetime, **more: Any) -> dict[str, Any]:
        """Slots of an hour that all of them have free, unless it is asked for otherwise."""
        asked = {"all_of": [each.user_id for each in people], "duration_minutes": 60, **more}
        answer = await self.ask("availability", asked, first, last)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def starts_as_of(self, now: datetime, people: list[Person], range_: Window, **more: Any) -> list[str]:
        """When slots began for who asked at another time."""
        named = {"org_id": self.org.org_id, "all_of": [each.user_id for each in people]}
        asked = ServiceAvailabilityAsked.model_validate({**named, "from": range_.start, "to": range_.end, **more})
        caller = Service("key", "runtime", frozenset({service.SCOPE}), None, None)
        found = await service.availability_for_service(self.world.services, caller, asked.org_id, asked.asked(), now)
        return [f"{at(slot.begin):%dT%H:%M}" for slot in found.slots]

    async def starts(self, people: list[Person], first: datetime, last: datetime, **more: Any) -> list[str]:
        """When they begin."""
        return [f"{slot['start']:.16}"[8:] for slot in (await self.slots(people, first, last, **more))["slots"]]


@pytest.fixture
async def team(world: World, organization: Factory) -> Team:
    """An organization of its own for the test, with an Owner who asks."""
    return Team(world, await organization("Owner"))


@pytest.fixture
def monday() -> datetime:
    """A Monday to come, in UTC."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 + (7 - today.weekday()) % 7)
