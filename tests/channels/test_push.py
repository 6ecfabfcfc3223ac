"""A change at Google, through its notification and a worker process, to the API."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from switchboard.channels.model import PATH
from switchboard.channels.service import renew_due
from tests.channels.conftest import Connected, calendar, channels, counted, now, opened
from tests.fail_points import failing, held_up
from tests.world import Person, World, eventually

PROMPT = 5.0  # seconds, on a machine that does much else; the next poll is hours away
LISTING = r"/calendars/{}/events$"


@pytest.fixture
def google(world: World) -> Iterator[Any]:
    """Google with its manners as before afterwards."""
    switches = world.google.switches
    before = vars(switches).copy()
    yield world.google
    for name, value in before.items():
        setattr(switches, name, value)


def limits(world: World, **fields: Any) -> Any:
    seldom = {"poll_seconds": 3600, "longest_poll_seconds": 3600, "watched_poll_seconds": 7200}
    return world.settings.calendar.model_copy(update={"push_address": world.url, **seldom, **fields})


def titles(world: World, person: Person) -> list[str]:
    found = world.database["calendar_events"].find({"user_id": person.user_id}).sort("title")
    return [event["title"] for event in found]


def listed(world: World, person: Person) -> int:
    return len(world.google.asked(LISTING.format(person.email)))


def arrived(world: World, person: Person, title: str) -> bool:
    return title in titles(world, person)


async def watched(world: World, *people: Person) -> None:
    await eventually(lambda: all(calendar(world, each).get("watched_until") for each in people), 20)


async def test_a_change_is_pulled_at_once_without_waiting_for_the_poll(world, connected, start, event) -> None:
    ada = await connected()
    start(calendar=limits(world))
    await watched(world, ada)
    took = []
    for number in range(3):
        began = time.monotonic()
        world.google.insert_event(ada.email, event(f"Event {number}"))
        await eventually(partial(arrived, world, ada, f"Event {number}"), PROMPT)
        took.append(time.monotonic() - began)

    assert titles(world, ada) == ["Event 0", "Event 1", "Event 2"]
    assert max(took) < PROMPT
    await eventually(lambda: calendar(world, ada)["next_sync_at"] > now() + timedelta(hours=1))


async def test_a_second_of_changes_told_twice_is_pulled_a_few_times(world, google, connected, start, event) -> None:
    ada = await connected()
    start(calendar=limits(world))
    await watched(world, ada)
    google.switches.duplicate_notifications = True
    before, told = listed(world, ada), counted("notifications", "exists")

    for number in range(50):
        google.insert_event(ada.email, event(f"Event {number:02}", number / 60))
        await asyncio.sleep(0.02)  # each is told of before the next
    await google.settled()
    await eventually(lambda: len(titles(world, ada)) == 50)
    await eventually(lambda: calendar(world, ada)["next_sync_at"] > now() + timedelta(hours=1))

    assert counted("notifications", "exists") == told + 100
    assert listed(world, ada) - before <= 4


async def test_notifications_in_the_wrong_order_lose_nothing(world, google, connected, start, event) -> None:
    ada = await connected()
    start(calendar=limits(world))
    await watched(world, ada)
    google.switches.reorder_notifications = True

    for number in range(6):
        google.insert_event(ada.email, event(f"Event {number}"))
    await google.settled()

    await eventually(lambda: len(titles(world, ada)) == 6)


async def test_rule_53_what_google_does_not_tell_is_found_by_the_poll(world, google, connected, start, event) -> None:
    ada = await connected()
    start(calendar=limits(world, poll_seconds=1, longest_poll_seconds=1, watched_poll_seconds=2))
    await watched(world, ada)
    google.switches.drop_notifications = True
    told = counted("notifications", "exists")

    google.insert_event(ada.email, event("Untold"))
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"next_sync_at": now()}})
    await eventually(lambda: titles(world, ada) == ["Untold"])
    google.delete_event(ada.email, next(iter(world.google.store.calendars[ada.email].events)))
    await eventually(lambda: titles(world, ada) == [])

    assert counted("notifications", "exists") == told


async def test_what_cannot_be_taken_for_the_moment_is_told_again(world, services, connected, event) -> None:
    """While MongoDB does not answer the answer is 503, and Google repeats itself."""
    ada = await connected()
    await renew_due(services, now())
    await world.google.settled()
    with failing(world.mongo, "find", times=2, errorCode=50, namespace=f"{world.database.name}.calendar_channels"):
        world.google.insert_event(ada.email, event("Told again"))
        await world.google.settled()

    assert world.google.channels.sent[-1].statuses == [503, 503, 204]
    assert calendar(world, ada)["next_sync_at"] <= now() + timedelta(seconds=1)


async def test_two_workers_open_one_channel_for_each_calendar(world, connected: Connected, start) -> None:
    people = [await connected() for _ in range(12)]
    start(calendar=limits(world))
    start(calendar=limits(world))
    await watched(world, *people)

    assert all(len(opened(world, person)) == len(channels(world, person)) == 1 for person in people)


async def test_a_worker_killed_between_googles_answer_and_the_note_of_it_leaves_nothing_unwatched(
    world, api, connected, start, event
) -> None:
    ada = await connected()
    noting = f"{world.database.name}.calendar_channels"
    with failing(world.mongo, "update", times=1, namespace=noting, **held_up(30)):
        first = start(calendar=limits(world))
        await eventually(lambda: waiting(world), 20)
        first.kill()
        await asyncio.to_thread(first.wait, 10)
        for operation in waiting(world):
            world.mongo.admin.command({"killOp": 1, "op": operation["opid"]})
    await eventually(lambda: not waiting(world))
    (left,) = opened(world, ada)
    assert [each["resource_id"] for each in channels(world, ada)] == [None]
    assert calendar(world, ada).get("watched_until") is None

    world.google.insert_event(ada.email, event("Told all the same"))
    await world.google.settled()
    assert world.google.channels.sent[-1].statuses == [204]
    start(calendar=limits(world))
    await eventually(lambda: titles(world, ada) == ["Told all the same"], 20)
    assert opened(world, ada) == [left]  # the claim of the dead one is still good
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"watch_at": now()}})
    await watched(world, ada)

    await eventually(lambda: [each["stopped_at"] is None for each in channels(world, ada)] == [False, True])
    assert opened(world, ada) == [channels(world, ada)[1]["channel_id"]]
    assert (await api.post(PATH, headers={"X-Goog-Channel-ID": left})).status_code == 404


def waiting(world: World) -> list[dict[str, Any]]:
    """Updates of channels that have not come through."""
    mine = {"command.update": "calendar_channels", "command.$db": world.database.name}
    return list(world.mongo.admin.aggregate([{"$currentOp": {}}, {"$match": mine}]))
