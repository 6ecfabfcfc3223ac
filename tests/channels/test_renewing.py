"""Channels opened, renewed and left by the worker's chore.

Where a test names a rule, it is one of facts/google-calendar.md section 2.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.mongod import Mongod
from switchboard.calendars.model import calendar_id_of
from switchboard.channels.model import PATH
from switchboard.channels.service import CLAIM, renew_due
from switchboard.clients.google_errors import (
    AccessLost,
    ChannelExists,
    GoogleUnavailable,
    PushAddressRefused,
)
from switchboard.leases.model import BudgetSpent
from switchboard.services import Services
from tests.calendars.conftest import pull_due
from tests.channels.conftest import (
    Connected,
    calendar,
    channels,
    counted,
    now,
    opened,
    park,
    pushed,
)
from tests.channels.test_receiving import profiled
from tests.world import Person, World, eventually
from tests.world import world as started

WATCH = "/events/watch$"
STOP = "/channels/stop$"
DAY, WEEK, MINUTE = timedelta(days=1), timedelta(days=7), timedelta(minutes=1)


def near(one: datetime, other: datetime, by: timedelta = MINUTE) -> bool:
    return abs(one - other) <= by


def due(world: World, person: Person, **fields: Any) -> None:
    """Let the channel of somebody's calendar be seen to now."""
    world.database["calendars"].update_many(
        {"user_id": person.user_id}, {"$set": {"watch_at": now() - MINUTE, **fields}}
    )


def sent(world: World, channel: dict[str, Any], token: str) -> dict[str, str]:
    """A notification as Google sends it."""
    named = {"X-Goog-Channel-ID": channel["channel_id"], "X-Goog-Channel-Token": token}
    return {**named, "X-Goog-Resource-ID": channel["resource_id"] or "r", "X-Goog-Resource-State": "exists"}


def secret(world: World, number: int = -1) -> str:
    token: str = json.loads(world.google.asked(WATCH)[number].body)["token"]
    return token


async def test_a_calendar_that_was_pulled_well_gets_a_channel(world, services, connected: Connected) -> None:
    ada = await connected()
    before = counted("channels", "opened")

    assert await renew_due(services, now())
    await world.google.settled()

    (channel,) = channels(world, ada)
    stored = calendar(world, ada)
    asked = json.loads(world.google.asked(WATCH)[0].body)
    assert opened(world, ada) == [channel["channel_id"]] == [asked["id"]]
    assert (asked["address"], asked["type"], asked["params"]) == (world.url + PATH, "web_hook", {"ttl": "604800"})
    assert channel["resource_id"] == world.google.channels.open[channel["channel_id"]].resource_id
    assert near(channel["expires_at"], now() + WEEK)
    assert stored["watched_until"] == channel["expires_at"]
    assert DAY / 2 <= channel["expires_at"] - stored["watch_at"] <= DAY
    assert [each.statuses for each in world.google.channels.sent] == [[204]]
    assert counted("channels", "opened") == before + 1
    assert not await renew_due(services, now())


async def test_the_secret_of_a_channel_is_kept_nowhere(world, services, connected: Connected) -> None:
    ada = await connected()
    await renew_due(services, now())

    token = secret(world)
    assert len(token) >= 32
    for name in world.database.list_collection_names():
        assert token not in str(list(world.database[name].find({}))), name
    assert channels(world, ada)[0]["token_hash"] not in (token, "")


@pytest.mark.parametrize("status", ["new", "failing", "access_lost", "gone", "disconnected"])
async def test_a_calendar_that_was_not_pulled_well_gets_none(world, services, connected, status: str) -> None:
    ada = await connected()
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"status": status}})

    assert not await renew_due(services, now())
    assert world.google.asked(WATCH) == []


async def test_without_an_address_nothing_is_done_nor_looked_for(world, connected: Connected) -> None:
    await connected()
    world.google.emulator.forget()

    with profiled(world) as operations:
        assert not await renew_due(world.services, now())

    assert (operations, world.google.requests) == ([], [])


async def test_with_nothing_to_do_one_query_is_asked_that_finds_nothing_by_its_index(
    world, services, connected: Connected
) -> None:
    await connected()
    await renew_due(services, now())
    park(world)
    left = {"status": "disconnected", "watch_at": None}
    others = [{"calendar_id": uuid4().hex, "user_id": "nobody", "fence": 0, **left} for _ in range(50)]
    world.database["calendars"].insert_many(others)

    with profiled(world) as operations:
        assert not await renew_due(services, now())
    world.database["calendars"].delete_many({"user_id": "nobody"})

    (only,) = operations
    assert (only["op"], only["docsExamined"]) == ("command", 0)
    assert only["keysExamined"] <= 12


