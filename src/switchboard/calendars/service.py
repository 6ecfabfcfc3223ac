"""Connecting calendars, choosing which, and reading events back. Pulling is in `pulls`."""

from datetime import datetime, timedelta
from typing import Final

from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import (
    Calendar,
    Events,
    Overview,
    Standing,
    StatusLine,
    primary_calendar_id,
)
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.connections.model import NotConnected
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import Owner, Position, Window, check_range
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import User

LOOK_FOR_REST: Final = timedelta(minutes=5)  # after a disconnect, for what it could not remove


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
    """Disconnect the caller's calendars."""
    await disconnect_user(services, await users.current(services, caller, now), now)


async def disconnect_user(services: Services, user: User, now: datetime, *, shared: bool = False) -> bool:
    """Forget the grant, stop pulling, remove the events; what fails then, the worker removes.

    Whether the grant was revoked at Google; with `shared` it is not. Raises `NotConnected`, and `Unavailable` before
    anything changed.
    """
    calendar_id = primary_calendar_id(user.user_id)
    shared = shared or await CalendarDocument.shared(calendar_id)
    revoked = await connections.disconnect(services, user, now, shared=shared)
    chosen = {calendar.calendar_id for calendar in await CalendarDocument.of_users([user.user_id])}
    for each in {calendar_id, *chosen}:
        await leave(Owner(user.user_id, each, []), now)
    return revoked


async def leave(owner: Owner, now: datetime) -> None:
    """End a calendar's pulls and remove its events."""
    await CalendarDocument.disconnect(owner.calendar_id, now + LOOK_FOR_REST)
    async for ids in CalendarEventDocument.all_of(owner):
        await CalendarEventDocument.remove(ids)


async def overview(services: Services, caller: Identity, now: datetime) -> Overview:
    """How the caller's calendars stand; nothing is asked of Google."""
    return await overview_of(services, await users.current(services, caller, now), now)


async def overview_of(services: Services, user: User, now: datetime) -> Overview:
    """How a person's calendars stand. One that was connected elsewhere, or during a disconnect, becomes due."""
    try:
        connection = await connections.find(user)
    except NotConnected:
        return Overview(None, None, stale=True)
    calendar_id = primary_calendar_id(user.user_id)
    calendar: Calendar | None = await CalendarDocument.find(calendar_id)
    if calendar is None or calendar.status == "disconnected" or calendar.newly_granted(connection, user.token):
        await CalendarDocument.connect(calendar_id, user.user_id, now)
        calendar = await CalendarDocument.find(calendar_id)
    stale = calendar is None or calendar.stale(now, services.settings.calendar.stale_seconds)
    others = [each for each in await CalendarDocument.of_users([user.user_id]) if not each.primary]
    return Overview(connection, calendar, stale, tuple(others))


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


async def standing(now: datetime) -> Standing:
    """How all calendars of the database stand, for operators."""
    rows = await CalendarDocument.summed_up(now)
    named = ({**row, "status": row["_id"].get("status"), "reason": row["_id"].get("reason")} for row in rows)
    return Standing.of([StatusLine(**{name: row[name] for name in StatusLine._fields}) for row in named], now)
