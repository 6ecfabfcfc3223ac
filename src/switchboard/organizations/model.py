"""An organization: its fields, its domains and seats, and who acts in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.audit.model import OUTSIDE, Action, Actor, AuditEntry, AuditFilter, Target, differences, new_entry
from switchboard.clients.propelauth_facts import OrganizationFacts
from switchboard.errors import Conflict, Invalid, NotFound
from switchboard.memberships.model import Seen, Source, UserOrganization
from switchboard.roles.model import MissingPermission, Rights
from switchboard.users.model import domain_of

FIELDS: Final = (
    *("name", "display_name", "description", "domain", "extra_domains", "enable_auto_joining_by_domain"),
    *("members_must_have_matching_domain", "max_users", "can_setup_saml"),
)
# Fields that decide who gets in; the others are names.
ACCESS_FIELDS: Final = frozenset(FIELDS[3:])
MOST_DOMAINS: Final = 50

# Providers where anybody gets an address: a shared domain there says nothing about where a person works.
_FREE_MAIL: Final = (
    "gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.fr hotmail.de live.com live.co.uk "
    "msn.com outlook.de outlook.fr outlook.in yahoo.com yahoo.co.uk yahoo.co.in yahoo.in yahoo.fr yahoo.de "
    "yahoo.co.jp ymail.com rocketmail.com aol.com aim.com icloud.com me.com mac.com proton.me protonmail.com "
    "protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de "
    "freenet.de t-online.de arcor.de mail.com email.com usa.com zoho.com zohomail.com zohomail.in rediffmail.com "
    "yandex.com yandex.ru ya.ru mail.ru bk.ru list.ru inbox.ru rambler.ru qq.com 163.com 126.com yeah.net "
    "sina.com sohu.com foxmail.com naver.com hanmail.net daum.net orange.fr free.fr laposte.net sfr.fr wanadoo.fr "
    "libero.it virgilio.it tiscali.it alice.it wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz abv.bg ukr.net "
    "hey.com fastmail.com fastmail.fm hushmail.com duck.com mailinator.com guerrillamail.com 10minutemail.com "
    "yopmail.com trashmail.com temp-mail.org comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net "
    "charter.net earthlink.net btinternet.com sky.com virginmedia.com talktalk.net bigpond.com optusnet.com.au "
    "shaw.ca rogers.com sympatico.ca uol.com.br bol.com.br terra.com.br "
)
FREE_MAIL: Final = frozenset(_FREE_MAIL.split())


class OrganizationNotFound(NotFound):
    code = "organization_not_found"
    message = "There is no such organization, or you do not belong to it."


class OrganizationFull(Conflict):
    code = "organization_full"
    message = "All seats of this organization are taken, invites included. Free one, or ask its Owner for more."


class TooFewSeats(Conflict):
    code = "too_few_seats"
    message = "More seats are taken than that. Remove members or revoke invites first."


class FreeMailDomain(Invalid):
    code = "free_mail_domain"
    message = "Anybody can have an address at this domain, so nobody can join by it."


class DomainMissing(Invalid):
    code = "domain_missing"
    message = "Set a domain first: without one nobody can join or be kept out by it."


class Organization(BaseModel):
    """An organization as PropelAuth last confirmed it: when (UTC), and by what we learnt of it.

    `owner_count` are the Owners that can be counted on; `seats_used` members, people who are joining, and pending
    invites; `seat_limit` is `max_users`, or less while that is being lowered. Those three are ours: whoever takes an
    Owner away or a seat does it by one conditional write to this document. `compare_at` is when the worker compares it
    with PropelAuth next.
    """

    org_id: str
    name: str
    display_name: str | None = None
    description: str | None = None
    domain: str | None = None
    extra_domains: list[str] = []
    enable_auto_joining_by_domain: bool = False
    members_must_have_matching_domain: bool = False
    max_users: int | None = None
    can_setup_saml: bool = False
    legacy_org_id: str | None = None
    url_safe_org_slug: str | None = None
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime
    confirmed_by: Source
    owner_count: int = 0
    seats_used: int = 0
    seat_limit: int | None = None
    compare_at: datetime | None = None

    @property
    def domains(self) -> frozenset[str]:
        return frozenset(domain for domain in (self.domain, *self.extra_domains) if domain)

    @property
    def fields(self) -> dict[str, Any]:
        return self.model_dump(include=set(FIELDS))

    def admits(self, email: str) -> bool:
        """Whether an address may belong to a member: its domain is listed, or nothing is asked of it."""
        return not self.members_must_have_matching_domain or domain_of(email) in self.domains

    def lets_join(self, email: str) -> bool:
        """Whether a confirmed address joins by its domain: exactly a listed one, not a free-mail provider's."""
        domain = domain_of(email)
        return self.enable_auto_joining_by_domain and domain in self.domains and domain not in FREE_MAIL

    def check_change(self, changes: Mapping[str, Any]) -> None:
        """Raise unless the organization makes sense with these fields."""
        after = self.model_copy(update={**changes})
        needs_domain = after.enable_auto_joining_by_domain or after.members_must_have_matching_domain
        if needs_domain and not after.domains:
            raise DomainMissing
        if after.enable_auto_joining_by_domain and after.domains & FREE_MAIL:
            raise FreeMailDomain(fields={"domain": FreeMailDomain.message})
        if after.max_users is not None and "max_users" in changes and self.seats_used > after.max_users:
            raise TooFewSeats


