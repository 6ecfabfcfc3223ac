"""A stack that restarts goes on where it stopped."""

import json

import pytest

from devstack.google import GoogleEmulator
from tests.devstack.google.driver import ANN, BOB, REDIRECT, SCOPES, Browser, answered, authorization_url, event
from tests.devstack.google.test_oauth import exchange, refresh

NINE = ("2026-03-02T09:00:00", "2026-03-02T10:00:00")


async def restarted(google: GoogleEmulator) -> GoogleEmulator:
    """Another emulator with the state of the first, through JSON text."""
    text = json.dumps(google.snapshot())
    other = GoogleEmulator()
    other.restore(json.loads(text))
    await other.start()
    return other


async def test_tokens_codes_channels_and_events_outlive_a_restart(google, session, ann: Browser):
    series = google.insert_event(ANN, event(*NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=3"], attendees=[{"email": BOB}]))
    google.delete_event(ANN, f"{series['id']}_20260303T080000Z")
    google.patch_event(ANN, series["id"], {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]})
    google.clock.advance(100)
    tokens = google.grant(ANN, "client", SCOPES)
    code = answered(await google.approve(authorization_url(google), ANN))["code"]
    wish = {"id": "c1", "type": "web_hook", "address": "http://127.0.0.1:9/"}
    await ann.call("POST", "calendars/primary/events/watch", wish)
    before = await ann.listed(showDeleted="true")
    token = (await ann.events(singleEvents="true"))["nextSyncToken"]
    page = (await ann.events(maxResults=1))["nextPageToken"]
    certificates = google.grants.key.key_id
    other = await restarted(google)
    try:
        again = Browser(other, session)
        again.token = ann.token
        assert await again.listed(showDeleted="true") == before
        assert (await again.events(singleEvents="true", syncToken=token))["items"] == []
        assert len((await again.events(maxResults=1, pageToken=page))["items"]) == 1
        assert (await refresh(other, session, tokens["refresh_token"]))[0] == 200
        assert (await exchange(other, session, code))[0] == 200
        assert other.grants.key.key_id == certificates
        assert other.channels.open.keys() == {"c1"}
        assert other.clock.offset == 100
        changed = other.patch_event(ANN, series["id"], {"summary": "New"})
        delta = await again.events(singleEvents="true", syncToken=token)
        assert {item.get("summary") for item in delta["items"]} == {"New", None}
        assert changed["etag"] > series["etag"]
    finally:
        await other.stop()


async def test_a_snapshot_of_a_restored_emulator_is_the_same(google):
    daily = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=9"]}
    series = google.insert_event(ANN, event(*NINE, attendees=[{"email": BOB}], **daily))
    google.patch_event(ANN, series["id"], {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]})
    google.grant(ANN, "client", SCOPES)
    google.switches.short_pages = 3
    taken = json.loads(json.dumps(google.snapshot()))
    other = GoogleEmulator()
    other.restore(taken)
    assert json.loads(json.dumps(other.snapshot())) == taken


def test_a_snapshot_of_another_version_is_refused():
    google = GoogleEmulator()
    google.add_client("client", "secret", [REDIRECT])
    with pytest.raises(ValueError, match="version"):
        google.restore({**google.snapshot(), "version": 99})


async def test_a_change_before_the_restart_comes_with_the_increment_after_it(google, session, ann: Browser):
    first = google.insert_event(ANN, event(*NINE, recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    google.insert_event(ANN, event(*NINE))
    token = (await ann.events(singleEvents="true"))["nextSyncToken"]
    google.patch_event(ANN, first["id"], {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]})
    other = await restarted(google)
    try:
        again = Browser(other, session)
        delta = (await again.events(singleEvents="true", syncToken=token))["items"]
        assert [item["status"] for item in delta] == ["confirmed", "confirmed", "cancelled"]
    finally:
        await other.stop()
