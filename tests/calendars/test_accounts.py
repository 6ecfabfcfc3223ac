"""Accounts that change behind a calendar, writes that come late, and what a pull costs."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.emulator import Fault
from switchboard.calendars import documents
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.connections.model import SCOPES
from switchboard.errors import Unavailable
from switchboard.events import documents as event_documents
from switchboard.events.documents import CalendarEventDocument
from switchboard.pulls import service
from tests.calendars.conftest import pull_due
from tests.world import Person, World, eventually

LISTING = r"/calendar/v3/calendars/.*/events$"


def calendar_of(world: World, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = world.database["calendars"].find_one({"user_id": person.user_id})
    return found


def events_of(world: World, person: Person) -> list[dict[str, Any]]:
    return list(world.database["calendar_events"].find({"user_id": person.user_id}).sort("start_time"))


async def sync(api: Any, person: Person, status: int = 200) -> dict[str, Any]:
    answer = await api.post("/v1/me/calendar/sync", headers=person.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def only(world: World, person: Person, due: datetime) -> None:
    """Make this person's calendar the only one that is due."""
    world.database["calendars"].update_many({}, {"$set": {"next_sync_at": None}})
    world.database["calendars"].update_one({"user_id": person.user_id}, {"$set": {"next_sync_at": due}})


async def test_another_accounts_calendar_takes_nothing_over_from_the_one_before(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event("Of the first account"))
    await sync(api, ada)
    other = world.person()
    world.google.insert_event(other.email, event("Of the second account"))
    grant = world.google.grant(other.email, world.settings.google.client_id, list(SCOPES))
    world.propelauth.link_social(
        ada.user_id,
        "google",
        {**grant, "token_provider": "google", "token_expiration": 4_000_000_000, "authorized_scopes": list(SCOPES)},
    )
    old = {**events_of(world, ada)[0], "_id": "older than the window", "start_time": datetime(2001, 1, 1, tzinfo=UTC)}
    world.database["calendar_events"].insert_one({**old, "end_time": datetime(2001, 1, 2, tzinfo=UTC)})

    await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)
    shown = await sync(api, ada)

    assert shown["google_calendar_id"] == other.email
    assert [found["title"] for found in events_of(world, ada)] == ["Of the second account"]


async def test_the_same_account_connected_again_goes_on_with_its_sync_token(world, api, ada, connect, event) -> None:
    await connect(ada)
    world.google.insert_event(ada.email, event())
    await sync(api, ada)
    await connect(ada)
    world.google.emulator.forget()

    await sync(api, ada)

    assert ["syncToken" in asked.query for asked in world.google.asked(LISTING)] == [True]


async def test_connecting_during_a_pull_ends_that_pull_without_a_trace(world, api, ada, connect, event) -> None:
    await connect(ada)
    world.google.insert_event(ada.email, event())
    world.google.fail(Fault(path=LISTING, latency=0.3))
    pulling = asyncio.ensure_future(api.post("/v1/me/calendar/sync", headers=ada.headers))
    await eventually(lambda: world.google.asked(LISTING))
    await connect(ada)

    assert (await pulling).json()["code"] == "lease_lost"
    stored = calendar_of(world, ada)
    assert (stored["status"], stored.get("sync_token"), stored["lease_until"]) == ("new", None, None)


