"""Members on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from switchboard.http.paging import Cursor, Limit, decode_place, encode_place
from switchboard.members.documents import Member, MembersAsked
from switchboard.mongo import Place
from switchboard.organizations.model import Organization
from switchboard.roles.model import Rights, Role


def _each_once(values: list[str]) -> list[str]:
    return sorted(set(values))


AdditionalRole = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_ -]{0,63}$")]
AdditionalRoles = Annotated[list[AdditionalRole], Field(max_length=20), AfterValidator(_each_once)]


class MemberShown(BaseModel):
    """A member, with the names they go by here; null what is not known."""

    user_id: str
    email: str | None
    email_confirmed: bool
    first_name: str | None
    last_name: str | None
    username: str | None
    picture_url: str | None
    enabled: bool
    locked: bool
    last_active_at: datetime | None
    role_in_org: str
    additional_roles_in_org: list[str]
    joined_at: datetime

    @classmethod
    def of(cls, member: Member) -> "MemberShown":
        fields = set(cls.model_fields)
        person = member.user.model_dump(include=fields - {"user_id", "joined_at"})
        return cls(**person, **member.membership.model_dump(include=fields - set(person)))


class MemberList(BaseModel):
    """In the order they joined. `next_cursor` is null on the last page."""

    members: list[MemberShown]
    next_cursor: str | None

    @classmethod
    def of(cls, members: list[Member], more: Place | None) -> "MemberList":
        return cls(
            members=[MemberShown.of(member) for member in members],
            next_cursor=encode_place(*more) if more else None,
        )


class MembersQuery(BaseModel):
    """Members in this role, with `search` in a name or in the e-mail, whatever its case."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    role: str | None = Field(default=None, max_length=64)
    search: str | None = Field(default=None, min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    cursor: Cursor = None
    limit: Limit = 100

    def asked(self) -> MembersAsked:
        """Raises `InvalidCursor`."""
        return MembersAsked(self.role, self.search, decode_place(self.cursor), self.limit)


class RoleChange(BaseModel):
    """The role a member has from now on. Left out, the additional roles become none."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    role_in_org: Role
    additional_roles_in_org: AdditionalRoles = []

    def rights(self) -> Rights:
        return Rights(self.role_in_org, tuple(self.additional_roles_in_org))


class Transfer(BaseModel):
    """The member who becomes Owner; whoever calls becomes Admin."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    user_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class JoinableOrganization(BaseModel):
    """An organization that the caller may join by the domain of their e-mail."""

    org_id: str
    name: str
    display_name: str | None


class JoinableList(BaseModel):
    organizations: list[JoinableOrganization]

    @classmethod
    def of(cls, found: list[Organization]) -> "JoinableList":
        shown = set(JoinableOrganization.model_fields)
        return cls(organizations=[JoinableOrganization(**each.model_dump(include=shown)) for each in found])
