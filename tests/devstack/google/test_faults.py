"""Faults, quotas and the control plane."""

import aiohttp
import pytest

from devstack.emulator import Fault
from tests.devstack.google.driver import ANN, BOB, SCOPES, Browser, authorization_url, event

NINE = ("2026-03-02T09:00:00", "2026-03-02T10:00:00")


async def test_a_dropped_connection_is_a_client_error_and_the_next_call_works(google, ann: Browser):
    # aiohttp itself repeats a GET once.
    google.fail(Fault(path="events", drop=True, times=2))
    with pytest.raises(aiohttp.ClientError):
        await ann.events()
    await ann.events()
    assert ann.status == 200


async def test_a_fault_with_a_chance_hits_some_requests_and_lets_others_pass(google, ann: Browser):
    google.fail(Fault(path="events", times=None, chance=0.5, status=503, body="{}"))
    statuses = set()
    for _ in range(60):
        await ann.events()
        statuses.add(ann.status)
    assert statuses == {200, 503}


async def test_a_truncated_page_does_not_parse(google, ann: Browser):
    google.bulk_insert(ANN, [event(*NINE) for _ in range(50)])
    google.fail(Fault(path="events", truncate=True))
    with pytest.raises(aiohttp.ClientError):
        await ann.events()


async def test_a_gateway_answers_html_and_a_status_may_lack_its_reason(google, session, ann: Browser):
    google.fail(Fault(path="events", status=502, body="<html>Bad gateway</html>", content_type="text/html"))
    with pytest.raises(aiohttp.ContentTypeError):
        await ann.events()
    google.fail(Fault(path="events", status=410, empty_reason=True, body="{}"))
    headers = {"Authorization": f"Bearer {ann.token}"}
    async with session.get(f"{google.url}/calendar/v3/calendars/primary/events", headers=headers) as answer:
        assert (answer.status, answer.reason) == (410, "")


async def test_a_write_may_happen_although_the_answer_is_lost(google, ann: Browser):
    google.fail(Fault(path="events", method="POST", status=503, act_first=True, body="{}"))
    await ann.call("POST", "calendars/primary/events", event(*NINE))
    assert ann.status == 503
    assert len(await ann.listed()) == 1


async def test_the_quota_of_a_user_is_a_sliding_minute(google, ann: Browser, bob: Browser):
    google.switches.quota_per_minute_per_user = 3
    for _ in range(3):
        await ann.events()
    answer = await ann.events()
    assert (ann.status, ann.reason(answer)) == (403, "userRateLimitExceeded")
    await bob.events()
    assert bob.status == 200
    google.clock.advance(61)
    await ann.events()
    assert ann.status == 200


async def test_the_quota_of_the_project_counts_everybody(google, ann: Browser, bob: Browser):
    google.switches.quota_per_minute = 2
    await ann.events()
    await bob.events()
    answer = await ann.events()
    assert (ann.status, ann.reason(answer)) == (403, "rateLimitExceeded")
    assert answer["error"]["errors"][0]["domain"] == "usageLimits"


async def test_everything_asked_is_remembered(google, ann: Browser):
    await ann.events(singleEvents="True", timeMin="2026-01-01T00:00:00+02:00")
    (request,) = google.asked("/events$", "GET")
    assert request.query == {"singleEvents": "True", "timeMin": "2026-01-01T00:00:00+02:00"}


async def test_the_control_plane_does_what_the_methods_do(google, session, ann: Browser):
    async def order(name: str, **body: object) -> tuple[int, dict[str, object]]:
        async with session.post(f"{google.url}/_emu/google/{name}", json=body) as answer:
            return answer.status, await answer.json()

    carl = "carl@example.com"
    assert (await order("accounts", email=carl, timezone="UTC"))[0] == 200
    assert (await order("clients", client_id="two", client_secret="x", redirect_uris=["http://127.0.0.1/"]))[0] == 200
    assert (await order("calendars", email=carl, calendar_id="side", summary="Side"))[1] == {"id": "side"}
    assert (await order("events", email=carl, bodies=[event(*NINE), event(*NINE)]))[1] == {"inserted": 2}
    status, made = await order("events", email=carl, calendar_id="side", body=event(*NINE))
    assert status == 200
    await order("patch", email=carl, calendar_id="side", event_id=made["id"], patch={"summary": "New"})
    _, tokens = await order("grant", email=carl, client_id="two", scopes=list(SCOPES))
    ann.token = str(tokens["access_token"])
    assert [item["summary"] for item in await ann.listed("side")] == ["New"]
    await order("delete", email=carl, calendar_id="side", event_id=made["id"])
    assert await ann.listed("side") == []
    await order("role", email=carl, calendar_id="side", access_role="reader")
    assert (await ann.events("side"))["accessRole"] == "reader"
    sync_token = (await ann.events())["nextSyncToken"]
    await order("invalidate", email=carl)
    await ann.events(syncToken=sync_token)
    assert ann.status == 410
    await order("remove", email=carl, calendar_id="side")
    await ann.events("side")
    assert ann.status == 404
    assert (await order("approve", url=authorization_url(google), email=ANN))[1]["location"]
    assert (await order("switches", short_pages=2))[1]["short_pages"] == 2
    await order("expire", email=carl)
    await ann.events()
    assert ann.status == 401
    now = google.clock.now()
    await order("advance", seconds=5000)
    assert google.clock.now() - now >= 5000
    await order("revoke", email=carl)
    assert not [token for token in google.grants.refresh.values() if token.email == carl]
    assert (await order("events", email="nobody@example.com", body={}))[0] == 400
    assert (await order("events", email=carl, body={}))[0] == 400
    assert (await order("switches", no_such=1))[0] == 400


async def test_the_control_plane_reads_ics_and_shows_notifications(google, session):
    text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260302T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    async with session.post(f"{google.url}/_emu/google/ics", params={"email": BOB}, data=text.encode()) as answer:
        assert (await answer.json())["events"] == 1
    async with session.get(f"{google.url}/_emu/google/notifications") as answer:
        assert await answer.json() == []
