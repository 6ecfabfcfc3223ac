"""Choosing calendars."""

from datetime import datetime
from typing import Any

from switchboard.calendar_choices.model import Choice, Offered
from switchboard.calendars import service as calendars
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import Calendar, UnknownCalendar, calendar_id_of, primary_calendar_id
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.services import Services
from switchboard.users import service as users


async def offered(services: Services, caller: Identity, now: datetime) -> list[Offered]:
    """The calendars that Google shows the caller, and which of them are here; raises `NotConnected`."""
    user = await users.current(services, caller, now)
    await connections.find(user)
    listed = await connections.Access(services, user.user_id, now).use(services.google.calendar_list)
    chosen = {each.calendar_id: each for each in await CalendarDocument.of_users([user.user_id])}
    return [_offered(user.user_id, item, chosen) for item in listed if isinstance(item.get("id"), str)]


def _offered(user_id: str, item: dict[str, Any], chosen: dict[str, Calendar]) -> Offered:
    google_id, primary = item["id"], item.get("primary") is True
    calendar_id = primary_calendar_id(user_id) if primary else calendar_id_of(user_id, google_id)
    name, role = item.get("summaryOverride") or item.get("summary"), item.get("accessRole")
    zone = item.get("timeZone")
    return Offered(google_id, str(name or google_id), primary, str(role), str(zone or "UTC"), chosen.get(calendar_id))


async def choose(services: Services, caller: Identity, choices: list[Choice], now: datetime) -> list[Offered]:
    """Have these calendars here beside the caller's own, and no others; raises `UnknownCalendar`, `NotConnected`."""
    before = {each.google_calendar_id: each for each in await offered(services, caller, now)}
    if any(choice.google_calendar_id not in before for choice in choices):
        raise UnknownCalendar
    wanted = {choice.google_calendar_id: choice for choice in choices}
    for google_id, each in before.items():
        if choice := wanted.get(google_id):
            await _choose(caller.user_id, each, choice, now)
    kept = {primary_calendar_id(caller.user_id), *(calendar_id_of(caller.user_id, each) for each in wanted)}
    for calendar in await CalendarDocument.of_users([caller.user_id]):
        if calendar.calendar_id not in kept:
            await calendars.leave(calendar.owner, now)
    return await offered(services, caller, now)


async def _choose(user_id: str, offer: Offered, choice: Choice, now: datetime) -> None:
    if offer.primary:
        await CalendarDocument.set_busy(primary_calendar_id(user_id), busy=choice.busy)
    else:
        chosen = {"name": offer.name, "busy": choice.busy}
        await CalendarDocument.choose(user_id, choice.google_calendar_id, chosen, now)
