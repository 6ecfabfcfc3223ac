from typing import Annotated

from fastapi import APIRouter, Query

from switchboard.errors import Unauthenticated
from switchboard.http.deps import AnyCaller, Caller, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor
from switchboard.organizations import service
from switchboard.organizations.model import OrganizationNotFound
from switchboard.organizations.schemas import AuditAsked, AuditList, OrganizationList, OrganizationShown
from switchboard.roles.model import MissingPermission

router = APIRouter(prefix="/v1/orgs", tags=["organizations"])


@router.get("", summary="My organizations", responses=problems(Unauthenticated))
async def mine(caller: Caller, services: Running, now: Now) -> OrganizationList:
    return OrganizationList.of(await service.mine(services, caller, now))


@router.get(
    "/{org_id}",
    summary="An organization, and what I may do in it",
    responses=problems(Unauthenticated, OrganizationNotFound, MissingPermission),
)
async def read(caller: AnyCaller, org_id: OrgId, services: Running, now: Now) -> OrganizationShown:
    return OrganizationShown.of(await service.read(services, caller, org_id, now))


@router.get(
    "/{org_id}/audit",
    summary="Who did what in it; members see what they did themselves",
    responses=problems(Unauthenticated, OrganizationNotFound, MissingPermission, InvalidCursor),
)
async def audit(
    caller: AnyCaller, org_id: OrgId, asked: Annotated[AuditAsked, Query()], services: Running, now: Now
) -> AuditList:
    return AuditList.of(*await service.audit(services, caller, org_id, (asked.wanted(), *asked.page()), now))
