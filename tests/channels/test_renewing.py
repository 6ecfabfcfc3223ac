"""Channels renewed by the worker's chore, and left when their calendars are not pulled any more.

Where a test names a rule, it is one of facts/google-calendar.md section 2.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.mongod import Mongod
from switchboard.calendars.model import calendar_id_of
from switchboard.channels.model import PATH
from switchboard.channels.service import CLAIM, renew_due
from switchboard.clients.google_errors import GoogleUnavailable
from tests.calendars.conftest import pull_due
from tests.channels.conftest import (
    STOP,
    WATCH,
    Connected,
    calendar,
    channels,
    counted,
    due,
    near,
    now,
    opened,
    pushed,
    secret,
    sent,
)
from tests.world import World, eventually
from tests.world import world as started

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


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
    assert (await world.api.post(PATH, headers=sent(first, token))).status_code == 404
    assert (await world.api.post(PATH, headers=sent(second, secret(world)))).status_code == 204


async def test_an_old_channel_that_cannot_be_stopped_is_listened_to_until_it_ends(world, services, connected) -> None:
    ada = await connected()
    await renew_due(services, now())
    token = secret(world)
    due(world, ada)
    world.google.fail(Fault(path=STOP, times=None, status=503))

    assert await renew_due(services, now())

    first = channels(world, ada)[0]
    assert (first["stopped_at"], len(opened(world, ada))) == (None, 2)
    assert (await world.api.post(PATH, headers=sent(first, token))).status_code == 204
    world.google.emulator.faults.clear()
    due(world, ada)
    await renew_due(services, now())
    assert len(opened(world, ada)) == 1
    assert [each["stopped_at"] is None for each in channels(world, ada)] == [False, False, True]


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
    assert near(stored["watch_at"], now() + 10 * MINUTE, 6)
    world.google.emulator.faults.clear()
    assert await renew_due(services, now() + 20 * MINUTE)
    assert opened(world, ada) == [channels(world, ada)[-1]["channel_id"]]


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
    assert (await api.post(PATH, headers=sent(channel, token))).status_code == 404
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