async def test_a_write_that_comes_after_a_disconnect_is_removed_by_the_worker(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await sync(api, ada)
    (late,) = events_of(world, ada)
    await api.delete("/v1/me/calendar", headers=ada.headers)
    world.database["calendar_events"].insert_one(late)
    now = calendar_of(world, ada)["next_sync_at"]
    only(world, ada, now)

    assert await pull_due(world, now) is True

    assert events_of(world, ada) == []
    assert (calendar_of(world, ada)["next_sync_at"], calendar_of(world, ada)["status"]) == (None, "disconnected")


async def test_events_that_a_disconnect_could_not_remove_are_removed_later(world, api, ada, event, monkeypatch) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await sync(api, ada)

    async def fails(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(CalendarEventDocument, "remove", fails)
        assert (await api.delete("/v1/me/calendar", headers=ada.headers)).status_code == 503
    assert events_of(world, ada)
    now = calendar_of(world, ada)["next_sync_at"]
    only(world, ada, now)

    await pull_due(world, now)

    assert events_of(world, ada) == []


async def test_a_calendar_that_is_back_is_pulled_again(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    body = '{"error": {"errors": [{"reason": "notFound"}]}}'
    world.google.fail(Fault(path="/calendar/v3/", status=404, body=body))
    await sync(api, ada, 404)
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    only(world, ada, tomorrow - timedelta(minutes=2))

    await pull_due(world, datetime.now(UTC) + timedelta(days=1))

    assert calendar_of(world, ada)["status"] == "synced"


async def test_a_404_that_is_not_googles_costs_nobody_the_calendar(world, api, ada) -> None:
    world.grant_tokens(ada)
    world.google.fail(Fault(path="/calendar/v3/", times=None, status=404, body="<html>", content_type="text/html"))

    await sync(api, ada, 500)

    assert calendar_of(world, ada)["status"] == "failing"


async def test_when_the_calendars_zone_changes_all_day_events_move_with_it(world, api, ada) -> None:
    world.grant_tokens(ada)
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    dates = {"start": {"date": str(day)}, "end": {"date": str(day + timedelta(days=1))}}
    world.google.insert_event(ada.email, {"summary": "Holiday", **dates})
    await sync(api, ada)
    before = events_of(world, ada)[0]["start_time"]
    world.google.store.calendars[ada.email].timezone = "America/New_York"

    shown = await sync(api, ada)
    world.google.emulator.forget()
    await sync(api, ada)

    assert events_of(world, ada)[0]["start_time"] - before in (timedelta(hours=5), timedelta(hours=6))
    assert shown["timezone"] == "America/New_York"
    assert len(world.google.asked(LISTING)) == 1


async def test_a_pull_that_fails_leaves_no_request_on_its_way_and_no_unheard_error(
    world, ada, event, monkeypatch, caplog
) -> None:
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number}", number / 10) for number in range(300)])
    now = datetime.now(UTC)
    calendar_id = primary_calendar_id(ada.user_id)
    await CalendarDocument.add(calendar_id, ada.user_id, now)
    calendar = await CalendarDocument.claim(calendar_id, "failing")
    world.google.fail(Fault(path=LISTING, skip=1, times=None, drop=True))

    async def fails(*_: object) -> None:
        await eventually(lambda: len(world.google.asked(LISTING)) >= 2)
        raise Unavailable

    monkeypatch.setattr(CalendarEventDocument, "write", fails)
    before = asyncio.all_tasks()
    with pytest.raises(Unavailable) as kept:  # the traceback holds the frames, and with them the generator
        await service.pull(world.services, calendar, now)

    assert {task for task in asyncio.all_tasks() - before if not task.done() and "asking" in repr(task)} == set()
    assert not [task for task in asyncio.all_tasks() - before if "event_page" in repr(task) or "Access" in repr(task)]
    del kept
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_an_unexpected_error_gives_the_lease_back_and_is_tried_later(world, ada, event, monkeypatch) -> None:
    world.grant_tokens(ada)
    now = datetime.now(UTC)
    calendar_id = primary_calendar_id(ada.user_id)
    await CalendarDocument.add(calendar_id, ada.user_id, now)
    calendar = await CalendarDocument.claim(calendar_id, "crashing")

    async def crashes(*_: object) -> None:
        raise ZeroDivisionError("with what it was about")

    monkeypatch.setattr(CalendarEventDocument, "known", crashes)
    with pytest.raises(ZeroDivisionError):
        await service.pull(world.services, calendar, now)

    stored = calendar_of(world, ada)
    assert (stored["status"], stored["lease_until"], stored["failure_count"]) == ("failing", None, 1)
    assert stored["next_sync_at"] > now
    assert "what it was about" not in stored["reason"]


async def test_the_lease_is_lengthened_while_google_takes_its_time(world, api, ada, event, monkeypatch) -> None:
    monkeypatch.setattr(documents, "LEASE_SECONDS", 0.3)
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    world.google.fail(Fault(path="/calendar/v3/", times=2, latency=0.8))
    pulling = asyncio.ensure_future(api.post("/v1/me/calendar/sync", headers=ada.headers))
    await eventually(lambda: world.google.requests)
    calendar_id = primary_calendar_id(ada.user_id)
    thief = None
    while not pulling.done() and thief is None:
        thief = await CalendarDocument.claim(calendar_id, "thief")
        await asyncio.sleep(0.02)

    assert thief is None or thief.last_success_at is not None

    assert (await pulling).status_code == 200


async def test_a_calendar_of_many_events_is_removed_batch_by_batch(world, api, ada, event, monkeypatch) -> None:
    monkeypatch.setattr(event_documents, "BATCH", 7)
    world.grant_tokens(ada)
    world.google.bulk_insert(ada.email, [event(f"Event {number}", number / 10) for number in range(50)])
    await sync(api, ada)
    assert len(events_of(world, ada)) == 50

    await api.delete("/v1/me/calendar", headers=ada.headers)

    assert events_of(world, ada) == []


async def test_an_unchanged_calendar_costs_one_request_and_reads_nothing_by_itself(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await sync(api, ada)
    world.google.emulator.forget()
    now = datetime.now(UTC)
    only(world, ada, now)

    operations = await _operations(world, lambda: service.sync_changes(world.services, now))

    assert len(world.google.requests) == 1
    assert operations == [
        ("query", "calendars"),  # which are due
        ("query", "calendars"),  # whose leases were taken
        ("query", "user_organizations"),
        ("query", "users"),
        ("update", "calendars"),  # the leases
        ("update", "calendars"),
    ]


async def _operations(world: World, ask: Any) -> list[tuple[str, str]]:
    database = world.database
    database["system.profile"].drop()  # what others left of their profiles
    database.command("profile", 2)
    try:
        await ask()
    finally:
        database.command("profile", 0)
    seen = list(
        database["system.profile"].find({"ns": {"$not": {"$regex": "system.profile"}}, "appName": "switchboard"})
    )
    database["system.profile"].drop()
    return sorted((entry["op"], entry["ns"].partition(".")[2]) for entry in seen)
