"""What PropelAuth tells us, in our words. Reading its answers is pure: no I/O in here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from switchboard.errors import Invalid, NotFound

# Lower-case canonical version 4: for any other id the library asks nothing and answers "not there".
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Identity:
    """Who an access token speaks for, and from when until when (UTC).

    `org_ids` are the organizations it claims: at most a reason to ask, never a right.
    """

    user_id: str
    issued_at: datetime
    expires_at: datetime
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    impersonator_user_id: str | None = None
    org_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Profile:
    """What PropelAuth knows of a person beside what a token says; times are UTC."""

    email: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    picture_url: str | None
    email_confirmed: bool
    has_password: bool
    locked: bool
    enabled: bool
    mfa_enabled: bool
    can_create_orgs: bool
    last_active_at: datetime | None


@dataclass(frozen=True, repr=False)
class GoogleGrant:
    """Google tokens a person's sign-in left at PropelAuth; `expires_at` is epoch seconds, None when not told."""

    access_token: str
    refresh_token: str | None
    expires_at: int | None
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class OrganizationFacts:
    """An organization. `metadata` is all of it; the front end reads `displayName` and `description` there."""

    org_id: str
    name: str
    domain: str | None = None
    extra_domains: tuple[str, ...] = ()
    enable_auto_joining_by_domain: bool = False
    members_must_have_matching_domain: bool = False
    max_users: int | None = None
    can_setup_saml: bool = False
    legacy_org_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    url_safe_org_slug: str | None = None

    @property
    def display_name(self) -> str | None:
        return _text(self.metadata.get("displayName"))

    @property
    def description(self) -> str | None:
        return _text(self.metadata.get("description"))


@dataclass(frozen=True)
class MembershipFacts:
    org_id: str
    user_id: str
    role_in_org: str
    additional_roles_in_org: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """A person with all their memberships, by organization."""

    user_id: str
    profile: Profile
    memberships: Mapping[str, MembershipFacts]


@dataclass(frozen=True)
class InviteFacts:
    """An invite that PropelAuth waits for; times are UTC."""

    org_id: str
    invitee_email: str
    role_in_org: str
    additional_roles_in_org: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    inviter_user_id: str | None
    inviter_email: str | None


_NOTHING: Final = dict.fromkeys(Profile.__dataclass_fields__)


def checked(identifier: str) -> str:
    """The id, which then may stand in a path; raises `Invalid`. Some methods of the library do not look at it."""
    if not ID.fullmatch(identifier):
        raise Invalid("This is not an id of PropelAuth.")
    return identifier


def known(identifier: str) -> str:
    """The same for an id that a caller gave: what cannot be an id is not there."""
    if not ID.fullmatch(identifier):
        raise NotFound
    return identifier


def moment(seconds: Any) -> datetime:
    """UTC from epoch seconds; raises `TypeError`, `ValueError`, `OverflowError`, `OSError`."""
    return datetime.fromtimestamp(int(seconds), UTC)


def profile_of(found: Any) -> Profile:
    return Profile(
        email=_text(found.email),
        first_name=_text(found.first_name),
        last_name=_text(found.last_name),
        username=_text(found.username),
        picture_url=_text(found.picture_url),
        email_confirmed=found.email_confirmed is True,
        has_password=found.has_password is True,
        locked=found.locked is True,
        enabled=found.enabled is True,
        mfa_enabled=found.mfa_enabled is True,
        can_create_orgs=found.can_create_orgs is True,
        last_active_at=_moment_or_none(found.last_active_at),
    )


def person_of(found: Any) -> Person:
    """Raises `TypeError`, `ValueError`, `AttributeError` or `Invalid` for an answer that makes no sense.

    Taken for a person, half an answer would end memberships.
    """
    user_id = checked(found.user_id)
    memberships = [_membership(user_id, info) for info in (found.org_id_to_org_info or {}).values()]
    return Person(user_id, profile_of(found), {each.org_id: each for each in memberships})


def profiles_of(found: Any) -> dict[str, Profile]:
    """Of people as the library's batches leave them: as they came, what PropelAuth did not say left out."""
    return {checked(user_id): profile_of(SimpleNamespace(**{**_NOTHING, **told})) for user_id, told in found.items()}


def organization_of(found: Any) -> OrganizationFacts:
    """Raises `TypeError` for an answer that makes no sense."""
    if not isinstance(found.name, str) or not ID.fullmatch(str(found.org_id)):
        raise TypeError("not an organization")
    return OrganizationFacts(
        org_id=found.org_id,
        name=found.name,
        domain=_text(found.domain),
        extra_domains=_texts(found.extra_domains),
        enable_auto_joining_by_domain=found.domain_autojoin is True,
        members_must_have_matching_domain=found.domain_restrict is True,
        max_users=found.max_users if isinstance(found.max_users, int) else None,
        can_setup_saml=found.can_setup_saml is True,
        legacy_org_id=_text(found.legacy_org_id),
        url_safe_org_slug=_text(found.url_safe_org_slug),
        metadata=found.metadata if isinstance(found.metadata, dict) else {},
    )


def invite_of(found: Any) -> InviteFacts:
    """Raises `TypeError`, `ValueError` or `Invalid` for an answer that makes no sense."""
    if not isinstance(found.invitee_email, str) or not isinstance(found.role_in_org, str):
        raise TypeError("not an invite")
    return InviteFacts(
        org_id=checked(found.org_id),
        invitee_email=found.invitee_email,
        role_in_org=found.role_in_org,
        additional_roles_in_org=_roles(found.additional_roles_in_org),
        created_at=moment(found.created_at),
        expires_at=moment(found.expires_at),
        inviter_user_id=_text(found.inviter_user_id),
        inviter_email=_text(found.inviter_email),
    )


def claimed_organizations(claims: Mapping[str, Any]) -> frozenset[str]:
    """The organizations of a token: all of them, or the active one alone."""
    active = claims.get("org_member_info")
    every = claims.get("org_id_to_org_member_info")
    names = [active.get("org_id")] if isinstance(active, dict) else every if isinstance(every, dict) else ()
    return frozenset(name for name in names if isinstance(name, str) and ID.fullmatch(name))


def _membership(user_id: str, info: Any) -> MembershipFacts:
    if not isinstance(info.user_assigned_role, str):
        raise TypeError("not a membership")
    additional = _roles(info.assigned_additional_roles)
    return MembershipFacts(checked(info.org_id), user_id, info.user_assigned_role, additional)


def _roles(values: Any) -> tuple[str, ...]:
    """Their order means nothing, so it must not look like a change."""
    return tuple(sorted(set(_texts(values))))


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(value for value in values or () if isinstance(value, str))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment_or_none(seconds: Any) -> datetime | None:
    try:
        return moment(seconds)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
