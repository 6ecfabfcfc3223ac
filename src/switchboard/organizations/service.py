"""The mirror of PropelAuth's organizations and memberships, and who may act in them.

Every look at PropelAuth is written by `confirm_members` or `_confirm_organization`, whatever led to it: a webhook, our
own call, a token that claims more than we know, a comparison of everything. They keep counts, marks and the audit log
in the same transaction.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter

from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import Actor, AuditEntry, AuditFilter
from switchboard.clients.propelauth_errors import PropelAuthUnavailable
from switchboard.clients.propelauth_facts import Identity, MembershipFacts, OrganizationFacts, Person
from switchboard.errors import Misconfigured, NotFound
from switchboard.memberships.documents import (
    MarkDocument,
    MembershipChangeDocument,
    UserOrganizationDocument,
    put_standing,
    standing,
)
from switchboard.memberships.model import PATIENCE, Look, MembershipChange, Overtaken, Seen, Standing
from switchboard.mongo import Place, Session
from switchboard.organizations.documents import OrganizationCreationDocument, OrganizationDocument
from switchboard.organizations.model import (
    Acting,
    Organization,
    OrganizationNotFound,
    Origin,
    entry_of,
    mirrored,
)
from switchboard.roles.model import Rights
from switchboard.services import Principal, Services
from switchboard.users import service as users

SCOPE: Final = "organizations"  # of the key of a service that acts in its organization
OUTSIDE_CHANGES: Final = Counter("switchboard_outside_changes", "Changes made at PropelAuth past us", ("action",))
log = structlog.get_logger()


async def acting(services: Services, caller: Principal, org_id: str, now: datetime) -> Acting:
    """The caller in an organization; raises `OrganizationNotFound` for strangers.

    The mirror decides. A token that claims a membership we do not know leads to one question to PropelAuth.
    """
    organization = await OrganizationDocument.find(org_id)
    if not isinstance(caller, Identity):
        bound = caller.org_id == org_id and SCOPE in caller.scopes
        if organization is None or not bound or caller.role is None:
            raise OrganizationNotFound
        key = Actor(kind="service", id=caller.key_id, name=caller.name)
        return Acting(key, Rights(caller.role), organization, request_id=request_id())
    membership = await UserOrganizationDocument.find(org_id, caller.user_id)
    if membership is None and org_id in caller.org_ids and await _ask(services, caller, org_id, now):
        membership = await UserOrganizationDocument.find(org_id, caller.user_id)
        organization = await OrganizationDocument.find(org_id)
    if membership is None or organization is None:
        raise OrganizationNotFound
    return Acting(actor_of(caller), membership.rights, organization, membership, request_id())


async def still(acting: Acting, session: Session) -> Acting:
    """The same with the rights of now: they may have changed since the request began. Raises `OrganizationNotFound`."""
    if acting.membership is None:  # a service, or somebody who is joining
        return acting
    membership = await UserOrganizationDocument.find(acting.org_id, acting.membership.user_id, session)
    if membership is None:
        raise OrganizationNotFound
    return replace(acting, rights=membership.rights, membership=membership)


def actor_of(caller: Identity) -> Actor:
    return Actor(kind="user", id=caller.user_id, name=caller.email)


def request_id() -> str | None:
    """The request that is being answered, if one is."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return None if found is None else str(found)


async def mine(services: Services, caller: Identity, now: datetime) -> list[Acting]:
    """The caller in each of their organizations, the one they joined first on top.

    Claims of the token that we do not know are asked for; while PropelAuth does not answer, the mirror has to do.
    """
    memberships = await UserOrganizationDocument.of_user(caller.user_id)
    unknown = caller.org_ids - {membership.org_id for membership in memberships}
    try:
        if [True for org_id in sorted(unknown) if await _ask(services, caller, org_id, now)]:
            memberships = await UserOrganizationDocument.of_user(caller.user_id)
    except (PropelAuthUnavailable, NotFound, Misconfigured) as error:
        log.warning("organizations.claims_unchecked", code=error.code)
    found = await OrganizationDocument.these([membership.org_id for membership in memberships])
    known = [(found[each.org_id], each) for each in memberships if each.org_id in found]
    return [Acting(actor_of(caller), each.rights, organization, each) for organization, each in known]


