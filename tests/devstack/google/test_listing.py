"""Filters, order, masks, views and rights of `events.list` and the small resources."""

import time
from datetime import UTC, datetime

import pytest

from devstack.google import GoogleEmulator
from tests.devstack.google.driver import ANN, BOB, SCOPE, Browser, event

NINE = ("2026-03-02T09:00:00", "2026-03-02T10:00:00")


async def names(browser: Browser, **query: object) -> list[str]:
    return [item.get("summary", "") for item in await browser.listed(**query)]


async def test_time_bounds_are_exclusive(google, ann: Browser):
    google.insert_event(ANN, event(*NINE))
    assert await names(ann, timeMin="2026-03-02T10:00:00+01:00") == []
    assert await names(ann, timeMin="2026-03-02T09:59:59+01:00") == ["Talk"]
    assert await names(ann, timeMax="2026-03-02T09:00:00+01:00") == []
    assert await names(ann, timeMax="2026-03-02T09:00:01+01:00") == ["Talk"]


async def test_days_begin_and_end_at_midnight_of_the_calendar(google, ann: Browser):
    google.insert_event(ANN, event("2026-07-01", "2026-07-02"))
    assert await names(ann, timeMin="2026-07-01T22:00:00Z") == []
    assert await names(ann, timeMin="2026-07-01T21:59:59Z") == ["Talk"]
    assert await names(ann, timeMax="2026-06-30T22:00:00Z") == []
    assert await names(ann, timeMax="2026-06-30T22:00:01Z") == ["Talk"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"timeMin": "2026-03-02T00:00:00Z", "timeMax": "2026-03-02T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeMin": "2026-03-02"}, "badRequest"),
        ({"timeMin": "2026-03-02T00:00:00"}, "badRequest"),
        ({"orderBy": "startTime"}, "invalid"),
        ({"orderBy": "name"}, "invalidParameter"),
        ({"maxResults": "0"}, "invalidParameter"),
        ({"singleEvents": "perhaps"}, "invalidParameter"),
        ({"timeZone": "Mars/Olympus"}, "invalid"),
        ({"pageToken": "rubbish"}, "invalid"),
        ({"fields": "items("}, "invalidParameter"),
    ],
)
async def test_a_wrong_query_is_refused(ann: Browser, query, reason):
    answer = await ann.events(**query)
    assert (ann.status, ann.reason(answer)) == (400, reason)


async def test_the_page_size_is_clamped_to_2500(google, ann: Browser):
    google.bulk_insert(ANN, [event(*NINE) for _ in range(2501)])
    assert [len(page["items"]) for page in await ann.pages(maxResults=9999)] == [2500, 1]
    assert len((await ann.events())["items"]) == 250


