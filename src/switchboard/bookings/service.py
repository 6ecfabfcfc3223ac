"""Booking events at Google, and in the mirror at once."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from switchboard.bookings.model import check_writing, completed_event
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.errors import SwitchboardError
from switchboard.events.model import read_changes
from switchboard.leases.service import store_beside
from switchboard.services import Services
from switchboard.users import service as users


async def create_event(services: Services, caller: Identity, event: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Create an event in Google's own shape, there and in the mirror; raises as what is called here does."""
    user = await users.current(services, caller, now)
    check_writing(user.token)
    new = completed_event(event, user.timezone_or_default)
    calendar = await CalendarDocument.find(primary_calendar_id(user.user_id))
    google = connections.Access(services, user.user_id, now)
    created = await google.use(lambda token: services.google.insert_event(token, new))
    if calendar is not None and (window := calendar.coverage):
        with suppress(SwitchboardError):  # it is at Google by now: the next pull brings it
            await store_beside(services, calendar, read_changes(calendar.owner, [created], calendar.timezone, window))
    return created
