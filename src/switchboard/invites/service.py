"""Inviting, accepting and what else becomes of invites. PropelAuth sends the mail."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import OUTSIDE, SYSTEM, Actor, differences
from switchboard.errors import Refusal, SwitchboardError, Unavailable
from switchboard.invites.documents import PendingInviteDocument
from switchboard.invites.model import (
    EXPIRED,
    MOST_A_DAY,
    MOST_AN_HOUR,
    AlreadyMember,
    End,
    InviteNotFound,
    InviteRevoked,
    PendingInvite,
    Status,
    TooManyMails,
    Wanted,
    accepted,
    new_invite,
    revoked,
)
from switchboard.members.documents import find as find_member
from switchboard.memberships.documents import standing
from switchboard.mongo import Place, Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting
from switchboard.services import Dependant, Principal, Services
from switchboard.users.model import InvalidEmail, fold_email

BULK_SECONDS: Final = 20.0  # within the patience of proxies and browsers
DEPENDANT: Final = Dependant(
    "pending_invites",
    PendingInviteDocument.count,
    lambda org_id, _, session: PendingInviteDocument.remove_all(org_id, session),
)


async def listed(
    services: Services, caller: Principal, org_id: str, asked: tuple[Status | None, Place | None, int], now: datetime
) -> tuple[list[PendingInvite], Place | None]:
    """Invites of an organization by state, the newest first, and where more begin."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.read")
    status, after, limit = asked
    return await PendingInviteDocument.page(org_id, status, now, (after, limit))


async def read(services: Services, caller: Principal, org_id: str, invite_id: str, now: datetime) -> PendingInvite:
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.read")
    return await _of_organization(org_id, invite_id)


async def create(services: Services, caller: Principal, org_id: str, wanted: Wanted, now: datetime) -> PendingInvite:
    """Invite somebody.

    Raises what `new_invite` does, `AlreadyMember`, `InvitePending`, `OrganizationFull`, `TooManyMails`.
    """
    acting = await organizations.acting(services, caller, org_id, now)
    return await _invite(services, acting, wanted, now)


async def create_many(
    services: Services, caller: Principal, org_id: str, rows: Sequence[Wanted], now: datetime
) -> list[PendingInvite | Refusal]:
    """Invite several people: for each, in the same order, the invite or why there is none."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.create")
    results: list[PendingInvite | Refusal] = []
    outage: Unavailable | None = None
    started = time.monotonic()
    for wanted in rows:
        passed = time.monotonic() - started
        if passed > BULK_SECONDS:
            outage = outage or Unavailable("There was no time left for this one. Send it again.")
        try:
            results.append(outage or await _invite(services, acting, wanted, now + timedelta(seconds=passed)))
        except Refusal as refusal:
            results.append(refusal)
            outage = refusal if isinstance(refusal, Unavailable) else None
    return results


async def resend(services: Services, caller: Principal, org_id: str, invite_id: str, now: datetime) -> PendingInvite:
    """Mail it again, good for as long as a new one. Raises `TooManyMails` and what `check_open` does."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.resend")
    invite = await _of_organization(org_id, invite_id)
    acting.rights.check_grants(invite.rights)
    invite.check_resend(now)
    await _check_mails(invite, now)
    before = await PendingInviteDocument.claim_resend(invite, now)
    if before is None:
        (await _of_organization(org_id, invite_id)).check_resend(now)
        raise TooManyMails
    try:
        await _mail(services, invite)
    except Refusal:
        await PendingInviteDocument.unclaim_resend(before, now)
        raise

    async def write(session: Session) -> PendingInvite | None:
        extended = await PendingInviteDocument.extend(invite, now, session)
        if extended is not None:
            entry = extended.entry("invite.resent", acting.actor, now, acting.request_id)
            told = dict(zip(("before", "after"), differences(invite.told, extended.told), strict=True))
            await AuditEntryDocument.add(entry.model_copy(update=told), session)
        return extended

    extended = await services.transactions.run(write)
    if extended is None:  # it ended while it was mailed: what is mailed must not stay there
        with suppress(SwitchboardError):
            await services.propelauth.organizations.revoke_invite(org_id, invite.invitee_email)
    return extended or await _closed(org_id, invite_id, now)


