"""An organization with calendars as a worker leaves them: documents as they are stored, made from Google's items."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.calendars.model import primary_calendar_id
from switchboard.events.model import Owner, Window, read_changes
from tests.organization_calendars.plain import MONDAY, at
from tests.organizations.conftest import Factory, Organization, organization
from tests.world import Person, World

__all__ = ["organization"]  # fixture
Found = dict[str, Any]

KEPT = Window(MONDAY - timedelta(days=400), MONDAY + timedelta(days=400))


@dataclass
class Diaries:
    """The calendars of an organization's people. Hours are those from Monday on."""

    world: World
    org: Organization

    def connect(self, *people: Person, **fields: Any) -> None:
        """Give each a calendar that was pulled a moment ago; `fields` are stored as well."""
        for person in people:
            kept = {"window_start": KEPT.start, "window_end": KEPT.end, "last_success_at": datetime.now(UTC)}
            named = {"calendar_id": primary_calendar_id(person.user_id), "user_id": person.user_id, "primary": True}
            state = {"status": "synced", "busy": True, "org_ids": [self.org.org_id], "fence": 1, "timezone": "UTC"}
            self.world.database["calendars"].insert_one({**named, **state, **kept, **fields})

    def change(self, person: Person, **fields: Any) -> None:
        """Change what is stored of somebody's own calendar."""
        which = {"calendar_id": primary_calendar_id(person.user_id)}
        self.world.database["calendars"].update_one(which, {"$set": fields})

    def put(
        self, person: Person, title: str = "Standup", hour: float = 10, length: float = 1, **item: Any
    ) -> dict[str, Any]:
        """Put an event into a calendar, as it is stored; `stored` and `calendar_id` are for its document itself."""
        stored, calendar_id = item.pop("stored", {}), item.pop("calendar_id", primary_calendar_id(person.user_id))
        times = {"start": {"dateTime": at(hour).isoformat()}, "end": {"dateTime": at(hour + length).isoformat()}}
        told = {"id": uuid4().hex, "summary": title, **times, **item}
        owner = Owner(person.user_id, calendar_id, [self.org.org_id])
        (change,) = read_changes(owner, [told], "UTC", KEPT)
        assert change.fields is not None
        document = {"_id": change.event_id, "event_id": change.event_id, **change.fields, "run": 1, **stored}
        self.world.database["calendar_events"].insert_one(document)
        return document

    def meeting(self, people: list[Person], title: str = "Review", hour: float = 10, **item: Any) -> None:
        """Put one meeting into several calendars."""
        named = {"id": uuid4().hex, "iCalUID": f"{uuid4().hex}@google.com"}
        for person in people:
            guests = [{"email": each.email, "self": each is person, "responseStatus": "accepted"} for each in people]
            self.put(person, title, hour, **{**named, "attendees": guests, **item})

    async def ask(self, person: Person, **params: Any) -> httpx.Response:
        """One page of that week."""
        asked = {"from": MONDAY.isoformat(), "to": (MONDAY + timedelta(days=7)).isoformat(), **params}
        named = {"from" if name == "since" else name: value for name, value in asked.items()}
        return await self.world.api.get(f"{self.org.at}/events", headers=person.headers, params=named)

    async def page(self, person: Person, **params: Any) -> Found:
        answer = await self.ask(person, **params)
        assert answer.status_code == 200, answer.text
        found: Found = answer.json()
        return found

    async def pages(self, person: Person, **params: Any) -> list[list[Found]]:
        """All pages, as they come."""
        found: list[list[Found]] = []
        more: dict[str, Any] = {}
        for _ in range(400):
            page = await self.page(person, **params, **more)
            found.append(page["events"])
            if page["next_cursor"] is None:
                return found
            more = {"cursor": page["next_cursor"]}
        raise AssertionError("there is no end to the pages")

    async def events(self, person: Person, **params: Any) -> list[Found]:
        return [event for page in await self.pages(person, **params) for event in page]

    async def titles(self, person: Person, **params: Any) -> list[str | None]:
        return [event["title"] for event in await self.events(person, **params)]

    async def share(self, person: Person, shows: str) -> None:
        """Choose what the organization sees."""
        there = f"{self.org.at}/calendar-sharing"
        answer = await self.world.api.put(there, headers=person.headers, json={"shows": shows})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def diaries(world: World, organization: Factory) -> Callable[..., Awaitable[Diaries]]:
    """Make an organization with a person in each of these roles, each with a calendar."""

    async def make(*roles: str) -> Diaries:
        org = await organization(*roles)
        made = Diaries(world, org)
        made.connect(*org.people.values())
        return made

    return make


Make = Callable[..., Awaitable[Diaries]]
