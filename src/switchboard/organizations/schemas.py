"""Organizations and the audit log on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from switchboard.audit.model import Action, AuditEntry, AuditFilter
from switchboard.http.paging import Cursor, Limit, decode_place, encode_place
from switchboard.mongo import Place
from switchboard.organizations.model import Acting


class Seats(BaseModel):
    """`used` counts members, people who are joining and pending invites; `limit` is null where there is none."""

    used: int
    limit: int | None


class OrganizationShown(BaseModel):
    """An organization as its caller sees it. `can` are the permissions of the caller's roles; see GET /v1/roles.

    PropelAuth holds the truth: `confirmed_at` says when it was last seen there, and `confirmed_by` what led to it.
    """

    org_id: str
    name: str
    display_name: str | None
    description: str | None
    domain: str | None
    extra_domains: list[str]
    enable_auto_joining_by_domain: bool
    members_must_have_matching_domain: bool
    max_users: int | None
    can_setup_saml: bool
    legacy_org_id: str | None
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime
    confirmed_by: str
    seats: Seats
    role_in_org: str
    additional_roles_in_org: list[str]
    can: list[str]

    @classmethod
    def of(cls, acting: Acting) -> "OrganizationShown":
        organization, rights = acting.organization, acting.rights
        return cls(
            **organization.model_dump(include=set(cls.model_fields)),
            seats=Seats(used=organization.seats_used, limit=organization.seat_limit),
            role_in_org=rights.role,
            additional_roles_in_org=list(rights.additional_roles),
            can=sorted(rights.permissions),
        )


class OrganizationList(BaseModel):
    organizations: list[OrganizationShown]

    @classmethod
    def of(cls, mine: list[Acting]) -> "OrganizationList":
        return cls(organizations=[OrganizationShown.of(acting) for acting in mine])


class AuditActor(BaseModel):
    """`kind` `propelauth`: it was done there, past this service; `system`: the passing of time."""

    kind: str
    id: str
    name: str | None


class AuditTarget(BaseModel):
    kind: str
    id: str


class AuditShown(BaseModel):
    """`before` and `after` hold the fields that changed; null where there was nothing before, or is nothing after."""

    entry_id: str
    at: datetime
    actor: AuditActor
    action: str
    target: AuditTarget
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditShown":
        return cls.model_validate(entry.model_dump(exclude={"org_id"}))


class AuditList(BaseModel):
    """`next_cursor` is null on the last page."""

    entries: list[AuditShown]
    next_cursor: str | None

    @classmethod
    def of(cls, entries: list[AuditEntry], more: Place | None) -> "AuditList":
        return cls(
            entries=[AuditShown.of(entry) for entry in entries],
            next_cursor=encode_place(*more) if more else None,
        )


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time that UTC can say") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class AuditAsked(BaseModel):
    """Entries of this kind, by this actor, about this target, from `from` on and before `to` (RFC 3339)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    action: Action | None = None
    actor_id: str | None = Field(default=None, max_length=100)
    target_id: str | None = Field(default=None, max_length=100)
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    cursor: Cursor = None
    limit: Limit = 50

    def wanted(self) -> AuditFilter:
        return AuditFilter(self.action, self.actor_id, self.target_id, self.since, self.until)

    def page(self) -> tuple[Place | None, int]:
        """Where to go on and how many at most; raises `InvalidCursor`."""
        return decode_place(self.cursor), self.limit
