"""Organizations as a whole: created, changed, deleted. PropelAuth first, then the mirror."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from switchboard.administration.model import Deletion, MayNotCreate, NewOrganization
from switchboard.audit.model import Actor
from switchboard.clients.propelauth_facts import Identity
from switchboard.clients.propelauth_organizations import NameRefused
from switchboard.errors import NotFound, Refusal, Unavailable
from switchboard.members import service as members
from switchboard.members.model import new_change
from switchboard.memberships.documents import MembershipChangeDocument, UserOrganizationDocument, standing
from switchboard.memberships.model import ChangeUnderWay, Look, MembershipChange
from switchboard.mongo import Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationCreationDocument, OrganizationDocument
from switchboard.organizations.model import Acting, OrganizationCreation, OrganizationNotFound
from switchboard.roles.model import OWNER, Rights
from switchboard.services import Principal, Services
from switchboard.users import service as users

LOOKS: Final = 40
PAUSE_SECONDS: Final = 0.05
CLOCKS_DIFFER: Final = timedelta(minutes=5)


async def create(services: Services, caller: Identity, new: NewOrganization, now: datetime) -> Acting:
    """A new organization with the caller as its Owner.

    A call that ended half-way is finished by its repetition: the organization it left without members is found by
    its name. Raises `MayNotCreate`, `NameRefused`, `Unavailable`.
    """
    person = await services.propelauth.organizations.person(caller.user_id)
    if person is None or not person.profile.can_create_orgs:
        raise MayNotCreate
    await users.keep_profile(caller.user_id, person.profile, now)
    org_id = await create_for(services, caller.user_id, organizations.actor_of(caller), new, now)
    return await organizations.acting(services, caller, org_id, now)


async def create_for(services: Services, user_id: str, actor: Actor, new: NewOrganization, now: datetime) -> str:
    """The id of a new organization with this person as its Owner. Whether that may be, its caller has decided.

    A call that ended half-way is finished by its repetition. Raises `NameRefused`, `Unavailable`.
    """
    creation = OrganizationCreation(
        user_id=user_id, name=new.name, begun_at=now, actor=actor, request_id=organizations.request_id()
    )
    org_id = await _made(services, creation)
    await _furnish(services, org_id, creation, new, now)
    await OrganizationCreationDocument.end(user_id, new.name)
    return org_id


async def _made(services: Services, creation: OrganizationCreation) -> str:
    earlier = await OrganizationCreationDocument.begin(creation)
    left = None if earlier is None else await _left_behind(services, earlier)
    if left is not None:
        return left
    try:
        return await services.propelauth.organizations.create(creation.name)
    except NameRefused:
        await OrganizationCreationDocument.end(creation.user_id, creation.name)
        raise


async def _left_behind(services: Services, creation: OrganizationCreation) -> str | None:
    """The organization that an earlier call of the same person made without finishing it."""
    vendor = services.propelauth.organizations
    left = await vendor.named(creation.name)
    if await OrganizationCreationDocument.contested(creation):  # it may be theirs
        return None
    for org_id, created_at in left:
        others = [person async for person in vendor.members(org_id) if person.user_id != creation.user_id]
        near = creation.begun_at - CLOCKS_DIFFER <= created_at <= creation.begun_at + CLOCKS_DIFFER
        if near and not others:
            return org_id
    return None


async def _furnish(
    services: Services, org_id: str, creation: OrganizationCreation, new: NewOrganization, now: datetime
) -> None:
    if new.texts:
        await services.propelauth.organizations.update(org_id, new.texts)
    await organizations.refresh_organization(services, org_id, Look("api", now))
    organization = await OrganizationDocument.find(org_id)
    if organization is None:
        raise OrganizationNotFound
    if (await standing(org_id, creation.user_id)).membership is None:
        acting = Acting(creation.actor, Rights(OWNER), organization, request_id=creation.request_id)
        change = new_change(acting, creation.user_id, "join", Rights(OWNER), now)
        await members.admit(services, acting, change, now)


async def update(
    services: Services, caller: Principal, org_id: str, changes: Mapping[str, Any], now: datetime
) -> Acting:
    """Set these fields. Raises `MissingPermission`, `NameRefused`, `TooFewSeats` and what the fields must not be.

    Changes of one organization are made one after the other: names live in one piece at PropelAuth.
    """
    acting = await organizations.acting(services, caller, org_id, now)
    acting.check_fields(frozenset(changes))
    acting.organization.check_change(changes)
    if not changes:
        return acting
    digest = hashlib.sha256(orjson.dumps(changes, option=orjson.OPT_SORT_KEYS)).hexdigest()
    change = new_change(acting, None, "organization", None, now, digest=digest)

    async def check(session: Session) -> None:
        (await organizations.still(acting, session)).check_fields(frozenset(changes))
        if changes.get("max_users") is not None:
            await OrganizationDocument.limit_seats(org_id, changes["max_users"], session)

    change = await _turn(services, change, check, now)
    look = Look("api", now, frozenset({change.change_id}))
    try:
        await services.propelauth.organizations.update(org_id, changes)
    except Unavailable:  # it may have happened: what was decided stays
        raise
    except Refusal:
        await organizations.refresh_organization(services, org_id, look)
        raise
    await organizations.refresh_organization(services, org_id, look)
    return await organizations.acting(services, caller, org_id, now)


async def _turn(
    services: Services, change: MembershipChange, check: Callable[[Session], Awaitable[None]], now: datetime
) -> MembershipChange:
    """Wait for one's turn to change an organization, a few seconds at most; raises `ChangeUnderWay`.

    `check` takes what the change needs when its turn has come, and raises if it may not be made any more.
    """

    async def write(session: Session) -> None:
        await MembershipChangeDocument.add(change, session)
        await check(session)

    for _ in range(LOOKS):
        earlier = await MembershipChangeDocument.find(change.org_id, None)
        if earlier is not None and earlier.same_as(change):
            return earlier
        if earlier is not None and not earlier.fresh(now):
            await members.resolve(services, earlier, now)
        try:
            await services.transactions.run(write)
        except ChangeUnderWay:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return change
    raise ChangeUnderWay


async def deletion(services: Services, caller: Principal, org_id: str, now: datetime) -> Deletion:
    """What would go with the organization; nothing is changed."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("org.delete")
    goes = {"members": await UserOrganizationDocument.count(org_id)}
    for dependant in services.dependants:
        goes[dependant.name] = await dependant.count(org_id)
    return Deletion(acting.organization, goes)


async def delete(services: Services, caller: Principal, org_id: str, now: datetime) -> None:
    """Delete an organization with all that belongs to it; the audit log stays."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("org.delete")
    change = new_change(acting, None, "organization", None, now, digest="delete")

    async def check(session: Session) -> None:
        (await organizations.still(acting, session)).rights.check("org.delete")

    change = await _turn(services, change, check, now)
    with suppress(NotFound):  # a repeated call
        await services.propelauth.organizations.delete(org_id)
    await organizations.refresh_organization(services, org_id, Look("api", now, frozenset({change.change_id})))
