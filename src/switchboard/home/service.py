from dataclasses import dataclass
from datetime import datetime

import structlog

from switchboard.calendars import service as calendars
from switchboard.calendars.model import Overview
from switchboard.clients.propelauth_errors import PropelAuthUnavailable
from switchboard.clients.propelauth_facts import Identity
from switchboard.invites.model import Addressed
from switchboard.organizations import service as organizations
from switchboard.organizations.model import Acting
from switchboard.replies import service as replies
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import User

log = structlog.get_logger()


@dataclass(frozen=True)
class SignedIn:
    """The caller, and all that concerns them."""

    user: User
    organizations: list[Acting]
    invites: list[Addressed]
    calendar: Overview


async def read(services: Services, caller: Identity, now: datetime) -> SignedIn:
    """What a front end needs after sign-in. While PropelAuth does not answer, invites may be missing."""
    user = await users.current(services, caller, now)
    mine = await organizations.mine(services, caller, now)
    return SignedIn(user, mine, await _invites(services, caller, now), await calendars.overview_of(services, user, now))


async def _invites(services: Services, caller: Identity, now: datetime) -> list[Addressed]:
    try:
        return await replies.addressed(services, caller, now)
    except PropelAuthUnavailable:
        log.warning("home.invites_unknown")
        return []
