"""Reading when people are busy, and finding slots in which enough of them are free."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from switchboard.availability import documents
from switchboard.availability.model import Asked, Known, Pulled, Slot, Wish, checked_span, known, slots, starts
from switchboard.calendar_sharing.documents import CalendarSharingDocument
from switchboard.calendars.documents import CalendarDocument
from switchboard.events.model import Window
from switchboard.members.model import MemberNotFound
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import OrganizationNotFound
from switchboard.services import Principal, Service, Services
from switchboard.spans.model import merged
from switchboard.users.model import User
from switchboard.working_hours.documents import WorkingHoursDocument
from switchboard.working_hours.model import USUAL, Schedule

PERMISSION: Final = "calendar.read"
SCOPE: Final = "calendars.availability"

Places = Mapping[str, str]  # people in their order, each with the place in the request that names them
Times = tuple[Places, Window]


@dataclass(frozen=True)
class Found:
    """`more`: there are more slots than were asked for. `timezone` is the clock that their starts were counted on."""

    slots: list[Slot]
    more: bool
    timezone: str
    people: list[Known]


async def free_busy(services: Services, caller: Principal, org_id: str, asked: Times, now: datetime) -> list[Known]:
    """When members are busy in a time.

    Raises `OrganizationNotFound`, `MissingPermission`, `InvalidTimes`, `MemberNotFound`, `TooManyEvents`.
    """
    (await organizations.acting(services, caller, org_id, now)).rights.check(PERMISSION)
    places, window = asked
    during = checked_span(window)
    _, people = await _known(org_id, places, Asked(now, during, services.settings.calendar.stale_seconds))
    return people


async def availability(
    services: Services, caller: Principal, org_id: str, asked: tuple[Times, Wish], now: datetime
) -> Found:
    """Slots in which enough members are free; raises as `free_busy` does."""
    (await organizations.acting(services, caller, org_id, now)).rights.check(PERMISSION)
    return await _found(services, org_id, asked, now)


async def availability_for_service(
    services: Services, caller: Service, org_id: str, asked: tuple[Times, Wish], now: datetime
) -> Found:
    """The same for a service; one that is bound to an organization has only that. Raises `MissingScope` as well."""
    caller.check(SCOPE)
    if caller.org_id not in (None, org_id) or await OrganizationDocument.find(org_id) is None:
        raise OrganizationNotFound
    return await _found(services, org_id, asked, now)


async def _found(services: Services, org_id: str, asked: tuple[Times, Wish], now: datetime) -> Found:
    (places, window), wish = asked
    during = checked_span(window)
    look = Asked(now, wish.read_for(during), services.settings.calendar.stale_seconds)
    hours, (users, people) = await asyncio.gather(
        WorkingHoursDocument.of_users(list(places)), _known(org_id, places, look)
    )
    clocks = {user_id: _clock(user_id, users, wish.hours or hours.get(user_id)) for user_id in places}
    left = wish.left_of(during, now)
    begins = {}
    for person in people:
        schedule, own = clocks[person.user_id]
        work = schedule.spans(own, left) if wish.at_work else merged([left])
        begins[person.user_id] = starts(person, work, wish)
    schedule, own = next(iter(clocks.values()))
    timezone = wish.timezone or schedule.zone_for(own)
    found = list(islice(slots(begins, wish, timezone, left), wish.limit + 1))
    return Found(found[: wish.limit], len(found) > wish.limit, timezone, people)


def _clock(user_id: str, users: Mapping[str, User], schedule: Schedule | None) -> tuple[Schedule, str]:
    """The hours of a person, and the zone of their own; the usual ones for who keeps none."""
    user = users.get(user_id) or User(user_id=user_id)
    return schedule or USUAL, user.timezone_or_default


async def _known(org_id: str, places: Places, asked: Asked) -> tuple[dict[str, User], list[Known]]:
    """What an organization knows of its members' time, in the order they are named, and who they are.

    Calendars are read before and after their events: what is no longer there, or not all there yet, is not taken for
    free time. Raises `MemberNotFound`.
    """
    user_ids = list(places)
    members, users, shows, calendars = await asyncio.gather(
        documents.members(org_id, user_ids),
        documents.people(user_ids),
        CalendarSharingDocument.of_organization(org_id),
        CalendarDocument.of_users(user_ids),
    )
    strangers = {place: MemberNotFound.message for user_id, place in places.items() if user_id not in members}
    if strangers:
        raise MemberNotFound(fields=strangers)
    hidden = {user_id for user_id in user_ids if shows.get(user_id) == "nothing"}
    connected = {user_id for user_id, user in users.items() if user.token.reads_calendar} - hidden
    before = {each.calendar_id: Pulled.of(each, org_id) for each in calendars if each.user_id in connected}
    read = {calendar_id: each.calendar.user_id for calendar_id, each in before.items() if each.takes_time}
    busy = await documents.busy_times(org_id, read, asked.during)
    after = defaultdict[str, list[Pulled]](list)
    for calendar in await CalendarDocument.of_users(sorted(connected)):
        after[calendar.user_id].append(Pulled.of(calendar, org_id).since(before.get(calendar.calendar_id)))
    return users, [
        Known(user_id, "hidden") if user_id in hidden else known(user_id, after[user_id], busy.get(user_id, ()), asked)
        for user_id in user_ids
    ]
