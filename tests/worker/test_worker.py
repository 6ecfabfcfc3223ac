"""Real worker processes: stopped, killed, stalled, several at once."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devstack.emulator import Fault
from devstack.mongod import Mongod
from switchboard.calendars.model import primary_calendar_id
from tests.fork_server import Forked
from tests.world import Person, World, eventually, settings_for

LISTING = r"/calendar/v3/calendars/.*/events$"


async def ended(child: Forked, seconds: float = 15.0) -> int:
    return await asyncio.to_thread(child.wait, seconds)


def due(world: World, person: Person, events: int = 0) -> str:
    """Make a person's calendar due; its id."""
    world.grant_tokens(person)
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    bodies = []
    for number in range(events):
        begin = tomorrow + timedelta(minutes=number)
        times = {
            "start": {"dateTime": begin.isoformat()},
            "end": {"dateTime": (begin + timedelta(hours=1)).isoformat()},
        }
        bodies.append({"summary": f"Event {number:04}", **times})
    world.google.bulk_insert(person.email, bodies)
    calendar_id = primary_calendar_id(person.user_id)
    fields = {"calendar_id": calendar_id, "user_id": person.user_id, "status": "new", "fence": 0, "failure_count": 0}
    world.database["calendars"].insert_one({**fields, "next_sync_at": datetime.now(UTC)})
    return calendar_id


