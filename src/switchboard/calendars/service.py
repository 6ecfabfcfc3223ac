"""Pulling calendars from Google and reading their events back.

A pull applies page after page and keeps the sync token only after the last page is written (rule 1): whatever stops
it in between, the next one starts over from the old token and does no harm.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from switchboard.calendars import documents
from switchboard.calendars.documents import CalendarDocument, CalendarEventDocument
from switchboard.calendars.model import (
    QUERY_VERSION,
    Events,
    LeaseLost,
    Overview,
    Position,
    SyncRunning,
    Window,
    check_range,
    check_writing,
    completed_event,
    new_window,
    pause_after_success,
    primary_calendar_id,
    read_change,
    read_changes,
)
from switchboard.clients.google import EventPage, EventQuery
from switchboard.clients.google_errors import AccessLost, CalendarNotFound, SyncTokenExpired
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.connections.model import NotConnected
from switchboard.errors import Refusal, SwitchboardError
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import User

LOOK_AGAIN: Final = timedelta(days=1)  # for a new grant, or a calendar that is back
LOOK_FOR_LATE_WRITES: Final = timedelta(minutes=5)  # when every pull of before has ended or lost its lease


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


async def sign_in(services: Services, caller: Identity, now: datetime) -> tuple[str, ...]:
    """As `connections.sign_in`, and a consent that it took up makes the calendar due; returns the scopes."""
    done = await connections.sign_in(services, caller, now)
    if done.consented:
        await CalendarDocument.connect(primary_calendar_id(caller.user_id), caller.user_id, now)
    return done.scopes


async def disconnect(services: Services, caller: Identity, now: datetime) -> None:
    """Forget the grant, stop pulling, remove the events; what fails then, or is still written, the worker removes."""
    calendar_id = primary_calendar_id(caller.user_id)
    shared = await CalendarDocument.shared(calendar_id)
    await connections.disconnect(services, caller, now, shared=shared)
    await CalendarDocument.disconnect(calendar_id, now + LOOK_FOR_LATE_WRITES)
    await CalendarEventDocument.remove_of(calendar_id)


async def overview(services: Services, caller: Identity, now: datetime) -> Overview:
    """How the caller's calendar stands; nothing is asked of Google."""
    return await overview_of(services, await users.current(services, caller, now), now)


async def overview_of(services: Services, user: User, now: datetime) -> Overview:
    """How a person's calendar stands. One that was connected elsewhere, or during a disconnect, becomes due."""
    try:
        connection = await connections.find(user)
    except NotConnected:
        return Overview(None, None, stale=True)
    calendar_id = primary_calendar_id(user.user_id)
    calendar = await CalendarDocument.find(calendar_id)
    if calendar is None or calendar.status == "disconnected" or calendar.newly_granted(connection, user.token):
        await CalendarDocument.connect(calendar_id, user.user_id, now)
        calendar = await CalendarDocument.find(calendar_id)
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


