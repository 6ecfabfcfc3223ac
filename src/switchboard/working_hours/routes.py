from fastapi import APIRouter

from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems
from switchboard.users.model import UnknownTimezone
from switchboard.working_hours import service
from switchboard.working_hours.model import InvalidWorkingHours
from switchboard.working_hours.schemas import ScheduleSent, WorkingHoursShown

router = APIRouter(prefix="/v1/me/working-hours", tags=["me"])


@router.get("", summary="When I work", responses=problems(Unauthenticated))
async def read(caller: Caller, services: Running, now: Now) -> WorkingHoursShown:
    return WorkingHoursShown.of(await service.read(services, caller, now))


@router.put(
    "",
    summary="Say when I work, in place of what I said before",
    responses=problems(Unauthenticated, UnknownTimezone, InvalidWorkingHours),
)
async def keep(caller: Caller, body: ScheduleSent, services: Running, now: Now) -> WorkingHoursShown:
    return WorkingHoursShown.of(await service.keep(services, caller, body.schedule(), now))
