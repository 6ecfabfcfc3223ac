from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from switchboard.pulls import service
from tests.world import Person, World


async def pull_due(world: World, now: datetime) -> bool:
    """Pull what is due then, as a worker would: changes, then what takes longer; whether anything was."""
    changes = await service.sync_changes(world.services, now)
    return await service.sync_whole(world.services, now) or changes


@pytest.fixture
def connect(world: World, api: httpx.AsyncClient) -> Callable[[Person], Awaitable[httpx.Response]]:
    """Connects a person by our own consent, as a browser and the front end would."""

    async def connected(person: Person, scopes: list[str] | None = None) -> httpx.Response:
        begun = await api.post("/v1/me/calendar/connect", headers=person.headers)
        location = await world.google.approve(begun.json()["authorization_url"], person.email, scopes)
        brought = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        body = {"state": brought["state"], "code": brought["code"]}
        return await api.post("/v1/me/calendar/confirm", headers=person.headers, json=body)

    return connected


@pytest.fixture
def soon() -> datetime:
    """The top of tomorrow's tenth hour."""
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)


@pytest.fixture
def event(soon: datetime) -> Callable[..., dict[str, Any]]:
    """The body of an event of one hour, `hours` from `soon`."""

    def body(title: str = "Standup", hours: float = 0, length: float = 1, **fields: Any) -> dict[str, Any]:
        start = soon + timedelta(hours=hours)
        end = start + timedelta(hours=length)
        times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        return {"summary": title, **times, **fields}

    return body


@pytest.fixture
def titles(api: httpx.AsyncClient) -> Callable[..., Awaitable[list[str]]]:
    """Titles of a person's events around now, in the order they are given."""

    async def read(person: Person, days: int = 300) -> list[str]:
        now = datetime.now(UTC)
        asked = {"from": (now - timedelta(days=25)).isoformat(), "to": (now + timedelta(days=days)).isoformat()}
        found: list[str] = []
        cursor: str | None = None
        while True:
            query = {**asked, "limit": "100", **({"cursor": cursor} if cursor else {})}
            answer = await api.get("/v1/me/events", headers=person.headers, params=query)
            assert answer.status_code == 200, answer.text
            found += [event["title"] for event in answer.json()["events"]]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found

    return read
