"""Google Calendar through aiogoogle, on a discovery document of our own.

Traps this closes are listed in facts/google-calendar.md section 1. `GoogleAPI` builds requests and one shared
session sends them, so credentials are never kept in a shared object (1.4), pages share one connection (1.5), every
request has a deadline (1.5) and an answer is judged by its status, whatever its reason phrase (1.6).
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import aiohttp
import orjson
from aiogoogle import GoogleAPI  # type: ignore[attr-defined]
from aiogoogle.excs import AiogoogleError
from aiogoogle.models import Request
from aiogoogle.sessions.aiohttp_session import AiohttpSession

from switchboard.clients.google_errors import (
    EventExists,
    GoogleUnavailable,
    Retries,
    as_our_error,
    as_our_event_error,
)
from switchboard.clients.google_oauth import GoogleOAuth
from switchboard.errors import SwitchboardError
from switchboard.settings import GoogleSettings

EVENT_FIELDS = (
    "timeZone,nextPageToken,nextSyncToken,items(id,status,etag,htmlLink,created,updated,summary,description,location,"
    "organizer/email,start,end,recurringEventId,originalStartTime,transparency,visibility,iCalUID,eventType,"
    "attendees(email,responseStatus,self),attendeesOmitted,hangoutLink,conferenceData/entryPoints(entryPointType,uri))"
)
MOST_CALENDARS = 250  # as many as Google puts on one page
QUICK = aiohttp.ClientTimeout(total=1.0)


@dataclass(frozen=True)
class GoogleCalendar:
    """`google_calendar_id` is the real id, never the alias `primary`; `timezone` an IANA name."""

    google_calendar_id: str
    timezone: str


@dataclass(frozen=True)
class EventPage:
    """A page of events as Google sends them. An empty page with a `next_page_token` is legal (rule 2)."""

    items: list[dict[str, Any]]
    timezone: str
    next_page_token: str | None
    next_sync_token: str | None


@dataclass(frozen=True)
class EventQuery:
    """What to list: everything changed since `sync_token`, or else the window (RFC 3339, exclusive at both ends)."""

    sync_token: str | None = None
    time_min: str | None = None
    time_max: str | None = None
    page_size: int = 2500

    def parameters(self) -> dict[str, Any]:
        """The query Google gets; times and a sync token never go together (rule 5)."""
        window = {} if self.sync_token else {"timeMin": self.time_min, "timeMax": self.time_max}
        return {"singleEvents": True, "maxResults": self.page_size, "syncToken": self.sync_token, **window}


class GoogleClient:
    """Use `opened()`; one client serves a whole process. `backoff` is the first wait between tries, in seconds."""

    def __init__(self, settings: GoogleSettings, http: aiohttp.ClientSession, backoff: float) -> None:
        self._settings = settings
        self._http = http
        self.retries = Retries(backoff)
        self._session = _SharedSession(http)
        self._api: Any = GoogleAPI(_discovery_document(settings.api_address))  # type: ignore[no-untyped-call]
        self._deadline = aiohttp.ClientTimeout(total=settings.timeout, connect=min(5.0, settings.timeout))
        self.oauth = GoogleOAuth(settings, http, self.retries)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: GoogleSettings, backoff: float = 1.0) -> AsyncIterator["GoogleClient"]:
        """No cookie of one person's answer goes with another's request, and no proxy of the environment is used."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100),
            response_class=_OrjsonResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        ) as http:
            yield cls(settings, http, backoff)

    async def primary_calendar(self, access_token: str) -> GoogleCalendar:
        """The person's own calendar, by its real id (rule 41)."""
        found = await self._call(self._api.calendarList.get(calendarId="primary", validate=True), access_token)
        google_id = _text(found, "id")
        if google_id is None:
            raise GoogleUnavailable
        return GoogleCalendar(google_id, _text(found, "timeZone") or "UTC")

    async def event_page(
        self, access_token: str, google_calendar_id: str, query: EventQuery, page_token: str | None = None
    ) -> EventPage:
        """One page of events. The same query goes with every page (rule 3)."""
        request = self._api.events.list(
            calendarId=google_calendar_id,
            pageToken=page_token,
            fields=EVENT_FIELDS,
            path_params_safe_chars={"calendarId": ""},
            validate=True,
            **query.parameters(),
        )
        found = await self._call(request, access_token)
        items, following = _page(found, page_token)
        return EventPage(
            items=items,
            timezone=_text(found, "timeZone") or "UTC",
            next_page_token=following,
            next_sync_token=_text(found, "nextSyncToken"),
        )

    async def calendar_list(self, access_token: str) -> list[dict[str, Any]]:
        """The calendars a person sees, as Google sends them."""
        return await self._listed(access_token, self._api.calendarList.list, MOST_CALENDARS)

    async def upcoming_events(
        self, access_token: str, *, since: str, timezone: str, limit: int
    ) -> list[dict[str, Any]]:
        """The next events of the person's own calendar as Google sends them, by their start.

        `since` is RFC 3339; times are shown in `timezone`, an IANA name.
        """
        shown = {"timeMin": since, "timeZone": timezone, "singleEvents": True, "orderBy": "startTime"}
        return await self._listed(access_token, self._api.events.list, limit, calendarId="primary", **shown)

    async def insert_event(self, access_token: str, event: dict[str, Any]) -> dict[str, Any]:
        """Create an event in the person's own calendar; how Google keeps it.

        With an `id` of its own that nobody has used, however often it is sent there is one event: what a try that
        got no answer has created is found again. Raises `EventRefused`, and `EventExists` for an id in use.
        """
        tries = 0

        async def insert() -> dict[str, Any]:
            nonlocal tries
            tries += 1
            request = self._api.events.insert(calendarId="primary", json=event, validate=False)
            return await self._send(self._prepared(request, access_token), as_our_event_error)

        try:
            return await self.retries(insert)
        except EventExists:
            if tries == 1:
                raise
        safe = {"eventId": ""}
        request = self._api.events.get(calendarId="primary", eventId=event["id"], path_params_safe_chars=safe)
        return await self._call(request, access_token)

    async def _listed(
        self, access_token: str, method: Callable[..., Request], limit: int, **asked: Any
    ) -> list[dict[str, Any]]:
        """Up to `limit` items, however Google spreads them over pages (rule 2)."""
        found: list[dict[str, Any]] = []
        page_token: str | None = None
        while True:
            request = method(maxResults=limit, pageToken=page_token, validate=True, **asked)
            items, page_token = _page(await self._call(request, access_token), page_token)
            found += items
            if page_token is None or len(found) >= limit:
                return found[:limit]

    async def answers(self) -> None:
        """Raise `Unavailable` unless Google answers at all."""
        status = 503
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(self._settings.certificates_address, timeout=QUICK) as response:
                status = response.status
        if status >= 500:
            raise GoogleUnavailable

    async def _call(self, request: Request, access_token: str) -> dict[str, Any]:
        return await self.retries(self._send, self._prepared(request, access_token))

    def _prepared(self, request: Request, access_token: str) -> Request:
        request.headers["Authorization"] = f"Bearer {access_token}"
        request.timeout = self._deadline  # type: ignore[assignment]
        return request

    async def _send(self, request: Request, as_error: Callable[..., SwitchboardError] = as_our_error) -> dict[str, Any]:
        """The answer's JSON. What fails is raised outside of `except`: those errors hold the address and the token."""
        response: Any = None
        with suppress(aiohttp.ClientError, TimeoutError, AiogoogleError, ValueError):
            response = await self._session.send(request, full_res=True, raise_for_status=False)  # type: ignore[no-untyped-call]
        if response is None:
            raise GoogleUnavailable
        if response.status_code >= 400:
            raise as_error(response.status_code, response.json, response.headers.get("Retry-After"))
        if not isinstance(response.json, dict):
            raise GoogleUnavailable
        return response.json


def _page(answer: dict[str, Any], page_token: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Items and the token of the next page; one that names itself as the next would never end."""
    following = _text(answer, "nextPageToken")
    items = answer.get("items") or []
    if not isinstance(items, list) or (following is not None and following == page_token):
        raise GoogleUnavailable
    return [item for item in items if isinstance(item, dict)], following


def _text(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _discovery_document(address: str) -> dict[str, Any]:
    """A copy each time: the library rewrites the document it gets (1.1)."""
    text = files("switchboard.clients").joinpath("google_calendar.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return {**document, "rootUrl": f"{address}/"}


class _SharedSession(AiohttpSession):
    """The library's session over our one connection pool (1.5)."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._session = http


class _OrjsonResponse(aiohttp.ClientResponse):
    """JSON by orjson; what is not JSON stays an error the library knows (1.7)."""

    async def json(self, **_: Any) -> Any:
        body = await self.read()
        if "json" not in self.content_type:
            raise aiohttp.ContentTypeError(self.request_info, self.history, status=self.status)
        return orjson.loads(body) if body else None
