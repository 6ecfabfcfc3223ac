from datetime import datetime

from switchboard.calendars import service as calendars
from switchboard.calendars.model import Overview
from switchboard.clients.propelauth import Identity
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import User


async def read(services: Services, caller: Identity, now: datetime) -> tuple[User, Overview]:
    """The caller and how their calendar stands."""
    user = await users.current(services, caller, now)
    return user, await calendars.overview_of(services, user, now)