async def create_event(services: Services, caller: Identity, event: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Create an event in Google's own shape, there and in the mirror; raises as what is called here does."""
    user = await users.current(services, caller, now)
    check_writing(user.token)
    new = completed_event(event, user.timezone_or_default)
    google = connections.Access(services, user.user_id, now)
    created = await google.use(lambda token: services.google.insert_event(token, new))
    with suppress(SwitchboardError):  # it is at Google by now: the next pull brings it
        if calendar := await CalendarDocument.find(primary_calendar_id(user.user_id)):
            await CalendarEventDocument.apply(read_change(calendar, created), calendar.fence)
    return created


async def sync(services: Services, caller: Identity, now: datetime) -> Overview:
    """Pull the caller's calendar now; raises `SyncRunning` when someone else does."""
    user = await users.current(services, caller, now)
    await connections.find(user)
    calendar_id = primary_calendar_id(caller.user_id)
    calendar = await CalendarDocument.claim(calendar_id, uuid4().hex)
    if calendar is None:
        await CalendarDocument.add(calendar_id, caller.user_id, now)
        calendar = await CalendarDocument.claim(calendar_id, uuid4().hex)
    if calendar is None:
        raise SyncRunning
    await pull(services, calendar, now)
    return await overview_of(services, user, now)


async def sync_due(services: Services, now: datetime) -> bool:
    """Pull the calendar that has been due for longest; False when none is."""
    calendar = await CalendarDocument.claim_due(now, uuid4().hex)
    if calendar is None:
        return False
    if calendar.status != "disconnected":
        await pull(services, calendar, now)
    elif await _leave_nothing(calendar):
        await calendar.finish({"next_sync_at": None})
    return True


async def pull(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    """Bring a calendar whose lease we hold up to date, and give the lease back whatever happens."""
    outcome = calendar.failed(SwitchboardError.message, now)  # that of a crash
    try:
        outcome = await _pull(services, calendar, now)
    except NotConnected:  # elsewhere, or by a disconnect that got no further: what it left goes with the lease
        await CalendarDocument.disconnect(calendar.calendar_id, now + LOOK_FOR_LATE_WRITES)
        raise
    except AccessLost as error:
        outcome = {"status": "access_lost", "reason": error.message, "next_sync_at": now + LOOK_AGAIN}
        raise
    except CalendarNotFound as error:
        outcome = {"status": "gone", "reason": error.message, "next_sync_at": now + LOOK_AGAIN}
        raise
    except Refusal as error:
        outcome = calendar.failed(error.message, now)
        raise
    except asyncio.CancelledError:
        outcome = {}
        raise
    finally:
        ours = await asyncio.shield(calendar.finish(outcome))
        if not ours:
            await _leave_nothing(calendar)
    if not ours:
        raise LeaseLost


async def _leave_nothing(calendar: CalendarDocument) -> bool:
    """What was written after the calendar was disconnected goes away again; False when it is connected."""
    current = await CalendarDocument.find(calendar.calendar_id)
    if current is None or current.status != "disconnected":
        return False
    await CalendarEventDocument.remove_of(calendar.calendar_id, before_run=current.fence)
    return True


class _Access:
    def __init__(self, services: Services, calendar: CalendarDocument, now: datetime) -> None:
        self._calendar = calendar
        self._access = connections.Access(services, calendar.user_id, now)

    async def use(self, ask: Callable[[str], Awaitable[connections.Answer]]) -> connections.Answer:
        """Google's answer, however long it takes: the lease is lengthened meanwhile. Raises `LeaseLost`."""
        asking = asyncio.ensure_future(self._access.use(ask))
        try:
            while not (await asyncio.wait({asking}, timeout=documents.LEASE_SECONDS / 3))[0]:
                await _keep(self._calendar)
            return await asking
        finally:
            await _ended(asking)


async def _ended(task: asyncio.Future[Any]) -> None:
    """A task that nobody waits for any more neither runs on nor complains."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _keep(calendar: CalendarDocument, fields: dict[str, Any] | None = None) -> None:
    """Lengthen the lease and set fields; raises `LeaseLost`."""
    if not await calendar.keep(fields):
        raise LeaseLost


async def _pull(services: Services, calendar: CalendarDocument, now: datetime) -> dict[str, Any]:
    """What to set on the calendar when all pages are written."""
    access = _Access(services, calendar, now)
    if calendar.needs_its_id():
        await _resolve(services, calendar, access)
    try:
        pull_some = _pull_window if calendar.needs_everything(now) else _pull_changes
        fields = await pull_some(services, calendar, access, now)
    except SyncTokenExpired:  # once: a whole pull sends no token
        fields = await _pull_window(services, calendar, access, now)
    again = now + pause_after_success(services.settings.calendar.poll_seconds)
    done = {"status": "synced", "reason": None, "failure_count": 0, "last_success_at": now, "next_sync_at": again}
    return {**fields, **done}


async def _resolve(services: Services, calendar: CalendarDocument, access: _Access) -> None:
    """Learn the real id behind `primary` (rule 41); another account's takes nothing over from the one before."""
    found = await access.use(services.google.primary_calendar)
    if calendar.google_calendar_id != found.google_calendar_id:
        calendar.google_calendar_id, calendar.sync_token = found.google_calendar_id, None
        await CalendarEventDocument.remove_of(calendar.calendar_id, before_run=calendar.fence)
    await _keep(calendar, {"google_calendar_id": found.google_calendar_id, "sync_token": calendar.sync_token})


async def _pull_window(
    services: Services, calendar: CalendarDocument, access: _Access, now: datetime
) -> dict[str, Any]:
    """Everything in a window around now, then away with what Google no longer has."""
    limits = services.settings.calendar
    window = new_window(now, limits.past_days, limits.future_days)
    listed = EventQuery(time_min=window.start.isoformat(), time_max=window.end.isoformat(), page_size=limits.page_size)
    empty = not await CalendarEventDocument.any_of(calendar.calendar_id)
    write = CalendarEventDocument.insert_all if empty else CalendarEventDocument.apply
    last: dict[str, Any] = {}
    async with aclosing(_pages(services, calendar, access, listed)) as pages:
        async for page in pages:
            await write(read_changes(calendar, page.items, page.timezone, window), calendar.fence)
            last = {"sync_token": page.next_sync_token, "timezone": page.timezone}
    await CalendarEventDocument.sweep(calendar.calendar_id, window, calendar.fence)
    bounds = {"window_start": window.start, "window_end": window.end, "window_set_at": now}
    return {**last, "query_version": QUERY_VERSION, **bounds}


async def _pull_changes(services: Services, calendar: CalendarDocument, access: _Access, _: datetime) -> dict[str, Any]:
    """What changed since the sync token; the window cuts what a token cannot (rules 5 and 39)."""
    changed = EventQuery(sync_token=calendar.sync_token, page_size=services.settings.calendar.page_size)
    last: dict[str, Any] = {}
    async with aclosing(_pages(services, calendar, access, changed)) as pages:
        async for page in pages:
            if page.timezone != calendar.timezone:  # all-day events moved that nobody touched
                raise SyncTokenExpired
            changes = read_changes(calendar, page.items, page.timezone, calendar.window())
            await CalendarEventDocument.apply(changes, calendar.fence)
            last = {"sync_token": page.next_sync_token}
    return last


async def _pages(
    services: Services, calendar: CalendarDocument, access: _Access, asked: EventQuery
) -> AsyncGenerator[EventPage, None]:
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
            await _keep(calendar)
            page = await following
        finally:
            await _ended(following)
    yield page
