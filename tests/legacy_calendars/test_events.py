"""`calendar/events`: what the Profile page reads, live from Google or from a fresh mirror, and what it creates."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devstack.emulator import Fault
from switchboard.bookings import service as bookings
from switchboard.bookings.model import InvalidEvent, completed_event
from switchboard.connections.model import NotConnected
from switchboard.errors import Unavailable
from switchboard.events.documents import CalendarEventDocument
from tests.legacy_calendars.site import Site, failed
from tests.world import Person, World

LISTING = r"/calendar/v3/calendars/[^/]*/events$"
READ_BY_THE_PAGE = ("id", "summary", "description", "status", "eventType", "htmlLink", "start", "end", "location")
Hour = Callable[..., dict[str, Any]]


@pytest.fixture
def prefix() -> str:
    """One of the two: that they answer alike is what the rows show."""
    return "/calendar-api"


async def shown(site: Site, person: Person) -> dict[str, Any]:
    answer = await site.get("/calendar/events", person)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert set(told) == {"calendars", "events", "timezone"}
    assert told["calendars"]
    return told


async def sync(world: World, person: Person) -> None:
    assert (await world.api.post("/v1/me/calendar/sync", headers=person.headers)).status_code == 200
    world.google.emulator.forget()


def set_zone(world: World, person: Person, zone: str) -> None:
    world.database["users"].update_one({"user_id": person.user_id}, {"$set": {"timezone": zone}})


async def test_events_are_googles_own_items_while_the_mirror_is_not_there(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    event = world.google.insert_event(eve.email, hour("Talk", description="d", location="Hall"))

    told = await shown(site, eve)

    (found,) = told["events"]
    assert {name: found[name] for name in ("id", "etag", "htmlLink", "summary", "status", "eventType")} == {
        name: event[name] for name in ("id", "etag", "htmlLink", "summary", "status", "eventType")
    }
    (entry,) = told["calendars"]
    assert (entry["kind"], entry["id"], entry["primary"]) == ("calendar#calendarListEntry", eve.email, True)


async def test_all_calendars_are_listed(world: World, site: Site, eve: Person) -> None:
    world.google.add_calendar(eve.email, f"team-{eve.email}", "Team")

    assert [entry["id"] for entry in (await shown(site, eve))["calendars"]] == [eve.email, f"team-{eve.email}"]


async def test_a_list_of_calendars_is_never_empty(world: World, site: Site, eve: Person) -> None:
    world.google.fail(Fault(path="calendarList$", status=200, body=json.dumps({"items": []})))

    (entry,) = (await shown(site, eve))["calendars"]

    assert (entry["primary"], entry["summary"]) == (True, eve.email)


async def test_the_next_ten_by_their_start_with_what_runs_now(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    hours = [9, 3, 20, -30, -0.5, 5, 1, 7, 2, 8, 4, 6, 10]
    world.google.bulk_insert(eve.email, [hour(str(place), place) for place in hours])
    expected = [str(place) for place in sorted(hours) if place > -1][:10]

    live = (await shown(site, eve))["events"]
    await sync(world, eve)
    mirrored = (await shown(site, eve))["events"]

    assert [event["summary"] for event in live] == [event["summary"] for event in mirrored] == expected


async def test_short_and_empty_pages_leave_no_event_out(
    world: World, site: Site, eve: Person, hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.google.bulk_insert(eve.email, [hour(str(place), place) for place in range(1, 12)])
    monkeypatch.setattr(world.google.switches, "short_pages", 2)
    monkeypatch.setattr(world.google.switches, "empty_pages", True)

    assert len((await shown(site, eve))["events"]) == 10


async def test_a_fresh_mirror_tells_the_page_what_google_would(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    all_day = {"start": {"date": str(day)}, "end": {"date": str(day + timedelta(days=1))}}
    series = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    series |= {name: {**hour("", 30)[name], "timeZone": "Europe/Berlin"} for name in ("start", "end")}
    world.google.insert_event(eve.email, hour("Talk", 1, description="<b>d</b>", location="Hall"))
    world.google.insert_event(eve.email, hour("With others", 2, attendees=[{"email": "bob@example.com"}]))
    world.google.insert_event(eve.email, {"summary": "All day", **all_day})
    world.google.insert_event(eve.email, {"summary": "Series", **series})
    world.google.insert_event(eve.email, hour("Free", 3, transparency="transparent", visibility="private"))
    set_zone(world, eve, "America/New_York")
    live = await shown(site, eve)
    await sync(world, eve)

    mirrored = await shown(site, eve)

    assert world.google.requests == []
    assert mirrored["timezone"] == live["timezone"] == "America/New_York"
    assert [read(event) for event in mirrored["events"]] == [read(event) for event in live["events"]]
    names = ("transparency", "visibility", "iCalUID", "recurringEventId", "organizer")
    for ours, googles in zip(mirrored["events"], live["events"], strict=True):
        assert {name: ours.get(name) for name in names[:4]} == {name: googles.get(name) for name in names[:4]}
        assert ours["organizer"]["email"] == googles["organizer"]["email"]
        assert ours["updated"] == googles["updated"]
        emails = [person["email"] for person in googles.get("attendees", [])]
        assert [person["email"] for person in ours.get("attendees", [])] == emails
    (entry,) = mirrored["calendars"]
    assert {name: entry[name] for name in ("id", "primary", "timeZone", "accessRole")} == {
        name: live["calendars"][0][name] for name in ("id", "primary", "timeZone", "accessRole")
    }


def read(event: dict[str, Any]) -> dict[str, Any]:
    """What the page reads. The zone an event was made in is left out by Google where it is that of the calendar."""
    times = {name: event[name].get("dateTime") or event[name]["date"] for name in ("start", "end")}
    return {**{name: event.get(name) for name in READ_BY_THE_PAGE}, **times}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"last_success_at": datetime(2026, 1, 1, tzinfo=UTC)}, "it is too old"),
        ({"status": "new"}, "it is being connected anew"),
        ({"window_start": None}, "it was never pulled as a whole"),
    ],
)
async def test_a_mirror_that_is_not_fresh_is_passed_by(
    world: World, site: Site, eve: Person, hour: Hour, change: dict[str, Any], why: str
) -> None:
    await sync(world, eve)
    world.google.insert_event(eve.email, hour("Just now"))
    assert (await shown(site, eve))["events"] == []
    world.database["calendars"].update_one({"user_id": eve.user_id}, {"$set": change})

    assert [event["summary"] for event in (await shown(site, eve))["events"]] == ["Just now"], why


async def test_a_mirror_whose_last_pull_failed_is_good_for_as_long_as_it_is_fresh(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    world.google.insert_event(eve.email, hour("Talk"))
    await sync(world, eve)
    world.google.fail(Fault(times=None, status=503))
    await world.api.post("/v1/me/calendar/sync", headers=eve.headers)

    assert [event["summary"] for event in (await shown(site, eve))["events"]] == ["Talk"]


@pytest.mark.parametrize(("stored", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "Asia/Kolkata")])
async def test_the_zone_is_the_persons_and_a_real_one(
    world: World, site: Site, eve: Person, hour: Hour, stored: str, zone: str
) -> None:
    world.google.insert_event(eve.email, hour())
    set_zone(world, eve, stored)

    told = await shown(site, eve)

    assert told["timezone"] == zone
    start = datetime.fromisoformat(told["events"][0]["start"]["dateTime"])
    assert start.utcoffset() == start.astimezone(ZoneInfo(zone)).utcoffset()


async def test_a_token_that_google_refuses_is_renewed_once(world: World, site: Site, eve: Person, hour: Hour) -> None:
    world.google.insert_event(eve.email, hour("Talk"))
    world.google.expire_access_tokens(eve.email)

    assert [event["summary"] for event in (await shown(site, eve))["events"]] == ["Talk"]
    assert len(world.google.asked("calendarList$")) == 2
    assert len(world.google.asked(LISTING)) == 1


async def test_access_that_was_taken_back_at_google_says_what_to_do(world: World, site: Site, eve: Person) -> None:
    world.google.revoke(eve.email)

    told = failed(await site.get("/calendar/events", eve), 409)

    assert told["code"] == "calendar_access_lost"
    assert world.stored(eve)["refresh_token"]


async def test_google_that_does_not_answer_is_503_without_its_address(world: World, site: Site, eve: Person) -> None:
    world.google.fail(Fault(times=None, status=502))

    told = failed(await site.get("/calendar/events", eve), 503)

    assert told["code"] == "google_unavailable"
    assert "127.0.0.1" not in str(told)


# Creating.


async def test_an_event_is_created_and_echoed_as_google_keeps_it(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    answer = await site.post("/calendar/events", eve, hour("Talk", description="d", location="Hall"))

    told = answer.json()
    assert (answer.status_code, set(told)) == (200, {"message", "event", "timezone"})
    assert (told["message"], told["timezone"]) == ("Event created successfully", "Asia/Kolkata")
    (event,) = (await shown(site, eve))["events"]
    assert told["event"]["id"] == event["id"]
    assert {name: told["event"][name] for name in ("kind", "summary", "description", "location", "status")} == {
        "kind": "calendar#event",
        "summary": "Talk",
        "description": "d",
        "location": "Hall",
        "status": "confirmed",
    }


async def test_a_wall_time_without_a_zone_is_meant_where_the_person_is(world: World, site: Site, eve: Person) -> None:
    set_zone(world, eve, "America/Los_Angeles")
    tomorrow = datetime.now(ZoneInfo("America/Los_Angeles")).date() + timedelta(days=1)
    times = {"start": {"dateTime": f"{tomorrow}T10:00:00"}, "end": {"dateTime": f"{tomorrow}T11:00:00"}}

    told = (await site.post("/calendar/events", eve, {"summary": "Talk", **times})).json()

    assert told["timezone"] == told["event"]["start"]["timeZone"] == "America/Los_Angeles"
    start = datetime.fromisoformat(told["event"]["start"]["dateTime"])
    assert start == datetime.fromisoformat(f"{tomorrow}T10:00:00").replace(tzinfo=ZoneInfo("America/Los_Angeles"))


async def test_a_zone_that_was_sent_stays(site: Site, eve: Person, hour: Hour) -> None:
    event = hour()
    event["start"]["timeZone"] = "Asia/Tokyo"

    told = (await site.post("/calendar/events", eve, event)).json()["event"]

    assert (told["start"]["timeZone"], told["end"]["timeZone"]) == ("Asia/Tokyo", "Asia/Kolkata")


async def test_a_created_event_is_in_a_fresh_mirror_at_once(world: World, site: Site, eve: Person, hour: Hour) -> None:
    await sync(world, eve)
    created = (await site.post("/calendar/events", eve, hour("Talk"))).json()["event"]
    world.google.emulator.forget()

    (event,) = (await shown(site, eve))["events"]
    await world.api.post("/v1/me/calendar/sync", headers=eve.headers)

    assert (event["id"], event["summary"]) == (created["id"], "Talk")
    assert world.database["calendar_events"].count_documents({"user_id": eve.user_id}) == 1


async def test_an_event_of_a_calendar_that_was_never_pulled_is_not_mirrored_alone(
    world: World, site: Site, eve: Person, hour: Hour
) -> None:
    assert (await site.post("/calendar/events", eve, hour("Talk"))).status_code == 200

    assert world.database["calendar_events"].count_documents({"user_id": eve.user_id}) == 0


async def test_a_mirror_that_cannot_be_written_does_not_hide_that_the_event_is_there(
    world: World, site: Site, eve: Person, hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(_: str) -> None:
        raise Unavailable

    monkeypatch.setattr(CalendarEventDocument, "known", unavailable)
    answer = await site.post("/calendar/events", eve, hour("Talk"))
    monkeypatch.undo()

    assert answer.status_code == 200
    assert len((await shown(site, eve))["events"]) == 1


async def test_creating_renews_a_refused_token_once_too(world: World, site: Site, eve: Person, hour: Hour) -> None:
    world.google.expire_access_tokens(eve.email)

    assert (await site.post("/calendar/events", eve, hour())).status_code == 200

    assert len(world.google.asked(LISTING, "POST")) == 2
    assert len((await shown(site, eve))["events"]) == 1


@pytest.mark.parametrize("wrong", ["2026-12-01T10:00:00", 7, [], None])
@pytest.mark.parametrize("name", ["start", "end"])
async def test_a_start_that_is_no_object(
    world: World, site: Site, eve: Person, hour: Hour, name: str, wrong: Any
) -> None:
    told = failed(await site.post("/calendar/events", eve, {**hour(), name: wrong}), 422)

    assert [item["field"] for item in told["errors"]] == [name]
    assert world.google.requests == []


@pytest.mark.parametrize("body", [[], "x", 7])
async def test_an_event_that_is_no_object(site: Site, eve: Person, body: Any) -> None:
    failed(await site.call("POST", "/calendar/events", eve, body), 422)


@pytest.mark.parametrize("body", [{"summary": "canary"}, {"start": {"dateTime": "canary"}, "end": {"date": "x"}}])
async def test_an_event_that_google_refuses(world: World, site: Site, eve: Person, body: Any) -> None:
    told = failed(await site.post("/calendar/events", eve, body), 400)

    assert told["detail"].startswith("Failed to create event: ")
    assert "canary" not in str(told)
    assert len(world.google.asked(LISTING, "POST")) == 1


async def test_an_id_that_is_in_use(world: World, site: Site, eve: Person, hour: Hour) -> None:
    event = {**hour(), "id": "abcde"}
    assert (await site.post("/calendar/events", eve, event)).json()["event"]["id"] == "abcde"

    assert failed(await site.post("/calendar/events", eve, event), 409)["code"] == "event_exists"


async def test_consent_to_read_alone_creates_nothing(world: World, site: Site, newcomer: Person, hour: Hour) -> None:
    site.link(newcomer, scopes=["openid", "https://www.googleapis.com/auth/calendar.readonly"])
    await site.sign_in(newcomer)
    assert (await shown(site, newcomer))["events"] == []
    world.google.emulator.forget()

    assert failed(await site.post("/calendar/events", newcomer, hour()), 403)["code"] == "calendar_writing_not_granted"
    assert world.google.requests == []


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"truncate": True}])
async def test_an_answer_that_is_lost_creates_no_second_event(
    world: World, site: Site, eve: Person, hour: Hour, fault: dict[str, Any]
) -> None:
    world.google.fail(Fault(path=LISTING, method="POST", act_first=True, **fault))

    answer = await site.post("/calendar/events", eve, hour("Talk"))

    assert (answer.status_code, answer.json()["event"]["summary"]) == (200, "Talk")
    assert len(world.google.asked(LISTING, "POST")) == 2
    assert len((await shown(site, eve))["events"]) == 1


def test_an_event_is_completed_and_never_altered() -> None:
    event = {"summary": "x", "start": {"dateTime": "a"}, "end": {"date": "b", "timeZone": ""}, "id": ""}

    done = completed_event(event, "Asia/Tokyo")

    assert len(done.pop("id")) == 32
    assert done == {
        "summary": "x",
        "start": {"dateTime": "a", "timeZone": "Asia/Tokyo"},
        "end": {"date": "b", "timeZone": "Asia/Tokyo"},
    }
    assert event["start"] == {"dateTime": "a"}
    with pytest.raises(InvalidEvent):
        completed_event({"start": "a"}, "Asia/Tokyo")


async def test_who_is_not_connected_creates_nothing_on_a_new_path_either(world: World, bob: Person) -> None:
    identity = world.services.propelauth.identify(f"Bearer {bob.token}")
    with pytest.raises(NotConnected):
        await bookings.create_event(world.services, identity, {}, datetime.now(UTC))