async def read(services: Services, caller: Principal, org_id: str, now: datetime) -> Acting:
    """The caller in an organization that they may see."""
    found = await acting(services, caller, org_id, now)
    found.rights.check("org.read")
    return found


async def audit(
    services: Services, caller: Principal, org_id: str, asked: tuple[AuditFilter, Place | None, int], now: datetime
) -> tuple[list[AuditEntry], Place | None]:
    """Entries of the organization, the newest first, and where more begin; without the right to all, one's own."""
    wanted, after, limit = asked
    found = await acting(services, caller, org_id, now)
    return await AuditEntryDocument.page(org_id, found.audited(wanted), after, limit)


async def refresh_member(services: Services, org_id: str, user_id: str, look: Look) -> None:
    """Look at PropelAuth and mirror one membership. Raises `Unavailable`."""
    seen = look.with_ticket(await MarkDocument.ticket(org_id))
    person = await services.propelauth.organizations.person(user_id)
    truth = _told(person, org_id)
    if person is not None:
        await users.keep_profile(user_id, person.profile, look.at)
    if truth is not None and await OrganizationDocument.find(org_id) is None:
        await refresh_organization(services, org_id, Look(look.source, look.at))
    await confirm_members(services, org_id, {user_id: truth}, seen)


async def forget_person(services: Services, user_id: str, look: Look) -> None:
    """Look at PropelAuth for each membership that we know of a person who may be gone.

    One of an organization that is not here stays: there is nothing to count it in.
    """
    for membership in await UserOrganizationDocument.of_user(user_id):
        with suppress(OrganizationNotFound):
            await refresh_member(services, membership.org_id, user_id, look)


async def refresh_organization(services: Services, org_id: str, look: Look, created_at: datetime | None = None) -> None:
    """Look at PropelAuth and mirror an organization, without its members. Raises `Unavailable`."""
    seen = look.with_ticket(await MarkDocument.ticket(org_id))
    facts = await services.propelauth.organizations.find(org_id)

    async def write(session: Session) -> AuditEntry | None:
        return await _confirm_organization(services, org_id, (facts, created_at or look.at), seen, session)

    _count_outside([await services.transactions.run(write)])


async def confirm_members(
    services: Services, org_id: str, truths: Mapping[str, MembershipFacts | None], seen: Seen
) -> None:
    """Write what PropelAuth said of some people in an organization, all or none.

    Raises `Overtaken` when what was only assumed was overtaken by a look.
    """

    async def write(session: Session) -> list[AuditEntry | None]:
        return [await _confirm(org_id, user_id, truth, seen, session) for user_id, truth in truths.items()]

    _count_outside(await services.transactions.run(write))


async def _confirm(
    org_id: str, user_id: str, truth: MembershipFacts | None, seen: Seen, session: Session
) -> AuditEntry | None:
    mark = await MarkDocument.find(org_id, user_id, session)
    before = await standing(org_id, user_id, session)
    if mark.applied >= seen.ticket:  # someone looked later
        after = before.without(seen.finishes)
        if seen.assumed:
            raise Overtaken
        await MarkDocument.touch(org_id, user_id, session)
    elif before.left_to_its_maker(truth, seen):
        return None
    else:
        after = before.confirmed(truth, seen)
        await MarkDocument.put(mark.after(before, after, seen), session)
    await _step((org_id, user_id), before, after, session)
    return await _noted(before.entry(after, seen), session)


