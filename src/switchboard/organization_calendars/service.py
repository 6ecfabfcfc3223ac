"""An organization's events page by page. Who belongs to it, and what each shows, is read for every page."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import Final

from switchboard.calendar_sharing.documents import CalendarSharingDocument
from switchboard.calendar_sharing.model import DEFAULT
from switchboard.calendars.model import Calendar
from switchboard.events.model import check_range
from switchboard.members.model import MemberNotFound
from switchboard.organization_calendars import documents
from switchboard.organization_calendars.documents import Wanted
from switchboard.organization_calendars.model import (
    Asked,
    Entry,
    OrganizationEvents,
    Page,
    Person,
    Reach,
    View,
    joined,
)
from switchboard.organizations import service as organizations
from switchboard.organizations.model import Acting
from switchboard.services import Principal, Services

PERMISSION: Final = "calendar.read"
WALKS: Final = 4  # for one page; where most of what is read is not seen, a page is short


async def events(services: Services, caller: Principal, org_id: str, asked: Asked, now: datetime) -> OrganizationEvents:
    """What the caller may see of the members' events, by start; raises `MemberNotFound`."""
    check_range(*asked.between)
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check(PERMISSION)
    user_ids = await documents.member_ids(org_id, asked.member_ids)
    if asked.member_ids is not None and len(user_ids) < len(asked.member_ids):
        raise MemberNotFound
    view = await _view(acting, user_ids, asked)
    users = await documents.people(user_ids) if asked.after is None else {}
    return OrganizationEvents(await _page(org_id, view, asked), _people(services, view, now), users)


async def _view(acting: Acting, user_ids: list[str], asked: Asked) -> View:
    chosen = await CalendarSharingDocument.of_organization(acting.org_id)
    calendars = {each.calendar_id: each for each in await documents.calendars(user_ids)}
    viewer_id = acting.membership.user_id if acting.membership else None
    shows = {user_id: chosen.get(user_id, DEFAULT) for user_id in user_ids}
    return View(viewer_id, shows, calendars, asked.text is not None)


async def _page(org_id: str, view: View, asked: Asked) -> Page:
    """Walk on until a page is full; what is looked through for a text is much, so then once."""
    found: list[Entry] = []
    after = asked.after
    for _ in range(1 if view.by_text else WALKS):
        reach = await _reach(org_id, view, replace(asked, after=after))
        found += [entry for entry in view.entries(reach.events) if after is None or entry.key > after]
        if len(found) >= asked.limit or reach.until is None:
            return Page.cut(found, reach.until, asked.limit)
        after = reach.until
    return Page(found, after)


async def _reach(org_id: str, view: View, asked: Asked) -> Reach:
    """What is to be read of the people looked at.

    By the organization that events name, and by person where only some are asked for, or where a calendar does not
    name the organization yet: a worker notes a new member's organizations with the next pull.
    """
    wanted = Wanted(asked.between, asked.after, asked.limit, asked.text, view.viewer_id, tuple(view.open_ids))
    if asked.member_ids is not None:
        return joined(await documents.of_people(view.looked_at, wanted))
    late = {each.user_id for each in view.calendars.values() if org_id not in each.org_ids}
    by_person = await documents.of_people([each for each in view.looked_at if each in late], wanted)
    return joined([await documents.of_organization(org_id, wanted), *by_person])


def _people(services: Services, view: View, now: datetime) -> list[Person]:
    """How the calendars of the people looked at stand; of others who show nothing, only that."""
    theirs = defaultdict[str, list[Calendar]](list)
    for calendar in view.calendars.values():
        theirs[calendar.user_id].append(calendar)
    after_seconds = services.settings.calendar.stale_seconds
    looked_at = set(view.looked_at)
    return [
        Person.of(user_id, shows, theirs[user_id], lambda calendar: calendar.stale(now, after_seconds))
        if user_id in looked_at
        else Person(user_id, shows)
        for user_id, shows in view.shows.items()
    ]
