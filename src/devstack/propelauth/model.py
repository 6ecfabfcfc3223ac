"""What the emulated project holds. Times are unix seconds; ids are lower-case version 4 UUIDs."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from devstack.propelauth.roles import DEFAULT_ROLES, MULTI_ROLE, SINGLE_ROLE

DAY = 24 * 60 * 60


def new_id() -> str:
    """propelauth-py sends no request at all for ids that are not canonical version 4 UUIDs."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text, version=4)) == text
    except ValueError:
        return False


@dataclass
class Settings:
    """The dashboard's switches, with the vendor's defaults where they are known."""

    token_minutes: float = 30.0
    organizations_enabled: bool = True
    multi_role: bool = False
    roles: dict[str, list[str]] = field(default_factory=lambda: {name: list(v) for name, v in DEFAULT_ROLES.items()})
    default_role: str = "Member"
    custom_role_mappings: list[str] = field(default_factory=list)
    unique_org_names: bool = True
    max_orgs_per_user: int = 10
    blocked_email_domains: list[str] = field(default_factory=list)
    invite_seconds: int = 5 * DAY
    session_seconds: int = 14 * DAY
    login_method_in_token: bool = False
    properties_in_token: list[str] = field(default_factory=list)
    access_token_creation: bool = True
    oauth_token_without_login_is_404: bool = False

    @property
    def role_structure(self) -> str:
        return MULTI_ROLE if self.multi_role else SINGLE_ROLE


@dataclass
class User:
    user_id: str
    email: str
    created_at: int
    last_active_at: int
    email_confirmed: bool = True
    has_password: bool = True
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    picture_url: str | None = None
    locked: bool = False
    enabled: bool = True
    mfa_enabled: bool = False
    can_create_orgs: bool = True
    update_password_required: bool = False
    legacy_user_id: str | None = None
    metadata: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    unconfirmed_email: str | None = None
    signup_query_parameters: dict[str, str] = field(default_factory=dict)

    @property
    def email_domain(self) -> str:
        return self.email.rpartition("@")[2].lower()


@dataclass
class Org:
    org_id: str
    name: str
    created_at: int
    max_users: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    domain: str | None = None
    extra_domains: list[str] = field(default_factory=list)
    domain_autojoin: bool = False
    domain_restrict: bool = False
    can_setup_saml: bool = False
    is_saml_configured: bool = False
    is_saml_in_test_mode: bool = False
    custom_role_mapping_name: str | None = None
    legacy_org_id: str | None = None
    require_2fa_by: str | None = None
    password_rotation_enabled: bool = False
    password_rotation_history_size: int = 0
    password_rotation_period: int = 0

    def has_domain(self, domain: str) -> bool:
        return domain.lower() in {known.lower() for known in [self.domain, *self.extra_domains] if known}


@dataclass
class Membership:
    org_id: str
    user_id: str
    role: str
    additional_roles: list[str] = field(default_factory=list)


@dataclass
class Invite:
    invitee_email: str
    org_id: str
    role: str
    created_at: int
    expires_at: int
    additional_roles: list[str] = field(default_factory=list)
    inviter_user_id: str | None = None


@dataclass
class Session:
    """A signed-in browser; `token` is the cookie's value."""

    token: str
    user_id: str
    expires_at: int
    login_method: str = "password"


@dataclass
class MagicLink:
    token: str
    user_id: str
    expires_at: int
    redirect_to_url: str | None = None
    expire_after_first_use: bool = False


@dataclass
class SocialLogin:
    """`token` is shaped as the SDK's SocialLoginToken; `provider` is in lower case, as in the path."""

    user_id: str
    provider: str
    token: dict[str, Any]