def mirrored(facts: OrganizationFacts) -> dict[str, Any]:
    """PropelAuth's facts as fields of ours; domains in lower case, as they are compared."""
    return {
        "name": facts.name,
        "display_name": facts.display_name,
        "description": facts.description,
        "domain": facts.domain.lower() if facts.domain else None,
        "extra_domains": [domain.lower() for domain in facts.extra_domains],
        "enable_auto_joining_by_domain": facts.enable_auto_joining_by_domain,
        "members_must_have_matching_domain": facts.members_must_have_matching_domain,
        "max_users": facts.max_users,
        "can_setup_saml": facts.can_setup_saml,
        "legacy_org_id": facts.legacy_org_id,
        "url_safe_org_slug": facts.url_safe_org_slug,
    }


@dataclass(frozen=True)
class Origin:
    """Who led to what PropelAuth now says, and when; None is when it was seen."""

    actor: Actor = OUTSIDE
    request_id: str | None = None
    at: datetime | None = None


def entry_of(
    before: Organization | None, fields: dict[str, Any] | None, org_id: str, seen: Seen, origin: Origin
) -> AuditEntry | None:
    """What the audit log says about an organization that is now like this; None when it was so before."""
    was, is_ = differences(_told(before.fields if before else {}), _told(fields or {}))
    if not was and not is_:
        return None
    action: Action = "organization.updated" if before else "organization.created"
    return new_entry(
        action if fields is not None else "organization.deleted",
        org_id,
        Target(kind="organization", id=org_id),
        origin.actor,
        origin.at or seen.at,
        before=was if before else None,
        after=is_ if fields is not None else None,
        request_id=origin.request_id,
    )


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as far as they are set."""
    return {name: fields[name] for name in FIELDS if fields.get(name) not in (None, "", [], False)}


@dataclass(frozen=True)
class Acting:
    """Somebody in an organization: a member, or a service whose key is bound to it (then without membership)."""

    actor: Actor
    rights: Rights
    organization: Organization
    membership: UserOrganization | None = None
    request_id: str | None = None

    @property
    def org_id(self) -> str:
        return self.organization.org_id

    def audited(self, wanted: AuditFilter) -> AuditFilter:
        """What of this may be seen; raises `MissingPermission`."""
        if "audit.read" in self.rights.permissions:
            return wanted
        self.rights.check("audit.read_own")
        if wanted.actor_id not in (None, self.actor.id):
            raise MissingPermission
        return replace(wanted, actor_id=self.actor.id)

    def check_fields(self, names: frozenset[str]) -> None:
        """Raise `MissingPermission` unless all these fields may be changed."""
        self.rights.check("org.update")
        if names & ACCESS_FIELDS:
            self.rights.check("org.update_access")


class OrganizationCreation(BaseModel):
    """A creation that was begun: by it a repeated call finds what the first one left at PropelAuth."""

    user_id: Annotated[str, Reference("User", "cascade")]
    name: str
    begun_at: datetime
    actor: Actor
    request_id: str | None = None
