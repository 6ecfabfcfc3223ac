"""A service's key: what it may do, until when; of the key itself only a hash is kept. And what services are given."""

import hashlib
import secrets
from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from switchboard.annotations import SECRET, Reference
from switchboard.errors import Conflict, Invalid, NotFound, Unauthenticated
from switchboard.roles.model import ROLES
from switchboard.users.model import Date, User

Scope = Literal[
    "agents.runtime",
    "calendars.token",
    "calendars.availability",
    "calendars.book",
    "changes.read",
    "organizations",
]
SCOPES: Final = get_args(Scope)
MARK: Final = "sbk"
PREFIX_LENGTH: Final = 8
LONGEST_NAME: Final = 100


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


class InvalidName(Invalid):
    code = "invalid_name"
    message = f"A service key needs a name: up to {LONGEST_NAME} characters that can be seen."


class UnknownOrganization(NotFound):
    code = "organization_not_found"
    message = "No organization with this id is known here."


class UserNotFound(NotFound):
    code = "user_not_found"
    message = "This user is not known here, or does not belong to the organization that the service key is bound to."


class RoleAndOrganization(Invalid):
    code = "role_and_organization"
    message = f"A service key is bound to an organization with one of the roles {', '.join(ROLES)}, or to none at all."


class ServiceKey(BaseModel):
    """A key of an internal service. With an organization it acts there alone, in its role; times are UTC."""

    key_id: str
    name: str
    prefix: str
    key_hash: Annotated[str, SECRET] = Field(repr=False)
    scopes: list[str]
    org_id: Annotated[str | None, Reference("Organization", "keep")] = None
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


class CalendarToken(BaseModel):
    """An access token to a person's calendar at Google. `expires_at` is UTC, None when it is not known."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(repr=False)
    expires_at: Date
    user_id: str
    scopes: list[str]
    timezone: str

    @classmethod
    def of(cls, user: User, access_token: str) -> "CalendarToken":
        """`user` as stored after the token was got; if another one is stored by then, its expiry is not this one's."""
        stored = user.token
        return cls(
            access_token=access_token,
            expires_at=stored.token_expiration if stored.access_token == access_token else None,
            user_id=user.user_id,
            scopes=stored.scope,
            timezone=user.timezone_or_default,
        )


def new_key() -> str:
    """A key nobody can guess: 256 bits behind a readable prefix."""
    return f"{MARK}_{secrets.token_hex(PREFIX_LENGTH // 2)}_{secrets.token_urlsafe(32)}"


def prefix_of(key: str) -> str:
    """What may be shown of a key."""
    return key[: len(MARK) + 1 + PREFIX_LENGTH]


def hash_of(key: str) -> str:
    """What is kept of a key. Its 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def checked_name(name: str) -> str:
    """The name without blanks around it; raises `InvalidName`. It stands in lists, logs and audit entries."""
    name = name.strip()
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        raise InvalidName
    return name


def check_grant(scopes: list[str], org_id: str | None, role: str | None) -> None:
    """Raise unless these are scopes and, both or neither, an organization and a role."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise UnknownScope
    if (org_id is None) != (role is None) or role not in (None, *ROLES):
        raise RoleAndOrganization
