"""Pulling from Google. Where a test names a rule, it is one of facts/google-calendar.md section 2."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import LeaseLost, primary_calendar_id
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import Change
from switchboard.leases.service import Held
from switchboard.pulls import service
from tests.calendars.conftest import pull_due
from tests.world import Person, World, eventually

LISTING = r"/calendar/v3/calendars/.*/events$"
NOT_FOUND = '{"error": {"code": 404, "errors": [{"domain": "global", "reason": "notFound"}]}}'


@pytest.fixture
async def synced(api: httpx.AsyncClient, ada: Person):
    """Pulls, and expects an HTTP status."""

    async def pull(status: int = 200, person: Person = ada) -> dict[str, object]:
        answer = await api.post("/v1/me/calendar/sync", headers=person.headers)
        assert answer.status_code == status, answer.text
        found: dict[str, object] = answer.json()
        return found

    return pull


def calendar_of(world: World, person: Person) -> dict[str, object]:
    found: dict[str, object] = world.database["calendars"].find_one({"user_id": person.user_id})
    return found


async def test_a_first_pull_brings_everything_in_the_window(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number:04}", number / 10) for number in range(600)])

    state = await synced()

    assert state["state"] == "synced"
    assert state["google_calendar_id"] == ada.email
    assert len(await titles(ada)) == 600
    assert len(world.google.asked(LISTING)) == 3


async def test_an_unchanged_calendar_costs_exactly_one_request(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    world.google.emulator.forget()

    await synced()

    assert len(world.google.requests) == 1


async def test_changes_new_and_deleted_events_arrive(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    moved = world.google.insert_event(ada.email, event("Moved"))
    gone = world.google.insert_event(ada.email, event("Gone", 1))
    await synced()

    world.google.patch_event(ada.email, moved["id"], {"summary": "Renamed"})
    world.google.delete_event(ada.email, gone["id"])
    world.google.insert_event(ada.email, event("New", 2))
    await synced()

    assert await titles(ada) == ["Renamed", "New"]


async def test_a_changed_event_keeps_its_id(world, api, ada, synced, event) -> None:
    world.grant_tokens(ada)
    body = world.google.insert_event(ada.email, event())
    await synced()
    before = world.database["calendar_events"].find_one({"user_id": ada.user_id})

    world.google.patch_event(ada.email, body["id"], {"location": "Room 2"})
    await synced()

    after = world.database["calendar_events"].find_one({"user_id": ada.user_id})
    assert (after["_id"], after["location"]) == (before["_id"], "Room 2")


async def test_rule_01_a_failing_page_keeps_the_old_token_and_the_next_pull_completes(
    world, ada, synced, titles, event
) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(600)])
    world.google.fail(Fault(path=LISTING, skip=2, times=1, status=404, body=NOT_FOUND))

    await synced(404)
    assert calendar_of(world, ada).get("sync_token") is None
    await synced()

    assert len(await titles(ada)) == 600


async def test_rule_01_the_token_is_kept_only_after_the_last_write(world, ada, synced, event, monkeypatch) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    seen = []
    finish = CalendarDocument.finish

    async def watched(self: CalendarDocument, fields: dict[str, object]) -> bool:
        seen.append(world.database["calendar_events"].count_documents({"user_id": ada.user_id}))
        return await finish(self, fields)

    monkeypatch.setattr(CalendarDocument, "finish", watched)
    await synced()

    assert seen == [1]


async def test_rule_02_short_and_empty_pages_are_read_to_the_end(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(520)])
    world.google.switches.empty_pages = 2
    world.google.switches.short_pages = 2
    try:
        await synced()
    finally:
        world.google.switches.empty_pages = 0
        world.google.switches.short_pages = 0

    assert len(await titles(ada)) == 520
    assert len(world.google.asked(LISTING)) > 3


async def test_rules_03_and_05_every_page_repeats_the_query_and_never_mixes_a_token_with_times(
    world, ada, synced, event
) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(300)])
    await synced()
    first = [dict(asked.query) for asked in world.google.asked(LISTING)]
    world.google.emulator.forget()
    world.google.bulk_insert(ada.email, [event(f"Late {number:03}", number / 10) for number in range(300)])
    await synced()
    later = [dict(asked.query) for asked in world.google.asked(LISTING)]

    for pages in (first, later):
        assert len(pages) == 2
        assert len({tuple(sorted((k, v) for k, v in page.items() if k != "pageToken")) for page in pages}) == 1
    assert all("timeMin" in page and "syncToken" not in page for page in first)
    assert all("syncToken" in page and "timeMin" not in page and "timeMax" not in page for page in later)
    assert all("showDeleted" not in page and "orderBy" not in page for page in first + later)


async def test_rule_06_a_changed_query_pulls_everything_anew(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"query_version": 0}})
    world.google.emulator.forget()

    await synced()

    assert "syncToken" not in world.google.asked(LISTING)[0].query


async def test_rules_08_and_09_a_lost_token_pulls_everything_and_sweeps_what_is_gone(
    world, ada, synced, titles, event
) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event("Stays"))
    gone = world.google.insert_event(ada.email, event("Goes", 1))
    await synced()
    world.google.delete_event(ada.email, gone["id"])
    world.google.invalidate_sync_tokens(ada.email)

    await synced()

    assert await titles(ada) == ["Stays"]


async def test_rule_09_a_sweep_takes_older_events_and_leaves_other_calendars(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    mine = world.database["calendar_events"].find_one({"user_id": ada.user_id})
    past = datetime(2001, 1, 1, tzinfo=UTC)
    older = {**mine, "_id": uuid4().hex, "run": 0, "start_time": past, "end_time": past + timedelta(hours=1)}
    foreign = {**mine, "_id": uuid4().hex, "run": 0, "calendar_id": uuid4().hex}
    world.database["calendar_events"].insert_many([older, foreign])
    world.google.invalidate_sync_tokens(ada.email)

    await synced()

    kept = {found["_id"] for found in world.database["calendar_events"].find({"user_id": ada.user_id})}
    assert {foreign["_id"], mine["_id"]} <= kept
    assert older["_id"] not in kept


async def test_rule_12_a_token_refused_again_and_again_ends(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    expired = '{"error": {"code": 410, "errors": [{"reason": "fullSyncRequired"}]}}'
    world.google.fail(Fault(path=LISTING, times=None, status=410, body=expired))
    world.google.emulator.requests.clear()

    await synced(500)

    assert len(world.google.asked(LISTING)) == 2
    assert calendar_of(world, ada)["status"] == "failing"


async def test_a_410_without_a_reason_phrase_is_understood(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    expired = '{"error": {"code": 410, "errors": [{"reason": "fullSyncRequired"}]}}'
    world.google.fail(Fault(path=LISTING, status=410, body=expired, empty_reason=True))

    await synced()

    assert await titles(ada) == ["Standup"]


async def test_rules_14_and_15_a_cancelled_instance_goes_and_its_series_stays(
    world, ada, synced, titles, event
) -> None:
    world.grant_tokens(ada)
    body = {**event("Daily"), **_zoned(event("Daily")), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
    series = world.google.insert_event(ada.email, body)
    await synced()
    assert await titles(ada) == ["Daily"] * 5
    third = sorted(found["google_event_id"] for found in _events(world, ada))[2]

    world.google.delete_event(ada.email, third)
    await synced()

    assert await titles(ada) == ["Daily"] * 4
    assert series["id"] in third


async def test_rule_16_a_deleted_series_leaves_no_orphans(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    body = {**event("Daily"), **_zoned(event("Daily")), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
    series = world.google.insert_event(ada.email, body)
    await synced()
    moved = _events(world, ada)[1]["google_event_id"]
    world.google.patch_event(ada.email, moved, {"summary": "Moved"})
    await synced()

    world.google.delete_event(ada.email, series["id"])
    await synced()

    assert await titles(ada) == []


async def test_rules_21_and_22_an_all_day_event_is_its_dates(world, api, ada, synced, soon) -> None:
    world.grant_tokens(ada)
    day = soon.date()
    dates = {"start": {"date": str(day)}, "end": {"date": str(day + timedelta(days=1))}}
    world.google.insert_event(ada.email, {"summary": "Holiday", **dates})

    await synced()

    asked = {"from": soon.isoformat(), "to": (soon + timedelta(hours=1)).isoformat()}
    found = (await api.get("/v1/me/events", headers=ada.headers, params=asked)).json()["events"][0]
    assert found["all_day"] is True
    assert (found["start"]["date"], found["end"]["date"]) == (str(day), str(day + timedelta(days=1)))
    assert found["start"]["date_time"] is None


async def test_rule_39_an_event_moved_out_of_the_window_is_removed(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    body = world.google.insert_event(ada.email, event())
    await synced()

    far = event(hours=24 * 800)
    world.google.patch_event(ada.email, body["id"], {"start": far["start"], "end": far["end"]})
    await synced()

    assert _events(world, ada) == []


async def test_mode_e_a_changed_endless_series_stores_nothing_beyond_the_window(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    weekly = {**event("Weekly"), **_zoned(event("Weekly")), "recurrence": ["RRULE:FREQ=WEEKLY"]}
    series = world.google.insert_event(ada.email, weekly)
    await synced()
    world.google.patch_event(ada.email, series["id"], {"summary": "Renamed"})

    await synced()

    window_end = calendar_of(world, ada)["window_end"]
    stored = _events(world, ada)
    assert stored
    assert all(found["start_time"] < window_end and found["title"] == "Renamed" for found in stored)


async def test_mode_e_a_night_brings_what_slides_into_the_window_and_keeps_the_token(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event("Inside"), event("Past", -24 * 20), event("Slides in", 24 * 350)])
    await synced()
    shift = timedelta(days=20)
    stored = calendar_of(world, ada)
    window = {"window_start": stored["window_start"] - shift, "window_end": stored["window_end"] - shift}
    ended = {"start_time": window["window_start"], "end_time": window["window_start"] + timedelta(hours=1)}
    events = world.database["calendar_events"]
    events.update_one({"user_id": ada.user_id, "title": "Past"}, {"$set": ended})
    events.delete_one({"user_id": ada.user_id, "title": "Slides in"})
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {**window, "roll_at": None}})
    world.google.emulator.forget()

    await synced()

    first, second = [asked.query for asked in world.google.asked(LISTING)]
    assert first["timeMin"].startswith(window["window_end"].isoformat()[:19])
    assert "syncToken" in second
    assert "timeMin" not in second
    assert sorted(found["title"] for found in _events(world, ada)) == ["Inside", "Slides in"]
    rolled = calendar_of(world, ada)
    assert (rolled["window_start"], rolled["window_end"]) == (stored["window_start"], stored["window_end"])
    assert rolled["roll_at"] > datetime.now(UTC)
    assert rolled["window_set_at"] == stored["window_set_at"]


async def test_rule_36_events_whose_etag_is_known_are_not_written_again(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number}", number) for number in range(30)])
    await synced()
    before = {found["_id"]: found["run"] for found in _events(world, ada)}
    chosen = _events(world, ada)[7]["google_event_id"]
    world.google.patch_event(ada.email, chosen, {"summary": "Renamed"})
    world.google.invalidate_sync_tokens(ada.email)

    await synced()

    after = {found["_id"]: found["run"] for found in _events(world, ada)}
    assert after.keys() == before.keys()
    assert len([own_id for own_id, run in after.items() if run != before[own_id]]) == 1


async def test_rule_41_primary_is_resolved_once(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    await synced()
    await synced()

    assert len(world.google.asked("calendarList/primary")) == 1
    assert calendar_of(world, ada)["google_calendar_id"] == ada.email


async def test_rule_42_only_one_pulls_at_a_time(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    world.google.fail(Fault(path=LISTING, times=None, latency=0.2))

    answers = await asyncio.gather(*(api.post("/v1/me/calendar/sync", headers=ada.headers) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert len(world.google.asked(LISTING)) == 1


async def test_rules_37_and_42_a_pull_that_lost_its_lease_commits_and_overwrites_nothing(
    world, ada, synced, event
) -> None:
    world.grant_tokens(ada)
    body = world.google.insert_event(ada.email, event("Old"))
    await synced()
    calendar_id = primary_calendar_id(ada.user_id)
    sleeper = await CalendarDocument.claim(calendar_id, "sleeper")
    held = Held(world.services, sleeper, datetime.now(UTC))
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"lease_until": None}})
    world.google.patch_event(ada.email, body["id"], {"summary": "New"})
    await synced()
    token = calendar_of(world, ada)["sync_token"]
    stored = _events(world, ada)[0]
    old = {**{name: value for name, value in stored.items() if name not in ("_id", "run")}, "title": "Old", "etag": "1"}

    for late in (Change(stored["_id"], old), Change(stored["_id"], None), Change("gone-at-google", old)):
        with pytest.raises(LeaseLost):
            await held.store([late])
    with pytest.raises(LeaseLost):
        await held.remove(CalendarEventDocument.all_of(sleeper.owner))
    with pytest.raises(LeaseLost):
        await held.place(["elsewhere"])

    assert await sleeper.finish({"sync_token": "stale"}) is False
    assert calendar_of(world, ada)["sync_token"] == token
    assert [(found["title"], found["org_ids"]) for found in _events(world, ada)] == [("New", [])]


async def test_disconnecting_during_a_pull_leaves_nothing_behind(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(600)])
    world.google.fail(Fault(path=LISTING, skip=1, times=None, latency=0.3))

    pulling = asyncio.ensure_future(api.post("/v1/me/calendar/sync", headers=ada.headers))
    await eventually(lambda: _events(world, ada))
    disconnected = await api.delete("/v1/me/calendar", headers=ada.headers)
    answer = await pulling

    assert disconnected.status_code == 204
    assert answer.json()["code"] == "lease_lost"
    assert _events(world, ada) == []
    assert (await api.get("/v1/me/calendar", headers=ada.headers)).json()["state"] == "disconnected"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_rule_52_what_may_pass_is_tried_again(world, ada, synced, titles, event, status) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    world.google.fail(Fault(path=LISTING, times=2, status=status, body="busy"))

    await synced()

    assert await titles(ada) == ["Standup"]


async def test_rule_52_other_refusals_are_not_repeated(world, ada, synced) -> None:
    world.grant_tokens(ada)
    world.google.fail(Fault(path=LISTING, times=None, status=400, body="{}"))

    await synced(500)

    assert len(world.google.asked(LISTING)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"truncate": True},
        {"status": 200, "body": "<html>"},
        {"status": 502, "content_type": "text/html"},
    ],
)
async def test_broken_answers_are_tried_again(world, ada, synced, titles, event, fault) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    world.google.fail(Fault(path=LISTING, times=1, **fault))

    await synced()

    assert await titles(ada) == ["Standup"]


async def test_google_down_is_told_apart_from_access_lost_and_tried_later(world, api, ada, synced) -> None:
    world.grant_tokens(ada)
    world.google.fail(Fault(path="", times=None, status=503))

    refused = await synced(503)

    assert refused["code"] == "google_unavailable"
    calendar = calendar_of(world, ada)
    assert (calendar["status"], calendar["failure_count"]) == ("failing", 1)
    assert calendar["next_sync_at"] > datetime.now(UTC)
    shown = (await api.get("/v1/me/calendar", headers=ada.headers)).json()
    assert shown["reason"] == "Google does not answer right now. Try again in a moment."


async def test_rule_40_a_calendar_that_google_no_longer_shows_goes_and_is_looked_for_once_a_day(
    world, ada, synced, event
) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await synced()
    world.google.fail(Fault(path=LISTING, times=None, status=404, body=NOT_FOUND))

    await synced(404)

    calendar = calendar_of(world, ada)
    assert calendar["status"] == "gone"
    assert calendar["next_sync_at"] - datetime.now(UTC) > timedelta(hours=23)
    assert _events(world, ada) == []


async def test_the_worker_pulls_what_is_due_and_nothing_else(world, ada, connect, titles, event) -> None:
    world.google.insert_event(ada.email, event())
    await connect(ada)
    world.database["calendars"].update_many({"user_id": {"$ne": ada.user_id}}, {"$set": {"next_sync_at": None}})
    now = datetime.now(UTC)
    async with asyncio.timeout(10):
        while await pull_due(world, now):
            pass

    assert await titles(ada) == ["Standup"]
    assert calendar_of(world, ada)["next_sync_at"] > now
    assert await pull_due(world, now) is False


async def test_events_that_no_one_can_read_do_not_stop_the_page(world, ada, synced, titles, event, monkeypatch) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event("Good"), event("Bad", 1), event("Good", 2)])
    page = world.services.google.event_page

    async def spoiled(*arguments: object) -> object:
        found = await page(*arguments)
        found.items[1]["start"] = {"dateTime": "0001-01-01T00:00:00+14:00"}
        return found

    monkeypatch.setattr(type(world.services.google), "event_page", lambda _, *arguments: spoiled(*arguments))
    await synced()

    assert await titles(ada) == ["Good", "Good"]


async def test_a_poison_document_is_left_out_of_the_list(world, ada, synced, titles, event) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event("Good"), event("Bad", 1), event("Good", 2)])
    await synced()
    world.database["calendar_events"].update_one(
        {"user_id": ada.user_id, "title": "Bad"},
        {"$set": {"attendees": 7, "end_time": datetime(9999, 1, 1)}},  # noqa: DTZ001
    )

    assert await titles(ada) == ["Good", "Good"]


async def test_access_lost_is_shown_and_asks_google_nothing_more(world, api, ada, synced) -> None:
    world.grant_tokens(ada, token_expiration=1)
    world.google.revoke(ada.email)

    lost = await synced(409)
    world.google.emulator.forget()
    again = await synced(409)

    assert (lost["code"], again["code"]) == ("calendar_access_lost",) * 2
    assert world.google.requests == []
    assert (await api.get("/v1/me/calendar", headers=ada.headers)).json()["state"] == "access_lost"


async def test_connecting_again_brings_lost_access_back(world, ada, synced, connect) -> None:
    world.grant_tokens(ada, token_expiration=1)
    world.google.revoke(ada.email)
    await synced(409)

    await connect(ada)

    assert (await synced())["state"] == "synced"


async def test_a_wrong_client_is_our_fault_and_never_the_persons(world, ada, synced) -> None:
    world.grant_tokens(ada, token_expiration=1, client_id="wrong", client_secret="wrong")

    answer = await synced(500)

    assert answer["code"] == "stored_client_refused"
    assert "client" not in answer["detail"].lower()
    connection = world.database["calendar_connections"].find_one({"user_id": ada.user_id})
    assert connection.get("lost_at") is None
    assert calendar_of(world, ada)["status"] == "failing"


async def test_rule_47_a_refused_access_token_is_renewed_once(world, ada, synced, event) -> None:
    world.grant_tokens(ada)
    world.google.expire_access_tokens(ada.email)

    await synced()

    assert len(world.google.asked("/token")) == 1


async def test_rule_47_an_access_token_refused_twice_is_access_lost(world, ada, synced) -> None:
    world.grant_tokens(ada)
    world.google.fail(Fault(path="/calendar/v3/", times=None, status=401, body="{}"))

    lost = await synced(409)

    assert lost["code"] == "calendar_access_lost"
    assert len(world.google.asked("/token")) == 1


async def test_rule_49_a_missing_scope_asks_to_reconnect_and_is_not_repeated(world, ada, synced) -> None:
    world.grant_tokens(ada)
    body = '{"error": {"code": 403, "errors": [{"reason": "insufficientPermissions"}]}}'
    world.google.fail(Fault(path="/calendar/v3/", times=None, status=403, body=body))

    lost = await synced(409)

    assert lost["code"] == "calendar_scope_missing"
    assert len(world.google.requests) == 1


async def test_nothing_connected_is_said_before_google_is_asked(world, synced) -> None:
    refused = await synced(404)

    assert refused["code"] == "calendar_not_connected"
    assert world.google.requests == []


async def test_a_pull_whose_caller_leaves_gives_its_lease_back(world, ada, event) -> None:
    world.grant_tokens(ada)
    now = datetime.now(UTC)
    calendar_id = primary_calendar_id(ada.user_id)
    await CalendarDocument.add(calendar_id, ada.user_id, now)
    calendar = await CalendarDocument.claim(calendar_id, "leaver")
    world.google.fail(Fault(path=LISTING, times=None, latency=5))
    pulling = asyncio.ensure_future(service.pull(world.services, calendar, now))
    await eventually(lambda: world.google.asked(LISTING))

    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling

    assert await CalendarDocument.claim(calendar_id, "next") is not None


def _events(world: World, person: Person) -> list[dict[str, object]]:
    return list(world.database["calendar_events"].find({"user_id": person.user_id}).sort("start_time"))


def _zoned(body: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {end: {**body[end], "timeZone": "Europe/Berlin"} for end in ("start", "end")}