async def test_several_workers_open_one_channel(world, services, connected: Connected) -> None:
    people = [await connected() for _ in range(5)]
    world.google.fail(Fault(path=WATCH, times=None, latency=0.1))

    found = await asyncio.gather(*(renew_due(services, now()) for _ in range(6)))

    assert any(found)
    assert all(len(opened(world, person)) == len(channels(world, person)) == 1 for person in people)


async def test_rule_55_the_new_channel_is_open_before_the_old_one_is_stopped(world, services, connected) -> None:
    ada = await connected()
    await renew_due(services, now())
    (old,) = opened(world, ada)
    token = secret(world)
    due(world, ada)
    world.google.emulator.forget()
    stopped = counted("channels", "stopped")

    assert await renew_due(services, now())

    asked = [request.path.rpartition("/")[2] for request in world.google.requests]
    assert asked == ["watch", "stop"]
    first, second = channels(world, ada)
    assert opened(world, ada) == [second["channel_id"]] != [old]
    assert (first["channel_id"], second["stopped_at"]) == (old, None)
    assert near(first["stopped_at"], now())
    assert calendar(world, ada)["watched_until"] == second["expires_at"]
    assert counted("channels", "stopped") == stopped + 1
    assert (await world.api.post(PATH, headers=sent(world, first, token))).status_code == 404
    assert (await world.api.post(PATH, headers=sent(world, second, secret(world)))).status_code == 204


async def test_an_old_channel_that_cannot_be_stopped_is_listened_to_until_it_ends(world, services, connected) -> None:
    ada = await connected()
    await renew_due(services, now())
    token = secret(world)
    due(world, ada)
    world.google.fail(Fault(path=STOP, times=None, status=503))

    assert await renew_due(services, now())

    first = channels(world, ada)[0]
    assert (first["stopped_at"], len(opened(world, ada))) == (None, 2)
    assert (await world.api.post(PATH, headers=sent(world, first, token))).status_code == 204
    world.google.emulator.faults.clear()
    due(world, ada)
    await renew_due(services, now())
    assert len(opened(world, ada)) == 1
    assert [each["stopped_at"] is None for each in channels(world, ada)] == [False, False, True]


async def test_a_calendar_without_push_is_polled_and_not_asked_about_for_a_week(world, services, connected) -> None:
    ada = await connected()
    world.google.store.calendars[ada.email].watchable = False
    due(world, ada, watched_until=now() + DAY)
    before = counted("channels", "push_unsupported")

    assert await renew_due(services, now())

    stored = calendar(world, ada)
    assert (stored["watched_until"], channels(world, ada)) == (None, [])
    assert WEEK <= stored["watch_at"] - now() + MINUTE <= 1.3 * WEEK
    assert counted("channels", "push_unsupported") == before + 1
    assert not await renew_due(services, now() + WEEK - DAY)
    assert len(world.google.asked(WATCH)) == 1


async def test_an_address_that_google_refuses_is_tried_again_in_an_hour(world, services, connected) -> None:
    ada = await connected()
    world.google.switches.allow_http_webhooks = False
    try:
        with pytest.raises(PushAddressRefused):
            await renew_due(services, now())
    finally:
        world.google.switches.allow_http_webhooks = True

    assert channels(world, ada) == []
    assert calendar(world, ada)["watch_at"] <= now() + 90 * MINUTE
    assert await renew_due(services, now() + 100 * MINUTE)
    assert len(opened(world, ada)) == 1


async def test_while_google_does_not_answer_the_old_channel_goes_on(world, services, connected) -> None:
    ada = await connected()
    await renew_due(services, now())
    until = calendar(world, ada)["watched_until"]
    due(world, ada)
    world.google.fail(Fault(path=WATCH, times=None, status=503))

    with pytest.raises(GoogleUnavailable):
        await renew_due(services, now())

    stored = calendar(world, ada)
    assert (stored["watched_until"], len(opened(world, ada))) == (until, 1)
    assert near(stored["watch_at"], now() + 10 * MINUTE, 6 * MINUTE)
    world.google.emulator.faults.clear()
    assert await renew_due(services, now() + 20 * MINUTE)
    assert opened(world, ada) == [channels(world, ada)[-1]["channel_id"]]


