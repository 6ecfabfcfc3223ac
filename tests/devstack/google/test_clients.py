"""Stock clients, unmodified, against the emulator."""

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httplib2
import pytest
from aiogoogle import Aiogoogle, GoogleAPI
from aiogoogle.excs import AuthError, HTTPError
from gcal_sync.api import GoogleCalendarService, LocalListEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.model import DateOrDatetime, Event
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager
from google.auth import jwt as google_auth_jwt
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build, build_from_document
from googleapiclient.errors import HttpError

from devstack.google import GoogleEmulator
from devstack.google.discovery import rooted
from tests.devstack.google.driver import ANN, SCOPE, SCOPES, event

WEEKLY = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}


def fill(google: GoogleEmulator, count: int) -> None:
    google.bulk_insert(
        ANN, [event(f"2026-03-{n:02}T09:00:00", f"2026-03-{n:02}T10:00:00") for n in range(1, count + 1)]
    )


@pytest.fixture
async def aiogoogle(google: GoogleEmulator) -> AsyncIterator[tuple[Aiogoogle, GoogleAPI]]:
    token = google.grant(ANN, "client", SCOPES)
    credentials = {"access_token": token["access_token"], "expires_at": "2100-01-01T00:00:00"}
    async with Aiogoogle(user_creds=credentials) as opened:
        yield opened, GoogleAPI(copy.deepcopy(rooted(google.url)))


async def collected(opened: Aiogoogle, api: GoogleAPI, **query: Any) -> tuple[list[dict[str, Any]], str]:
    items, page_token = [], None
    while True:
        page = await opened.as_user(api.events.list(calendarId="primary", pageToken=page_token, validate=True, **query))
        items += page.get("items", [])
        page_token = page.get("nextPageToken")
        if page_token is None:
            return items, page["nextSyncToken"]


async def test_aiogoogle_pages_syncs_and_meets_410(google, aiogoogle):
    opened, api = aiogoogle
    fill(google, 7)
    items, token = await collected(opened, api, maxResults=3, singleEvents=True)
    assert len(items) == 7
    inserted = await opened.as_user(
        api.events.insert(calendarId="primary", json=event("2026-04-06T09:00:00", "2026-04-06T10:00:00", **WEEKLY))
    )
    await opened.as_user(api.events.patch(calendarId="primary", eventId=items[0]["id"], json={"summary": "New"}))
    await opened.as_user(api.events.delete(calendarId="primary", eventId=items[1]["id"]))
    changed, _ = await collected(opened, api, singleEvents=True, syncToken=token)
    assert len([item for item in changed if item.get("recurringEventId") == inserted["id"]]) == 4
    assert {items[0]["id"]: "confirmed", items[1]["id"]: "cancelled"}.items() <= {
        item["id"]: item["status"] for item in changed
    }.items()
    google.invalidate_sync_tokens()
    with pytest.raises(HTTPError) as failure:
        await collected(opened, api, singleEvents=True, syncToken=token)
    assert failure.value.res.status_code == 410
    assert failure.value.res.json["error"]["errors"][0]["reason"] == "fullSyncRequired"


async def test_aiogoogle_discovers_the_api_through_the_emulators_document(google, session):
    async with session.get(f"{google.url}/discovery/v1/apis/calendar/v3/rest") as answer:
        document = await answer.json()
    assert document["rootUrl"] == f"{google.url}/"
    token = google.grant(ANN, "client", SCOPES)["access_token"]
    async with Aiogoogle(user_creds={"access_token": token, "expires_at": "2100-01-01T00:00:00"}) as opened:
        calendars = await opened.as_user(GoogleAPI(document).calendarList.list())
    assert [item["id"] for item in calendars["items"]] == [ANN]


async def test_aiogoogle_refreshes_its_token_and_learns_of_a_revocation(google, session):
    tokens = google.grant(ANN, "client", SCOPES)
    opened = Aiogoogle(client_creds={"client_id": "client", "client_secret": "secret"})
    opened.oauth2.openid_configs = {**opened.oauth2.openid_configs, "token_endpoint": f"{google.url}/token"}
    stale = {"refresh_token": tokens["refresh_token"], "access_token": "old"}
    _, fresh = await opened.oauth2.refresh(stale, {"client_id": "client", "client_secret": "secret"})
    async with opened:
        api = GoogleAPI(rooted(google.url))
        assert (await opened.as_user(api.colors.get(), user_creds=fresh))["kind"] == "calendar#colors"
        google.revoke(ANN)
        with pytest.raises(AuthError):
            await opened.as_user(api.colors.get(), user_creds=fresh)
    with pytest.raises(HTTPError) as failure:
        await opened.oauth2.refresh(stale, {"client_id": "client", "client_secret": "secret"})
    assert failure.value.res.json["error"] == "invalid_grant"


