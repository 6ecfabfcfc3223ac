"""Google Calendar, as far as it is used here. How requests are sent is in `google_calls`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import aiohttp

from switchboard.clients.google_answers import Span, busy_of, expiry_of, page_of, parts_of, text_of
from switchboard.clients.google_calls import GoogleCalls, one_session
from switchboard.clients.google_errors import (
    CalendarNotFound,
    EventExists,
    EventNotFound,
    GoogleUnavailable,
    Retries,
    as_our_change_error,
    as_our_channel_error,
    as_our_event_error,
)
from switchboard.clients.google_oauth import GoogleOAuth
from switchboard.settings import GoogleSettings

EVENT_FIELDS = (
    "timeZone,nextPageToken,nextSyncToken,items(id,status,etag,htmlLink,created,updated,summary,description,location,"
    "organizer/email,start,end,recurringEventId,originalStartTime,transparency,visibility,iCalUID,eventType,"
    "attendees(email,responseStatus,self),attendeesOmitted,hangoutLink,conferenceData/entryPoints(entryPointType,uri))"
)
MOST_CALENDARS: Final = 250  # as many as Google puts on one page
MOST_BUSY: Final = 50  # as many calendars as Google answers about in one question
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


class Place(NamedTuple):
    """An event of a calendar, by Google's ids."""

    google_calendar_id: str
    google_event_id: str


class Hook(NamedTuple):
    """Where Google tells of changes, with which words. A channel's id is one that none had before (rule 55)."""

    channel_id: str
    channel_token: str
    address: str
    ttl_seconds: int


class Channel(NamedTuple):
    """A channel that is open; `expires_at` is UTC and may be sooner than was asked for."""

    resource_id: str
    expires_at: datetime