async def test_one_failure_does_not_hold_up_the_others(world, services, connected) -> None:
    ada, *others = [await connected() for _ in range(3)]
    world.google.fail(Fault(path=f"{ada.email}{WATCH}", times=None, status=503))

    assert await renew_due(services, now())

    assert opened(world, ada) == []
    assert all(len(opened(world, person)) == 1 for person in others)


async def test_a_channel_whose_answer_was_lost_is_listened_to_and_ends_when_the_next_is_open(
    world, services, connected
) -> None:
    ada = await connected()
    world.google.fail(Fault(path=WATCH, drop=True, act_first=True))

    with pytest.raises(ChannelExists):
        await renew_due(services, now())

    (lost,) = channels(world, ada)
    assert (opened(world, ada), lost["resource_id"]) == ([lost["channel_id"]], None)
    assert (await world.api.post(PATH, headers=sent(world, lost, secret(world)))).status_code == 204
    assert await renew_due(services, now() + 20 * MINUTE)
    assert len(opened(world, ada)) == 1
    assert channels(world, ada)[0]["stopped_at"] is not None


async def test_a_budget_that_is_spent_asks_nothing(world, services, connected) -> None:
    async def refuse(_: str | None, __: datetime) -> bool:
        return False

    ada = await connected()
    with pytest.raises(BudgetSpent):
        await renew_due(replace(services, may_ask_google=refuse), now())

    assert (world.google.asked(WATCH), channels(world, ada)) == ([], [])
    assert near(calendar(world, ada)["watch_at"], now() + 10 * MINUTE, 6 * MINUTE)


async def test_whose_claim_was_taken_over_stops_the_channel_it_opened(world, services, connected) -> None:
    """As a worker does that slept in between: the other one's channel is the one that counts."""
    ada = await connected()
    world.google.fail(Fault(path=WATCH, latency=0.5))
    slow = asyncio.ensure_future(renew_due(services, now()))
    await eventually(lambda: world.google.asked(WATCH))

    assert await renew_due(services, now() + CLAIM)
    (other,) = opened(world, ada)
    until = calendar(world, ada)["watched_until"]
    await slow

    assert opened(world, ada) == [other]
    assert calendar(world, ada)["watched_until"] == until
    alive = [each["channel_id"] for each in channels(world, ada) if each["stopped_at"] is None]
    assert alive == [other]


async def test_a_calendar_that_is_disconnected_meanwhile_keeps_no_channel(world, api, services, connected) -> None:
    ada = await connected()
    world.google.fail(Fault(path=WATCH, latency=0.5))
    opening = asyncio.ensure_future(renew_due(services, now()))
    await eventually(lambda: world.google.asked(WATCH))
    assert (await api.delete("/v1/me/calendar", headers=ada.headers)).status_code == 204
    await opening

    await renew_due(services, now())

    assert [each["stopped_at"] for each in channels(world, ada) if each["stopped_at"] is None] == []
    stored = calendar(world, ada)
    assert (stored["watched_until"], stored["watch_at"]) == (None, None)
    assert not await renew_due(services, now())


async def test_rule_40_a_channel_of_lost_access_is_left(world, api, services, connected: Connected) -> None:
    ada = await connected()
    await renew_due(services, now())
    (channel,), token = channels(world, ada), secret(world)
    world.google.revoke(ada.email)
    assert (await api.post("/v1/me/calendar/sync", headers=ada.headers)).status_code == 409
    left = counted("channels", "left")

    assert await renew_due(services, now())

    stored = calendar(world, ada)
    assert (stored["status"], stored["watched_until"], stored["watch_at"]) == ("access_lost", None, None)
    assert (await api.post(PATH, headers=sent(world, channel, token))).status_code == 404
    assert counted("channels", "left") == left + 1
    assert not await renew_due(services, now())


async def test_rule_40_a_calendar_that_is_no_longer_chosen_is_told_of_no_more(world, api, services, connected) -> None:
    ada = await connected()
    team = world.google.add_calendar(ada.email, f"team-{uuid4().hex}@group.example.com", "Team").id
    chosen = {"calendars": [{"google_calendar_id": team}]}
    answer = await api.put("/v1/me/calendars", headers=ada.headers, json=chosen)
    assert answer.status_code == 200, answer.text
    while await pull_due(world, now()):
        pass
    await renew_due(services, now())
    assert len(opened(world, ada)) == 2
    assert (await api.put("/v1/me/calendars", headers=ada.headers, json={"calendars": []})).status_code == 200

    assert await renew_due(services, now())

    kept = world.database["calendars"].find_one({"calendar_id": calendar_id_of(ada.user_id, team)})
    assert (kept["status"], kept["watched_until"], kept["watch_at"]) == ("disconnected", None, None)
    assert [world.google.channels.open[each].calendar_id for each in opened(world, ada)] == [ada.email]


