from fastapi import APIRouter

from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, InviteId, Now, Running
from switchboard.http.errors import problems
from switchboard.invites.model import (
    EmailNotConfirmed,
    InviteAccepted,
    InviteDeclined,
    InviteExpired,
    InviteNotFound,
    InviteRevoked,
    RemovedSince,
)
from switchboard.memberships.model import ChangeUnderWay
from switchboard.organizations.model import OrganizationFull
from switchboard.organizations.schemas import OrganizationShown
from switchboard.replies import service
from switchboard.replies.schemas import MyInvites

router = APIRouter(prefix="/v1/me/invites", tags=["invites"])
COMMON = (Unauthenticated, InviteNotFound, EmailNotConfirmed, PropelAuthUnavailable)
CLOSED = (InviteAccepted, InviteExpired, InviteRevoked, InviteDeclined, RemovedSince)


@router.get("", summary="Invites that wait for me", responses=problems(Unauthenticated, PropelAuthUnavailable))
async def addressed(caller: Caller, services: Running, now: Now) -> MyInvites:
    return MyInvites.of(await service.addressed(services, caller, now))


@router.post(
    "/{invite_id}/accept",
    summary="Accept: I become a member",
    responses=problems(*COMMON, *CLOSED, OrganizationFull, ChangeUnderWay, RefusedByPropelAuth),
)
async def accept(caller: Caller, invite_id: InviteId, services: Running, now: Now) -> OrganizationShown:
    return OrganizationShown.of(await service.accept(services, caller, invite_id, now))


@router.post("/{invite_id}/decline", summary="Decline", status_code=204, responses=problems(*COMMON, *CLOSED))
async def decline(caller: Caller, invite_id: InviteId, services: Running, now: Now) -> None:
    await service.decline(services, caller, invite_id, now)
