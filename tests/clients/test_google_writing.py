"""Lists as Google sends them, and events that are created once however often they are sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from switchboard.clients.google import GoogleClient
from switchboard.clients.google_errors import (
    AccessLost,
    EventExists,
    EventRefused,
    GoogleUnavailable,
    InvalidAccessToken,
    as_our_event_error,
)
from switchboard.connections.model import SCOPES
from switchboard.errors import SwitchboardError
from tests.clients.test_google import _leaks
from tests.world import Person, World

INSERT = {"path": "/events$", "method": "POST"}


@pytest.fixture
async def client(world: World) -> AsyncIterator[GoogleClient]:
    async with GoogleClient.opened(world.settings.google, backoff=0.01) as found:
        yield found


@pytest.fixture
def token(world: World, ada: Person) -> str:
    return str(world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))["access_token"])


def talk(**fields: Any) -> dict[str, Any]:
    times = {"start": {"dateTime": "2027-03-01T10:00:00Z"}, "end": {"dateTime": "2027-03-01T11:00:00Z"}}
    return {"id": uuid4().hex, "summary": "Talk", **times, **fields}


async def stored(client: GoogleClient, token: str, limit: int = 50) -> list[dict[str, Any]]:
    return await client.upcoming_events(token, since="2027-01-01T00:00:00Z", timezone="Asia/Tokyo", limit=limit)


async def test_an_event_is_created_in_the_persons_own_calendar(client, token) -> None:
    created = await client.insert_event(token, talk())

    (found,) = await stored(client, token)
    assert found["id"] == created["id"]
    assert found["start"]["dateTime"] == "2027-03-01T19:00:00+09:00"


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"truncate": True}])
async def test_a_try_without_an_answer_creates_no_second_event(world, client, token, fault) -> None:
    world.google.fail(Fault(times=2, act_first=True, **INSERT, **fault))

    created = await client.insert_event(token, talk())

    assert [found["id"] for found in await stored(client, token)] == [created["id"]]


async def test_a_try_that_did_nothing_is_made_again(world, client, token) -> None:
    world.google.fail(Fault(times=2, status=503, **INSERT))

    assert (await client.insert_event(token, talk()))["summary"] == "Talk"
    assert len(world.google.asked(**INSERT)) == 3


async def test_an_id_that_is_in_use_is_not_taken_for_a_success(client, token) -> None:
    event = talk()
    await client.insert_event(token, event)

    with pytest.raises(EventExists):
        await client.insert_event(token, {**event, "summary": "Another"})


@pytest.mark.parametrize("event", [{}, talk(end={"dateTime": "2026-01-01T00:00:00Z"}), talk(start={"date": "x"})])
async def test_an_event_that_makes_no_sense_is_refused_at_once(world, client, token, event) -> None:
    with pytest.raises(EventRefused):
        await client.insert_event(token, event)
    assert len(world.google.requests) == 1


async def test_a_refused_token_and_missing_scopes_are_told_apart(world, ada, client) -> None:
    with pytest.raises(InvalidAccessToken):
        await client.insert_event("nothing", talk())
    reading = ["https://www.googleapis.com/auth/calendar.readonly"]
    token = world.google.grant(ada.email, world.settings.google.client_id, reading)["access_token"]
    with pytest.raises(AccessLost):
        await client.insert_event(token, talk())


async def test_google_that_stays_down_is_unavailable_and_says_nothing_secret(world, client, token, ada) -> None:
    world.google.fail(Fault(times=None, status=500))
    for call in (client.insert_event(token, talk()), client.calendar_list(token), stored(client, token)):
        with pytest.raises(GoogleUnavailable) as raised:
            await call
        assert not _leaks(raised.value, world.google.url, token, ada.email)


async def test_writing_has_a_deadline(world, token) -> None:
    world.google.fail(Fault(times=None, latency=5))
    settings = world.settings.google.model_copy(update={"timeout": 0.05})
    async with GoogleClient.opened(settings, backoff=0.01) as client, asyncio.timeout(3):
        with pytest.raises(GoogleUnavailable):
            await client.insert_event(token, talk())


async def test_a_list_of_calendars_is_as_google_sends_it(world, client, token, ada) -> None:
    world.google.add_calendar(ada.email, f"team-{ada.email}", "Team", access_role="reader")

    own, team = await client.calendar_list(token)

    assert (own["primary"], own["id"], own["timeZone"]) == (True, ada.email, "Europe/Berlin")
    assert (team["summary"], team["accessRole"]) == ("Team", "reader")


async def test_upcoming_events_come_in_order_and_no_more_than_asked_for(client, token) -> None:
    for day in (3, 1, 2):
        moment = datetime(2027, 3, day, 10, tzinfo=UTC)
        times = {"start": {"dateTime": moment.isoformat()}, "end": {"dateTime": moment.isoformat()}}
        await client.insert_event(token, {"id": uuid4().hex, "summary": str(day), **times})

    assert [found["summary"] for found in await stored(client, token, limit=2)] == ["1", "2"]


async def test_pages_that_hold_more_than_is_missing_are_cut(world, client, token) -> None:
    for page in ({"items": [{"id": "a"}, {"id": "b"}], "nextPageToken": "n"}, {"items": [{"id": "c"}, {"id": "d"}]}):
        world.google.fail(Fault(status=200, body=json.dumps(page)))

    assert [found["id"] for found in await stored(client, token, limit=3)] == ["a", "b", "c"]


async def test_a_list_that_never_ends_is_no_answer(world, client, token) -> None:
    world.google.fail(Fault(times=None, status=200, body='{"nextPageToken": "again"}'))

    with pytest.raises(GoogleUnavailable):
        await client.calendar_list(token)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, EventRefused), (409, EventExists), (401, InvalidAccessToken), (418, SwitchboardError)]
)
def test_what_an_answer_to_a_written_event_means(status, kind) -> None:
    assert type(as_our_event_error(status, json.loads("{}"))) is kind
