"""Channels and their notifications, and freeBusy."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from devstack.emulator import Emulator, Fault
from devstack.google import GoogleEmulator
from tests.devstack.google.driver import ANN, BOB, Browser, event

NINE = ("2026-03-02T09:00:00", "2026-03-02T10:00:00")
WATCH = "calendars/primary/events/watch"


async def accept(_: web.Request) -> web.Response:
    return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Emulator]:
    """A web hook that remembers what it was sent."""
    app = web.Application()
    app.router.add_post("/hook", accept)
    async with Emulator(app) as running:
        yield running


async def watch(browser: Browser, receiver: Emulator, path: str = WATCH, **more: object) -> dict[str, str]:
    body = {"id": "c1", "type": "web_hook", "address": f"{receiver.url}/hook", "token": "t1", **more}
    return dict(await browser.call("POST", path, body))


def received(receiver: Emulator) -> list[tuple[str, int]]:
    headers = [request.headers for request in receiver.requests]
    return [(one["X-Goog-Resource-State"], int(one["X-Goog-Message-Number"])) for one in headers]


async def test_a_channel_says_sync_first_and_then_exists_with_rising_numbers(google, ann: Browser, receiver):
    channel = await watch(ann, receiver)
    google.insert_event(ANN, event(*NINE))
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    states = received(receiver)
    assert [state for state, _ in states] == ["sync", "exists", "exists"]
    assert states[0][1] == 1 < states[1][1] < states[2][1]
    headers = receiver.requests[-1].headers
    assert headers["X-Goog-Channel-ID"] == channel["id"] == "c1"
    assert headers["X-Goog-Channel-Token"] == channel["token"] == "t1"
    assert headers["X-Goog-Resource-ID"] == channel["resourceId"]
    assert headers["X-Goog-Resource-URI"] == channel["resourceUri"]
    assert headers["X-Goog-Channel-Expiration"].endswith("GMT")
    assert receiver.requests[-1].body == ""


async def test_a_channel_lives_a_week_or_as_long_as_asked(google, ann: Browser, receiver):
    week = await watch(ann, receiver)
    assert isinstance(week["expiration"], str)
    assert int(week["expiration"]) / 1000 == pytest.approx(google.clock.now() + 604_800, abs=10)
    hour = await watch(ann, receiver, id="c2", params={"ttl": "3600"})
    assert int(hour["expiration"]) / 1000 == pytest.approx(google.clock.now() + 3600, abs=10)
    assert hour["resourceId"] == week["resourceId"]
    await google.settled()
    google.clock.advance(3601)
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    assert [r.headers["X-Goog-Channel-ID"] for r in receiver.requests] == ["c1", "c2", "c1"]


async def test_a_channel_hears_only_of_its_own_calendar(google, ann: Browser, receiver):
    await watch(ann, receiver)
    google.insert_event(BOB, event(*NINE))
    google.insert_event(BOB, event(*NINE, attendees=[{"email": ANN}]))
    await google.settled()
    assert [state for state, _ in received(receiver)] == ["sync", "exists"]


async def test_a_stopped_channel_is_silent_and_only_its_maker_may_stop_it(google, ann: Browser, bob: Browser, receiver):
    channel = await watch(ann, receiver)
    wish = {"id": channel["id"], "resourceId": channel["resourceId"]}
    await bob.call("POST", "channels/stop", wish)
    assert bob.status == 404
    await ann.call("POST", "channels/stop", {**wish, "resourceId": "other"})
    assert ann.status == 404
    await ann.call("POST", "channels/stop", wish)
    assert ann.status == 204
    await ann.call("POST", "channels/stop", wish)
    assert ann.status == 404
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    assert "exists" not in [state for state, _ in received(receiver)]


async def test_a_channel_id_is_unique_and_wishes_are_checked(google, ann: Browser, receiver):
    await watch(ann, receiver)
    again = await watch(ann, receiver)
    assert again["error"]["errors"][0]["reason"] == "channelIdNotUnique"
    for wrong in ({"id": ""}, {"id": "x" * 65}, {"id": "y", "token": "x" * 257}, {"id": "y", "type": "carrier_pigeon"}):
        await watch(ann, receiver, **wrong)
        assert ann.status == 400
    google.switches.allow_http_webhooks = False
    refused = await watch(ann, receiver, id="c9")
    assert refused["error"]["errors"][0]["reason"] == "push.webhookUrlNotHttps"


async def test_some_calendars_cannot_be_watched(google, ann: Browser, receiver):
    google.add_calendar(ANN, "holidays", "Holidays", access_role="reader").watchable = False
    refused = await watch(ann, receiver, "calendars/holidays/events/watch")
    assert refused["error"]["errors"][0]["reason"] == "pushNotSupportedForRequestedResource"


async def test_the_calendar_list_can_be_watched(google, ann: Browser, receiver):
    await watch(ann, receiver, "users/me/calendarList/watch")
    google.insert_event(ANN, event(*NINE))
    google.add_calendar(ANN, "team", "Team")
    await google.settled()
    assert [state for state, _ in received(receiver)] == ["sync", "exists"]


async def test_deliveries_can_be_dropped_doubled_and_swapped(google, ann: Browser, receiver):
    await watch(ann, receiver)
    google.switches.drop_notifications = True
    google.insert_event(ANN, event(*NINE))
    google.switches.drop_notifications = False
    google.switches.duplicate_notifications = True
    google.insert_event(ANN, event(*NINE))
    google.switches.duplicate_notifications = False
    google.switches.reorder_notifications = True
    google.insert_event(ANN, event(*NINE))
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    _, first, second, third, fourth = [number for _, number in received(receiver)]
    assert first == second < fourth < third


async def test_a_receiver_in_trouble_is_asked_again_but_not_for_ever(google, ann: Browser, receiver):
    google.switches.notification_retry_delay = 0.001
    await watch(ann, receiver)
    await google.settled()
    receiver.fail(Fault(path="hook", status=503, times=2))
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    assert google.channels.sent[-1].statuses == [503, 503, 204]
    receiver.fail(Fault(path="hook", status=500, times=None))
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    assert google.channels.sent[-1].statuses == [500, 500, 500, 500]
    receiver.faults.clear()
    receiver.fail(Fault(path="hook", status=404))
    google.insert_event(ANN, event(*NINE))
    await google.settled()
    assert google.channels.sent[-1].statuses == [404]


async def busy(browser: Browser, *calendars: str, **more: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    body = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-03-08T00:00:00Z", **more}
    answer = await browser.call("POST", "freeBusy", {**body, "items": [{"id": name} for name in calendars]})
    return dict(answer["calendars"])


async def test_busy_times_are_merged_and_leave_out_what_does_not_make_busy(google, ann: Browser):
    google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00"))
    google.insert_event(ANN, event("2026-03-02T09:30:00", "2026-03-02T11:00:00"))
    google.insert_event(ANN, event("2026-03-02T11:00:00", "2026-03-02T11:30:00"))
    google.insert_event(ANN, event("2026-03-03T09:00:00", "2026-03-03T10:00:00", transparency="transparent"))
    declined = google.insert_event(BOB, event("2026-03-04T09:00:00", "2026-03-04T10:00:00", attendees=[{"email": ANN}]))
    google.delete_event(ANN, declined["id"])
    no = [{"email": ANN, "responseStatus": "declined"}]
    google.insert_event(ANN, event("2026-03-05T09:00:00", "2026-03-05T10:00:00", attendees=no))
    google.insert_event(ANN, event("2026-02-20", "2026-03-02"))
    assert (await busy(ann, "primary"))["primary"]["busy"] == [
        {"start": "2026-03-01T00:00:00Z", "end": "2026-03-01T23:00:00Z"},
        {"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T10:30:00Z"},
    ]


async def test_busy_times_follow_series_and_the_zone_asked_for(google, ann: Browser):
    series = event(*NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    google.insert_event(ANN, series)
    spans = (await busy(ann, "primary", timeZone="Asia/Tokyo"))["primary"]["busy"]
    assert [span["start"] for span in spans] == [f"2026-03-0{day}T17:00:00+09:00" for day in (2, 3, 4)]


async def test_an_unknown_calendar_is_an_error_inside_the_answer(ann: Browser):
    answer = await busy(ann, "primary", "nowhere")
    assert answer["primary"] == {"busy": []}
    assert answer["nowhere"]["errors"] == [{"domain": "global", "reason": "notFound"}]


async def test_a_free_busy_question_needs_a_range(ann: Browser):
    await ann.call("POST", "freeBusy", {"timeMin": "2026-03-01T00:00:00Z", "items": []})
    assert ann.status == 400
    body = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-03-01T00:00:00Z", "items": []}
    answer = await ann.call("POST", "freeBusy", body)
    assert (ann.status, ann.reason(answer)) == (400, "timeRangeEmpty")


async def test_changes_before_the_start_do_no_harm():
    google = GoogleEmulator()
    google.add_account(ANN)
    google.insert_event(ANN, event(*NINE))
    await asyncio.wait_for(google.settled(), 1)