async def _step(who: tuple[str, str], before: Standing, after: Standing, session: Session) -> None:
    """Write how somebody stands now, and what that changes of the counts."""
    await put_standing(*who, before, after, session)
    owners, seats = after.owners - before.owners, after.seats - before.seats
    if (owners or seats) and not await OrganizationDocument.count(who[0], owners, seats, session):
        raise OrganizationNotFound


async def _noted(entry: AuditEntry | None, session: Session) -> AuditEntry | None:
    if entry is not None:
        await AuditEntryDocument.add(entry, session)
    return entry


async def give_up(services: Services, change: MembershipChange) -> None:
    """End a change that cannot be carried out, and what it held."""

    async def write(session: Session) -> None:
        assert change.user_id is not None  # noqa: S101  (an organization's own change is ended by a look at it)
        before = await standing(change.org_id, change.user_id, session)
        after = before.without(frozenset({change.change_id}))
        await MarkDocument.touch(change.org_id, change.user_id, session)
        await _step((change.org_id, change.user_id), before, after, session)

    await services.transactions.run(write)


async def _confirm_organization(
    services: Services, org_id: str, told: tuple[OrganizationFacts | None, datetime], seen: Seen, session: Session
) -> AuditEntry | None:
    facts, created_at = told
    mark = await MarkDocument.find(org_id, None, session)
    change = await MembershipChangeDocument.find(org_id, None, session)
    over = change is not None and change.change_id in seen.finishes
    if change is not None and over:
        await MembershipChangeDocument.end(change, session)
    if mark.applied >= seen.ticket:
        if over:  # what was seen later left the seats to this change
            await OrganizationDocument.open_seats(org_id, session)
        return None
    before = await OrganizationDocument.find(org_id, session)
    origin = (
        Origin(change.actor, change.request_id, change.at) if change else await _creator(before, facts, seen, session)
    )
    fields = mirrored(facts) if facts else None
    entry = entry_of(before, fields, org_id, seen, origin)
    if fields is None:
        await _remove(services, org_id, seen.at, session)
    else:
        limit = {"seat_limit": fields["max_users"]} if change is None or over else {}
        await OrganizationDocument.put(org_id, {**fields, **limit}, seen, created_at, session)
    await MarkDocument.put(mark.model_copy(update={"applied": seen.ticket}), session)
    return await _noted(entry, session)


async def _creator(
    before: Organization | None, facts: OrganizationFacts | None, seen: Seen, session: Session
) -> Origin:
    """Whose call made an organization that we see for the first time: a webhook can be faster than the call itself."""
    if before is not None or facts is None:
        return Origin()
    creation = await OrganizationCreationDocument.of_name(facts.name, seen.at - PATIENCE, session)
    return Origin(creation.actor, creation.request_id, creation.begun_at) if creation else Origin()


async def _remove(services: Services, org_id: str, now: datetime, session: Session) -> None:
    for dependant in services.dependants:
        await dependant.remove(org_id, now, session)
    await UserOrganizationDocument.remove_all(org_id, session)
    await MembershipChangeDocument.remove_all(org_id, session)
    await OrganizationDocument.remove(org_id, session)


def _told(person: Person | None, org_id: str) -> MembershipFacts | None:
    return person.memberships.get(org_id) if person else None


async def _ask(services: Services, caller: Identity, org_id: str, now: datetime) -> bool:
    """Ask PropelAuth about a claim, unless it denied one after the token was issued; whether it was asked."""
    mark = await MarkDocument.find(org_id, caller.user_id)
    if mark.denies(caller.issued_at):
        return False
    await refresh_member(services, org_id, caller.user_id, Look("token", now))
    return True


def _count_outside(entries: list[AuditEntry | None]) -> None:
    for entry in entries:
        if entry is not None and entry.actor.kind == "propelauth":
            OUTSIDE_CHANGES.labels(entry.action).inc()
            log.info("organizations.outside_change", action=entry.action, org_id=entry.org_id, target=entry.target.id)
