from typing import Annotated

from fastapi import APIRouter, Path

from switchboard.agents.model import AgentDeleted, AgentNotFound, NotTheOwner
from switchboard.agents.routes import Ref
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AnyCaller, Now, Running
from switchboard.http.errors import problems
from switchboard.organizations.model import OrganizationNotFound
from switchboard.roles.model import MissingPermission
from switchboard.sharing import service
from switchboard.sharing.model import GranteeNotFound, GrantNotFound, OwnOrganization
from switchboard.sharing.schemas import GrantChange, GrantCreate, GrantList, GrantShown

router = APIRouter(prefix="/v1/orgs/{org_id}/agents/{agent_id}/grants", tags=["sharing"])
OWNER = (Unauthenticated, OrganizationNotFound, MissingPermission, AgentNotFound, AgentDeleted, NotTheOwner)
Grantee = Annotated[str, Path(max_length=64, description="The organization that has access")]


@router.get("", summary="Organizations it is shared with", responses=problems(*OWNER))
async def listed(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> GrantList:
    return GrantList.of(await service.listed(services, caller, ref, now))


@router.post(
    "",
    summary="Share it with another organization",
    status_code=201,
    responses=problems(*OWNER, GranteeNotFound, OwnOrganization),
)
async def grant(caller: AnyCaller, ref: Ref, body: GrantCreate, services: Running, now: Now) -> GrantShown:
    return GrantShown.of(await service.grant(services, caller, ref, (body.org_id, body.access), now))


@router.patch("/{grantee}", summary="Give another access", responses=problems(*OWNER, GrantNotFound))
async def change(  # noqa: PLR0913  (a path of three parts)
    caller: AnyCaller, ref: Ref, grantee: Grantee, body: GrantChange, services: Running, now: Now
) -> GrantShown:
    return GrantShown.of(await service.change(services, caller, ref, (grantee, body.access), now))


@router.delete(
    "/{grantee}",
    summary="Take access away, from the next request on",
    status_code=204,
    responses=problems(*OWNER, GrantNotFound),
)
async def revoke(caller: AnyCaller, ref: Ref, grantee: Grantee, services: Running, now: Now) -> None:
    await service.revoke(services, caller, ref, grantee, now)
