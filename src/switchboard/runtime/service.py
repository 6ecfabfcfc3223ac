"""Making, listing and revoking service keys, and knowing a service by its key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from switchboard.runtime.documents import ServiceKeyDocument
from switchboard.runtime.model import (
    AlreadyRevoked,
    InvalidServiceKey,
    ServiceKey,
    UnknownServiceKey,
    check_grant,
    hash_of,
    new_key,
    prefix_of,
)
from switchboard.services import Service


@dataclass(frozen=True)
class Grant:
    """What a new key may do. `days` None: until it is revoked."""

    scopes: list[str]
    org_id: str | None = None
    role: str | None = None
    days: int | None = None


async def create(name: str, grant: Grant, now: datetime) -> tuple[ServiceKey, str]:
    """A new key, and the one time its text is seen; raises `UnknownScope`, `RoleAndOrganization`."""
    check_grant(grant.scopes, grant.org_id, grant.role)
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
