"""What happens to members. Each change is decided by one transaction here, carried out at PropelAuth, and mirrored.

The transaction notes the change and takes what it needs: the last Owner is not given up, a seat is free. If PropelAuth
does not answer, the change stays noted: the same call repeated goes on with it, and the worker ends what nobody
repeats.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from switchboard.clients.propelauth_errors import RefusedByPropelAuth
from switchboard.clients.propelauth_facts import Identity, MembershipFacts
from switchboard.errors import NotFound, SwitchboardError
from switchboard.members import documents
from switchboard.members.documents import Member, MembersAsked
from switchboard.members.model import (
    MemberNotFound,
    RemovedBefore,
    check_reached,
    check_removal,
    check_role_change,
    check_transfer,
    new_change,
    raised,
    required,
    transfer,
)
from switchboard.memberships.documents import (
    MarkDocument,
    MembershipChangeDocument,
    UserOrganizationDocument,
    standing,
)
from switchboard.memberships.model import ChangeUnderWay, Look, MembershipChange, Overtaken, Standing
from switchboard.mongo import Place, Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting, Organization, OrganizationNotFound
from switchboard.roles.model import Rights
from switchboard.services import Principal, Services
from switchboard.users import service as users
from switchboard.users.model import domain_of

LOOKS: Final = 100
PAUSE_SECONDS: Final = 0.05
Check = Callable[[Acting, Standing], object]


async def listed(
    services: Services, caller: Principal, org_id: str, asked: MembersAsked, now: datetime
) -> tuple[list[Member], Place | None]:
    """Members of an organization in the order they joined, and where more begin."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("members.read")
    return await documents.page(org_id, asked)


async def read(services: Services, caller: Principal, org_id: str, user_id: str, now: datetime) -> Member:
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("members.read")
    return await _member(org_id, user_id)


async def change_role(
    services: Services, caller: Principal, org_id: str, who: tuple[str, Rights], now: datetime
) -> Member:
    """Replace a member's role and additional roles; raises what `check_role_change` does, and `LastOwner`."""
    user_id, given = who
    acting = await organizations.acting(services, caller, org_id, now)
    before = await standing(org_id, user_id)
    check_role_change(acting, before, given)
    if before.change is not None or required(before).rights != given:
        change = new_change(acting, user_id, "role", given, now)
        await _do(services, acting, [change], lambda by, found: check_role_change(by, found, given), now)
    return await _member(org_id, user_id)


async def remove(services: Services, caller: Principal, org_id: str, user_id: str, now: datetime) -> None:
    """End somebody's membership; raises what `check_removal` does, and `LastOwner`."""
    acting = await organizations.acting(services, caller, org_id, now)
    check_removal(acting, await standing(org_id, user_id))
    await _do(services, acting, [new_change(acting, user_id, "remove", None, now)], check_removal, now)


async def leave(services: Services, caller: Identity, org_id: str, now: datetime) -> None:
    """End one's own membership; raises `LastOwner`."""
    acting = await organizations.acting(services, caller, org_id, now)
    change = new_change(acting, caller.user_id, "leave", None, now)
    await _do(services, acting, [change], lambda _, found: required(found), now)


async def hand_over(services: Services, caller: Identity, org_id: str, user_id: str, now: datetime) -> Member:
    """Make another member Owner and oneself Admin, both or neither."""
    acting = await organizations.acting(services, caller, org_id, now)
    changes = transfer(acting, await standing(org_id, user_id), now)
    await _do(services, acting, changes, check_transfer, now)
    return await _member(org_id, user_id)


async def joinable(services: Services, caller: Identity, now: datetime) -> list[Organization]:
    """Organizations that the caller may join by the domain of their confirmed e-mail."""
    email = await users.confirmed_email(services, caller, now)
    found = [] if email is None else await OrganizationDocument.joinable(domain_of(email))
    mine = {membership.org_id for membership in await UserOrganizationDocument.of_user(caller.user_id)}
    open_to = [each for each in found if email and each.lets_join(email) and each.org_id not in mine]
    marks = [await MarkDocument.find(each.org_id, caller.user_id) for each in open_to]
    return [each for each, mark in zip(open_to, marks, strict=True) if mark.removed_at is None]


