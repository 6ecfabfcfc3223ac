"""Old calls that stand for several new ones."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

from switchboard.administration import service as administration
from switchboard.administration.model import NewOrganization
from switchboard.clients.propelauth_facts import Identity
from switchboard.clients.propelauth_organizations import NameRefused, NewPerson, PersonRefused
from switchboard.errors import SwitchboardError
from switchboard.invites import service as invites
from switchboard.invites.documents import PendingInviteDocument
from switchboard.invites.model import PendingInvite, Wanted
from switchboard.legacy_organizations.model import (
    FellowNotFound,
    Known,
    LegacyIdFixed,
    OrganizationsAsked,
    Page,
    Paging,
    SignedUp,
    UnboundKey,
    WorkspaceTaken,
    is_half_made,
    workspace_of,
)
from switchboard.members import documents
from switchboard.members import service as members
from switchboard.members.documents import FellowsAsked, Member, MembersAsked
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.memberships.model import ChangeUnderWay
from switchboard.mongo import Place
from switchboard.organizations import service as organizations
from switchboard.organizations.model import Acting, Organization
from switchboard.roles.model import MissingPermission, Rights
from switchboard.services import Principal, Service, Services
from switchboard.users import service as users
from switchboard.users.model import fold_email

Item = TypeVar("Item")
Fetch = Callable[[Place | None], Awaitable[tuple[list[Item], Place | None]]]
STRIDE: Final = 1000


async def organizations_page(
    services: Services, caller: Principal, asked: OrganizationsAsked, paging: Paging, now: datetime
) -> Page[Organization]:
    """Organizations that the caller may see."""
    return asked.page([acting.organization for acting in await _mine(services, caller, now)], paging)


async def _mine(services: Services, caller: Principal, now: datetime) -> list[Acting]:
    """The caller in each organization they may see: a person in all of theirs, a service in the one of its key."""
    if isinstance(caller, Identity):
        found = await organizations.mine(services, caller, now)
    else:
        found = [await _bound(services, caller, now)]
    return [acting for acting in found if "org.read" in acting.rights.permissions]


async def _bound(services: Services, caller: Service, now: datetime) -> Acting:
    """A service in the organization of its key; raises `MissingScope`, `UnboundKey`, `OrganizationNotFound`."""
    caller.check(organizations.SCOPE)
    if caller.org_id is None:
        raise UnboundKey
    return await organizations.acting(services, caller, caller.org_id, now)


async def update(services: Services, caller: Principal, org_id: str, changes: dict[str, Any], now: datetime) -> Acting:
    """Set these fields; PropelAuth's library cannot set `legacy_org_id`, so it may be sent only as it is."""
    if "legacy_org_id" in changes:
        acting = await organizations.read(services, caller, org_id, now)
        if changes["legacy_org_id"] != acting.organization.legacy_org_id:
            raise LegacyIdFixed
    told = {name: value for name, value in changes.items() if name != "legacy_org_id"}
    return await administration.update(services, caller, org_id, told, now)


async def add_user(services: Services, caller: Principal, org_id: str, who: tuple[str, Rights], now: datetime) -> None:
    """A member gets at least this role. Anybody else is invited: nobody is made a member without a word of theirs.

    Raises `FellowNotFound` for who is not known to the caller, and what inviting and changing roles do.
    """
    user_id, given = who
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("invites.create")
    member = await documents.find(org_id, user_id)
    if member is None:
        fellows, _ = await known_people(services, caller, FellowsAsked(user_id), now)
        email = next((fellow.user.email for fellow in fellows), None)
        if email is None:
            raise FellowNotFound
        await invites.create(services, caller, org_id, Wanted(email, given), now)
    elif member.membership.rights.rank < given.rank:
        await change_role(services, caller, org_id, (user_id, given), now)


async def change_role(
    services: Services, caller: Principal, org_id: str, who: tuple[str, Rights], now: datetime
) -> None:
    """Replace a member's role. Old calls know nothing of additional roles, so those stay."""
    user_id, given = who
    member = await members.read(services, caller, org_id, user_id, now)
    rights = Rights(given.role, tuple(member.membership.additional_roles_in_org))
    await members.change_role(services, caller, org_id, (user_id, rights), now)


async def remove_user(services: Services, caller: Principal, org_id: str, user_id: str, now: datetime) -> None:
    """End a membership; one's own by leaving."""
    if isinstance(caller, Identity) and caller.user_id == user_id:
        await members.leave(services, caller, org_id, now)
    else:
        await members.remove(services, caller, org_id, user_id, now)


async def members_page(
    services: Services, caller: Principal, org_id: str, paging: Paging, now: datetime
) -> Page[Member]:
    def fetch(after: Place | None) -> Awaitable[tuple[list[Member], Place | None]]:
        return members.listed(services, caller, org_id, MembersAsked(None, None, after, STRIDE), now)

    found, more = await _walked(fetch, paging.until)
    total = await UserOrganizationDocument.count(org_id) if more else len(found)
    return Page(found[paging.skip : paging.until], total, paging)


