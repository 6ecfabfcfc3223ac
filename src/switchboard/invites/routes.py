from typing import Annotated

from fastapi import APIRouter, Query

from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AnyCaller, InviteId, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor
from switchboard.invites import service
from switchboard.invites.model import (
    AlreadyMember,
    DomainKeptOut,
    InviteAccepted,
    InviteDeclined,
    InviteExpired,
    InviteNotFound,
    InvitePending,
    InviteRevoked,
    TooManyMails,
)
from switchboard.invites.schemas import BulkCreate, BulkResult, InviteCreate, InviteList, InviteShown, InvitesQuery
from switchboard.organizations.model import OrganizationFull, OrganizationNotFound
from switchboard.roles.model import AboveOwnRole, MissingPermission
from switchboard.users.model import InvalidEmail

router = APIRouter(prefix="/v1/orgs/{org_id}/invites", tags=["invites"])
COMMON = (Unauthenticated, OrganizationNotFound, MissingPermission)
CLOSED = (InviteNotFound, InviteAccepted, InviteExpired, InviteRevoked, InviteDeclined)
VENDOR = (RefusedByPropelAuth, PropelAuthUnavailable)


@router.get("", summary="Its invites, by state", responses=problems(*COMMON, InvalidCursor))
async def listed(
    caller: AnyCaller, org_id: OrgId, query: Annotated[InvitesQuery, Query()], services: Running, now: Now
) -> InviteList:
    return InviteList.of(*await service.listed(services, caller, org_id, query.asked(), now), now)


@router.post(
    "",
    summary="Invite somebody; PropelAuth sends the mail",
    status_code=201,
    responses=problems(
        *(*COMMON, AboveOwnRole, InvalidEmail, DomainKeptOut, AlreadyMember, InvitePending, OrganizationFull),
        *(TooManyMails, *VENDOR),
    ),
)
async def create(caller: AnyCaller, org_id: OrgId, body: InviteCreate, services: Running, now: Now) -> InviteShown:
    return InviteShown.of(await service.create(services, caller, org_id, body.wanted(), now), now)


@router.post("/bulk", summary="Invite several people, with an answer for each", responses=problems(*COMMON))
async def create_many(caller: AnyCaller, org_id: OrgId, body: BulkCreate, services: Running, now: Now) -> BulkResult:
    return BulkResult.of(await service.create_many(services, caller, org_id, body.wanted(), now), now)


@router.get("/{invite_id}", summary="One invite", responses=problems(*COMMON, InviteNotFound))
async def read(caller: AnyCaller, org_id: OrgId, invite_id: InviteId, services: Running, now: Now) -> InviteShown:
    return InviteShown.of(await service.read(services, caller, org_id, invite_id, now), now)


@router.post(
    "/{invite_id}/resend",
    summary="Mail it again, good for as long as a new one",
    responses=problems(*COMMON, *CLOSED, AboveOwnRole, TooManyMails, *VENDOR),
)
async def resend(caller: AnyCaller, org_id: OrgId, invite_id: InviteId, services: Running, now: Now) -> InviteShown:
    return InviteShown.of(await service.resend(services, caller, org_id, invite_id, now), now)


@router.delete("/{invite_id}", summary="Take it back", responses=problems(*COMMON, *CLOSED, PropelAuthUnavailable))
async def revoke(caller: AnyCaller, org_id: OrgId, invite_id: InviteId, services: Running, now: Now) -> InviteShown:
    return InviteShown.of(await service.revoke(services, caller, org_id, invite_id, now), now)
