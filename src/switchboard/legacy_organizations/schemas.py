"""What the pages of organizations and people send and read."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Self, TypeVar

from pydantic import Field, SecretStr, StringConstraints, model_validator

from switchboard.administration.model import NewOrganization
from switchboard.administration.schemas import Name, OrganizationUpdate
from switchboard.clients.propelauth_organizations import NewPerson
from switchboard.http.envelopes import Read, Seconds, Sent
from switchboard.invites.model import PendingInvite, Wanted
from switchboard.invites.schemas import Email
from switchboard.legacy_organizations.model import Known, OrganizationsAsked, Page, Paging, SignedUp
from switchboard.members.documents import FellowsAsked, Member
from switchboard.organizations.model import Organization
from switchboard.roles.model import Rights, Role
from switchboard.users.model import User
from switchboard.users.schemas import Name as PersonName

Item = TypeVar("Item")
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Username = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
]
Part = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
METADATA: Final = ("displayName", "description")


class CreateOrg(Sent):
    org_name: Name = Field(examples=["Northwind Voice"])

    def new(self) -> NewOrganization:
        return NewOrganization(self.org_name, {})


class OneOrg(Sent):
    org_id: Id


class OneMember(OneOrg):
    user_id: Id


class MemberRole(OneMember):
    role: Role

    def who(self) -> tuple[str, Rights]:
        return self.user_id, Rights(self.role)


class InviteUser(OneOrg):
    email: Email
    role: Role = "Member"

    def wanted(self) -> Wanted:
        return Wanted(self.email, Rights(self.role))


class Paged(Sent):
    """Their tables show one page and no more, so by default it is as long as may be."""

    page_size: int = Field(default=1000, ge=1, le=1000)
    page_number: int = Field(default=0, ge=0, le=1_000_000)

    def paging(self) -> Paging:
        return Paging(self.page_number, self.page_size)


class OrgPage(Paged, OneOrg):
    pass


class OrgsQuery(Paged):
    name: Part | None = None
    domain: Part | None = None
    legacy_org_id: Part | None = None
    order_by: Literal["CREATED_AT_ASC", "CREATED_AT_DESC", "NAME"] = "CREATED_AT_ASC"

    def asked(self) -> OrganizationsAsked:
        return OrganizationsAsked(self.name, self.domain, self.legacy_org_id, self.order_by)


class UsersQuery(Paged):
    include_orgs: bool = False
    email_or_username: Part | None = None

    def asked(self) -> FellowsAsked:
        return FellowsAsked(None, self.email_or_username or None, self.paging().skip, self.page_size)


class UserMail(Sent):
    email: Email | None = None


class UpdateOrg(OrganizationUpdate, OneOrg):
    """Flat, or with the changes in `updates`; names and descriptions may stand in `metadata`, as they are read."""

    legacy_org_id: Part = ""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, sent: Any) -> Any:
        flat = {**_object(_object(sent).get("updates")), **_object(sent)}
        texts = {name: text for name, text in _object(flat.get("metadata")).items() if name in METADATA}
        return {**texts, **flat}

    @model_validator(mode="after")
    def _says_something(self) -> "UpdateOrg":
        if self.model_fields_set == {"org_id"}:
            raise ValueError("No updates provided")
        return self

    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in super().changes().items() if name != "org_id"}


class CreateUser(Sent):
    email: Email
    password: SecretStr = Field(min_length=1, max_length=200)
    first_name: PersonName
    last_name: PersonName
    username: Username

    def new(self) -> NewPerson:
        return NewPerson(self.email, self.password, self.first_name, self.last_name, self.username)


class UpdateProfile(Sent):
    username: Username = ""
    first_name: PersonName = ""
    last_name: PersonName = ""

    def names(self) -> dict[str, str]:
        sent: dict[str, str] = self.model_dump(include=self.model_fields_set)
        return sent


class CreatedOrg(Read):
    org_id: str
    name: str


class Org(Read):
    """`metadata` holds `displayName` and `description`, as far as there are any."""

    org_id: str
    name: str
    url_safe_org_slug: str | None
    metadata: dict[str, str]
    domain: str | None
    extra_domains: list[str]
    enable_auto_joining_by_domain: bool
    members_must_have_matching_domain: bool
    max_users: int | None
    can_setup_saml: bool
    legacy_org_id: str | None
    created_at: Seconds

    @classmethod
    def of(cls, organization: Organization) -> "Org":
        return cls.model_validate({**organization.model_dump(), "metadata": _metadata(organization)})


class OrgInfo(Read):
    org_id: str
    org_name: str
    org_metadata: dict[str, str]
    user_assigned_role: str


class Person(Read):
    user_id: str
    email: str | None
    email_confirmed: bool
    username: str | None
    first_name: str | None
    last_name: str | None
    picture_url: str | None
    locked: bool
    enabled: bool
    created_at: Seconds
    last_active_at: Seconds


Who = TypeVar("Who", bound=Person)


class OrgMember(Person):
    role_in_org: str
    additional_roles_in_org: list[str]
    joined_at: Seconds

    @classmethod
    def of(cls, member: Member) -> "OrgMember":
        since = member.membership.joined_at
        return cls.model_validate({**member.membership.model_dump(), **_person(member.user, since)})


class Fellow(Person):
    """`orgIdToOrgInfo` are the organizations that the caller sees as well; null where they were not asked for."""

    org_id_to_org_info: dict[str, OrgInfo] | None

    @classmethod
    def of(cls, known: Known, now: datetime, *, orgs: bool = True) -> "Fellow":
        since = min((membership.joined_at for _, membership in known.memberships), default=now)
        infos = {
            organization.org_id: OrgInfo(
                org_id=organization.org_id,
                org_name=organization.name,
                org_metadata=_metadata(organization),
                user_assigned_role=membership.role_in_org,
            )
            for organization, membership in known.memberships
        }
        return cls.model_validate({**_person(known.user, since), "org_id_to_org_info": infos if orgs else None})


class Invite(Read):
    invitee_email: str
    org_id: str
    org_name: str
    role_in_org: str
    additional_roles_in_org: list[str]
    created_at: Seconds
    expires_at: Seconds
    inviter_email: str | None
    inviter_user_id: str | None

    @classmethod
    def of(cls, invite: PendingInvite, organization: Organization) -> "Invite":
        return cls.model_validate({**invite.model_dump(), "org_name": organization.name})


class Listed(Read):
    KIND: ClassVar[str]
    current_page: int
    page_size: int
    has_more_results: bool

    @classmethod
    def of(cls, page: Page[Item], shown: Callable[[Item], Read]) -> Self:
        items = {cls.KIND: [shown(item) for item in page.items], f"total_{cls.KIND}": page.total}
        return cls.model_validate({**items, **page.place})


class Users(Listed, Generic[Who]):
    KIND: ClassVar = "users"
    users: list[Who]
    total_users: int


OrgMembers = Users[OrgMember]
Fellows = Users[Fellow]


class Invites(Listed):
    KIND: ClassVar = "invites"
    invites: list[Invite]
    total_invites: int


class Orgs(Listed):
    KIND: ClassVar = "orgs"
    orgs: list[Org]
    total_orgs: int


class CreatedUser(Read):
    user_id: str
    email: str
    username: str
    first_name: str
    last_name: str


class UserAndOrg(Read):
    user: CreatedUser
    org: CreatedOrg

    @classmethod
    def of(cls, made: SignedUp) -> "UserAndOrg":
        return cls.model_validate({"user": {**vars(made.new), "user_id": made.user_id}, "org": vars(made)})


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _metadata(organization: Organization) -> dict[str, str]:
    texts = zip(METADATA, (organization.display_name, organization.description), strict=True)
    return {name: text for name, text in texts if text}


def _person(user: User, since: datetime) -> dict[str, Any]:
    """Who was never active has the time of creation, as at PropelAuth; `since` stands in where that is not known."""
    created_at = user.created_at or since
    return {**user.model_dump(), "created_at": created_at, "last_active_at": user.last_active_at or created_at}
