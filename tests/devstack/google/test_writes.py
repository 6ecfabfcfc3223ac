"""Inserting, changing, deleting; conditions, copies for guests, series."""

import pytest

from tests.devstack.google.driver import ANN, BOB, Browser, at, event

NINE = ("2026-03-02T09:00:00", "2026-03-02T10:00:00")
WEEKLY = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
PATH = "calendars/primary/events"


async def test_an_insert_answers_200_with_the_complete_event(ann: Browser):
    made = await ann.call("POST", PATH, event(*NINE))
    assert ann.status == 200
    assert made["iCalUID"] == f"{made['id']}@google.com"
    assert made["organizer"] == {"email": ANN, "displayName": "Ann Example", "self": True}
    assert (made["status"], made["sequence"], made["reminders"]) == ("confirmed", 0, {"useDefault": True})
    assert ann.headers["ETag"] == made["etag"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"start": None}, "required"),
        ({"end": None}, "required"),
        ({"end": at("2026-03-02T08:59:59")}, "timeRangeEmpty"),
        ({"end": at("2026-03-03")}, "invalid"),
        ({"start": at("2026-03-02T09:00:00", "Mars/Olympus")}, "invalid"),
        ({"start": {"dateTime": "2026-03-02T09:00:00"}}, "badRequest"),
        ({"start": {"dateTime": "nine"}}, "badRequest"),
        ({"start": {"date": "2026-03-02", "dateTime": "2026-03-02T09:00:00Z"}}, "invalid"),
        ({"status": "done"}, "invalid"),
        ({"id": "UPPER"}, "invalid"),
        ({"id": "abc"}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=SOMETIMES"]}, "invalid"),
        ({"recurrence": ["DTSTART:20260302T090000Z"]}, "invalid"),
        ({"attendees": [{"displayName": "Nobody"}]}, "required"),
        ({"attendees": "everybody"}, "parseError"),
        ({"attendees": [{"email": "x@y.z", "optional": "perhaps"}]}, "parseError"),
        ({"start": "now"}, "parseError"),
        ({"extendedProperties": {"private": {"a": {}}}}, "parseError"),
    ],
)
async def test_an_impossible_event_is_refused(ann: Browser, change, reason):
    answer = await ann.call("POST", PATH, {**event(*NINE), **change})
    assert (ann.status, ann.reason(answer)) == (400, reason)


async def test_a_recurring_event_needs_a_zone(ann: Browser):
    times = {"dateTime": "2026-03-02T09:00:00+01:00"}
    await ann.call("POST", PATH, {"start": times, "end": times, **WEEKLY})
    assert ann.status == 400


async def test_an_event_may_have_no_length(ann: Browser):
    await ann.call("POST", PATH, event(NINE[0], NINE[0]))
    assert ann.status == 200


async def test_an_id_can_be_chosen_once(google, ann: Browser):
    await ann.call("POST", PATH, {**event(*NINE), "id": "meeting01"})
    answer = await ann.call("POST", PATH, {**event(*NINE), "id": "meeting01"})
    assert (ann.status, ann.reason(answer)) == (409, "duplicate")
    google.delete_event(ANN, "meeting01")
    await ann.call("POST", PATH, {**event(*NINE), "id": "meeting01"})
    assert ann.status == 409


async def test_a_body_that_is_no_json_is_a_parse_error(google, session, ann: Browser):
    headers = {"Authorization": f"Bearer {ann.token}"}
    async with session.post(f"{google.url}/calendar/v3/{PATH}", data="{", headers=headers) as answer:
        assert (await answer.json())["error"]["errors"][0]["reason"] == "parseError"


