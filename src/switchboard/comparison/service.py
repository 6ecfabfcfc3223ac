"""Comparing organizations, memberships and invites with PropelAuth: what differs is mirrored.

Webhooks may be lost; the worker compares every organization once in a while, and looks for those nobody told of.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import OUTSIDE, differences
from switchboard.clients.propelauth_facts import InviteFacts
from switchboard.errors import Refusal
from switchboard.invites import service as invites
from switchboard.invites.documents import PendingInviteDocument
from switchboard.invites.model import PendingInvite, accepted, outside_invite, revoked
from switchboard.memberships.documents import MarkDocument, UserOrganizationDocument
from switchboard.memberships.model import Look
from switchboard.mongo import Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.model import InvalidEmail, fold_email


async def compare_next(services: Services, now: datetime) -> bool:
    """Compare one organization that is due; whether there was one. It is due again when its time is up."""
    org_id = await OrganizationDocument.claim_comparison(now, now + _pause(services))
    if org_id is not None:
        await compare(services, org_id, now)
    return org_id is not None


async def find_unknown(services: Services, now: datetime) -> bool:
    """Mirror organizations of PropelAuth that we have never heard of; whether it was time to look for some."""
    if not await MarkDocument.claim_walk(now, now + _pause(services)):
        return False
    known = set(await OrganizationDocument.ids())
    async for org_id, created_at in services.propelauth.organizations.all():
        if org_id not in known:
            await compare(services, org_id, now, created_at)
    return True


async def compare(services: Services, org_id: str, now: datetime, created_at: datetime | None = None) -> None:
    """Mirror whatever differs of an organization: its fields, its members, its invites."""
    look = Look("backfill", now)
    await organizations.refresh_organization(services, org_id, look, created_at)
    if await OrganizationDocument.find(org_id) is not None:
        await _compare_members(services, org_id, look)
        await compare_invites(services, org_id, now)


async def compare_invites(services: Services, org_id: str, now: datetime) -> None:
    """Mirror whatever differs of an organization's pending invites.

    What changed here while PropelAuth was asked is left to the next time.
    """
    if await OrganizationDocument.find(org_id) is None:
        return
    ours = {invite.email_key: invite for invite in await PendingInviteDocument.pending(org_id)}
    theirs = await _pending_there(services, org_id)
    for email_key in theirs.keys() - ours.keys():
        await _import(services, email_key, theirs[email_key], now)
    missing = ours.keys() - theirs.keys()
    again = await _pending_there(services, org_id) if missing else {}  # a list read page by page may skip one
    for email_key in missing - again.keys():
        await _gone_there(services, ours[email_key], now)
    for email_key in ours.keys() & theirs.keys():
        await _follow(services, ours[email_key], theirs[email_key], now)


async def _compare_members(services: Services, org_id: str, look: Look) -> None:
    """Who is missing in PropelAuth's list is looked at alone: a list read page by page may skip people."""
    seen = look.with_ticket(await MarkDocument.ticket(org_id))
    known = await UserOrganizationDocument.of_organization(org_id)
    listed = {person.user_id: person async for person in services.propelauth.organizations.members(org_id)}
    told = {user_id: person.memberships.get(org_id) for user_id, person in listed.items()}
    same = [user_id for user_id, facts in known.items() if told.get(user_id) == facts]
    await UserOrganizationDocument.still(org_id, same, seen)
    for user_id in listed.keys() - set(same):
        await users.keep_profile(user_id, listed[user_id].profile, look.at)
        await organizations.confirm_members(services, org_id, {user_id: told[user_id]}, seen)
    for user_id in known.keys() - listed.keys():
        await organizations.refresh_member(services, org_id, user_id, look)


async def _pending_there(services: Services, org_id: str) -> dict[str, InviteFacts]:
    found: dict[str, InviteFacts] = {}
    for facts in await services.propelauth.organizations.pending_invites(org_id):
        with suppress(InvalidEmail):
            found[fold_email(facts.invitee_email)] = facts
    return found


async def _import(services: Services, email_key: str, facts: InviteFacts, now: datetime) -> None:
    """An invite made at PropelAuth. One that ended here and was left over there is taken back instead."""
    last = await PendingInviteDocument.last_ended(facts.org_id, email_key)
    if last is not None and last.ended_at is not None and facts.created_at <= last.ended_at:
        await services.propelauth.organizations.revoke_invite(facts.org_id, facts.invitee_email)
        return
    invite = outside_invite(facts, now)

    async def write(session: Session) -> None:
        await PendingInviteDocument.add(invite, session)
        await OrganizationDocument.count(invite.org_id, 0, 1, session)
        await AuditEntryDocument.add(invite.entry("invite.created", OUTSIDE, now, None), session)

    with suppress(Refusal):  # it is pending here meanwhile
        await services.transactions.run(write)


async def _gone_there(services: Services, invite: PendingInvite, now: datetime) -> None:
    """PropelAuth does not wait for it any more: it was accepted or taken back there."""
    if invite.just_sent(now):
        return
    member = await invites.member_with(services, invite)
    end = revoked(OUTSIDE, now) if member is None else accepted(member, now)
    await invites.end(services, invite, end, (OUTSIDE, None), now)


async def _follow(services: Services, invite: PendingInvite, facts: InviteFacts, now: datetime) -> None:
    """Take over role and expiry; of one that was just mailed from here they are ours."""
    fields = invite.changed_by(facts)
    if not fields or invite.just_sent(now):
        return

    async def write(session: Session) -> None:
        followed = await PendingInviteDocument.follow(invite, fields, session)
        if followed is not None:
            entry = invite.entry("invite.changed", OUTSIDE, now, None)
            told = dict(zip(("before", "after"), differences(invite.told, followed.told), strict=True))
            await AuditEntryDocument.add(entry.model_copy(update=told), session)

    await services.transactions.run(write)


def _pause(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.organization.reconcile_seconds)
