import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from switchboard.calendars.model import Calendar, primary_calendar_id
from switchboard.channels.documents import ChannelDocument
from switchboard.channels.model import PATH, Channel, new_channel
from switchboard.services import Services
from tests.calendars.conftest import connect, event, soon
from tests.worker.conftest import start
from tests.world import Person, World

__all__ = ["connect", "event", "soon", "start"]  # fixtures

Connected = Callable[..., Awaitable[Person]]
Operation = dict[str, Any]

WATCH = "/events/watch$"
STOP = "/channels/stop$"


def now() -> datetime:
    return datetime.now(UTC)


def calendar(world: World, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = world.database["calendars"].find_one({"user_id": person.user_id})
    return found


def channels(world: World, person: Person) -> list[dict[str, Any]]:
    """What is kept of a person's channels, oldest first."""
    return list(world.database["calendar_channels"].find({"user_id": person.user_id}).sort("created_at"))


def opened(world: World, person: Person) -> list[str]:
    """The ids of the channels that Google has open for a person."""
    return [each.id for each in world.google.channels.open.values() if each.email == person.email]


def counted(name: str, outcome: str) -> float:
    return REGISTRY.get_sample_value(f"switchboard_push_{name}_total", {"outcome": outcome}) or 0.0


@contextmanager
def profiled(world: World) -> Iterator[list[Operation]]:
    """What the API and the workers of this process ask of MongoDB meanwhile."""
    found: list[Operation] = []
    database = world.database
    database.command("profile", 2, filter={"appName": "switchboard", "ns": {"$not": {"$regex": "profile|budgets"}}})
    try:
        yield found
    finally:
        database.command("profile", 0)
        found.extend(database["system.profile"].find().sort("ts"))
        database.drop_collection("system.profile")


def near(one: datetime, other: datetime, minutes: float = 1) -> bool:
    return abs(one - other) <= timedelta(minutes=minutes)


def due(world: World, person: Person, **fields: Any) -> None:
    """Let the channel of somebody's calendar be seen to now."""
    past = now() - timedelta(minutes=1)
    world.database["calendars"].update_many({"user_id": person.user_id}, {"$set": {"watch_at": past, **fields}})


def sent(channel: dict[str, Any], token: str) -> dict[str, str]:
    """A notification as Google sends it."""
    named = {"X-Goog-Channel-ID": channel["channel_id"], "X-Goog-Channel-Token": token}
    return {**named, "X-Goog-Resource-ID": channel["resource_id"] or "r", "X-Goog-Resource-State": "exists"}


def secret(world: World) -> str:
    """The token of the channel that was asked for last."""
    token: str = json.loads(world.google.asked(WATCH)[-1].body)["token"]
    return token


def park(world: World) -> None:
    """What other tests left needs no channel, and Google tells nothing of it."""
    kept = world.database["calendars"]
    kept.update_many({"status": "synced"}, {"$set": {"watch_at": now() + timedelta(days=400), "next_sync_at": None}})
    kept.update_many({"status": {"$ne": "synced"}}, {"$set": {"watch_at": None, "next_sync_at": None}})
    world.database["calendar_channels"].delete_many({})
    world.google.channels.open.clear()
    world.google.channels.sent.clear()


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> Iterator[None]:
    if "world" not in request.fixturenames:
        yield
        return
    world: World = request.getfixturevalue("world")
    park(world)
    yield
    park(world)


def pushed(world: World, **limits: Any) -> Services:
    """The services of a worker that has Google tell the API of this world."""
    chosen = world.settings.calendar.model_copy(update={"push_address": world.url, **limits})
    return replace(world.services, settings=world.settings.model_copy(update={"calendar": chosen}))


@pytest.fixture
def services(world: World) -> Services:
    return pushed(world)


@pytest.fixture
def connected(world: World, api: httpx.AsyncClient) -> Connected:
    """Somebody whose calendar was pulled well."""

    async def one() -> Person:
        person = world.person()
        world.grant_tokens(person)
        assert (await api.post("/v1/me/calendar/sync", headers=person.headers)).status_code == 200
        return person

    return one


@dataclass
class Wire:
    """A channel that nobody opened at Google, and what would come through it."""

    world: World
    person: Person
    channel: Channel
    token: str

    def headers(self, state: str = "exists", **other: str) -> dict[str, str]:
        sent = {
            "X-Goog-Channel-ID": self.channel.channel_id,
            "X-Goog-Channel-Token": self.token,
            "X-Goog-Channel-Expiration": "Tue, 01 Dec 2026 08:00:00 GMT",
            "X-Goog-Resource-ID": self.channel.resource_id or "resource",
            "X-Goog-Resource-URI": "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json",
            "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": "7",
        }
        return {**sent, **other}

    async def tell(self, state: str = "exists", **other: str) -> int:
        """What a notification is answered with."""
        return (await self.world.api.post(PATH, headers=self.headers(state, **other))).status_code

    def set(self, **fields: Any) -> None:
        self.world.database["calendars"].update_one({"calendar_id": self.channel.calendar_id}, {"$set": fields})

    @property
    def stored(self) -> dict[str, Any]:
        return calendar(self.world, self.person)


async def wire(world: World, person: Person, **fields: Any) -> Wire:
    stored = Calendar(calendar_id=primary_calendar_id(person.user_id), user_id=person.user_id)
    channel, token = new_channel(stored, now())
    channel = channel.model_copy(update={"resource_id": "the-resource", **fields})
    await ChannelDocument.add(channel)
    return Wire(world, person, channel, token)


@pytest.fixture
async def line(world: World, connected: Connected) -> Wire:
    """A channel of a calendar that is due in an hour."""
    made = await wire(world, await connected())
    made.set(next_sync_at=now() + timedelta(hours=1))
    return made