async def test_a_patch_merges_and_null_removes(google, ann: Browser):
    body = event(*NINE, location="here", extendedProperties={"private": {"a": "1", "b": "2"}})
    made = google.insert_event(ANN, body)
    patch = {"location": None, "extendedProperties": {"private": {"a": "9"}}}
    patched = await ann.call("PATCH", f"{PATH}/{made['id']}", patch)
    assert "location" not in patched
    assert patched["extendedProperties"]["private"] == {"a": "9", "b": "2"}
    assert (patched["summary"], patched["sequence"]) == ("Talk", 0)
    moved = await ann.call("PATCH", f"{PATH}/{made['id']}", {"end": at("2026-03-02T11:00:00")})
    assert moved["sequence"] == 1


async def test_an_update_replaces_what_can_be_written(google, ann: Browser):
    made = google.insert_event(ANN, event(*NINE, location="here"))
    updated = await ann.call("PUT", f"{PATH}/{made['id']}", event(*NINE, "New"))
    assert "location" not in updated
    assert (updated["summary"], updated["created"], updated["iCalUID"]) == ("New", made["created"], made["iCalUID"])


async def test_a_change_of_reminders_alone_moves_the_etag_but_not_updated(google):
    made = google.insert_event(ANN, event(*NINE))
    google.clock.advance(60)
    reminded = google.patch_event(ANN, made["id"], {"reminders": {"useDefault": False}})
    assert reminded["etag"] != made["etag"]
    assert reminded["updated"] == made["updated"]
    assert google.patch_event(ANN, made["id"], {"summary": "x"})["updated"] > made["updated"]


async def test_deleting_answers_204_and_a_second_time_410(google, ann: Browser):
    made = google.insert_event(ANN, event(*NINE))
    await ann.call("DELETE", f"{PATH}/{made['id']}")
    assert ann.status == 204
    answer = await ann.call("DELETE", f"{PATH}/{made['id']}")
    assert (ann.status, ann.reason(answer)) == (410, "deleted")
    assert (await ann.get(f"{PATH}/{made['id']}"))["status"] == "cancelled"


async def test_if_match_protects_a_change_and_if_none_match_saves_an_answer(google, ann: Browser):
    made = google.insert_event(ANN, event(*NINE))
    path = f"{PATH}/{made['id']}"
    await ann.call("GET", path, headers={"If-None-Match": made["etag"]})
    assert ann.status == 304
    google.patch_event(ANN, made["id"], {"summary": "Other"})
    for method in ("PATCH", "PUT", "DELETE"):
        answer = await ann.call(method, path, event(*NINE), headers={"If-Match": made["etag"]})
        assert (ann.status, ann.reason(answer)) == (412, "conditionNotMet")
    current = (await ann.get(path))["etag"]
    await ann.call("PATCH", path, {"summary": "Mine"}, headers={"If-Match": current})
    assert ann.status == 200


async def test_guests_with_an_account_get_a_copy_and_their_answers_come_back(google, ann: Browser, bob: Browser):
    made = google.insert_event(
        ANN, event(*NINE, attendees=[{"email": ANN}, {"email": BOB.upper()}, {"email": "x@y.z"}])
    )
    (copy,) = await bob.listed()
    assert (copy["id"], copy["iCalUID"]) == (made["id"], made["iCalUID"])
    assert "self" not in copy["organizer"]
    assert [a.get("self", False) for a in copy["attendees"]] == [False, True, False]
    assert copy["start"]["dateTime"] == "2026-03-02T03:00:00-05:00"
    attendees = [{**a, "responseStatus": "accepted"} if a.get("self") else a for a in copy["attendees"]]
    await bob.call("PATCH", f"{PATH}/{copy['id']}", {"attendees": attendees})
    (mine,) = await ann.listed()
    assert [a["responseStatus"] for a in mine["attendees"]] == ["needsAction", "accepted", "needsAction"]
    google.patch_event(ANN, made["id"], {"summary": "Renamed"})
    (copy,) = await bob.listed()
    assert (copy["summary"], copy["attendees"][1]["responseStatus"]) == ("Renamed", "accepted")


