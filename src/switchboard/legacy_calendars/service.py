"""Old calls that map on several new ones."""

from datetime import datetime
from typing import Any

from switchboard.bookings import service as bookings
from switchboard.calendars import service as calendars
from switchboard.clients.google_errors import EventRefused
from switchboard.clients.propelauth_errors import NoGoogleTokens
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.events.model import Window
from switchboard.legacy_calendars.model import (
    AHEAD,
    MOST_EVENTS,
    EventNotCreated,
    Shown,
    TimezoneRequired,
    UnknownUser,
    check_access,
    check_lock,
    google_item,
    is_fresh,
    primary_entry,
)
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import User


async def known(caller: Identity) -> User:
    """The caller as they are kept; raises `UnknownUser` before their first sign-in."""
    user = await users.stored(caller)
    if user is None:
        raise UnknownUser
    return user


async def sign_in(services: Services, access_token: str, now: datetime) -> str:
    """Keep the Google tokens that PropelAuth holds for whose access token this is; returns their id.

    Raises `InvalidToken`, `NoGoogleTokens`.
    """
    caller = services.propelauth.identify(f"Bearer {access_token}")
    await calendars.sign_in(services, caller, now)
    return caller.user_id


async def authorized_scopes(services: Services, caller: Identity, now: datetime) -> tuple[str, ...] | None:
    """What the Google tokens at PropelAuth allow, which are kept as at a sign-in; None without any."""
    await known(caller)
    try:
        return await calendars.sign_in(services, caller, now)
    except NoGoogleTokens:
        return None


async def change_names(services: Services, caller: Identity, names: dict[str, str], now: datetime) -> None:
    await known(caller)
    await users.change(services, caller, names, now)


async def change_timezone(services: Services, caller: Identity, timezone: str | None, now: datetime) -> str:
    """The zone that is set; raises `TimezoneLocked`, `TimezoneRequired`, `UnknownTimezone`, in this order."""
    check_lock(await known(caller))
    if not timezone:
        raise TimezoneRequired
    await users.change(services, caller, {"timezone": timezone}, now)
    return timezone


async def shown(services: Services, caller: Identity, now: datetime) -> Shown:
    """The caller's next events: from Google itself unless the mirror is fresh. Raises `AccessNotGranted`."""
    user = await known(caller)
    check_access(user)
    found = await calendars.events(services, caller, Window(now, now + AHEAD), (None, MOST_EVENTS), now)
    timezone, primary = user.timezone_or_default, primary_entry(user, found.overview)
    if is_fresh(found.overview):
        return Shown([primary], [google_item(event, timezone) for event in found.events], timezone)
    google = connections.Access(services, user.user_id, now)
    entries = await google.use(services.google.calendar_list)
    asked = {"since": now.isoformat(), "timezone": timezone}
    items = await google.use(lambda token: services.google.upcoming_events(token, **asked, limit=MOST_EVENTS))
    return Shown(entries or [primary], items, timezone)


async def create_event(
    services: Services, caller: Identity, event: dict[str, Any], now: datetime
) -> tuple[dict[str, Any], str]:
    """The event as Google keeps it, and the zone that times without one were taken to be in."""
    user = await known(caller)
    check_access(user)
    try:
        created = await bookings.create_event(services, caller, event, now)
    except EventRefused:
        raise EventNotCreated from None
    return created, user.timezone_or_default
