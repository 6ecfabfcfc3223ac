from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.organizations.conftest import organization as organization
from tests.world import Person, World

SINCE = {"from": "2027-01-01T00:00:00Z", "to": "2027-12-31T00:00:00Z"}


@dataclass
class Booker:
    """Somebody with a calendar that was pulled, who books, changes and cancels."""

    world: World
    person: Person

    @property
    def api(self) -> httpx.AsyncClient:
        return self.world.api

    async def ask(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.api.post("/v1/me/events", headers={**self.person.headers, **headers}, json=body)

    async def book(self, start: str, end: str, **fields: Any) -> dict[str, Any]:
        answer = await self.ask(wish(start, end, **fields))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def change(self, event_id: str, **fields: Any) -> httpx.Response:
        return await self.api.patch(f"/v1/me/events/{event_id}", headers=self.person.headers, json=fields)

    async def cancel(self, event_id: str, **params: Any) -> httpx.Response:
        return await self.api.delete(f"/v1/me/events/{event_id}", headers=self.person.headers, params=params)

    async def seen(self, **params: str) -> list[dict[str, Any]]:
        """Events as the person sees them here, without a pull."""
        now = datetime.now(UTC)
        asked = {"from": (now - timedelta(days=20)).isoformat(), "to": (now + timedelta(days=340)).isoformat()}
        answer = await self.api.get("/v1/me/events", headers=self.person.headers, params={**asked, **params})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["events"])

    async def pull(self) -> None:
        answer = await self.api.post("/v1/me/calendar/sync", headers=self.person.headers)
        assert answer.status_code == 200, answer.text

    def at_google(self, calendar_id: str = "primary") -> list[dict[str, Any]]:
        """What is in a calendar there, without what is cancelled."""
        calendar = self.world.google.events.place(self.person.email, calendar_id).calendar
        bodies = [event.body for event in calendar.events.values()]
        return [body for body in bodies if body["status"] != "cancelled"]

    def put(self, start: str, end: str, **fields: Any) -> dict[str, Any]:
        """An event that was made at Google, past us."""
        times = {"start": {"dateTime": start}, "end": {"dateTime": end}}
        return dict(self.world.google.insert_event(self.person.email, {"summary": "Elsewhere", **times, **fields}))


def wish(start: str, end: str, **fields: Any) -> dict[str, Any]:
    return {"title": "Call", "start": start, "end": end, **fields}


def day(days: int = 3) -> str:
    """A day soon, so that it is among those that are kept here."""
    return str((datetime.now(UTC) + timedelta(days=days)).date())


def span(begin: str, end: str, days: int = 3) -> tuple[str, str]:
    """Two times of that day, in UTC."""
    return f"{day(days)}T{begin}:00Z", f"{day(days)}T{end}:00Z"


async def pulled(world: World, person: Person | None = None, **fields: Any) -> Booker:
    person = person or world.person()
    world.grant_tokens(person, **{"timezone": "Europe/Berlin", **fields})
    booker = Booker(world, person)
    await booker.pull()
    world.google.emulator.forget()
    return booker


@pytest.fixture
async def ada(world: World) -> Booker:  # type: ignore[override]
    return await pulled(world)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def new_id() -> str:
    return uuid4().hex
