"""Request bodies, field for field as propelauth-py 4.4.0 sends them."""

from typing import Any

from pydantic import Field

from devstack.propelauth.http import Body


class CreateUser(Body):
    email: str
    email_confirmed: bool = False
    send_email_to_confirm_email_address: bool = True
    ask_user_to_update_password_on_login: bool = False
    ignore_domain_restrictions: bool = False
    password: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    properties: dict[str, Any] | None = None


class UpdateUser(Body):
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    metadata: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    picture_url: str | None = None
    update_password_required: bool | None = None
    legacy_user_id: str | None = None


class UpdateEmail(Body):
    new_email: str
    require_email_confirmation: bool


class UpdatePassword(Body):
    password: str
    ask_user_to_update_password_on_login: bool = False


class UserIds(Body):
    user_ids: list[str]


class Emails(Body):
    emails: list[str]


class Usernames(Body):
    usernames: list[str]


class OneUser(Body):
    user_id: str


class MigrateUser(Body):
    email: str
    email_confirmed: bool
    existing_user_id: str | None = None
    existing_password_hash: str | None = None
    existing_mfa_base32_encoded_secret: str | None = None
    update_password_required: bool | None = None
    enabled: bool | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    picture_url: str | None = None
    properties: dict[str, Any] | None = None


class MigratePassword(Body):
    user_id: str
    password_hash: str


class CreateMagicLink(Body):
    email: str
    redirect_to_url: str | None = None
    expires_in_hours: int | None = None
    create_new_user_if_one_doesnt_exist: bool | None = None
    user_signup_query_parameters: dict[str, str] | None = None
    expire_after_first_use: bool | None = None
    requires_interstitial: bool | None = None


class CreateAccessToken(Body):
    user_id: str
    duration_in_minutes: int
    active_org_id: str | None = None


class CreateOrg(Body):
    name: str
    enable_auto_joining_by_domain: bool = False
    members_must_have_matching_domain: bool = False
    domain: str | None = None
    max_users: int | None = None
    legacy_org_id: str | None = None
    custom_role_mapping_name: str | None = None


class UpdateOrg(Body):
    name: str | None = None
    can_setup_saml: bool | None = None
    metadata: dict[str, Any] | None = None
    max_users: int | None = None
    domain: str | None = None
    require_2fa_by: str | None = None
    extra_domains: list[str] | None = None
    password_rotation_enabled: bool | None = None
    password_rotation_history_size: int | None = None
    password_rotation_period: int | None = None
    autojoin_by_domain: bool | None = None
    restrict_to_domain: bool | None = None
    custom_role_mapping_name: str | None = None
    legacy_org_id: str | None = None


class QueryOrgs(Body):
    """The documented POST form of /org/query; the Python SDK sends the same names in the query string."""

    page_size: int = 10
    page_number: int = 0
    order_by: str = "CREATED_AT_ASC"
    name: str | None = None
    legacy_org_id: str | None = None
    domain: str | None = None


class RemoveMember(Body):
    user_id: str
    org_id: str


class MemberRole(RemoveMember):
    role: str
    additional_roles: list[str] = Field(default_factory=list)


class InviteByEmail(Body):
    email: str
    org_id: str
    role: str
    additional_roles: list[str] = Field(default_factory=list)


class RevokeInvite(Body):
    org_id: str
    invitee_email: str


class BackendRefresh(Body):
    refresh_token: str
