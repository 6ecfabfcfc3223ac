from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.pulls import service
from tests.calendars.conftest import connect, event, soon, titles
from tests.world import Person, World

__all__ = ["connect", "event", "soon", "titles"]  # fixtures

LISTING = r"/calendar/v3/calendars/.*/events$"


@pytest.fixture
async def pulled(world: World, ada: Person) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Pulls a person's own calendar, whatever is due of it; how it stands then."""
    world.grant_tokens(ada)

    async def pull(person: Person = ada) -> dict[str, Any]:
        calendar_id = primary_calendar_id(person.user_id)
        await CalendarDocument.add(calendar_id, person.user_id, datetime.now(UTC))
        calendar = await CalendarDocument.claim(calendar_id, "test")
        assert calendar is not None
        await service.pull(world.services, calendar, datetime.now(UTC))
        return calendar_of(world, person)

    return pull


def calendar_of(world: World, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = world.database["calendars"].find_one({"calendar_id": primary_calendar_id(person.user_id)})
    return found


def events_of(world: World, person: Person) -> list[dict[str, Any]]:
    return list(world.database["calendar_events"].find({"user_id": person.user_id}).sort("title"))


def titles_of(world: World, person: Person) -> list[str]:
    return [event["title"] for event in events_of(world, person)]


def only_due(world: World, *people: Person) -> datetime:
    """Nothing is due but the calendars of these people, and they are due since then."""
    now = datetime.now(UTC)
    calendars = world.database["calendars"]
    calendars.update_many({}, {"$set": {"next_sync_at": None}})
    mine = {"user_id": {"$in": [person.user_id for person in people]}}
    calendars.update_many(mine, {"$set": {"next_sync_at": now}})
    return now
