"""Rules of facts/google-calendar.md section 2 that need a whole pull, beside those in tests/calendars/test_pull.py."""

import asyncio

import pytest

from devstack.emulator import Fault
from switchboard.errors import SwitchboardError
from switchboard.pulls import service
from switchboard.pulls.model import CalendarTooLarge
from tests.pulls.conftest import LISTING, calendar_of, events_of, titles_of
from tests.world import eventually

DELETED = '{"error": {"code": 410, "errors": [{"domain": "global", "reason": "%s"}]}}'


async def test_rule_04_a_page_that_fails_starts_over_from_the_first_page_with_the_old_token(
    world, ada, pulled, event, monkeypatch
) -> None:
    monkeypatch.setattr(world.services.google.retries, "backoff", 0.001)
    token = (await pulled())["sync_token"]
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(600)])
    world.google.fail(Fault(path=LISTING, skip=1, times=4, status=503))
    with pytest.raises(SwitchboardError):
        await pulled()
    assert calendar_of(world, ada)["sync_token"] == token
    world.google.emulator.forget()

    await pulled()

    first = world.google.asked(LISTING)[0].query
    assert (first["syncToken"], "pageToken" in first) == (token, False)
    assert len(titles_of(world, ada)) == 600


async def test_rule_07_whether_deleted_events_are_shown_is_never_asked_for(world, ada, pulled, event) -> None:
    world.google.insert_event(ada.email, event())
    await pulled()
    await pulled()

    assert len(world.google.asked(LISTING)) >= 2
    assert not [asked.query for asked in world.google.asked(LISTING) if "showDeleted" in asked.query]


async def test_rule_10_what_belongs_to_us_on_an_event_outlives_a_whole_pull(world, ada, pulled, event) -> None:
    own_id = world.google.insert_event(ada.email, event())["id"]
    await pulled()
    mine = {"user_id": ada.user_id}
    world.database["calendar_events"].update_one(mine, {"$set": {"note": "ours"}})
    world.google.patch_event(ada.email, own_id, {"summary": "Renamed"})
    world.google.invalidate_sync_tokens(ada.email)

    await pulled()

    assert [(found["title"], found["note"]) for found in events_of(world, ada)] == [("Renamed", "ours")]


@pytest.mark.parametrize("reason", ["deleted", "updatedMinTooLongAgo"])
async def test_rule_11_a_410_for_another_reason_is_no_lost_token(world, ada, pulled, event, reason) -> None:
    world.google.insert_event(ada.email, event())
    token = (await pulled())["sync_token"]
    world.google.fail(Fault(path=LISTING, status=410, body=DELETED % reason))

    with pytest.raises(SwitchboardError):
        await pulled()

    assert len([asked for asked in world.google.asked(LISTING) if "timeMin" in asked.query]) == 1
    assert calendar_of(world, ada)["sync_token"] == token


async def test_rule_13_another_access_role_ends_the_token_and_nothing_else(world, ada, pulled, event) -> None:
    world.google.insert_event(ada.email, event())
    await pulled()
    world.google.set_access_role(ada.email, ada.email, "owner")

    calendar = await pulled()

    assert calendar["status"] == "synced"
    assert titles_of(world, ada) == ["Standup"]


async def test_rule_17_this_and_following_is_an_end_and_a_new_series_with_an_id_of_its_own(
    world, ada, pulled, event, soon
) -> None:
    zoned = {name: {**time, "timeZone": "UTC"} for name, time in event().items() if name != "summary"}
    series = {"summary": "Old", **zoned, "recurrence": ["RRULE:FREQ=DAILY;COUNT=6"]}
    own_id = world.google.insert_event(ada.email, series)["id"]
    await pulled()
    world.google.patch_event(ada.email, own_id, {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    later = event("New", hours=72)
    zoned = {name: {**time, "timeZone": "UTC"} for name, time in later.items() if name != "summary"}
    world.google.insert_event(ada.email, {"summary": "New", **zoned, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})

    await pulled()

    found = events_of(world, ada)
    assert [one["title"] for one in found] == ["New"] * 3 + ["Old"] * 3
    assert len({one["start_time"] for one in found}) == 6
    assert len({one["recurring_event_id"] for one in found}) == 2


async def test_rule_19_a_meeting_is_one_event_on_each_calendar_with_one_meeting_id(world, ada, pulled, event) -> None:
    bob = world.person()
    world.grant_tokens(bob)
    invited = [{"email": ada.email}, {"email": bob.email}]
    zoned = {name: {**time, "timeZone": "UTC"} for name, time in event().items() if name != "summary"}
    world.google.insert_event(ada.email, {**event("Meeting"), "attendees": invited})
    series = {"summary": "Series", **zoned, "attendees": invited, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    own_id = world.google.insert_event(ada.email, series)["id"]
    await pulled()
    await pulled(bob)

    found = [*events_of(world, ada), *events_of(world, bob)]
    assert len({one["event_id"] for one in found}) == 8
    assert len({one["meeting_id"] for one in found}) == 4
    assert all(one["recurring_event_id"] in (None, own_id) for one in found)


async def test_rule_19_a_moved_instance_stays_the_same_meeting(world, ada, pulled, event) -> None:
    zoned = {name: {**time, "timeZone": "UTC"} for name, time in event().items() if name != "summary"}
    world.google.insert_event(ada.email, {"summary": "Series", **zoned, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    await pulled()
    before = {found["google_event_id"]: found["meeting_id"] for found in events_of(world, ada)}
    moved = next(iter(before))
    world.google.patch_event(ada.email, moved, {**event("Moved", hours=5)})

    await pulled()

    assert {found["google_event_id"]: found["meeting_id"] for found in events_of(world, ada)} == before
    assert titles_of(world, ada) == ["Moved", "Series", "Series"]


async def test_rule_57_a_calendar_that_never_ends_is_given_up_with_a_reason(
    world, ada, pulled, event, monkeypatch
) -> None:
    monkeypatch.setattr(service, "MOST_PAGES", 2)
    world.google.bulk_insert(ada.email, [event(f"Event {number}", number / 10) for number in range(700)])

    with pytest.raises(CalendarTooLarge):
        await pulled()

    calendar = calendar_of(world, ada)
    assert (calendar["status"], calendar["reason"]) == ("failing", CalendarTooLarge.message)
    assert len(world.google.asked(LISTING)) == 2


async def test_rule_60_a_change_during_paging_is_not_lost(world, ada, pulled, event) -> None:
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(600)])
    world.google.fail(Fault(path=LISTING, skip=1, times=1, latency=0.3))
    pulling = asyncio.ensure_future(pulled())
    await eventually(lambda: len(world.google.asked(LISTING)) == 2)
    first = world.google.store.calendars[ada.email].events
    world.google.patch_event(ada.email, next(iter(first)), {"summary": "Renamed meanwhile"})
    world.google.insert_event(ada.email, event("Made meanwhile", hours=200))
    await pulling

    await pulled()

    assert {"Made meanwhile", "Renamed meanwhile"} <= set(titles_of(world, ada))
    assert len(titles_of(world, ada)) == 601
