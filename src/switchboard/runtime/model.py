"""A service's key: what it may do, until when. Of the key itself only a hash is kept."""

import hashlib
import secrets
from datetime import datetime
from typing import Final, Literal, get_args

from pydantic import BaseModel

from switchboard.errors import Conflict, Invalid, NotFound, Unauthenticated
from switchboard.roles.model import ROLES

Scope = Literal["agents.runtime", "calendars.token", "calendars.availability", "changes.read", "organizations"]
SCOPES: Final = get_args(Scope)
MARK: Final = "sbk"
PREFIX_LENGTH: Final = 8


class InvalidServiceKey(Unauthenticated):
    code = "invalid_service_key"
    message = "This service key is not known, was revoked or has expired. Send a valid one as X-API-Key."


class UnknownServiceKey(NotFound):
    code = "service_key_not_found"
    message = "There is no service key with this id. 'switchboard keys list' shows them."


class AlreadyRevoked(Conflict):
    code = "service_key_revoked"
    message = "This service key was revoked before."


class UnknownScope(Invalid):
    code = "unknown_scope"
    message = f"A service key may have the scopes {', '.join(SCOPES)}."


class RoleAndOrganization(Invalid):
    code = "role_and_organization"
    message = f"A service key is bound to an organization with one of the roles {', '.join(ROLES)}, or to none at all."


class ServiceKey(BaseModel):
    """A key of an internal service. With an organization it acts there alone, in its role; times are UTC."""

    key_id: str
    name: str
    prefix: str
    key_hash: str
    scopes: list[str]
    org_id: str | None = None
    role: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def check(self, now: datetime) -> None:
        """Raise `InvalidServiceKey` unless it may be used now."""
        if self.revoked_at is not None or (self.expires_at is not None and now >= self.expires_at):
            raise InvalidServiceKey

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"


def new_key() -> str:
    """A key nobody can guess: 256 bits behind a readable prefix."""
    return f"{MARK}_{secrets.token_hex(PREFIX_LENGTH // 2)}_{secrets.token_urlsafe(32)}"


def prefix_of(key: str) -> str:
    """What may be shown of a key."""
    return key[: len(MARK) + 1 + PREFIX_LENGTH]


def hash_of(key: str) -> str:
    """What is kept of a key. Its 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def check_grant(scopes: list[str], org_id: str | None, role: str | None) -> None:
    """Raise unless these are scopes and, both or neither, an organization and a role."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise UnknownScope
    if (org_id is None) != (role is None) or role not in (None, *ROLES):
        raise RoleAndOrganization
