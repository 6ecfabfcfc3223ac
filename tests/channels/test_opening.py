"""Channels opened by the worker's chore."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from switchboard.channels.model import PATH
from switchboard.channels.service import renew_due
from switchboard.clients.google_errors import AccessLost, ChannelExists, PushAddressRefused
from switchboard.leases.model import BudgetSpent
from tests.channels.conftest import (
    WATCH,
    Connected,
    calendar,
    channels,
    counted,
    due,
    near,
    now,
    opened,
    park,
    profiled,
    secret,
    sent,
)

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)


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
    assert (await world.api.post(PATH, headers=sent(lost, secret(world)))).status_code == 204
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
    assert near(calendar(world, ada)["watch_at"], now() + 10 * MINUTE, 6)


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
