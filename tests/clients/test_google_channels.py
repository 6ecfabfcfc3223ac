"""Channels that Google tells of changes through, and what is counted of requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from devstack.emulator import Fault
from switchboard.clients.google import Channel, GoogleClient, Hook
from switchboard.clients.google_errors import (
    AccessLost,
    ChannelExists,
    GoogleUnavailable,
    InvalidAccessToken,
    PushUnsupported,
    as_our_channel_error,
)
from switchboard.connections.model import SCOPES
from switchboard.errors import SwitchboardError
from tests.clients.test_google import _leaks
from tests.world import Person, World

WATCH, STOP = r"/events/watch$", r"/channels/stop$"


@pytest.fixture
async def client(world: World) -> AsyncIterator[GoogleClient]:
    async with GoogleClient.opened(world.settings.google, backoff=0.01) as found:
        yield found


@pytest.fixture
def token(world: World, ada: Person) -> str:
    return str(world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))["access_token"])


def hook(address: str = "http://127.0.0.1:1/hook", ttl_seconds: int = 3600) -> Hook:
    return Hook(uuid4().hex, "secret-of-the-channel", address, ttl_seconds)


async def test_a_channel_is_opened_and_stopped(world, client, token, ada) -> None:
    wanted = hook()
    before = datetime.now(UTC)
    channel = await client.watch(token, ada.email, wanted)

    opened = world.google.channels.open[wanted.channel_id]
    assert (opened.token, opened.address, opened.calendar_id) == (wanted.channel_token, wanted.address, ada.email)
    assert channel.resource_id == opened.resource_id
    assert timedelta(minutes=59) < channel.expires_at - before < timedelta(minutes=61)
    await client.stop_channel(token, wanted.channel_id, channel.resource_id)
    assert wanted.channel_id not in world.google.channels.open


async def test_a_channel_that_is_gone_is_stopped(client, token) -> None:
    await client.stop_channel(token, "nobody", "nothing")


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}])
async def test_a_stop_whose_answer_was_lost_is_a_stop(world, client, token, ada, fault) -> None:
    wanted = hook()
    channel = await client.watch(token, ada.email, wanted)
    world.google.fail(Fault(path=STOP, act_first=True, **fault))

    await client.stop_channel(token, wanted.channel_id, channel.resource_id)


@pytest.mark.parametrize(
    ("expiration", "expected"),
    [
        ("1900000000000", datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)),
        (1900000000000, datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)),
    ],
)
async def test_an_expiration_is_a_text_or_a_number(world, client, token, ada, expiration, expected) -> None:
    answer = {"resourceId": "r", "expiration": expiration}
    world.google.fail(Fault(path=WATCH, status=200, body=json.dumps(answer)))

    assert await client.watch(token, ada.email, hook()) == Channel("r", expected)


@pytest.mark.parametrize("expiration", [None, "soon", "9" * 40, [], "-" + "9" * 30])
async def test_an_expiration_that_says_nothing_is_the_one_asked_for(world, client, token, ada, expiration) -> None:
    answer = {"resourceId": "r", "expiration": expiration}
    world.google.fail(Fault(path=WATCH, status=200, body=json.dumps(answer)))

    found = await client.watch(token, ada.email, hook(ttl_seconds=600))

    assert timedelta(minutes=9) < found.expires_at - datetime.now(UTC) < timedelta(minutes=11)


async def test_an_answer_without_a_resource_is_none(world, client, token, ada) -> None:
    world.google.fail(Fault(path=WATCH, times=None, status=200, body="{}"))

    with pytest.raises(GoogleUnavailable):
        await client.watch(token, ada.email, hook())


async def test_calendars_and_addresses_without_push_are_told_apart_from_failures(world, client, token, ada) -> None:
    world.google.switches.allow_http_webhooks = False
    try:
        with pytest.raises(PushUnsupported):
            await client.watch(token, ada.email, hook())
    finally:
        world.google.switches.allow_http_webhooks = True
    holidays = world.google.add_calendar(ada.email, f"holidays-{uuid4().hex}", "Holidays")
    holidays.watchable = False
    with pytest.raises(PushUnsupported):
        await client.watch(token, holidays.id, hook())


async def test_an_id_in_use_opens_no_second_channel(client, token, ada) -> None:
    wanted = hook()
    await client.watch(token, ada.email, wanted)

    with pytest.raises(ChannelExists):
        await client.watch(token, ada.email, wanted)


async def test_a_channel_whose_answer_was_lost_is_asked_for_by_another_id(world, client, token, ada) -> None:
    world.google.fail(Fault(path=WATCH, drop=True, act_first=True))
    with pytest.raises(ChannelExists):
        await client.watch(token, ada.email, hook())

    assert (await client.watch(token, ada.email, hook())).resource_id


async def test_channels_have_deadlines_and_tell_no_secret(world, token, ada) -> None:
    world.google.fail(Fault(times=None, latency=5))
    settings = world.settings.google.model_copy(update={"timeout": 0.05})
    wanted = hook()
    async with GoogleClient.opened(settings, backoff=0.01) as client:
        for call in (client.watch(token, ada.email, wanted), client.stop_channel(token, "channel", "resource")):
            async with asyncio.timeout(3):
                with pytest.raises(GoogleUnavailable) as raised:
                    await call
            assert not _leaks(raised.value, world.google.url, token, ada.email, wanted.channel_token)


def body(reason: str) -> dict[str, Any]:
    return {"error": {"errors": [{"reason": reason}]}}


ROWS = [
    (400, "pushNotSupportedForRequestedResource", PushUnsupported),
    (400, "push.webhookUrlNotHttps", PushUnsupported),
    (401, "push.webhookUrlUnauthorized", PushUnsupported),
    (400, "channelIdNotUnique", ChannelExists),
    (401, "authError", InvalidAccessToken),
    (403, "insufficientPermissions", AccessLost),
    (503, "pushNotSupportedForRequestedResource", GoogleUnavailable),
    (400, "badRequest", SwitchboardError),
]


@pytest.mark.parametrize(("status", "reason", "kind"), ROWS)
def test_what_an_answer_to_a_wish_for_a_channel_means(status, reason, kind) -> None:
    error = as_our_channel_error(status, body(reason))

    assert isinstance(error, kind)
    assert kind is not SwitchboardError or type(error) is SwitchboardError


def counted(method: str, outcome: str) -> float:
    labels = {"method": method, "outcome": outcome}
    return REGISTRY.get_sample_value("switchboard_google_requests_total", labels) or 0.0


def retried() -> float:
    return REGISTRY.get_sample_value("switchboard_google_retries_total") or 0.0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"drop": True}, "no_answer"),
        ({"status": 503}, "5xx"),
        ({"status": 429}, "slow_down"),
        ({"status": 403, "body": json.dumps(body("rateLimitExceeded"))}, "slow_down"),
        ({"status": 200, "body": "<"}, "unreadable"),
    ],
)
async def test_every_request_is_counted_by_how_it_ended(world, client, token, ada, fault, outcome) -> None:
    world.google.fail(Fault(path="/freeBusy", times=2, **fault))
    good, bad, again = counted("freebusy.query", "ok"), counted("freebusy.query", outcome), retried()
    now = datetime.now(UTC)

    await client.busy(token, [ada.email], now, now + timedelta(hours=1))

    assert counted("freebusy.query", "ok") - good == 1
    assert counted("freebusy.query", outcome) - bad == 2
    assert retried() - again == 2


async def test_refusals_and_requests_for_tokens_are_counted_too(world, client, ada) -> None:
    names = [("events.watch", "calendar_access_lost"), ("oauth.token", "ok"), ("oauth.token", "4xx")]
    before = [counted(*name) for name in names]
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    await client.oauth.refresh(grant["refresh_token"])
    with pytest.raises(AccessLost):
        await client.oauth.refresh("1//0g-nobody")
    with pytest.raises(AccessLost):
        await client.watch("nobody", ada.email, hook())

    assert [counted(*name) - earlier for name, earlier in zip(names, before, strict=True)] == [1, 1, 1]