class GoogleClient:
    """Use `opened()`; one client serves a whole process. `backoff` is the first wait between tries, in seconds."""

    def __init__(self, settings: GoogleSettings, http: aiohttp.ClientSession, backoff: float) -> None:
        self._settings = settings
        self._http = http
        self.retries = Retries(backoff)
        self._calls = GoogleCalls(settings, http, self.retries)
        self.oauth = GoogleOAuth(settings, http, self.retries)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: GoogleSettings, backoff: float = 1.0) -> AsyncIterator["GoogleClient"]:
        async with one_session() as http:
            yield cls(settings, http, backoff)

    async def primary_calendar(self, access_token: str) -> GoogleCalendar:
        """The person's own calendar, by its real id (rule 41)."""
        found = await self._calls.ask("calendarList.get", access_token, calendarId="primary")
        google_id = text_of(found, "id")
        if google_id is None:
            raise GoogleUnavailable
        return GoogleCalendar(google_id, text_of(found, "timeZone") or "UTC")

    async def event_page(
        self, access_token: str, google_calendar_id: str, query: EventQuery, page_token: str | None = None
    ) -> EventPage:
        """One page of events. The same query goes with every page (rule 3)."""
        asked = {**query.parameters(), "pageToken": page_token, "fields": EVENT_FIELDS}
        found = await self._calls.ask("events.list", access_token, calendarId=google_calendar_id, **asked)
        items, following = page_of(found, page_token)
        return EventPage(
            items=items,
            timezone=text_of(found, "timeZone") or "UTC",
            next_page_token=following,
            next_sync_token=text_of(found, "nextSyncToken"),
        )

    async def calendar_list(self, access_token: str) -> list[dict[str, Any]]:
        """The calendars a person sees, as Google sends them."""
        return await self._listed(access_token, "calendarList.list", MOST_CALENDARS)

    async def upcoming_events(
        self, access_token: str, *, since: str, timezone: str, limit: int
    ) -> list[dict[str, Any]]:
        """The next events of the person's own calendar as Google sends them, by their start.

        `since` is RFC 3339; times are shown in `timezone`, an IANA name.
        """
        shown = {"timeMin": since, "timeZone": timezone, "singleEvents": True, "orderBy": "startTime"}
        return await self._listed(access_token, "events.list", limit, calendarId="primary", **shown)

    async def events_between(
        self, access_token: str, google_calendar_id: str, between: Span, limit: int
    ) -> list[dict[str, Any]]:
        """Events that touch a time as Google sends them, by their start, instances of series one by one."""
        times = {"timeMin": between[0].isoformat(), "timeMax": between[1].isoformat()}
        shown = {**times, "singleEvents": True, "orderBy": "startTime", "fields": EVENT_FIELDS}
        return await self._listed(access_token, "events.list", limit, calendarId=google_calendar_id, **shown)

    async def busy(
        self, access_token: str, google_calendar_ids: list[str], start: datetime, end: datetime
    ) -> dict[str, list[Span]]:
        """When these calendars are busy in a time, in UTC; without those that Google does not know any more."""
        found: dict[str, list[Span]] = {}
        for begin in range(0, len(google_calendar_ids), MOST_BUSY):
            items = [{"id": each} for each in google_calendar_ids[begin : begin + MOST_BUSY]]
            for first, last in parts_of(start, end):
                body = {"timeMin": first.isoformat(), "timeMax": last.isoformat(), "items": items}
                for each, spans in (await self.retries(self._busy, access_token, body)).items():
                    found[each] = found.get(each, []) + spans
        return found

    async def _busy(self, access_token: str, body: dict[str, Any]) -> dict[str, list[Span]]:
        return busy_of(await self._calls.once("freebusy.query", access_token, body))

    async def event(self, access_token: str, place: Place) -> dict[str, Any]:
        """An event as Google keeps it, perhaps cancelled; raises `EventNotFound`."""
        return await self._calls.ask("events.get", access_token, None, as_our_change_error, **_path(place))

    async def insert_event(
        self, access_token: str, event: dict[str, Any], google_calendar_id: str = "primary", *, invite: bool = False
    ) -> dict[str, Any]:
        """Create an event; how Google keeps it. `invite`: Google writes to the people invited.

        With an `id` of its own that nobody has used, however often it is sent there is one event: what a try that
        got no answer has created is found again. Raises `EventRefused`, `CalendarReadOnly`, and `EventExists` for an
        id in use.
        """
        tries, asked = 0, {"calendarId": google_calendar_id, "sendUpdates": _updates(invite)}

        async def insert() -> dict[str, Any]:
            nonlocal tries
            tries += 1
            return await self._calls.once("events.insert", access_token, event, as_our_event_error, **asked)

        try:
            return await self.retries(insert)
        except EventExists:
            if tries == 1:
                raise
        return await self.event(access_token, Place(google_calendar_id, event["id"]))

    async def patch_event(
        self, access_token: str, place: Place, changes: dict[str, Any], *, invite: bool = False
    ) -> dict[str, Any]:
        """Change the named fields, None empties one; how Google keeps the event then.

        Raises `EventRefused`, `EventNotFound`, `NotTheOrganizer`, `CalendarReadOnly`.
        """
        asked = {**_path(place), "sendUpdates": _updates(invite)}
        return await self._calls.ask("events.patch", access_token, changes, as_our_change_error, **asked)

    async def delete_event(self, access_token: str, place: Place, *, invite: bool = False) -> None:
        """Cancel an event, of a series this one alone; nothing is done for one that is gone already."""
        asked = {**_path(place), "sendUpdates": _updates(invite)}
        with suppress(EventNotFound):
            await self._calls.ask("events.delete", access_token, None, as_our_change_error, **asked)

    async def watch(self, access_token: str, google_calendar_id: str, hook: Hook) -> Channel:
        """Have Google tell of changes; raises `PushUnsupported`, and `ChannelExists` for an id in use.

        After `ChannelExists` the channel may be ours: a try that got no answer has opened it. It ends by itself.
        """
        told = {"id": hook.channel_id, "token": hook.channel_token, "address": hook.address}
        body = {**told, "type": "web_hook", "params": {"ttl": str(hook.ttl_seconds)}}
        asked = {"calendarId": google_calendar_id}
        found = await self._calls.ask("events.watch", access_token, body, as_our_channel_error, **asked)
        resource_id = text_of(found, "resourceId")
        if resource_id is None:
            raise GoogleUnavailable
        wished = datetime.now(UTC) + timedelta(seconds=hook.ttl_seconds)
        return Channel(resource_id, expiry_of(found, wished))

    async def stop_channel(self, access_token: str, channel_id: str, resource_id: str) -> None:
        """Have a channel end; nothing is done for one that is over already."""
        body = {"id": channel_id, "resourceId": resource_id}
        with suppress(CalendarNotFound):
            await self._calls.ask("channels.stop", access_token, body)

    async def _listed(self, access_token: str, method: str, limit: int, **asked: Any) -> list[dict[str, Any]]:
        """Up to `limit` items, however Google spreads them over pages (rule 2)."""
        found: list[dict[str, Any]] = []
        page_token: str | None = None
        while True:
            answer = await self._calls.ask(method, access_token, maxResults=limit, pageToken=page_token, **asked)
            items, page_token = page_of(answer, page_token)
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


def _path(place: Place) -> dict[str, str]:
    return {"calendarId": place.google_calendar_id, "eventId": place.google_event_id}


def _updates(invite: bool) -> str | None:
    return "all" if invite else None
