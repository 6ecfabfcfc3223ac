"""What old calls about organizations and people mean here; docs/decisions/0014 says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from switchboard.clients.propelauth_facts import Person
from switchboard.clients.propelauth_organizations import NewPerson
from switchboard.errors import Forbidden, Invalid, NotFound
from switchboard.memberships.model import UserOrganization
from switchboard.organizations.model import Organization
from switchboard.users.model import User

Item = TypeVar("Item")
ORDERS: Final = ("CREATED_AT_ASC", "CREATED_AT_DESC", "NAME")


class UnboundKey(Forbidden):
    code = "unbound_key"
    message = "This service key is bound to no organization, so it reaches none. Use one that is bound, with a role."


class FellowNotFound(NotFound):
    code = "fellow_not_found"
    message = "You share no organization with such a person. Invite them by their e-mail instead."


class LegacyIdFixed(Invalid):
    code = "legacy_org_id_fixed"
    message = "The legacyOrgId of an organization cannot be changed here."


class WorkspaceTaken(Invalid):
    code = "workspace_taken"
    message = "There is a workspace of this username already. Choose another username."


@dataclass(frozen=True)
class Known:
    """Somebody whom the caller knows, with their memberships in organizations that the caller may see."""

    user: User
    memberships: list[tuple[Organization, UserOrganization]]


@dataclass(frozen=True)
class SignedUp:
    """A new person, and the organization that is theirs."""

    user_id: str
    new: NewPerson
    org_id: str
    name: str


@dataclass(frozen=True)
class Paging:
    """Which page of how many; the first is number 0."""

    number: int
    size: int

    @property
    def skip(self) -> int:
        return self.number * self.size

    @property
    def until(self) -> int:
        return self.skip + self.size


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a list of which there are `total`."""

    items: Sequence[Item]
    total: int
    paging: Paging

    @property
    def place(self) -> dict[str, Any]:
        """Where in the list it is."""
        more = self.paging.until < self.total
        return {"current_page": self.paging.number, "page_size": self.paging.size, "has_more_results": more}


@dataclass(frozen=True)
class OrganizationsAsked:
    """Organizations with this in the name, with exactly this domain and older id; in one of `ORDERS`."""

    name: str | None = None
    domain: str | None = None
    legacy_org_id: str | None = None
    order: str = ORDERS[0]

    def page(self, organizations: Sequence[Organization], paging: Paging) -> Page[Organization]:
        found = [organization for organization in organizations if self._is_meant(organization)]
        if self.order == "NAME":
            found.sort(key=lambda organization: organization.name.casefold())
        else:
            found.sort(key=lambda organization: organization.created_at, reverse=self.order == "CREATED_AT_DESC")
        return Page(found[paging.skip : paging.until], len(found), paging)

    def _is_meant(self, organization: Organization) -> bool:
        named = self.name is None or self.name.casefold() in organization.name.casefold()
        there = self.domain is None or self.domain.lower() in organization.domains
        return named and there and self.legacy_org_id in (None, organization.legacy_org_id)


def workspace_of(username: str) -> str:
    """The name of the organization that somebody gets who signs up."""
    return f"{username} workspace"


def is_half_made(person: Person, new: NewPerson) -> bool:
    """Whether this account is what an earlier call with the same details left without an organization."""
    if person.profile.email_confirmed or person.memberships:
        return False
    has, wanted = person.profile, (new.first_name, new.last_name, new.username)
    return (has.first_name, has.last_name, has.username) == wanted