async def test_who_connects_anew_gets_a_new_channel_and_the_old_one_ends(
    world, api, services, connected, connect
) -> None:
    ada = await connected()
    await renew_due(services, now())
    (before,) = opened(world, ada)

    assert (await connect(ada)).status_code == 200
    assert calendar(world, ada)["watched_until"] is None
    assert (await api.post("/v1/me/calendar/sync", headers=ada.headers)).status_code == 200
    assert await renew_due(services, now())

    assert len(opened(world, ada)) == 1
    assert opened(world, ada) != [before]


async def test_access_that_is_lost_meanwhile_keeps_nothing(world, services, connected: Connected) -> None:
    ada = await connected()
    world.google.revoke(ada.email)

    with pytest.raises(AccessLost):
        await renew_due(services, now())

    assert channels(world, ada) == []


async def test_a_person_sees_until_when_google_tells(world, api, services, connected: Connected) -> None:
    ada = await connected()
    await renew_due(services, now())

    shown = (await api.get("/v1/me/calendar", headers=ada.headers)).json()

    told = shown["calendars"][0]["pull"]["watched_until"]
    assert datetime.fromisoformat(told) == calendar(world, ada)["watched_until"]


async def test_a_watched_calendar_is_polled_seldom_and_after_the_end_of_its_channel_as_before(
    world, api, services, connected
) -> None:
    ada = await connected()
    limits = world.settings.calendar
    await renew_due(services, now())
    await api.post("/v1/me/calendar/sync", headers=ada.headers)
    seldom = calendar(world, ada)["pause_seconds"]
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"watched_until": now() - MINUTE}})
    await api.post("/v1/me/calendar/sync", headers=ada.headers)

    assert seldom >= 0.8 * limits.watched_poll_seconds
    assert calendar(world, ada)["pause_seconds"] <= 1.2 * limits.longest_poll_seconds


@pytest.fixture
async def apart(mongod: Mongod) -> AsyncIterator[World]:
    """A world of its own, whose Google may have another time."""
    async with started(mongod) as world:
        yield world


async def test_rule_55_a_channel_is_renewed_before_its_end_by_googles_clock(apart: World, event) -> None:
    world, services = apart, pushed(apart)
    ada = world.person()
    world.grant_tokens(ada)
    await world.api.post("/v1/me/calendar/sync", headers=ada.headers)
    began = now()
    await renew_due(services, began)
    (old,) = opened(world, ada)
    assert not await renew_due(services, began + 5.9 * DAY)

    world.google.clock.advance((6.6 * DAY).total_seconds())
    assert await renew_due(services, began + 6.6 * DAY)
    (new,) = opened(world, ada)
    world.google.clock.advance(DAY.total_seconds())  # the old one would be over
    world.google.insert_event(ada.email, event("After a week"))
    await world.google.settled()

    assert new != old
    assert near(calendar(world, ada)["watched_until"], began + 13.6 * DAY)
    told = [each for each in world.google.channels.sent if each.state == "exists"]
    assert [(each.channel.id, each.statuses) for each in told] == [(new, [204])]
    assert calendar(world, ada)["next_sync_at"] <= now() + 2 * timedelta(seconds=1)


async def test_a_channel_that_google_gives_an_hour_is_renewed_within_it(apart: World) -> None:
    ada = apart.person()
    apart.grant_tokens(ada)
    await apart.api.post("/v1/me/calendar/sync", headers=ada.headers)
    ends = (now() + timedelta(hours=1)).replace(microsecond=0)
    body = {"kind": "api#channel", "id": "x", "resourceId": "r", "expiration": int(ends.timestamp() * 1000)}
    apart.google.fail(Fault(path=WATCH, status=200, body=json.dumps(body)))

    await renew_due(pushed(apart), now())

    stored = calendar(apart, ada)
    assert stored["watched_until"] == ends
    assert timedelta(minutes=15) - MINUTE <= ends - stored["watch_at"] <= timedelta(minutes=30)


def test_a_worker_asks_with_services_of_its_own_address(world: World, services: Services) -> None:
    assert services.settings.calendar.push_address == world.url
    assert world.services.settings.calendar.push_address == ""