async def test_a_guest_who_deletes_declines_and_an_organizer_takes_all_copies_away(google, ann: Browser, bob: Browser):
    made = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}]))
    google.delete_event(BOB, made["id"])
    (mine,) = await ann.listed()
    assert mine["attendees"][0]["responseStatus"] == "declined"
    other = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}]))
    google.delete_event(ANN, other["id"])
    assert other["id"] not in {item["id"] for item in await bob.listed()}


async def test_an_uninvited_guest_loses_the_copy(google, bob: Browser):
    made = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}]))
    google.patch_event(ANN, made["id"], {"attendees": []})
    assert await bob.listed() == []


async def test_shared_properties_belong_to_the_organizer(google, bob: Browser):
    made = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}]))
    answer = await bob.call("PATCH", f"{PATH}/{made['id']}", {"extendedProperties": {"shared": {"a": "1"}}})
    assert (bob.status, bob.reason(answer)) == (403, "forbiddenForNonOrganizer")
    await bob.call("POST", f"{PATH}/{made['id']}/move", destination="primary")
    assert bob.status == 403


async def test_an_import_keeps_organizer_and_uid_and_updates_the_second_time(ann: Browser):
    body = event(*NINE, iCalUID="abc@elsewhere", organizer={"email": "boss@elsewhere"})
    first = await ann.call("POST", f"{PATH}/import", body)
    assert (first["iCalUID"], first["organizer"]) == ("abc@elsewhere", {"email": "boss@elsewhere"})
    second = await ann.call("POST", f"{PATH}/import", {**body, "summary": "Changed"})
    assert second["id"] == first["id"]
    assert [item["summary"] for item in await ann.listed()] == ["Changed"]
    await ann.call("POST", f"{PATH}/import", event(*NINE))
    assert ann.status == 400


async def test_a_series_keeps_its_wall_clock_over_the_change_to_summer_time(google, ann: Browser):
    google.insert_event(ANN, event("2026-03-23T09:00:00", "2026-03-23T10:00:00", **WEEKLY))
    items = await ann.listed(singleEvents="true")
    assert [item["start"]["dateTime"] for item in items] == [
        "2026-03-23T09:00:00+01:00",
        "2026-03-30T09:00:00+02:00",
        "2026-04-06T09:00:00+02:00",
        "2026-04-13T09:00:00+02:00",
    ]
    assert [item["id"].rpartition("_")[2] for item in items][:2] == ["20260323T080000Z", "20260330T070000Z"]


async def test_a_time_the_change_skips_moves_on_and_one_it_repeats_comes_once(google, ann: Browser):
    rule = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    google.insert_event(ANN, event("2026-03-28T02:30:00", "2026-03-28T03:00:00", "spring", **rule))
    google.insert_event(ANN, event("2026-10-24T02:30:00", "2026-10-24T03:00:00", "autumn", **rule))
    starts = [item["start"]["dateTime"] for item in await ann.listed(singleEvents="true")]
    assert starts[1] == "2026-03-29T03:30:00+02:00"
    assert starts[3:] == ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (["RRULE:FREQ=DAILY;UNTIL=20260304T080000Z"], [2, 3, 4]),
        (["RRULE:FREQ=DAILY;UNTIL=20260304T075959Z"], [2, 3]),
        (["RRULE:FREQ=DAILY;UNTIL=20260304"], [2, 3, 4]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=Europe/Berlin:20260303T090000"], [2, 4, 5]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260303T080000Z,20260304T080000Z"], [2, 5]),
        (["RRULE:FREQ=DAILY;COUNT=2", "RDATE;TZID=Europe/Berlin:20260309T090000"], [2, 3, 9]),
        (["RRULE:FREQ=WEEKLY;BYDAY=MO,FR;COUNT=3"], [2, 6, 9]),
        (["RDATE;TZID=Europe/Berlin:20260305T090000,20260309T090000"], [2, 5, 9]),
    ],
)
async def test_rules_exclusions_and_additions_are_expanded(google, ann: Browser, lines, days):
    google.insert_event(ANN, event(*NINE, recurrence=lines))
    items = await ann.listed(singleEvents="true")
    assert [int(item["start"]["dateTime"][8:10]) for item in items] == days


