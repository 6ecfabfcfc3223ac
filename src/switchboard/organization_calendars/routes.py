from typing import Annotated

from fastapi import APIRouter, Query

from switchboard.errors import Unauthenticated
from switchboard.events.model import InvalidRange
from switchboard.http.deps import AnyCaller, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor
from switchboard.members.model import MemberNotFound
from switchboard.organization_calendars import service
from switchboard.organization_calendars.schemas import OrganizationEventList, OrganizationEventsAsked
from switchboard.organizations.model import OrganizationNotFound
from switchboard.roles.model import MissingPermission

router = APIRouter(tags=["calendar"])


@router.get(
    "/v1/orgs/{org_id}/events",
    summary="Events of its members in a range, as far as they show them",
    responses=problems(
        Unauthenticated, OrganizationNotFound, MissingPermission, MemberNotFound, InvalidRange, InvalidCursor
    ),
)
async def events(
    caller: AnyCaller, org_id: OrgId, services: Running, now: Now, query: Annotated[OrganizationEventsAsked, Query()]
) -> OrganizationEventList:
    ring = services.key_ring
    found = await service.events(services, caller, org_id, query.asked(ring, org_id), now)
    return OrganizationEventList.of(found, ring, org_id)