async def join(services: Services, caller: Identity, org_id: str, now: datetime) -> Member:
    """Join by domain; raises `OrganizationNotFound`, `RemovedBefore`, `OrganizationFull`. Nothing for a member."""
    organization = await OrganizationDocument.find(org_id)
    person = await services.propelauth.organizations.person(caller.user_id)
    email = person.profile.email if person and person.profile.email_confirmed else None
    if organization is None or person is None or email is None or not organization.lets_join(email):
        raise OrganizationNotFound
    if (await MarkDocument.find(org_id, caller.user_id)).removed_at is not None:
        raise RemovedBefore
    await users.keep_profile(caller.user_id, person.profile, now)
    rights = Rights("Member")
    acting = Acting(organizations.actor_of(caller), rights, organization, request_id=organizations.request_id())
    if (await standing(org_id, caller.user_id)).membership is None:
        change = new_change(acting, caller.user_id, "join", rights, now, promised_at=organization.created_at)
        await admit(services, acting, change, now)
    return await _member(org_id, caller.user_id)


async def admit(services: Services, acting: Acting, change: MembershipChange, now: datetime) -> None:
    """Make somebody a member: take a seat, then PropelAuth. Raises `OrganizationFull`, `RefusedByPropelAuth`."""
    await _do(services, acting, [change], lambda _, __: None, now)


async def begin(
    change: MembershipChange, check: Callable[[Standing], object], session: Session, *, has_seat: bool = False
) -> None:
    """In a transaction: note a change and take what it needs. `has_seat`: the caller holds the seat of who joins.

    Raises `LastOwner`, `OrganizationFull`, `RemovedBefore`, `ChangeUnderWay`, and what `check` raises for how things
    stand now.
    """
    assert change.user_id is not None  # noqa: S101  (an organization's own changes are administration's)
    before = await standing(change.org_id, change.user_id, session)
    check(before)
    if change.kind == "join" and before.membership is None:
        mark = await MarkDocument.find(change.org_id, change.user_id, session)
        if mark.forbids(change.promised_at or change.at):
            raise RemovedBefore
    after = Standing(before.membership, change)
    if before.change is not None:
        raise ChangeUnderWay
    if after.owners < before.owners and change.kind != "transfer":
        await OrganizationDocument.give_up_owner(change.org_id, session)
    elif after.owners < before.owners:  # the other half makes an Owner first
        await OrganizationDocument.count(change.org_id, -1, 0, session)
    if after.seats > before.seats and not has_seat:
        await OrganizationDocument.take_seat(change.org_id, session)
    await MarkDocument.touch(change.org_id, change.user_id, session)
    await MembershipChangeDocument.add(change, session)


async def go_on(services: Services, changes: Sequence[MembershipChange], now: datetime) -> None:
    """Carry out what an earlier call noted, or wait until the call that is at it has; raises `ChangeUnderWay`."""
    first = changes[0]
    for _ in range(LOOKS):
        if await MembershipChangeDocument.take(first, now):
            await _carry_out(services, changes, now)
            return
        found = await MembershipChangeDocument.find(first.org_id, first.user_id)
        if found is None or found.change_id != first.change_id:
            check_reached(first, await UserOrganizationDocument.find(first.org_id, str(first.user_id)))
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise ChangeUnderWay


