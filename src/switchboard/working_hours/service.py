"""Reading and keeping one's own working hours."""

from datetime import datetime

from switchboard.clients.propelauth_facts import Identity
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.working_hours.documents import WorkingHoursDocument
from switchboard.working_hours.model import Schedule, Shown, WorkingHours


async def read(services: Services, caller: Identity, now: datetime) -> Shown:
    """What the caller keeps, else the usual hours."""
    user = await users.current(services, caller, now)
    kept = await WorkingHoursDocument.of_users([user.user_id])
    return Shown(kept.get(user.user_id) or WorkingHours(user_id=user.user_id), user.timezone_or_default)


async def keep(services: Services, caller: Identity, schedule: Schedule, now: datetime) -> Shown:
    """Keep these in place of what there was; raises `UnknownTimezone`, `InvalidWorkingHours`."""
    schedule.check()
    user = await users.current(services, caller, now)
    kept = await WorkingHoursDocument.put(user.user_id, schedule.sorted(), now)
    return Shown(kept, user.timezone_or_default)