async def revoke(services: Services, caller: Principal, org_id: str, invite_id: str, now: datetime) -> PendingInvite:
    """Take an invite back; nothing happens when it was before. Raises what `check_open` does."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.revoke")
    invite = await _of_organization(org_id, invite_id)
    if invite.revoked_at is not None:
        return invite
    by = acting.actor, acting.request_id
    try:
        return await take_back(services, invite, revoked(acting.actor, now), by, now)
    except InviteRevoked:  # by another call at the same time
        return await _of_organization(org_id, invite_id)


async def expire_due(services: Services, now: datetime, org_id: str | None = None) -> bool:
    """Write what time has done to invites, and give their seats back; whether there was something."""
    due = await PendingInviteDocument.overdue(now, org_id)
    for invite in due:
        if invite.sent_at is None:
            await _withdraw(services, invite)
        else:
            await end(services, invite, EXPIRED, (SYSTEM, None), now)
    return bool(due)


async def settle(services: Services, org_id: str, user_id: str, now: datetime) -> None:
    """Who became a member past us accepted the invite that was waiting for them."""
    member = await find_member(org_id, user_id)
    if member is None or member.user.email is None or (await standing(org_id, user_id)).change is not None:
        return
    with suppress(InvalidEmail):
        invite = await PendingInviteDocument.pending_for(org_id, fold_email(member.user.email))
        if invite is not None and invite.sent_at is not None:
            await end(services, invite, accepted(user_id, now), (OUTSIDE, None), now)


async def _invite(services: Services, acting: Acting, wanted: Wanted, now: datetime) -> PendingInvite:
    invite = new_invite(acting, wanted, now)
    await expire_due(services, now, acting.org_id)
    await _check_mails(invite, now)
    if await member_with(services, invite) is not None:
        raise AlreadyMember

    async def begin(session: Session) -> None:
        await PendingInviteDocument.add(invite, session)
        await OrganizationDocument.take_seat(acting.org_id, session)

    async def finish(session: Session) -> bool:
        sent = await PendingInviteDocument.sent(invite, now, session)
        if sent:
            entry = invite.entry("invite.created", acting.actor, now, acting.request_id)
            await AuditEntryDocument.add(entry, session)
        return sent

    await services.transactions.run(begin)
    try:
        await _mail(services, invite)
    except Refusal:
        await _withdraw(services, invite)
        raise
    if not await services.transactions.run(finish):
        raise Unavailable("The invite took too long to be mailed. Send it again.")
    return invite.model_copy(update={"sent_at": now})


async def _check_mails(invite: PendingInvite, now: datetime) -> None:
    """Raise `TooManyMails` when its organization mailed too many lately, or its address got too many."""
    if await PendingInviteDocument.mails(now, org_id=invite.org_id) >= MOST_AN_HOUR:
        raise TooManyMails(retry_after=3600)
    if await PendingInviteDocument.mails(now, email_key=invite.email_key) >= MOST_A_DAY:
        raise TooManyMails(retry_after=24 * 3600)


async def _mail(services: Services, invite: PendingInvite) -> None:
    vendor, rights = services.propelauth.organizations, invite.rights
    await vendor.invite(invite.org_id, invite.invitee_email, rights.role, rights.additional_roles)


async def _withdraw(services: Services, invite: PendingInvite) -> None:
    async def write(session: Session) -> None:
        if await PendingInviteDocument.withdraw(invite, session):
            await OrganizationDocument.count(invite.org_id, 0, -1, session)

    await services.transactions.run(write)


async def _of_organization(org_id: str, invite_id: str) -> PendingInvite:
    invite = await PendingInviteDocument.find_in(org_id, invite_id)
    if invite is None or invite.sent_at is None:
        raise InviteNotFound
    return invite


async def end(
    services: Services, invite: PendingInvite, how: End, by: tuple[Actor, str | None], now: datetime
) -> PendingInvite | None:
    """End a pending invite and give its seat back; None when it was not open any more."""

    async def write(session: Session) -> PendingInvite | None:
        ended = await PendingInviteDocument.end(invite, how, now, session)
        if ended is not None:
            await OrganizationDocument.count(invite.org_id, 0, -1, session)
            await AuditEntryDocument.add(invite.entry(how.action, by[0], now, by[1]), session)
        return ended

    return await services.transactions.run(write)


async def take_back(
    services: Services, invite: PendingInvite, how: End, by: tuple[Actor, str | None], now: datetime
) -> PendingInvite:
    """End a pending invite at PropelAuth and here; raises what `check_open` does when somebody was faster."""
    invite.check_open(now)
    await services.propelauth.organizations.revoke_invite(invite.org_id, invite.invitee_email)
    return await end(services, invite, how, by, now) or await _closed(invite.org_id, invite.invite_id, now)


async def _closed(org_id: str, invite_id: str, now: datetime) -> PendingInvite:
    """Somebody else ended the invite first: say how."""
    invite = await _of_organization(org_id, invite_id)
    invite.check_open(now)
    return invite


async def member_with(services: Services, invite: PendingInvite) -> str | None:
    """The member whose e-mail the invite is for, as PropelAuth knows them."""
    person = await services.propelauth.organizations.person_by_email(invite.invitee_email)
    return person.user_id if person and invite.org_id in person.memberships else None