def python_client_work(document: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    http = AuthorizedHttp(credentials, http=httplib2.Http(timeout=10))
    try:
        return python_client_steps(build_from_document(document, http=http))
    finally:
        http.close()


def python_client_steps(service: Any) -> dict[str, Any]:
    events = service.events()
    items, request = [], events.list(calendarId="primary", maxResults=3)
    while request is not None:
        page = request.execute()
        items += page.get("items", [])
        request = events.list_next(request, page)
    series = events.insert(
        calendarId="primary", body=event("2026-04-06T09:00:00", "2026-04-06T10:00:00", **WEEKLY)
    ).execute()
    instances = events.instances(calendarId="primary", eventId=series["id"]).execute()["items"]
    events.patch(calendarId="primary", eventId=instances[1]["id"], body={"summary": "Other"}).execute()
    events.delete(calendarId="primary", eventId=instances[2]["id"]).execute()
    delta = events.list(calendarId="primary", syncToken=page["nextSyncToken"]).execute()["items"]
    try:
        events.list(calendarId="primary", syncToken="rubbish").execute()
    except HttpError as error:
        reason = error.error_details[0]["reason"]
    span = {"timeMin": "2026-04-01T00:00:00Z", "timeMax": "2026-05-01T00:00:00Z", "items": [{"id": "primary"}]}
    busy = service.freebusy().query(body=span).execute()["calendars"]["primary"]["busy"]
    return {"items": len(items), "instances": len(instances), "delta": delta, "reason": reason, "busy": len(busy)}


async def test_the_python_client_pages_syncs_edits_a_series_and_refreshes(google):
    fill(google, 7)
    tokens = google.grant(ANN, "client", SCOPES)
    google.expire_access_tokens(ANN)
    credentials = Credentials(
        tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        token_uri=f"{google.url}/token",
        client_id="client",
        client_secret="secret",
    )
    done = await asyncio.to_thread(python_client_work, rooted(google.url), credentials)
    assert (done["items"], done["instances"], done["busy"], done["reason"]) == (7, 4, 3, "fullSyncRequired")
    assert sorted(item["status"] for item in done["delta"]) == ["cancelled", "confirmed", "confirmed"]
    assert len(google.asked("^/token$")) == 1


def client_at_endpoint(url: str, token: str) -> str:
    http = AuthorizedHttp(Credentials(token), http=httplib2.Http(timeout=10))
    options = {"api_endpoint": f"{url}/calendar/v3/"}
    with build("calendar", "v3", http=http, static_discovery=True, client_options=options) as service:
        return str(service.calendars().get(calendarId="primary").execute()["timeZone"])


async def test_the_python_client_works_with_only_its_endpoint_changed(google):
    token = google.grant(ANN, "client", [SCOPE])["access_token"]
    assert await asyncio.to_thread(client_at_endpoint, google.url, token) == "Europe/Berlin"


class Auth(AbstractAuth):
    def __init__(self, session: aiohttp.ClientSession, google: GoogleEmulator) -> None:
        super().__init__(session, f"{google.url}/calendar/v3")
        self.token = google.grant(ANN, "client", SCOPES)["access_token"]

    async def async_get_access_token(self) -> str:
        return self.token


async def test_gcal_sync_keeps_a_calendar_in_step_through_410(google, session):
    service = GoogleCalendarService(Auth(session, google))
    calendars = CalendarListSyncManager(service)
    await calendars.run()
    assert [calendar.id for calendar in (await calendars.store_service.async_list_calendars()).calendars] == [ANN]
    series = google.insert_event(ANN, event("2026-03-23T09:00:00", "2026-03-23T10:00:00", "Series", **WEEKLY))
    manager = CalendarEventSyncManager(service, ANN, InMemoryCalendarStore())

    async def timeline() -> list[tuple[str, str]]:
        await manager.run()
        found = await manager.store_service.async_list_events(
            LocalListEventsRequest(start_time="2026-01-01T00:00:00Z", end_time="2026-12-31T00:00:00Z")
        )
        return [(item.summary, item.start.value.isoformat()) for item in found.events]

    assert await timeline() == [
        ("Series", "2026-03-23T09:00:00+01:00"),
        ("Series", "2026-03-30T09:00:00+02:00"),
        ("Series", "2026-04-06T09:00:00+02:00"),
        ("Series", "2026-04-13T09:00:00+02:00"),
    ]
    google.delete_event(ANN, f"{series['id']}_20260330T070000Z")
    google.patch_event(ANN, f"{series['id']}_20260406T070000Z", {"summary": "Other"})
    assert [name for name, _ in await timeline()] == ["Series", "Other", "Series"]
    google.invalidate_sync_tokens(ANN)
    google.insert_event(ANN, event("2026-05-01", "2026-05-02", "Holiday"))
    assert [name for name, _ in await timeline()] == ["Series", "Other", "Series", "Holiday"]


async def test_gcal_sync_creates_and_patches_events(google, session):
    service = GoogleCalendarService(Auth(session, google))
    day = DateOrDatetime.model_validate({"date": "2026-03-02"})
    end = DateOrDatetime.model_validate({"date": "2026-03-03"})
    await service.async_create_event(ANN, Event(summary="Day", start=day, end=end))
    (stored,) = google.store.calendars[ANN].events.values()
    await service.async_patch_event(ANN, stored.body["id"], {"summary": "Better"})
    assert (await service.async_get_event(ANN, stored.body["id"])).summary == "Better"
    await service.async_delete_event(ANN, stored.body["id"])
    assert stored.cancelled


async def test_google_auth_accepts_the_id_token(google, session):
    token = google.grant(ANN, "client", SCOPES)["id_token"]
    async with session.get(f"{google.url}/oauth2/v1/certs") as answer:
        certificates = await answer.json()
    claims = google_claims(token, certificates)
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["email"], claims["email_verified"], claims["hd"]) == (ANN, True, "example.com")
    assert claims["sub"].isdigit()
    with pytest.raises(ValueError, match="audience"):
        google_claims(token, certificates, "another")


def google_claims(token: str, certificates: dict[str, str], audience: str = "client") -> dict[str, Any]:
    return dict(google_auth_jwt.decode(token, certs=certificates, audience=audience, clock_skew_in_seconds=10))