async def test_order_by_start_time_sorts_instances_among_others(google, ann: Browser):
    google.insert_event(ANN, event("2026-03-10T09:00:00", "2026-03-10T10:00:00", "single"))
    google.insert_event(ANN, event(*NINE, "series", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"]))
    google.insert_event(ANN, event("2026-03-01", "2026-03-02", "day"))
    expected = ["day", "series", "series", "single", "series"]
    assert await names(ann, singleEvents="true", orderBy="startTime", maxResults=2) == expected


async def test_order_by_updated_puts_the_latest_change_last(google, ann: Browser):
    first = google.insert_event(ANN, event(*NINE, "first"))
    google.insert_event(ANN, event(*NINE, "second"))
    google.patch_event(ANN, first["id"], {"location": "here"})
    assert await names(ann, orderBy="updated") == ["second", "first"]


async def test_filters_find_by_text_uid_type_property_and_change(google, ann: Browser):
    shared = {"extendedProperties": {"private": {"a": "1"}, "shared": {"b": "2"}}}
    one = google.insert_event(ANN, event(*NINE, "Budget", location="Room 5", **shared))
    google.insert_event(ANN, event(*NINE, "Away", eventType="outOfOffice"))
    assert await names(ann, q="budget room") == ["Budget"]
    assert await names(ann, iCalUID=one["iCalUID"]) == ["Budget"]
    assert await names(ann, eventTypes=["outOfOffice", "focusTime"]) == ["Away"]
    assert await names(ann, privateExtendedProperty="a=1", sharedExtendedProperty="b=2") == ["Budget"]
    assert await names(ann, privateExtendedProperty="a=2") == []
    google.clock.advance(3000)
    google.delete_event(ANN, one["id"])
    since = datetime.fromtimestamp(google.clock.now() - 100, UTC).isoformat()
    assert [item["status"] for item in await ann.listed(updatedMin=since)] == ["cancelled"]


async def test_deleted_events_show_only_on_demand(google, ann: Browser):
    gone = google.insert_event(ANN, event(*NINE))
    google.delete_event(ANN, gone["id"])
    assert await ann.listed() == []
    assert [item["status"] for item in await ann.listed(showDeleted="True")] == ["cancelled"]


async def test_a_field_mask_keeps_only_what_it_names(google, ann: Browser):
    google.insert_event(ANN, event(*NINE, attendees=[{"email": "x@y.z"}]))
    page = await ann.events(fields="nextPageToken,nextSyncToken,items(id,start/dateTime,attendees(email))")
    assert page.keys() == {"nextSyncToken", "items"}
    (item,) = page["items"]
    assert item == {
        "id": item["id"],
        "start": {"dateTime": "2026-03-02T09:00:00+01:00"},
        "attendees": [{"email": "x@y.z"}],
    }
    assert (await ann.events(fields="timeZone")) == {"timeZone": "Europe/Berlin"}
    assert (await ann.events(fields="items/id"))["items"] == [{"id": item["id"]}]


async def test_instances_obey_the_field_mask_too(google, ann: Browser):
    google.insert_event(ANN, event(*NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=2"]))
    page = await ann.events(singleEvents="true", fields="items(summary,start/dateTime)")
    assert page["items"][1] == {"summary": "Talk", "start": {"dateTime": "2026-03-03T09:00:00+01:00"}}


async def test_the_time_zone_parameter_changes_the_offset_and_not_the_zone(google, ann: Browser):
    google.insert_event(ANN, event(*NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=1"]))
    for single in ("true", "false"):
        page = await ann.events(timeZone="Asia/Tokyo", singleEvents=single)
        assert page["timeZone"] == "Asia/Tokyo"
        assert page["items"][0]["start"] == {"dateTime": "2026-03-02T17:00:00+09:00", "timeZone": "Europe/Berlin"}


async def test_an_event_of_another_zone_has_the_offset_of_the_calendar(google, ann: Browser):
    times = {"dateTime": "2026-03-02T09:00:00-05:00", "timeZone": "America/New_York"}
    google.insert_event(ANN, {"start": times, "end": times})
    (item,) = await ann.listed()
    assert item["start"] == {"dateTime": "2026-03-02T15:00:00+01:00", "timeZone": "America/New_York"}


async def test_defaults_and_empty_texts_are_left_out(google, ann: Browser):
    body = event(*NINE, "", transparency="opaque", visibility="default", attendees=[], guestsCanInviteOthers=True)
    google.insert_event(ANN, body)
    (item,) = await ann.listed()
    assert not {"summary", "transparency", "visibility", "attendees", "guestsCanInviteOthers"} & item.keys()
    assert item["kind"] == "calendar#event"
    assert item["etag"].startswith('"')


async def test_more_attendees_than_asked_for_leave_only_oneself(google, ann: Browser):
    google.insert_event(ANN, event(*NINE, attendees=[{"email": ANN}, {"email": "x@y.z"}, {"email": "z@y.z"}]))
    (item,) = await ann.listed(maxAttendees=2)
    assert item["attendeesOmitted"] is True
    assert [(a["email"], a["self"]) for a in item["attendees"]] == [(ANN, True)]
    (item,) = await ann.listed(maxAttendees=3)
    assert "attendeesOmitted" not in item


@pytest.mark.parametrize(("role", "hidden"), [("writer", 0), ("reader", 1), ("freeBusyReader", 2)])
async def test_who_may_only_read_sees_no_details_of_private_events(google, bob: Browser, role, hidden):
    google.add_calendar(ANN, "team", "Team", "Europe/Berlin")
    google.add_calendar(BOB, "team", "Team", access_role=role)
    google.insert_event(ANN, event(*NINE, "open", location="here"), "team")
    google.insert_event(ANN, event(*NINE, "secret", location="there", visibility="private"), "team")
    items = await bob.listed("team")
    assert sum("summary" not in item for item in items) == hidden
    secret = items[1]
    assert secret["visibility"] == "private"
    assert ("location" in secret) is (hidden == 0)
    assert {"id", "status", "start", "end"} <= secret.keys()
    single = await bob.get(f"calendars/team/events/{secret['id']}")
    assert ("summary" in single) is (hidden == 0)


async def test_readers_may_not_write(google, bob: Browser):
    google.add_calendar(ANN, "team", "Team")
    google.add_calendar(BOB, "team", "Team", access_role="reader")
    kept = google.insert_event(ANN, event(*NINE), "team")
    await bob.call("POST", "calendars/team/events", event(*NINE))
    assert bob.status == 403
    await bob.call("DELETE", f"calendars/team/events/{kept['id']}")
    assert bob.status == 403
    assert await bob.get("calendars/team/events/nothing") is not None
    assert bob.status == 404


async def test_an_unknown_calendar_and_an_unknown_event_are_404(ann: Browser, bob: Browser):
    await ann.events("nowhere")
    assert ann.status == 404
    await ann.events(BOB)
    assert ann.status == 404
    await ann.get("calendars/primary/events/nothing")
    assert ann.status == 404


async def test_an_id_with_special_characters_works(google, ann: Browser):
    google.add_calendar(ANN, "en.usa#holiday@group.v.calendar.google.com", "Holidays", access_role="reader")
    assert (await ann.events("en.usa%23holiday%40group.v.calendar.google.com"))["accessRole"] == "reader"


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("calendar.readonly", "users/me/calendarList", 200),
        ("calendar.readonly", "colors", 200),
        ("calendar.events.readonly", "calendars/primary/events", 200),
        ("calendar.events.readonly", "users/me/calendarList", 403),
        ("calendar.events.readonly", "colors", 403),
        ("calendar.freebusy", "calendars/primary/events", 403),
        ("calendar.calendarlist.readonly", "users/me/calendarList", 200),
    ],
)
async def test_each_method_needs_one_of_its_published_scopes(google, ann: Browser, scope, path, status):
    ann.token = google.grant(ANN, "client", [f"{SCOPE.rpartition('/')[0]}/{scope}"])["access_token"]
    await ann.get(path)
    assert ann.status == status


async def test_the_calendar_list_pages_and_filters(google, ann: Browser):
    for number in range(4):
        google.add_calendar(ANN, f"c{number}", f"C{number}", access_role="reader" if number % 2 else "owner")
    first = await ann.get("users/me/calendarList", maxResults=3)
    assert "nextSyncToken" not in first
    last = await ann.get("users/me/calendarList", maxResults=3, pageToken=first["nextPageToken"])
    assert len(first["items"] + last["items"]) == 5
    assert first["items"][0]["primary"] is True
    assert len((await ann.get("users/me/calendarList", minAccessRole="owner"))["items"]) == 3
    assert (await ann.get("users/me/calendarList/c1"))["accessRole"] == "reader"


async def test_settings_colors_and_the_calendar_itself_are_served(ann: Browser):
    assert (await ann.get("users/me/settings/timezone"))["value"] == "Europe/Berlin"
    assert {"timezone", "locale"} <= {item["id"] for item in (await ann.get("users/me/settings"))["items"]}
    assert len((await ann.get("colors"))["event"]) == 11
    assert (await ann.get("calendars/primary"))["id"] == ANN


async def test_answers_are_compressed_when_asked(google, session, ann: Browser):
    google.bulk_insert(ANN, [event(*NINE) for _ in range(200)])
    await ann.events()
    assert ann.headers["Content-Encoding"] == "gzip"
    await ann.call("GET", "calendars/primary/events", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in ann.headers


async def test_a_large_calendar_loads_and_lists_fast(google, ann: Browser):
    google.gateway.watch_answers.clear()
    begin = time.perf_counter()
    google.bulk_insert(ANN, [event(*NINE) for _ in range(10_000)])
    loaded = time.perf_counter()
    assert len(await ann.listed(maxResults=2500)) == 10_000
    listed = time.perf_counter()
    assert loaded - begin < 3
    assert listed - loaded < 3


def test_accounts_are_found_in_any_capitalisation():
    google = GoogleEmulator()
    google.add_account("Carl@Example.com")
    google.insert_event("CARL@example.com", event(*NINE))
    assert len(google.store.calendars["carl@example.com"].events) == 1
