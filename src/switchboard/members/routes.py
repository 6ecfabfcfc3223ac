from typing import Annotated

from fastapi import APIRouter, Query

from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.errors import Forbidden, Unauthenticated
from switchboard.http.deps import AnyCaller, Caller, Now, OrgId, Running, UserId
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor
from switchboard.members import service
from switchboard.members.model import AlreadyOwner, LeaveInstead, MemberNotFound, RemovedBefore
from switchboard.members.schemas import (
    JoinableList,
    MemberList,
    MemberShown,
    MembersQuery,
    RoleChange,
    Transfer,
)
from switchboard.memberships.model import ChangeUnderWay, LastOwner
from switchboard.organizations.model import OrganizationFull, OrganizationNotFound
from switchboard.roles.model import AboveOwnRole, MissingPermission, UnknownRole

router = APIRouter(tags=["members"])
BASE = "/v1/orgs/{org_id}"
COMMON = (Unauthenticated, OrganizationNotFound, MissingPermission)
CHANGES = (*COMMON, MemberNotFound, LastOwner, ChangeUnderWay, RefusedByPropelAuth, PropelAuthUnavailable)


@router.get(f"{BASE}/members", summary="Who belongs to it", responses=problems(*COMMON, InvalidCursor))
async def listed(
    caller: AnyCaller, org_id: OrgId, query: Annotated[MembersQuery, Query()], services: Running, now: Now
) -> MemberList:
    return MemberList.of(*await service.listed(services, caller, org_id, query.asked(), now))


@router.get(f"{BASE}/members/{{user_id}}", summary="One member", responses=problems(*COMMON, MemberNotFound))
async def read(caller: AnyCaller, org_id: OrgId, user_id: UserId, services: Running, now: Now) -> MemberShown:
    return MemberShown.of(await service.read(services, caller, org_id, user_id, now))


@router.patch(
    f"{BASE}/members/{{user_id}}",
    summary="Change a member's role",
    responses=problems(*CHANGES, AboveOwnRole, UnknownRole),
)
async def change_role(  # noqa: PLR0913  (each is a part of the request)
    caller: AnyCaller, org_id: OrgId, user_id: UserId, body: RoleChange, services: Running, now: Now
) -> MemberShown:
    return MemberShown.of(await service.change_role(services, caller, org_id, (user_id, body.rights()), now))


@router.delete(
    f"{BASE}/members/{{user_id}}",
    summary="Remove a member",
    status_code=204,
    responses=problems(*CHANGES, AboveOwnRole, LeaveInstead),
)
async def remove(caller: AnyCaller, org_id: OrgId, user_id: UserId, services: Running, now: Now) -> None:
    await service.remove(services, caller, org_id, user_id, now)


@router.post(f"{BASE}/leave", summary="Leave it", status_code=204, responses=problems(*CHANGES))
async def leave(caller: Caller, org_id: OrgId, services: Running, now: Now) -> None:
    await service.leave(services, caller, org_id, now)


@router.post(
    f"{BASE}/transfer",
    summary="Hand it over: another member becomes Owner, and I become Admin",
    responses=problems(*CHANGES, AlreadyOwner, Forbidden),
)
async def hand_over(caller: Caller, org_id: OrgId, body: Transfer, services: Running, now: Now) -> MemberShown:
    return MemberShown.of(await service.hand_over(services, caller, org_id, body.user_id, now))


@router.get(
    "/v1/me/joinable-orgs",
    summary="Organizations I may join by my e-mail's domain",
    responses=problems(Unauthenticated, PropelAuthUnavailable),
)
async def joinable(caller: Caller, services: Running, now: Now) -> JoinableList:
    return JoinableList.of(await service.joinable(services, caller, now))


@router.post(
    f"{BASE}/join",
    summary="Join by my e-mail's domain",
    responses=problems(
        *(Unauthenticated, OrganizationNotFound, RemovedBefore, OrganizationFull, ChangeUnderWay),
        *(RefusedByPropelAuth, PropelAuthUnavailable),
    ),
)
async def join(caller: Caller, org_id: OrgId, services: Running, now: Now) -> MemberShown:
    return MemberShown.of(await service.join(services, caller, org_id, now))
