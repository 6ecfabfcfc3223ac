from fastapi import APIRouter

from switchboard.administration import service
from switchboard.administration.model import MayNotCreate
from switchboard.administration.schemas import DeletionPreview, OrganizationCreate, OrganizationUpdate
from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.clients.propelauth_organizations import NameRefused
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AnyCaller, Caller, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.memberships.model import ChangeUnderWay
from switchboard.organizations.model import DomainMissing, FreeMailDomain, OrganizationNotFound, TooFewSeats
from switchboard.organizations.schemas import OrganizationShown
from switchboard.roles.model import MissingPermission

router = APIRouter(prefix="/v1/orgs", tags=["organizations"])
COMMON = (Unauthenticated, OrganizationNotFound, MissingPermission, PropelAuthUnavailable)


@router.post(
    "",
    summary="Create an organization with me as its Owner",
    status_code=201,
    responses=problems(Unauthenticated, MayNotCreate, NameRefused, RefusedByPropelAuth, PropelAuthUnavailable),
)
async def create(caller: Caller, body: OrganizationCreate, services: Running, now: Now) -> OrganizationShown:
    return OrganizationShown.of(await service.create(services, caller, body.new(), now))


@router.patch(
    "/{org_id}",
    summary="Change an organization",
    responses=problems(
        *(*COMMON, NameRefused, TooFewSeats, DomainMissing, FreeMailDomain, ChangeUnderWay, RefusedByPropelAuth)
    ),
)
async def update(
    caller: AnyCaller, org_id: OrgId, body: OrganizationUpdate, services: Running, now: Now
) -> OrganizationShown:
    return OrganizationShown.of(await service.update(services, caller, org_id, body.changes(), now))


@router.get("/{org_id}/deletion", summary="What would go with it", responses=problems(*COMMON))
async def deletion(caller: AnyCaller, org_id: OrgId, services: Running, now: Now) -> DeletionPreview:
    return DeletionPreview.of(await service.deletion(services, caller, org_id, now))


@router.delete(
    "/{org_id}",
    summary="Delete it with all that belongs to it",
    status_code=204,
    responses=problems(*COMMON, ChangeUnderWay),
)
async def delete(caller: AnyCaller, org_id: OrgId, services: Running, now: Now) -> None:
    await service.delete(services, caller, org_id, now)
