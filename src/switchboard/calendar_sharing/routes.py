from fastapi import APIRouter

from switchboard.calendar_sharing import service
from switchboard.calendar_sharing.schemas import SharingChange, SharingList, SharingShown
from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.organizations.model import OrganizationNotFound

router = APIRouter(tags=["calendar"])


@router.get(
    "/v1/me/calendar-sharing",
    summary="What my organizations see of my calendars",
    responses=problems(Unauthenticated),
)
async def mine(caller: Caller, services: Running, now: Now) -> SharingList:
    return SharingList.of(await service.mine(services, caller, now))


@router.put(
    "/v1/orgs/{org_id}/calendar-sharing",
    summary="Choose what it sees of my calendars, from the next request on",
    responses=problems(Unauthenticated, OrganizationNotFound),
)
async def choose(caller: Caller, org_id: OrgId, body: SharingChange, services: Running, now: Now) -> SharingShown:
    return SharingShown.of(await service.choose(services, caller, org_id, body.shows, now))
