"""People choose for themselves; the next read of anybody goes by it."""

from datetime import datetime
from typing import Final

from switchboard.calendar_sharing.documents import CalendarSharingDocument
from switchboard.calendar_sharing.model import DEFAULT, CalendarSharing, Chosen, Shows
from switchboard.clients.propelauth_facts import Identity
from switchboard.organizations import service as organizations
from switchboard.services import Dependant, Services

DEPENDANT: Final = Dependant(
    "calendar_sharing",
    CalendarSharingDocument.count,
    lambda org_id, _, session: CalendarSharingDocument.remove_all(org_id, session),
)


async def mine(services: Services, caller: Identity, now: datetime) -> list[Chosen]:
    """Each organization of the caller, and what it sees of their calendars."""
    acting = await organizations.mine(services, caller, now)
    made = await CalendarSharingDocument.of_user(caller.user_id)
    return [Chosen(each.organization, made.get(each.org_id) or _default(caller, each.org_id)) for each in acting]


async def choose(services: Services, caller: Identity, org_id: str, shows: Shows, now: datetime) -> Chosen:
    """Let an organization of the caller see this of their calendars; raises `OrganizationNotFound`."""
    acting = await organizations.acting(services, caller, org_id, now)
    sharing = CalendarSharing(user_id=caller.user_id, org_id=org_id, shows=shows, updated_at=now)
    await CalendarSharingDocument.put(sharing)
    return Chosen(acting.organization, sharing)


def _default(caller: Identity, org_id: str) -> CalendarSharing:
    return CalendarSharing(user_id=caller.user_id, org_id=org_id, shows=DEFAULT)
