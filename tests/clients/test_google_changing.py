"""One event read, changed and cancelled; what a time is busy with."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from switchboard.clients.google import GoogleClient, Place
from switchboard.clients.google_errors import (
    AccessLost,
    Busy,
    CalendarReadOnly,
    EventExists,
    EventNotFound,
    EventRefused,
    GoogleUnavailable,
    NotTheOrganizer,
    as_our_change_error,
    as_our_error,
    as_our_event_error,
)
from switchboard.connections.model import SCOPES
from switchboard.errors import Misconfigured, SwitchboardError
from tests.clients.test_google import _leaks
from tests.world import Person, World

EVENT = r"/events/[a-z0-9_]+$"
BUSY = r"/freeBusy$"
TEN, ELEVEN = datetime(2027, 3, 1, 10, tzinfo=UTC), datetime(2027, 3, 1, 11, tzinfo=UTC)


@pytest.fixture
async def client(world: World) -> AsyncIterator[GoogleClient]:
    async with GoogleClient.opened(world.settings.google, backoff=0.01) as found:
        yield found


@pytest.fixture
def token(world: World, ada: Person) -> str:
    return str(world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))["access_token"])


def talk(start: datetime = TEN, end: datetime = ELEVEN, **fields: Any) -> dict[str, Any]:
    times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
    return {"id": uuid4().hex, "summary": "Talk", **times, **fields}


@pytest.fixture
async def place(client: GoogleClient, token: str, ada: Person) -> Place:
    created = await client.insert_event(token, talk(description="Slides"), ada.email)
    return Place(ada.email, created["id"])


async def test_an_event_is_changed_where_it_says_and_emptied_where_it_says_none(client, token, place) -> None:
    await client.patch_event(token, place, {"summary": "Lecture", "description": None})

    found = await client.event(token, place)
    assert found["summary"] == "Lecture"
    assert "description" not in found
    assert found["start"]["dateTime"][:16] == "2027-03-01T11:00"


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"truncate": True}])
async def test_a_change_whose_answer_was_lost_is_made_once_more(world, client, token, place, fault) -> None:
    world.google.fail(Fault(path=EVENT, method="PATCH", times=2, act_first=True, **fault))

    changed = await client.patch_event(token, place, {"summary": "Lecture"})

    assert changed["summary"] == "Lecture"


async def test_a_cancelled_event_stays_known_as_cancelled(client, token, place) -> None:
    await client.delete_event(token, place)

    assert (await client.event(token, place))["status"] == "cancelled"


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}])
async def test_a_cancellation_whose_answer_was_lost_is_not_an_error(world, client, token, place, fault) -> None:
    world.google.fail(Fault(path=EVENT, method="DELETE", act_first=True, **fault))

    await client.delete_event(token, place)

    assert len(world.google.asked(EVENT, "DELETE")) == 2


async def test_cancelling_what_is_gone_or_never_was_does_nothing(client, token, place, ada) -> None:
    await client.delete_event(token, place)
    await client.delete_event(token, place)
    await client.delete_event(token, Place(ada.email, "never0was"))


async def test_an_answer_to_a_cancellation_that_is_no_answer_of_google_is_none(world, client, token, place) -> None:
    world.google.fail(Fault(path=EVENT, times=None, status=200, body="<html>Sign in</html>", content_type="text/html"))

    with pytest.raises(GoogleUnavailable):
        await client.delete_event(token, place)


async def test_an_event_that_is_not_there_is_not_found(client, token, ada) -> None:
    with pytest.raises(EventNotFound):
        await client.event(token, Place(ada.email, "never0was"))
    with pytest.raises(EventNotFound):
        await client.patch_event(token, Place(ada.email, "never0was"), {"summary": "Talk"})


async def test_a_change_that_makes_no_sense_is_refused(client, token, place) -> None:
    with pytest.raises(EventRefused):
        await client.patch_event(token, place, {"end": {"dateTime": "2020-01-01T00:00:00Z"}})


async def test_a_calendar_one_may_only_read_is_not_written_to(world, client, token, ada) -> None:
    shared = f"team-{uuid4().hex}"
    world.google.add_calendar(ada.email, shared, "Team", access_role="reader")

    with pytest.raises(CalendarReadOnly):
        await client.insert_event(token, talk(), shared)


async def test_an_event_is_created_in_any_calendar_and_people_are_told_on_wish(world, client, token, ada) -> None:
    odd = f"a/b {uuid4().hex}"
    world.google.add_calendar(ada.email, odd, "Odd")
    created = await client.insert_event(token, talk(), odd, invite=True)
    place = Place(odd, created["id"])
    await client.patch_event(token, place, {"summary": "Lecture"}, invite=True)
    (found,) = await client.events_between(token, odd, (TEN, ELEVEN), 10)
    await client.delete_event(token, place)

    assert found["summary"] == "Lecture"
    told = [asked.query.get("sendUpdates") for asked in world.google.requests if asked.method != "GET"]
    assert told == ["all", "all", None]


async def test_events_between_touch_the_time_and_come_in_order(client, token, ada) -> None:
    hour = timedelta(hours=1)
    for begin in (TEN + hour, TEN - hour, TEN, TEN + 2 * hour):
        await client.insert_event(token, talk(begin, begin + hour), ada.email)

    found = await client.events_between(token, ada.email, (TEN, TEN + 2 * hour), 10)

    assert [each["start"]["dateTime"][11:13] for each in found] == ["11", "12"]


async def test_busy_times_are_those_google_says_in_utc(world, client, token, ada) -> None:
    other = f"other-{uuid4().hex}"
    world.google.add_calendar(ada.email, other, "Other")
    await client.insert_event(token, talk(), ada.email)
    await client.insert_event(token, talk(TEN, TEN + timedelta(minutes=5), transparency="transparent"), other)

    found = await client.busy(token, [ada.email, other, "nobody@example.com"], TEN, ELEVEN)

    assert found == {ada.email: [(TEN, ELEVEN)], other: []}


async def test_many_calendars_and_long_times_are_asked_about_in_parts(world, client, token, ada) -> None:
    ids = [f"cal-{number}-{uuid4().hex}" for number in range(51)]
    for each in ids:
        world.google.add_calendar(ada.email, each, "One of many")
    for each in (ids[0], ids[50]):
        await client.insert_event(token, talk(), each)

    found = await client.busy(token, ids, TEN - timedelta(days=100), TEN + timedelta(days=100))

    assert set(found) == set(ids)
    assert [each for each in ids if found[each]] == [ids[0], ids[50]]
    asked = [json.loads(each.body) for each in world.google.asked(BUSY)]
    assert max(len(each["items"]) for each in asked) == 50
    assert len(asked) == 8


ODD = [
    {},
    {"calendars": []},
    {"calendars": {"a": {}}},
    {"calendars": {"a": None}},
    {"calendars": {"a": {"busy": [{"start": "yesterday", "end": "today"}]}}},
    {"calendars": {"a": {"busy": [{"start": "2027-03-01T10:00:00", "end": "2027-03-01T11:00:00"}]}}},
    {"calendars": {"a": {"errors": [{"reason": "internalError"}], "busy": []}}},
]


@pytest.mark.parametrize("body", ODD)
async def test_a_free_calendar_is_never_made_of_a_broken_answer(world, client, token, body) -> None:
    world.google.fail(Fault(path=BUSY, times=None, status=200, body=json.dumps(body)))

    with pytest.raises(GoogleUnavailable):
        await client.busy(token, ["a"], TEN, ELEVEN)


async def test_an_error_that_passes_about_one_calendar_is_asked_about_again(world, client, token, ada) -> None:
    error = {"calendars": {ada.email: {"errors": [{"reason": "backendError"}]}}}
    world.google.fail(Fault(path=BUSY, times=2, status=200, body=json.dumps(error)))

    assert await client.busy(token, [ada.email], TEN, ELEVEN) == {ada.email: []}


async def test_each_of_them_has_a_deadline_and_tells_no_secret(world, token, ada) -> None:
    world.google.fail(Fault(times=None, latency=5))
    settings = world.settings.google.model_copy(update={"timeout": 0.05})
    place = Place(ada.email, "event1")
    async with GoogleClient.opened(settings, backoff=0.01) as client:
        calls = (
            client.event(token, place),
            client.patch_event(token, place, {}),
            client.delete_event(token, place),
            client.busy(token, [ada.email], TEN, ELEVEN),
            client.events_between(token, ada.email, (TEN, ELEVEN), 10),
        )
        for call in calls:
            async with asyncio.timeout(3):
                with pytest.raises(GoogleUnavailable) as raised:
                    await call
            assert not _leaks(raised.value, world.google.url, token, ada.email)


def body(reason: str) -> dict[str, Any]:
    return {"error": {"errors": [{"reason": reason}]}}


ROWS = [
    (403, "forbiddenForNonOrganizer", NotTheOrganizer),
    (403, "cannotChangeOrganizer", NotTheOrganizer),
    (403, "requiredAccessLevel", CalendarReadOnly),
    (403, "forbidden", CalendarReadOnly),
    (403, "rateLimitExceeded", Busy),
    (403, "insufficientPermissions", AccessLost),
    (403, "accessNotConfigured", Misconfigured),
    (404, "notFound", EventNotFound),
    (410, "deleted", EventNotFound),
    (404, "", SwitchboardError),
    (400, "timeRangeEmpty", EventRefused),
    (401, "authError", AccessLost),
    (409, "conflict", Busy),
    (503, "backendError", Busy),
]


@pytest.mark.parametrize(("status", "reason", "kind"), ROWS)
def test_what_an_answer_to_a_change_means(status, reason, kind) -> None:
    error = as_our_change_error(status, body(reason))

    assert isinstance(error, kind)
    assert kind is not SwitchboardError or type(error) is SwitchboardError


def test_what_is_refused_to_a_new_event_is_not_what_is_refused_to_a_list() -> None:
    assert type(as_our_event_error(403, body("requiredAccessLevel"))) is CalendarReadOnly
    assert type(as_our_error(403, body("requiredAccessLevel"))) is not CalendarReadOnly
    assert type(as_our_event_error(409, body("duplicate"))) is EventExists