async def invites_page(
    services: Services, caller: Principal, org_id: str, paging: Paging, now: datetime
) -> tuple[Page[PendingInvite], Organization]:
    """Pending invites, and the organization they are of."""
    acting = await organizations.acting(services, caller, org_id, now)

    def fetch(after: Place | None) -> Awaitable[tuple[list[PendingInvite], Place | None]]:
        return invites.listed(services, caller, org_id, ("pending", after, STRIDE), now)

    found, more = await _walked(fetch, paging.until)
    total = await PendingInviteDocument.count(org_id) if more else len(found)
    return Page(found[paging.skip : paging.until], total, paging), acting.organization


async def _walked(fetch: Fetch[Item], until: int) -> tuple[list[Item], bool]:
    """At least so many from the beginning of a list, as far as there are; and whether there are more."""
    found, after = await fetch(None)
    while after is not None and len(found) < until:
        further, after = await fetch(after)
        found = [*found, *further]
    return found, after is not None


async def known_people(
    services: Services, caller: Principal, asked: FellowsAsked, now: datetime
) -> tuple[list[Known], int]:
    """People of the organizations whose members the caller may see, and how many there are."""
    return await _known(await _mine(services, caller, now), asked)


async def known_by_email(services: Services, caller: Principal, email: str, now: datetime) -> Known | None:
    """The person with this e-mail; None as well for one whom the caller does not know. Raises `InvalidEmail`."""
    fold_email(email)
    acting = await _mine(services, caller, now)
    person = await services.propelauth.organizations.person_by_email(email)
    if person is None:
        return None
    known, _ = await _known(acting, FellowsAsked(person.user_id))
    if not known and isinstance(caller, Identity) and person.user_id == caller.user_id:
        return Known(await users.current(services, caller, now), [])
    return next(iter(known), None)


async def _known(acting: list[Acting], asked: FellowsAsked) -> tuple[list[Known], int]:
    seen = {each.org_id: each.organization for each in acting if "members.read" in each.rights.permissions}
    found, total = await documents.fellows(list(seen), asked)
    return [Known(each.user, [(seen[m.org_id], m) for m in each.memberships]) for each in found], total


async def change_names(services: Services, caller: Identity, names: dict[str, str], now: datetime) -> None:
    """Set one's names, at PropelAuth first; raises `PersonRefused`."""
    await services.propelauth.organizations.rename_person(caller.user_id, names)
    await users.change(services, caller, names, now)


async def sign_up(services: Services, caller: Service, new: NewPerson, now: datetime) -> SignedUp:
    """A new person with an organization of their own. Only for a service that acts as Owner of its organization.

    A call that ended half-way is finished by its repetition. Raises `PersonRefused`, `WorkspaceTaken`, and
    `ChangeUnderWay` for the second of two same calls at once.
    """
    by = await _bound(services, caller, now)
    if not by.rights.is_owner:
        raise MissingPermission
    user_id, made = await _account(services, new)
    name = workspace_of(new.username)
    try:
        org_id = await administration.create_for(services, user_id, by.actor, NewOrganization(name, {}), now)
    except NameRefused:
        if await _made_just_now(services, user_id, name, now):
            raise ChangeUnderWay from None
        if made:
            await _undo(services, user_id, now)
        raise WorkspaceTaken(fields={"username": WorkspaceTaken.message}) from None
    person = await services.propelauth.organizations.person(user_id)
    if person is not None:
        await users.keep_profile(user_id, person.profile, now)
    return SignedUp(user_id, new, org_id, name)


async def _account(services: Services, new: NewPerson) -> tuple[str, bool]:
    """The id of an account, and whether it was made just now; raises `PersonRefused`."""
    vendor = services.propelauth.organizations
    try:
        return await vendor.create_person(new), True
    except PersonRefused as refused:
        taken = not refused.fields.keys().isdisjoint(("email", "username"))
        left = await vendor.person_by_email(new.email) if taken else None
        if left is None or not is_half_made(left, new):
            raise
        return left.user_id, False


async def _made_just_now(services: Services, user_id: str, name: str, now: datetime) -> bool:
    """Whether the organization of this name is what the same call at the same moment made."""
    vendor = services.propelauth.organizations
    for org_id, created_at in await vendor.named(name):
        others = [person async for person in vendor.members(org_id) if person.user_id != user_id]
        if not others and created_at > now - administration.CLOCKS_DIFFER:
            return True
    return False


async def _undo(services: Services, user_id: str, now: datetime) -> None:
    """Take an account back. Where that fails the person is left without an organization, and can create one."""
    with suppress(SwitchboardError):
        await services.propelauth.organizations.delete_person(user_id)
        await users.close(user_id, now)
