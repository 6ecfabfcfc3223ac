"""Pulling calendars from Google.

A pull applies page after page and keeps the sync token only after the last page is written (rule 1 of
facts/google-calendar.md section 2): whatever stops it in between, the next one starts over from the old token and does
no harm.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram

from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import (
    QUERY_VERSION,
    Calendar,
    Lane,
    LeaseLost,
    Overview,
    SyncRunning,
    new_window,
    next_night,
    primary_calendar_id,
)
from switchboard.calendars.service import overview_of
from switchboard.clients.google import EventPage, EventQuery
from switchboard.clients.google_errors import AccessLost, CalendarNotFound, SyncTokenExpired
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.connections.model import NotConnected
from switchboard.errors import Refusal, SwitchboardError
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import Change, Window, read_changes
from switchboard.leases.model import BudgetSpent
from switchboard.leases.service import Held, ended, hold
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.pulls.model import CalendarTooLarge, Found, Seen
from switchboard.services import Services
from switchboard.users import service as users

LOOK_AGAIN: Final = timedelta(days=1)  # for a new grant, or a calendar that is back
NEW: Final = timedelta(minutes=10)  # members, and longer than a worker is away
MOST_NEW: Final = 500
NEXT_MINUTE: Final = timedelta(minutes=1)
MOST_PAGES: Final = 2000
AT_ONCE: Final = 16  # short pulls together: what they need of MongoDB is read once for all

PULLS = Counter("switchboard_pulls", "Pulls of calendars by what was pulled and how it ended", ("stage", "outcome"))
LAG = Histogram(
    "switchboard_pull_lag_seconds",
    "How long calendars were due before a worker took them",
    ("lane",),
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
log = structlog.get_logger()


async def sync(services: Services, caller: Identity, now: datetime) -> Overview:
    """Pull the caller's own calendar now, and make the others due; raises `SyncRunning` when someone else pulls it."""
    user = await users.current(services, caller, now)
    await connections.find(user)
    calendar_id = primary_calendar_id(caller.user_id)
    calendar = await CalendarDocument.claim(calendar_id, uuid4().hex)
    if calendar is None:
        await CalendarDocument.add(calendar_id, caller.user_id, now)
        calendar = await CalendarDocument.claim(calendar_id, uuid4().hex)
    if calendar is None:
        raise SyncRunning
    await CalendarDocument.hurry(caller.user_id, now)
    await pull(services, calendar, now)
    return await overview_of(services, user, now)


async def sync_changes(services: Services, now: datetime) -> bool:
    """Pull the changes of some of the calendars that have been due for longest; False when none is."""
    return await _sync_due(services, "changes", AT_ONCE, now)


async def sync_whole(services: Services, now: datetime) -> bool:
    """The same for one calendar that takes long: everything is pulled, or removed."""
    return await _sync_due(services, "whole", 1, now)


async def _sync_due(services: Services, lane: Lane, limit: int, now: datetime) -> bool:
    """Raises what the pulls raised only when all of them failed: then the next ones would as well."""
    claimed = await CalendarDocument.claim_due(lane, now, uuid4().hex, limit)
    for calendar in claimed:
        LAG.labels(lane).observe((now - calendar.next_sync_at).total_seconds() if calendar.next_sync_at else 0)
    pulls = [_pull_held(held, org_ids, lane) for held, org_ids in await hold(services, claimed, now)]
    failed = [error for error in await asyncio.gather(*pulls, return_exceptions=True) if error is not None]
    for error in failed:
        if not isinstance(error, SwitchboardError) or len(failed) == len(claimed):
            raise error
        log.warning("pull.failed", code=error.code)
    return bool(claimed)


async def hurry_new_members(_: Services, now: datetime) -> bool:
    """Make the calendars due of who joined an organization a moment ago: then their events are found under it.

    Always False: there is no piece of it that would lead to the next.
    """
    joined = await UserOrganizationDocument.joined_since(now - NEW, MOST_NEW)
    for calendar in await CalendarDocument.of_users(list(joined)) if joined else []:
        if not set(joined[calendar.user_id]) <= set(calendar.org_ids):
            await CalendarDocument.notify(calendar.calendar_id, now)
    return False


