"""Invites as their invitees see them: which wait, accepting, declining."""

from contextlib import suppress
from datetime import datetime

from switchboard.audit.documents import AuditEntryDocument
from switchboard.clients.propelauth_facts import Identity
from switchboard.errors import SwitchboardError
from switchboard.invites import service as invites
from switchboard.invites.documents import PendingInviteDocument
from switchboard.invites.model import (
    Addressed,
    EmailNotConfirmed,
    InviteAccepted,
    InviteDeclined,
    InviteExpired,
    InviteNotFound,
    PendingInvite,
    RemovedSince,
    accepted,
    declined,
)
from switchboard.members import service as members
from switchboard.members.model import RemovedBefore, new_change
from switchboard.memberships.documents import MarkDocument, standing
from switchboard.memberships.model import MembershipChange, Standing
from switchboard.mongo import Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting, Organization, OrganizationNotFound
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import InvalidEmail, fold_email


async def addressed(services: Services, caller: Identity, now: datetime) -> list[Addressed]:
    """Pending invites for the caller's confirmed e-mail; raises `Unavailable` only when there may be some."""
    user = await users.current(services, caller, now)
    email = user.email or caller.email
    if email is None or not await _for(email, now):
        return []
    confirmed = await users.confirmed_email(services, caller, now)
    found = [] if confirmed is None else await _for(confirmed, now)
    known = await OrganizationDocument.these([invite.org_id for invite in found])
    return [Addressed(invite, known[invite.org_id]) for invite in found if invite.org_id in known]


async def accept(services: Services, caller: Identity, invite_id: str, now: datetime) -> Acting:
    """Become a member; an existing role is never lowered.

    One conditional write accepts, then PropelAuth makes the member; if it does not answer, the same call repeated
    goes on. Raises `InviteNotFound`, `EmailNotConfirmed`, `RemovedSince`, what `check_open` does, and
    `RefusedByPropelAuth`.
    """
    invite = await _addressed_to(services, caller, invite_id, now)
    try:
        return await _answered(services, caller, invite, now)
    except RemovedBefore:
        raise RemovedSince from None


async def _answered(services: Services, caller: Identity, invite: PendingInvite, now: datetime) -> Acting:
    before = await standing(invite.org_id, caller.user_id)
    if invite.status == "accepted" and invite.accepted_by == caller.user_id:
        if before.membership is None or before.change is not None:
            await _go_on(services, caller, invite, before, now)
    else:
        invite.check_open(now)
        await _accept(services, caller, invite, now)
    try:
        return await organizations.acting(services, caller, invite.org_id, now)
    except OrganizationNotFound:  # a member for a moment: say what became of it
        if (await MarkDocument.find(invite.org_id, caller.user_id)).forbids(invite.created_at):
            raise RemovedSince from None
        raise


async def decline(services: Services, caller: Identity, invite_id: str, now: datetime) -> None:
    """Turn an invite down; nothing happens when it was before."""
    invite = await _addressed_to(services, caller, invite_id, now)
    if invite.declined_at is not None:
        return
    by = organizations.actor_of(caller), organizations.request_id()
    with suppress(InviteDeclined):  # by another call at the same time
        await invites.take_back(services, invite, declined(now), by, now)


async def _accept(services: Services, caller: Identity, invite: PendingInvite, now: datetime) -> None:
    """Accept a pending invite and become a member, or get a higher role as one."""
    end, actor = accepted(caller.user_id, now), organizations.actor_of(caller)

    async def write(session: Session) -> MembershipChange | None:
        if await PendingInviteDocument.end(invite, end, now, session) is None:
            return None
        entry = invite.entry("invite.accepted", actor, now, organizations.request_id())
        await AuditEntryDocument.add(entry, session)
        before = await standing(invite.org_id, caller.user_id, session)
        change = await _change(caller, invite, before, now)
        mark = await MarkDocument.find(invite.org_id, caller.user_id, session)
        if before.membership is None and mark.forbids(invite.created_at):
            raise RemovedSince
        if before.membership is not None:  # the member has a seat; the invite's is given back
            await OrganizationDocument.count(invite.org_id, 0, -1, session)
        if change is not None:
            await members.begin(change, lambda _: None, session, has_seat=True)
        return change

    await services.transactions.run(write)
    await _go_on(services, caller, invite, await standing(invite.org_id, caller.user_id), now)
    with suppress(SwitchboardError):  # left there it does no harm: `comparison` ends it
        await services.propelauth.organizations.revoke_invite(invite.org_id, invite.invitee_email)


async def _change(caller: Identity, invite: PendingInvite, before: Standing, now: datetime) -> MembershipChange | None:
    """What accepting changes: a membership, or a higher role of one; None when the role is high enough."""
    actor = organizations.actor_of(caller)
    acting = Acting(actor, invite.rights, await _organization(invite), request_id=organizations.request_id())
    if before.membership is None:
        return new_change(acting, caller.user_id, "join", invite.rights, now, promised_at=invite.created_at)
    has = before.membership.rights
    raised = has.at_least(invite.rights)
    if raised.rank == has.rank and set(raised.additional_roles) == set(has.additional_roles):
        return None
    return new_change(acting, caller.user_id, "role", raised, now)


async def _organization(invite: PendingInvite) -> Organization:
    organization = await OrganizationDocument.find(invite.org_id)
    if organization is None:
        raise OrganizationNotFound
    return organization


async def _go_on(services: Services, caller: Identity, invite: PendingInvite, found: Standing, now: datetime) -> None:
    """Finish what an accepted invite promised: this call's, an earlier one's, or another's that runs just now."""
    latest = await PendingInviteDocument.find_in(invite.org_id, invite.invite_id)
    if latest is None or latest.accepted_by != caller.user_id:
        (latest or invite).check_open(now)
        raise InviteAccepted
    mark = await MarkDocument.find(invite.org_id, caller.user_id)
    if found.change is not None and found.change.kind in ("join", "role") and found.change.actor.id == caller.user_id:
        await members.go_on(services, [found.change], now)
    elif found.membership is None:
        if mark.left_since(latest.accepted_at or now):  # it was used, and is good for one membership
            raise InviteAccepted
        if now >= latest.expires_at:
            raise InviteExpired
        change = await _change(caller, invite, found, now)
        if change is not None:
            acting = Acting(change.actor, invite.rights, await _organization(invite))
            await members.admit(services, acting, change, now)


async def _addressed_to(services: Services, caller: Identity, invite_id: str, now: datetime) -> PendingInvite:
    """The invite, if it is for the caller's e-mail as PropelAuth knows it now."""
    invite = await PendingInviteDocument.find(invite_id)
    person = await services.propelauth.organizations.person(caller.user_id)
    if invite is None or invite.sent_at is None or person is None or not invite.is_for(person.profile.email):
        raise InviteNotFound
    if not person.profile.email_confirmed:
        raise EmailNotConfirmed
    if (await MarkDocument.find(invite.org_id, caller.user_id)).forbids(invite.created_at):
        raise RemovedSince
    await users.keep_profile(caller.user_id, person.profile, now)
    return invite


async def _for(email: str, now: datetime) -> list[PendingInvite]:
    try:
        return await PendingInviteDocument.addressed_to(fold_email(email), now)
    except InvalidEmail:
        return []
