"""PropelAuth's organizations, memberships, invites and the accounts of people in them.

Every change here can be repeated: adding a member who is one, removing somebody who is not there, revoking what is
gone do no harm. The calls are those of facts/propelauth.md section 2.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from propelauth_py import AsyncAuth
from pydantic import SecretStr

from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.clients.propelauth_facts import (
    InviteFacts,
    MembershipFacts,
    OrganizationFacts,
    Person,
    Profile,
    checked,
    invite_of,
    known,
    moment,
    organization_of,
    person_of,
    profiles_of,
)
from switchboard.errors import Conflict, Invalid, NotFound

Answer = TypeVar("Answer")
Mapped = Callable[[Awaitable[Any]], Awaitable[Any]]

PAGE: Final = 100
MOST_PAGES: Final = 10_000

# Our fields by the library's argument; names, domains and flags are set by one call.
_ARGUMENTS: Final = {
    "name": "name",
    "domain": "domain",
    "extra_domains": "extra_domains",
    "enable_auto_joining_by_domain": "can_join_on_email_domain_match",
    "members_must_have_matching_domain": "members_must_have_email_domain_match",
    "max_users": "max_users",
    "can_setup_saml": "can_setup_saml",
}
_REFUSED: Final = {
    "email": "PropelAuth does not accept this e-mail address: it has an account already, or is not allowed.",
    "username": "PropelAuth does not accept this username: it is taken, or not allowed. Choose another.",
    "password": "PropelAuth does not accept this password: it is too short or too common. Choose another.",
    "first_name": "PropelAuth does not accept this first name.",
    "last_name": "PropelAuth does not accept this last name.",
}
_METADATA: Final = {"display_name": "displayName", "description": "description"}


class NameRefused(Conflict):
    code = "organization_name_refused"
    message = "PropelAuth does not accept this name: it is taken, or not allowed. Choose another."


class PersonRefused(Invalid):
    """`fields` has a sentence for each detail that PropelAuth named; `message` is the first of them."""

    code = "person_refused"
    message = "PropelAuth does not accept these details of a person."

    @classmethod
    def about(cls, names: frozenset[str]) -> "PersonRefused":
        fields = {name: sentence for name, sentence in _REFUSED.items() if name in names}
        return cls(next(iter(fields.values()), None), fields=fields)


@dataclass(frozen=True)
class NewPerson:
    """Somebody who is to get an account."""

    email: str
    password: SecretStr
    first_name: str
    last_name: str
    username: str


@dataclass(frozen=True)
class PeoplePage:
    """Some people by their ids, of `total`; `more` says whether another page may follow."""

    people: Mapping[str, Profile]
    total: int
    more: bool


class PropelAuthOrganizations:
    """`mapped` gives each call its deadline and turns the library's errors into ours."""

    def __init__(self, auth: AsyncAuth, mapped: Mapped) -> None:
        self._auth = auth
        self._mapped = mapped

    async def create(self, name: str) -> str:
        """The id of a new organization, which has no members yet; raises `NameRefused`."""
        try:
            created = await self._mapped(self._auth.create_org(name))
        except RefusedByPropelAuth as refused:
            raise NameRefused if "name" in refused.about else refused from None
        return _read(lambda answer: checked(answer.org_id), created)

    async def find(self, org_id: str) -> OrganizationFacts | None:
        """The organization as it is now; None when there is none."""
        found = await self._mapped(self._auth.fetch_org(known(org_id)))
        return None if found is None else _read(organization_of, found)

    async def named(self, name: str) -> list[tuple[str, datetime]]:
        """Organizations of exactly this name, with when they were made."""
        query = self._auth.fetch_org_by_query
        found = self._pages(lambda number: query(PAGE, number, name=name), "orgs", lambda org: (org.name, _born(org)))
        return [born async for called, born in found if called == name]

    async def all(self) -> AsyncIterator[tuple[str, datetime]]:
        """Every organization of the project, the oldest first, with when it was made."""
        async for born in self._pages(lambda number: self._auth.fetch_org_by_query(PAGE, number), "orgs", _born):
            yield born

    async def update(self, org_id: str, fields: Mapping[str, Any]) -> None:
        """Set these fields of ours. Raises `NotFound`, `NameRefused`, `RefusedByPropelAuth`.

        `display_name` and `description` live in the metadata, which PropelAuth replaces as a whole: what else is in
        there is read first and kept. PropelAuth cannot empty a field by null.
        """
        sent = {_ARGUMENTS[name]: _plain(value) for name, value in fields.items() if name in _ARGUMENTS}
        texts = {_METADATA[name]: value for name, value in fields.items() if name in _METADATA}
        if texts:
            found = await self.find(org_id)
            sent["metadata"] = {**(found.metadata if found else {}), **texts}
        try:
            done = await self._mapped(self._auth.update_org_metadata(known(org_id), **sent))
        except RefusedByPropelAuth as refused:
            raise NameRefused if "name" in refused.about else refused from None
        if not done:
            raise NotFound

    async def delete(self, org_id: str) -> None:
        await self._mapped(self._auth.delete_org(known(org_id)))

    async def members(self, org_id: str) -> AsyncIterator[Person]:
        """Everybody in an organization; who joins or leaves meanwhile may be missing or stand twice."""
        fetch, which = self._auth.fetch_users_in_org, known(org_id)
        pages = self._pages(lambda number: fetch(which, PAGE, number, include_orgs=True), "users", person_of)
        async for person in pages:
            yield person

    async def person(self, user_id: str) -> Person | None:
        """A person with all their memberships, as they are now; None when there is no such person."""
        found = await self._mapped(self._auth.fetch_user_metadata_by_user_id(known(user_id), include_orgs=True))
        return None if found is None else _read(person_of, found)

    async def person_by_email(self, email: str) -> Person | None:
        """The person with this e-mail and all their memberships; None when there is no such person."""
        found = await self._mapped(self._auth.fetch_user_metadata_by_email(email, include_orgs=True))
        return None if found is None else _read(person_of, found)

    async def people(self, number: int) -> PeoplePage:
        """A page, from 0 on, of everybody in the project, the oldest account first, without their memberships."""
        return _read(_people_page, await self._mapped(self._auth.fetch_users_by_query(PAGE, number)))

    async def profiles(self, user_ids: list[str]) -> dict[str, Profile]:
        """Those of these people whom PropelAuth knows. A hundred at most are asked for at once."""
        for user_id in user_ids:
            checked(user_id)
        found = await self._mapped(self._auth.fetch_batch_user_metadata_by_user_ids(user_ids))
        return _read(profiles_of, found)

    async def create_person(self, new: NewPerson) -> str:
        """The id of a new person, whom PropelAuth mails to confirm the e-mail; raises `PersonRefused`."""
        names = {"first_name": new.first_name, "last_name": new.last_name, "username": new.username}
        call = self._auth.create_user(new.email, password=new.password.get_secret_value(), **names)
        try:
            created = await self._mapped(call)
        except RefusedByPropelAuth as refused:
            raise PersonRefused.about(refused.about) from None
        return _read(lambda answer: checked(answer.user_id), created)

    async def rename_person(self, user_id: str, names: Mapping[str, str]) -> None:
        """Set `first_name`, `last_name`, `username`, those that are given. Raises `NotFound`, `PersonRefused`."""
        try:
            done = await self._mapped(self._auth.update_user_metadata(known(user_id), **names))
        except RefusedByPropelAuth as refused:
            raise PersonRefused.about(refused.about) from None
        if not done:
            raise NotFound

    async def delete_person(self, user_id: str) -> None:
        """Delete an account with its memberships; nothing happens when there is none."""
        await self._mapped(self._auth.delete_user(known(user_id)))

    async def add(self, membership: MembershipFacts) -> None:
        """Make somebody a member. Raises `NotFound` and, for a member as for a full house, `RefusedByPropelAuth`."""
        await self._change(self._auth.add_user_to_org, membership)

    async def change_role(self, membership: MembershipFacts) -> None:
        """Replace role and additional roles of a member; raises `NotFound`, `RefusedByPropelAuth`."""
        await self._change(self._auth.change_user_role_in_org, membership)

    async def remove(self, org_id: str, user_id: str) -> None:
        """End a membership; nothing happens when there is none."""
        await self._mapped(self._auth.remove_user_from_org(known(user_id), known(org_id)))

    async def invite(self, org_id: str, email: str, role: str, additional_roles: tuple[str, ...]) -> None:
        """Mail an invite; a second one takes the place of the first. Raises `NotFound`, `RefusedByPropelAuth`."""
        call = self._auth.invite_user_to_org(email, known(org_id), role, list(additional_roles))
        if not await self._mapped(call):
            raise NotFound

    async def revoke_invite(self, org_id: str, email: str) -> None:
        """Take an invite back; nothing happens when there is none."""
        try:
            await self._mapped(self._auth.revoke_pending_org_invite(known(org_id), email))
        except NotFound:
            return

    async def pending_invites(self, org_id: str) -> list[InviteFacts]:
        fetch, which = self._auth.fetch_pending_invites, known(org_id)
        pages = self._pages(lambda number: fetch(number, PAGE, which), "invites", invite_of)
        return [invite async for invite in pages]

    async def _pages(
        self, call: Callable[[int], Awaitable[Any]], items: str, reading: Callable[[Any], Answer]
    ) -> AsyncIterator[Answer]:
        """Item by item of all pages; an empty page is the last one, whatever it says."""
        for number in range(MOST_PAGES):
            page = await self._mapped(call(number))
            found = _read(partial(_items, items), page)
            for item in found:
                yield _read(reading, item)
            if not found or not page.has_more_results:
                return

    async def _change(self, call: Callable[..., Awaitable[bool]], membership: MembershipFacts) -> None:
        ids = known(membership.user_id), known(membership.org_id)
        additional = list(membership.additional_roles_in_org)
        if not await self._mapped(call(*ids, membership.role_in_org, additional)):
            raise NotFound


def _items(name: str, page: Any) -> list[Any]:
    return list(getattr(page, name))


def _people_page(page: Any) -> PeoplePage:
    """An empty page is the last one, whatever it says."""
    people = {person.user_id: person.profile for person in map(person_of, page.users)}
    return PeoplePage(people, int(page.total_users or 0), bool(people) and page.has_more_results is True)


def _born(org: Any) -> tuple[str, datetime]:
    return checked(org.org_id), moment(org.created_at or 0)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read(reading: Callable[[Any], Answer], found: Any) -> Answer:
    """An answer that makes no sense is as good as none."""
    try:
        return reading(found)
    except (AttributeError, TypeError, ValueError, OverflowError, OSError, Invalid):
        raise PropelAuthUnavailable from None