def calendar(world: World, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = world.database["calendars"].find_one({"user_id": person.user_id})
    return found


def titles(world: World, person: Person) -> list[str]:
    found = world.database["calendar_events"].find({"user_id": person.user_id}).sort("title")
    return [event["title"] for event in found]


def synced(world: World, *people: Person) -> bool:
    return all(calendar(world, person)["status"] == "synced" for person in people)


def numbered(count: int) -> list[str]:
    return [f"Event {number:04}" for number in range(count)]


def listed(world: World, person: Person) -> int:
    return len(world.google.asked(rf"/calendars/{person.email}/events$"))


async def test_sigterm_finishes_what_runs_gives_the_lease_back_and_exits_with_0(world, ada, start) -> None:
    due(world, ada, 120)
    world.google.fail(Fault(path=LISTING, times=None, latency=0.3))
    worker = start()
    await eventually(lambda: listed(world, ada), 20)

    worker.send_signal(signal.SIGTERM)

    assert await ended(worker) == 0
    stored = calendar(world, ada)
    assert (stored["status"], stored["lease_until"], stored["lease_owner"]) == ("synced", None, None)
    assert titles(world, ada) == numbered(120)


async def test_sigterm_to_an_idle_worker_ends_it_at_once(start, tmp_path) -> None:
    worker = start()
    await eventually(lambda: "worker.started" in _said(tmp_path), 20)

    worker.send_signal(signal.SIGTERM)

    assert await ended(worker, 5) == 0


def _said(folder: Path) -> str:
    return "".join(log.read_text() for log in folder.glob("worker-*.log"))


async def test_a_pull_that_takes_too_long_is_given_up_at_sigterm_and_gives_its_lease_back(world, ada, start) -> None:
    due(world, ada, 120)
    world.google.fail(Fault(path=LISTING, times=None, latency=1.5))
    worker = start(lease=60, grace=0.1)
    await eventually(lambda: listed(world, ada), 20)

    worker.send_signal(signal.SIGTERM)

    assert await ended(worker, 10) == 0
    stored = calendar(world, ada)
    assert (stored["lease_until"], stored.get("sync_token"), stored["failure_count"]) == (None, None, 0)
    assert stored["next_sync_at"] <= datetime.now(UTC)


async def test_sigkill_in_the_middle_of_a_pull_loses_and_doubles_nothing(world, ada, start) -> None:
    calendar_id = due(world, ada, 300)
    world.google.fail(Fault(path=LISTING, skip=2, times=None, latency=0.3))
    first = start(lease=1)
    await eventually(lambda: len(titles(world, ada)) >= 50, 20)
    first.kill()
    await ended(first)
    assert calendar(world, ada).get("sync_token") is None
    assert 50 <= len(titles(world, ada)) < 300
    world.google.emulator.faults.clear()

    start(lease=1)
    await eventually(lambda: synced(world, ada), 20)

    assert titles(world, ada) == numbered(300)
    assert world.database["calendar_events"].count_documents({"calendar_id": calendar_id}) == 300


async def test_a_holder_that_slept_through_its_lease_overwrites_nothing(world, ada, start) -> None:
    due(world, ada, 200)
    world.google.fail(Fault(path=LISTING, skip=1, times=1, latency=1.5))
    sleeper = start(lease=1)
    await eventually(lambda: listed(world, ada) >= 2, 20)
    sleeper.send_signal(signal.SIGSTOP)
    fence = calendar(world, ada)["fence"]
    await eventually(lambda: calendar(world, ada)["lease_until"] < datetime.now(UTC))
    _rename_all(world, ada)
    successor = start(lease=60)
    await eventually(lambda: synced(world, ada), 20)
    stored, before = calendar(world, ada), titles(world, ada)
    assert stored["fence"] > fence

    successor.send_signal(signal.SIGTERM)
    await ended(successor)
    sleeper.send_signal(signal.SIGCONT)
    sleeper.send_signal(signal.SIGTERM)
    assert await ended(sleeper) == 0

    assert titles(world, ada) == before == ["Renamed"] * 200
    kept = ("sync_token", "fence", "status", "last_success_at", "next_sync_at")
    assert {name: calendar(world, ada)[name] for name in kept} == {name: stored[name] for name in kept}


def _rename_all(world: World, person: Person) -> None:
    for own_id in list(world.google.store.calendars[person.email].events):
        world.google.patch_event(person.email, own_id, {"summary": "Renamed"})


async def test_a_page_slower_than_the_lease_keeps_it(world, ada, start) -> None:
    due(world, ada, 120)
    world.google.fail(Fault(path=LISTING, times=2, latency=1.0))
    start(lease=0.6)
    start(lease=0.6)
    await eventually(lambda: synced(world, ada), 20)

    assert calendar(world, ada)["fence"] == 2  # one lease, and one more as everything is pulled
    assert listed(world, ada) == 3


async def test_two_workers_share_many_calendars_and_each_is_pulled_once(world, start) -> None:
    people = [world.person() for _ in range(24)]
    for person in people:
        due(world, person, 3)
    start()
    start()
    await eventually(lambda: synced(world, *people), 30)

    assert [listed(world, person) for person in people] == [1] * 24
    assert all(titles(world, person) == numbered(3) for person in people)


async def test_a_crash_in_one_calendar_does_not_stop_the_others_and_is_not_repeated_at_once(
    world, start, tmp_path
) -> None:
    unreadable, refused, *people = [world.person() for _ in range(6)]
    for person in (unreadable, refused, *people):
        due(world, person, 3)
    world.database["calendars"].update_one({"user_id": unreadable.user_id}, {"$set": {"failure_count": "many"}})
    world.google.fail(Fault(path=rf"/calendars/{refused.email}/events$", times=None, status=400, body="{}"))

    start(lease=60)
    await eventually(lambda: synced(world, *people), 20)
    await eventually(lambda: calendar(world, refused)["status"] == "failing")
    await eventually(lambda: "document.unreadable" in _said(tmp_path))

    assert listed(world, refused) == 1
    assert calendar(world, refused)["next_sync_at"] > datetime.now(UTC)
    assert calendar(world, unreadable)["fence"] == 1
    world.database["calendars"].delete_one({"user_id": unreadable.user_id})


async def test_a_mongo_outage_does_not_end_a_worker(world, start, tmp_path) -> None:
    with Mongod() as mongod:
        settings = settings_for(mongod, world.google, world.propelauth, "outage")
        mongodb = settings.mongodb.model_copy(update={"timeout": 0.5})
        worker = start(lease=5, mongodb=mongodb, google=settings.google)
        await eventually(lambda: "worker.started" in _said(tmp_path), 20)
        await asyncio.to_thread(mongod.pause)
        await eventually(lambda: "chore_failed" in _said(tmp_path), 20)
        await asyncio.to_thread(mongod.resume)
        outage = World(**{**vars(world), "mongod": mongod, "settings": settings})
        outage.mongo = type(world.mongo)(mongod.uri, tz_aware=True)
        person = outage.person()
        due(outage, person, 3)
        await eventually(lambda: synced(outage, person), 20)
        outage.mongo.close()

        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert await ended(worker) == 0
