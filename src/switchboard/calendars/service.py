"""Pulling calendars from Google and reading their events back.

A pull applies page after page and keeps the sync token only after the last page is written (rule 1): whatever stops
it in between, the next one starts over from the old token and does no harm.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

from switchboard.calendars.documents import CalendarDocument, CalendarEventDocument
from switchboard.calendars.model import (
    QUERY_VERSION,
    Calendar,
    Events,
    LeaseLost,
    Overview,
    Position,
    SyncRunning,
    Window,
    check_range,
    new_window,
    primary_calendar_id,
    read_changes,
)
from switchboard.clients.google import EventPage, EventQuery
from switchboard.clients.google_errors import AccessLost, CalendarNotFound, InvalidAccessToken, SyncTokenExpired
from switchboard.clients.propelauth import Identity
from switchboard.connections import service as connections
from switchboard.connections.model import NotConnected
from switchboard.errors import Refusal, SwitchboardError
from switchboard.services import Services
from switchboard.users import service as users

Answer = TypeVar("Answer")

LOOK_FOR_NEW_GRANT: Final = timedelta(days=1)


async def begin(services: Services, caller: Identity, now: datetime) -> str:
    return await connections.begin(services, caller, now)


async def confirm(services: Services, caller: Identity, state: str, code: str, now: datetime) -> Overview:
    """Finish a consent and make the calendar due."""
    await connections.confirm(services, caller, state, code, now)
    await CalendarDocument.connect(primary_calendar_id(caller.user_id), caller.user_id, now)
    return await overview(services, caller, now)


async def adopt(services: Services, caller: Identity, now: datetime) -> Overview:
    """Connect by PropelAuth's Google tokens and make the calendar due."""
    await connections.adopt(services, caller, now)
    await CalendarDocument.connect(primary_calendar_id(caller.user_id), caller.user_id, now)
    return await overview(services, caller, now)


async def disconnect(services: Services, caller: Identity, now: datetime) -> None:
    """Forget the grant, stop pulling, and remove the events."""
    await connections.disconnect(services, caller, now)
    calendar_id = primary_calendar_id(caller.user_id)
    await CalendarDocument.disconnect(calendar_id)
    await CalendarEventDocument.remove_of(calendar_id)


async def overview(services: Services, caller: Identity, now: datetime) -> Overview:
    """How the caller's calendar stands; nothing is asked of Google."""
    user = await users.current(caller, now)
    try:
        connection = await connections.find(user)
    except NotConnected:
        return Overview(None, None, stale=True)
    calendar = await CalendarDocument.find(primary_calendar_id(caller.user_id))
    stale = calendar is None or calendar.stale(now, services.settings.calendar.stale_seconds)
    return Overview(connection, calendar, stale)


async def events(
    services: Services, caller: Identity, between: Window, page: tuple[Position | None, int], now: datetime
) -> Events:
    """Events of the caller that touch a range, page by page; empty when nothing is connected."""
    check_range(*between)
    shown = await overview(services, caller, now)
    if shown.calendar is None:
        return Events([], None, shown)
    after, limit = page
    found, more = await CalendarEventDocument.of_user(caller.user_id, between, after, limit)
    return Events(found, more, shown)


async def sync(services: Services, caller: Identity, now: datetime) -> Overview:
    """Pull the caller's calendar now; raises `SyncRunning` when someone else does."""
    user = await users.current(caller, now)
    await connections.find(user)
    calendar_id = primary_calendar_id(caller.user_id)
    await CalendarDocument.add(calendar_id, caller.user_id, now)
    calendar = await CalendarDocument.claim(calendar_id, uuid4().hex)
    if calendar is None:
        raise SyncRunning
    await pull(services, calendar, now)
    return await overview(services, caller, now)


async def sync_due(services: Services, now: datetime) -> bool:
    """Pull the calendar that has been due for longest; False when none is."""
    calendar = await CalendarDocument.claim_due(now, uuid4().hex)
    if calendar is None:
        return False
    await pull(services, calendar, now)
    return True


