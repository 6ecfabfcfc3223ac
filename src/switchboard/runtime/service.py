"""Service keys: making, listing and revoking them, knowing a service by its key; and what services are given."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import uuid4

from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import Action, Actor, Target, new_entry
from switchboard.bookings import service as bookings
from switchboard.bookings.model import Wish
from switchboard.connections import service as connections
from switchboard.events.model import CalendarEvent
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.runtime.documents import ServiceKeyDocument
from switchboard.runtime.model import (
    AlreadyRevoked,
    CalendarToken,
    InvalidServiceKey,
    ServiceKey,
    UnknownOrganization,
    UnknownServiceKey,
    UserNotFound,
    check_grant,
    checked_name,
    hash_of,
    new_key,
    prefix_of,
)
from switchboard.services import Dependant, Service, Services
from switchboard.users.documents import UserDocument
from switchboard.users.model import User

DEPENDANT: Final = Dependant("service_keys", ServiceKeyDocument.count_bound, ServiceKeyDocument.revoke_bound)
TOKEN_SCOPE: Final = "calendars.token"  # noqa: S105
BOOKING_SCOPE: Final = "calendars.book"


@dataclass(frozen=True)
class Grant:
    """What a new key may do. `days` None: until it is revoked."""

    scopes: list[str]
    org_id: str | None = None
    role: str | None = None
    days: int | None = None


class Which(NamedTuple):
    """An event of a person."""

    user_id: str
    event_id: str


class Reached(NamedTuple):
    """A person, and the organizations whose audit log says what a service does with their calendar."""

    user_id: str
    org_ids: list[str]


async def create(name: str, grant: Grant, now: datetime) -> tuple[ServiceKey, str]:
    """A new key, and the one time its text is seen.

    Raises `InvalidName`, `UnknownScope`, `RoleAndOrganization`, `UnknownOrganization`.
    """
    name = checked_name(name)
    check_grant(grant.scopes, grant.org_id, grant.role)
    if grant.org_id is not None and await OrganizationDocument.find(grant.org_id) is None:
        raise UnknownOrganization
    text = new_key()
    key = ServiceKey(
        key_id=uuid4().hex,
        name=name,
        prefix=prefix_of(text),
        key_hash=hash_of(text),
        scopes=sorted(set(grant.scopes)),
        org_id=grant.org_id,
        role=grant.role,
        created_at=now,
        expires_at=None if grant.days is None else now + timedelta(days=grant.days),
    )
    await ServiceKeyDocument.add(key)
    return key, text


async def listed() -> list[ServiceKey]:
    return await ServiceKeyDocument.all()


async def revoke(key_id: str, now: datetime) -> ServiceKey:
    """End a key at once; raises `UnknownServiceKey`, `AlreadyRevoked`."""
    revoked = await ServiceKeyDocument.revoke(key_id, now)
    if revoked is not None:
        return revoked
    if await ServiceKeyDocument.by_id(key_id) is None:
        raise UnknownServiceKey
    raise AlreadyRevoked


async def identify(text: str, now: datetime) -> Service:
    """The service behind a key; raises `InvalidServiceKey`."""
    key = await ServiceKeyDocument.by_hash(hash_of(text))
    if key is None:
        raise InvalidServiceKey
    key.check(now)
    await ServiceKeyDocument.note_use(key, now)
    return Service(key.key_id, key.name, frozenset(key.scopes), key.org_id, key.role)


async def calendar_token(services: Services, caller: Service, user_id: str, now: datetime) -> CalendarToken:
    """An access token to a person's calendar that works for two minutes and more; the audit log knew of it first.

    Raises `MissingScope`, `UserNotFound`, and what `connections.service.access_token` raises.
    """
    caller.check(TOKEN_SCOPE)
    reached = await _reached(caller, user_id)
    access_token = await connections.access_token(services, user_id, now)
    user = await _known(user_id)
    await _note("calendar.token_read", caller, reached, now)
    return CalendarToken.of(user, access_token)


async def book(services: Services, caller: Service, user_id: str, wish: Wish, now: datetime) -> CalendarEvent:
    """Book an event for a person; raises as `bookings.service.book` does, `MissingScope` and `UserNotFound`."""
    caller.check(BOOKING_SCOPE)
    reached = await _reached(caller, user_id)
    event = await bookings.book(services, await _known(user_id), wish, now)
    await _note("calendar.event_booked", caller, reached, now, event.event_id)
    return event


async def change_event(services: Services, caller: Service, which: Which, wish: Wish, now: datetime) -> CalendarEvent:
    """Change an event of a person; raises as `bookings.service.change` does, `MissingScope` and `UserNotFound`."""
    caller.check(BOOKING_SCOPE)
    reached = await _reached(caller, which.user_id)
    event = await bookings.change(services, await _known(which.user_id), which.event_id, wish, now)
    await _note("calendar.event_changed", caller, reached, now, which.event_id)
    return event


async def cancel_event(services: Services, caller: Service, which: Which, invite: bool, now: datetime) -> None:
    """Cancel an event of a person; raises as `bookings.service.cancel` does, `MissingScope` and `UserNotFound`."""
    caller.check(BOOKING_SCOPE)
    reached = await _reached(caller, which.user_id)
    await bookings.cancel(services, await _known(which.user_id), which.event_id, invite, now)
    await _note("calendar.event_cancelled", caller, reached, now, which.event_id)


async def _known(user_id: str) -> User:
    user = await UserDocument.find(user_id)
    if user is None:
        raise UserNotFound
    return user


async def _note(action: Action, caller: Service, reached: Reached, now: datetime, event_id: str | None = None) -> None:
    """Tell the audit logs what a service did with a person's calendar."""
    actor, target = Actor(kind="service", id=caller.key_id, name=caller.name), Target(kind="user", id=reached.user_id)
    more = {"request_id": organizations.request_id(), "after": {"event_id": event_id} if event_id else None}
    for org_id in reached.org_ids:
        await AuditEntryDocument.add(new_entry(action, org_id, target, actor, now, **more))


async def _reached(caller: Service, user_id: str) -> Reached:
    """Raises `UserNotFound`.

    A service that is bound to one learns nothing of anybody else. Somebody without an organization is noted in "".
    """
    if caller.org_id is not None:
        if await UserOrganizationDocument.find(caller.org_id, user_id) is None:
            raise UserNotFound
        return Reached(user_id, [caller.org_id])
    memberships = await UserOrganizationDocument.of_user(user_id)
    if not memberships and await UserDocument.find(user_id) is None:
        raise UserNotFound
    return Reached(user_id, [membership.org_id for membership in memberships] or [""])
