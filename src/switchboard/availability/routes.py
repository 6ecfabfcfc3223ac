from fastapi import APIRouter, Response

from switchboard.availability import service
from switchboard.availability.model import InvalidPeople, InvalidTimes, TooManyEvents
from switchboard.availability.schemas import (
    AvailabilityAsked,
    AvailabilityShown,
    FreeBusyAsked,
    FreeBusyShown,
    ServiceAvailabilityAsked,
)
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AnyCaller, Now, OrgId, Running, ServiceCaller
from switchboard.http.errors import problems
from switchboard.members.model import MemberNotFound
from switchboard.organizations.model import OrganizationNotFound
from switchboard.roles.model import MissingPermission
from switchboard.services import MissingScope
from switchboard.users.model import UnknownTimezone
from switchboard.working_hours.model import InvalidWorkingHours

router = APIRouter(tags=["calendar"])
TIMES = (OrganizationNotFound, MemberNotFound, InvalidTimes, InvalidPeople, TooManyEvents)
SLOTS = (*TIMES, UnknownTimezone, InvalidWorkingHours)


@router.post(
    "/v1/orgs/{org_id}/free-busy",
    summary="When members are busy",
    responses=problems(Unauthenticated, MissingPermission, *TIMES),
)
async def free_busy(  # noqa: PLR0913  (an answer that is kept nowhere)
    caller: AnyCaller, org_id: OrgId, body: FreeBusyAsked, services: Running, now: Now, response: Response
) -> FreeBusyShown:
    _for_now(response)
    return FreeBusyShown.of(await service.free_busy(services, caller, org_id, body.asked(), now))


@router.post(
    "/v1/orgs/{org_id}/availability",
    summary="Slots in which enough members are free",
    responses=problems(Unauthenticated, MissingPermission, *SLOTS),
)
async def availability(  # noqa: PLR0913  (an answer that is kept nowhere)
    caller: AnyCaller, org_id: OrgId, body: AvailabilityAsked, services: Running, now: Now, response: Response
) -> AvailabilityShown:
    _for_now(response)
    return AvailabilityShown.of(await service.availability(services, caller, org_id, body.asked(), now))


@router.post(
    "/internal/v1/availability",
    tags=["internal"],
    summary="The same, for services",
    responses=problems(Unauthenticated, MissingScope, *SLOTS),
)
async def availability_for_service(
    caller: ServiceCaller, body: ServiceAvailabilityAsked, services: Running, now: Now, response: Response
) -> AvailabilityShown:
    _for_now(response)
    found = await service.availability_for_service(services, caller, body.org_id, body.asked(), now)
    return AvailabilityShown.of(found)


def _for_now(response: Response) -> None:
    """What is free now may be taken a moment later: an Idempotency-Key keeps no copy either."""
    response.headers["Cache-Control"] = "no-store"