async def pull(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    """Bring a calendar whose lease we hold up to date, and give the lease back whatever happens."""
    try:
        await _pull(services, calendar, now)
    except (AccessLost, NotConnected) as error:
        again = now + LOOK_FOR_NEW_GRANT
        await calendar.finish({"status": "access_lost", "reason": error.message, "next_sync_at": again})
        raise
    except CalendarNotFound as error:
        await calendar.finish({"status": "gone", "reason": error.message, "next_sync_at": None})
        raise
    except LeaseLost:
        await _leave_nothing(calendar)
        raise
    except SwitchboardError as error:
        await calendar.finish(_failed(calendar, error, now))
        raise
    except asyncio.CancelledError:
        await asyncio.shield(calendar.finish({}))
        raise


def _failed(calendar: Calendar, error: SwitchboardError, now: datetime) -> dict[str, Any]:
    return {
        "status": "failing",
        "reason": error.message if isinstance(error, Refusal) else SwitchboardError.message,
        "failure_count": calendar.failure_count + 1,
        "next_sync_at": now + calendar.pause_after_failure(),
    }


async def _leave_nothing(calendar: CalendarDocument) -> None:
    """What was written after the calendar was disconnected goes away again."""
    current = await CalendarDocument.find(calendar.calendar_id)
    if current is not None and current.status == "disconnected":
        await CalendarEventDocument.remove_of(calendar.calendar_id, before_run=current.fence)


class _Access:
    """The access token of one pull; another one is fetched once when Google refuses it (rule 47)."""

    def __init__(self, services: Services, user_id: str, now: datetime) -> None:
        self._services = services
        self._user_id = user_id
        self._now = now
        self._token: str | None = None

    async def use(self, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        if self._token is None:
            self._token = await connections.access_token(self._services, self._user_id, self._now)
        try:
            return await ask(self._token)
        except InvalidAccessToken:
            refused = self._token
        self._token = await connections.access_token(self._services, self._user_id, self._now, refused=refused)
        return await ask(self._token)


async def _pull(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    access = _Access(services, calendar.user_id, now)
    if calendar.google_calendar_id is None:
        await _resolve(services, calendar, access)
    try:
        pull_some = _pull_window if calendar.needs_everything(now) else _pull_changes
        fields = await pull_some(services, calendar, access, now)
    except SyncTokenExpired:  # once: a whole pull sends no token
        fields = await _pull_window(services, calendar, access, now)
    poll = services.settings.calendar.poll_seconds * random.uniform(0.8, 1.2)  # noqa: S311
    done = {"status": "synced", "reason": None, "failure_count": 0, "last_success_at": now}
    if not await calendar.finish({**fields, **done, "next_sync_at": now + timedelta(seconds=poll)}):
        raise LeaseLost


async def _resolve(services: Services, calendar: CalendarDocument, access: _Access) -> None:
    """Learn the real id behind `primary`, once (rule 41)."""
    found = await access.use(services.google.primary_calendar)
    calendar.google_calendar_id, calendar.timezone = found.google_calendar_id, found.timezone
    if not await calendar.keep({"google_calendar_id": found.google_calendar_id, "timezone": found.timezone}):
        raise LeaseLost


async def _pull_window(
    services: Services, calendar: CalendarDocument, access: _Access, now: datetime
) -> dict[str, Any]:
    """Everything in a window around now, then away with what Google no longer has."""
    limits = services.settings.calendar
    window = new_window(now, limits.past_days, limits.future_days)
    listed = EventQuery(time_min=window.start.isoformat(), time_max=window.end.isoformat(), page_size=limits.page_size)
    empty = not await CalendarEventDocument.any_of(calendar.calendar_id)
    write = CalendarEventDocument.insert_all if empty else CalendarEventDocument.apply
    sync_token = None
    async for page in _pages(services, calendar, access, listed):
        await write(read_changes(calendar, page.items, page.timezone, window), calendar.fence)
        sync_token = page.next_sync_token
    if not empty:
        await CalendarEventDocument.sweep(calendar.calendar_id, window, calendar.fence)
    bounds = {"window_start": window.start, "window_end": window.end, "window_set_at": now}
    return {"sync_token": sync_token, "query_version": QUERY_VERSION, **bounds}


async def _pull_changes(services: Services, calendar: CalendarDocument, access: _Access, _: datetime) -> dict[str, Any]:
    """What changed since the sync token; the window cuts what a token cannot (rules 5 and 39)."""
    changed = EventQuery(sync_token=calendar.sync_token, page_size=services.settings.calendar.page_size)
    sync_token = calendar.sync_token
    async for page in _pages(services, calendar, access, changed):
        changes = read_changes(calendar, page.items, page.timezone, calendar.window())
        await CalendarEventDocument.apply(changes, calendar.fence)
        sync_token = page.next_sync_token
    return {"sync_token": sync_token}


async def _pages(
    services: Services, calendar: CalendarDocument, access: _Access, asked: EventQuery
) -> AsyncIterator[EventPage]:
    """Page after page until Google names no next one, the lease lengthened in between (rules 2 to 4).

    The next page is on its way while the caller writes this one.
    """
    google_id = calendar.google_calendar_id or "primary"

    def ask(page_token: str | None) -> Awaitable[EventPage]:
        return access.use(lambda token: services.google.event_page(token, google_id, asked, page_token))

    page = await ask(None)
    while page.next_page_token:
        following = asyncio.ensure_future(ask(page.next_page_token))
        try:
            yield page
            if not await calendar.keep():
                raise LeaseLost
            page = await following
        finally:
            following.cancel()
    yield page