async def pull(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    """Bring a calendar whose lease we hold up to date, whatever that takes, and give the lease back."""
    ((held, org_ids),) = await hold(services, [calendar], now)
    await _pull_held(held, org_ids, "whole")


async def _pull_held(held: Held, org_ids: list[str], lane: Lane) -> None:
    """Give the lease back whatever happens; in the lane for changes, hand over to the other what is more than that."""
    calendar, now = held.calendar, held.now
    stage = calendar.due_stage(now, held.services.settings.calendar)
    outcome, counted = calendar.failed(SwitchboardError.message, now), "crash"
    try:
        outcome, counted = await _outcome(held, org_ids, lane), "ok"
    except NotConnected:  # elsewhere, or by a disconnect that got no further
        await CalendarDocument.disconnect(calendar.calendar_id, now)
        counted = "not_connected"
        raise
    except SwitchboardError as error:
        outcome, counted = _after(error, calendar, now), error.code
        raise
    except asyncio.CancelledError:
        outcome, counted = {"stage": None}, "cancelled"
        raise
    finally:
        PULLS.labels(stage, counted).inc()
        ours = await asyncio.shield(calendar.finish(outcome))
    if not ours:
        raise LeaseLost


def _after(error: SwitchboardError, calendar: Calendar, now: datetime) -> dict[str, Any]:
    """What a failed pull sets. A grant that is refused and a calendar that is gone are looked at again in a day."""
    if isinstance(error, AccessLost):
        return {"status": "access_lost", "stage": None, "reason": error.message, "next_sync_at": now + LOOK_AGAIN}
    if isinstance(error, CalendarNotFound):
        return {"status": "gone", "stage": None, "reason": error.message, "next_sync_at": now + LOOK_AGAIN}
    if isinstance(error, BudgetSpent):
        return {"stage": None, "next_sync_at": now + NEXT_MINUTE}
    shown = error.message if isinstance(error, Refusal) else SwitchboardError.message
    return calendar.failed(shown, now)


async def _outcome(held: Held, org_ids: list[str], lane: Lane) -> dict[str, Any]:
    """What to set on the calendar when all is written."""
    calendar, now, limits = held.calendar, held.now, held.services.settings.calendar
    if calendar.status == "disconnected":
        await held.remove(CalendarEventDocument.all_of(calendar.owner))
        return {"next_sync_at": None}
    if calendar.org_ids != org_ids:
        await held.place(org_ids)
    try:
        found = await _found(held, lane)
    except SyncTokenExpired:
        if lane == "changes":
            return {"lane": "whole", "sync_token": None, "stage": None, "next_sync_at": now}
        found = await _pull_everything(held)  # once: it sends no token
    except (CalendarNotFound, NotConnected):
        await held.remove(CalendarEventDocument.all_of(calendar.owner))
        raise
    return {**calendar.succeeded(changed=found.changed, now=now, limits=limits), **found.fields}


async def _found(held: Held, lane: Lane) -> Found:
    """Pull what is due; raises `SyncTokenExpired` where only everything would do."""
    calendar = held.calendar
    if calendar.needs_its_id():
        await _resolve(held)
    stage = calendar.due_stage(held.now, held.services.settings.calendar)
    if stage == "everything" and lane == "changes":
        raise SyncTokenExpired
    if stage == "everything":
        return await _pull_everything(held)
    rolled = await _roll(held) if stage == "roll" else Found()
    found = await _pull_changes(held)
    return Found({**rolled.fields, **found.fields}, rolled.changed or found.changed)


async def _resolve(held: Held) -> None:
    """Learn the real id behind `primary` (rule 41); another account's takes nothing over from the one before."""
    calendar = held.calendar
    found = await held.ask(held.services.google.primary_calendar)
    if calendar.google_calendar_id != found.google_calendar_id:
        calendar.google_calendar_id, calendar.sync_token = found.google_calendar_id, None
        await held.remove(CalendarEventDocument.all_of(calendar.owner))
    await held.keep({"google_calendar_id": found.google_calendar_id, "sync_token": calendar.sync_token})


async def _pull_everything(held: Held) -> Found:
    """Everything in a window around now, then away with what Google no longer has (rules 8 to 10).

    Events that ended before the window go as well: they are older than what is kept, and nothing would say any more
    that one of them is gone.
    """
    calendar, limits = held.calendar, held.services.settings.calendar
    await held.begin_anew({"stage": "everything"})
    window, seen, found = new_window(held.now, limits), Seen(), Found()
    asked = EventQuery(time_min=window.start.isoformat(), time_max=window.end.isoformat(), page_size=limits.page_size)
    async with aclosing(_pages(held, asked, window)) as pages:
        async for page, changes in pages:
            anew = calendar.query_version != QUERY_VERSION or calendar.timezone != page.timezone
            seen.add(change.event_id for change in changes)
            found.changed |= await held.store(changes, anew=anew)
            found.fields = {"sync_token": page.next_sync_token, "timezone": page.timezone}
    found.changed |= await held.remove(_gone(calendar, seen, window))
    again = next_night(held.now, found.fields["timezone"])
    bounds = {"window_start": window.start, "window_end": window.end, "window_set_at": held.now, "roll_at": again}
    found.fields |= {"query_version": QUERY_VERSION, **bounds}
    return found


async def _gone(calendar: CalendarDocument, seen: Seen, window: Window) -> AsyncIterator[list[str]]:
    async for event_ids in CalendarEventDocument.unseen(calendar.owner, window.end, calendar.fence):
        yield seen.missing(event_ids)


async def _roll(held: Held) -> Found:
    """Move the window on: bring what comes into it, and let go of what was over before it.

    The sync token stays good: it says what changes, wherever that is.
    """
    calendar, limits = held.calendar, held.services.settings.calendar
    before, window, found = calendar.window, new_window(held.now, limits), Found()
    assert before is not None  # noqa: S101
    await held.keep({"stage": "roll"})
    asked = EventQuery(time_min=before.end.isoformat(), time_max=window.end.isoformat(), page_size=limits.page_size)
    async with aclosing(_pages(held, asked, window)) as pages:
        async for _, changes in pages:
            found.changed |= await held.store(changes)
    found.changed |= await held.remove(CalendarEventDocument.ended(calendar.owner, window.start))
    calendar.window_start, calendar.window_end = window
    again = next_night(held.now, calendar.timezone)
    found.fields = {"window_start": window.start, "window_end": window.end, "roll_at": again}
    return found


async def _pull_changes(held: Held) -> Found:
    """What changed since the sync token; the window cuts what a token cannot (rules 5 and 39)."""
    calendar, window, found = held.calendar, held.calendar.window, Found()
    assert window is not None  # noqa: S101
    asked = EventQuery(sync_token=calendar.sync_token, page_size=held.services.settings.calendar.page_size)
    async with aclosing(_pages(held, asked, window)) as pages:
        async for page, changes in pages:
            if page.timezone != calendar.timezone:  # all-day events moved that nobody touched
                raise SyncTokenExpired
            if changes:
                found.changed |= await held.store(changes)
            found.fields = {"sync_token": page.next_sync_token}
    return found


async def _pages(held: Held, asked: EventQuery, window: Window) -> AsyncGenerator[tuple[EventPage, list[Change]], None]:
    """Page after page until Google names no next one (rules 2 to 4), or there are too many (rule 57).

    The next page is on its way, and read, while the caller writes this one.
    """
    google, google_id = held.services.google, held.calendar.google_calendar_id or "primary"

    async def ask(page_token: str | None) -> tuple[EventPage, list[Change]]:
        page = await held.ask(lambda token: google.event_page(token, google_id, asked, page_token))
        changes = read_changes(held.calendar.owner, page.items, page.timezone, window)
        page.items.clear()  # a page is in memory as Google's or as ours
        return page, changes

    (page, changes), pages = await ask(None), 1
    while page.next_page_token:
        if (pages := pages + 1) > MOST_PAGES:
            raise CalendarTooLarge
        following = asyncio.ensure_future(ask(page.next_page_token))
        try:
            yield page, changes
            page, changes = await following
        finally:
            await ended(following)
    yield page, changes