@pytest.mark.parametrize("until", ["20260304", "20260304T000000Z"])
async def test_an_all_day_series_ends_with_its_until_and_has_dates_for_ids(google, ann: Browser, until):
    google.insert_event(ANN, event("2026-03-02", "2026-03-04", recurrence=[f"RRULE:FREQ=DAILY;UNTIL={until}"]))
    items = await ann.listed(singleEvents="true")
    assert [(item["start"]["date"], item["end"]["date"]) for item in items] == [
        ("2026-03-02", "2026-03-04"),
        ("2026-03-03", "2026-03-05"),
        ("2026-03-04", "2026-03-06"),
    ]
    assert items[0]["id"].endswith("_20260302")
    assert items[0]["originalStartTime"] == {"date": "2026-03-02"}


async def test_a_moved_instance_keeps_its_id_and_original_start(google, ann: Browser):
    series = google.insert_event(ANN, event(*NINE, **WEEKLY))
    instance = f"{series['id']}_20260309T080000Z"
    change = {"start": at("2026-03-11T15:00:00"), "end": at("2026-03-11T16:00:00")}
    moved = await ann.call("PATCH", f"{PATH}/{instance}", change)
    assert (moved["id"], moved["recurringEventId"]) == (instance, series["id"])
    assert moved["originalStartTime"]["dateTime"] == "2026-03-09T09:00:00+01:00"
    assert "recurrence" not in moved
    shown = {item["id"]: item["start"]["dateTime"] for item in await ann.listed(singleEvents="true")}
    assert len(shown) == 4
    assert shown[instance] == "2026-03-11T15:00:00+01:00"
    window = {"timeMin": "2026-03-09T00:00:00Z", "timeMax": "2026-03-10T00:00:00Z"}
    assert await ann.listed(singleEvents="true", **window) == []
    assert [item["id"] for item in await ann.listed()] == [series["id"], instance]


async def test_instances_can_be_fetched_listed_and_deleted_one_by_one(google, ann: Browser):
    series = google.insert_event(ANN, event(*NINE, **WEEKLY))
    path = f"{PATH}/{series['id']}/instances"
    ids = [item["id"] for item in (await ann.get(path))["items"]]
    assert len(ids) == 4
    assert (await ann.get(f"{PATH}/{ids[2]}"))["id"] == ids[2]
    await ann.call("DELETE", f"{PATH}/{ids[2]}")
    assert ann.status == 204
    assert [item["id"] for item in (await ann.get(path))["items"]] == [ids[0], ids[1], ids[3]]
    first = await ann.get(path, maxResults=2)
    rest = await ann.get(path, maxResults=2, pageToken=first["nextPageToken"])
    assert len(first["items"] + rest["items"]) == 3
    await ann.get(f"{PATH}/{series['id']}_20260310T080000Z")
    assert ann.status == 404


async def test_a_masters_window_contains_a_series_when_one_of_its_instances_lies_inside(google, ann: Browser):
    google.insert_event(ANN, event(*NINE, **WEEKLY))
    inside = {"timeMin": "2026-03-16T00:00:00Z", "timeMax": "2026-03-17T00:00:00Z"}
    between = {"timeMin": "2026-03-17T12:00:00Z", "timeMax": "2026-03-18T00:00:00Z"}
    assert len(await ann.listed(**inside)) == 1
    assert await ann.listed(**between) == []


async def test_guests_follow_a_series_and_its_exceptions(google, bob: Browser):
    series = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}], **WEEKLY))
    google.delete_event(ANN, f"{series['id']}_20260309T080000Z")
    google.patch_event(ANN, f"{series['id']}_20260316T080000Z", {"summary": "Other"})
    items = await bob.listed(singleEvents="true", orderBy="startTime")
    assert [item["summary"] for item in items] == ["Talk", "Other", "Talk"]