async def _carry_out(services: Services, changes: Sequence[MembershipChange], now: datetime) -> None:
    """Do at PropelAuth what was decided, then mirror it; repeating it does no harm.

    Raises `Unavailable`: what was decided stays noted. Raises `RefusedByPropelAuth`, `MemberNotFound`: it is given up.
    """
    org_id = changes[0].org_id
    look = Look("api", now, frozenset(change.change_id for change in changes))
    seen = look.with_ticket(await MarkDocument.ticket(org_id), assumed=True)
    try:
        truths = {str(change.user_id): await _at_propelauth(services, change) for change in changes}
        await organizations.confirm_members(services, org_id, truths, seen)
    except Overtaken:
        for change in changes:
            await organizations.refresh_member(services, org_id, str(change.user_id), look)
    except (RefusedByPropelAuth, NotFound) as refused:
        await _give_up(services, changes, look)
        if isinstance(refused, NotFound):
            raise MemberNotFound from None
        raise
    except SwitchboardError:
        await MembershipChangeDocument.leave(changes[0], now)
        raise


async def _give_up(services: Services, changes: Sequence[MembershipChange], look: Look) -> None:
    """End what PropelAuth refused, and mirror why."""
    for change in changes:
        await organizations.give_up(services, change)
    for change in changes:
        await organizations.refresh_member(services, change.org_id, str(change.user_id), look)


async def resolve_left(services: Services, now: datetime) -> bool:
    """End one change that its maker did not; whether there was one."""
    change = await MembershipChangeDocument.claim_left(now)
    if change is not None:
        await resolve(services, change, now)
    return change is not None


async def resolve(services: Services, change: MembershipChange, now: datetime) -> None:
    """A join goes on; of any other change, what PropelAuth says is what became of it."""
    look = Look("api", now, frozenset({change.change_id}))
    if change.user_id is None:
        await organizations.refresh_organization(services, change.org_id, look)
    elif change.kind == "join" and not change.outlived(now):
        await go_on(services, [change], now)
    elif await MembershipChangeDocument.take(change, now):
        try:
            await organizations.refresh_member(services, change.org_id, change.user_id, look)
        except SwitchboardError:
            await MembershipChangeDocument.leave(change, now)
            raise


async def _do(services: Services, acting: Acting, changes: list[MembershipChange], check: Check, now: datetime) -> None:
    """Decide and carry out, or go on with the same changes of an earlier call or of one at the same time."""
    if (same := await _under_way(services, changes, now)) is not None:
        await go_on(services, same, now)
        return

    async def write(session: Session) -> None:
        by = await organizations.still(acting, session)
        for change in changes:
            await begin(change, partial(check, by), session)

    try:
        await services.transactions.run(write)
    except ChangeUnderWay:
        if (same := await _under_way(services, changes, now)) is None:
            raise
        changes = same
    await go_on(services, changes, now)


async def _under_way(
    services: Services, changes: list[MembershipChange], now: datetime
) -> list[MembershipChange] | None:
    """The same changes, if they are under way already. Others that nobody finished in time are ended."""
    left = [old for each in changes if (old := await MembershipChangeDocument.find(each.org_id, each.user_id))]
    if len(left) == len(changes) and all(old.same_as(new) for old, new in zip(left, changes, strict=True)):
        return left
    for change in left:
        if not change.fresh(now):
            await resolve(services, change, now)
    return None


async def _at_propelauth(services: Services, change: MembershipChange) -> MembershipFacts | None:
    """Carry a change out; the membership there is then, if any."""
    vendor, target = services.propelauth.organizations, change.target
    if target is None:
        await vendor.remove(change.org_id, str(change.user_id))
        return None
    if change.kind != "join":
        await vendor.change_role(target)
        return target
    try:
        await vendor.add(target)
    except RefusedByPropelAuth:
        return await _raised(services, target)
    return target


async def _raised(services: Services, target: MembershipFacts) -> MembershipFacts:
    """Who is a member at PropelAuth already gets at least the role meant for them; who is not was refused."""
    vendor = services.propelauth.organizations
    person = await vendor.person(target.user_id)
    found = person.memberships.get(target.org_id) if person else None
    if found is None:
        raise RefusedByPropelAuth
    better = raised(found, target)
    if better != found:
        await vendor.change_role(better)
    return better


async def _member(org_id: str, user_id: str) -> Member:
    member = await documents.find(org_id, user_id)
    if member is None:
        raise MemberNotFound
    return member
