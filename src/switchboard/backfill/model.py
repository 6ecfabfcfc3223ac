"""What PropelAuth and we say of the same things, where it differs, and how far a back-fill is. No I/O."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from switchboard.clients.propelauth_facts import ID, Profile
from switchboard.errors import Conflict
from switchboard.invites.model import SAME_TIME
from switchboard.users.model import User

Entity = Literal["organization", "member", "invite", "user"]
Kind = Literal["missing_here", "missing_there", "differs", "kept"]
Phase = Literal["people", "organizations", "known"]
Things = Mapping[str, Mapping[str, object]]  # fields by name, by id

DECIDED: Final = ("email", "email_confirmed", "has_password", "locked", "enabled", "mfa_enabled", "can_create_orgs")
CHOSEN: Final = ("first_name", "last_name", "username", "picture_url")
PERSONAL: Final = frozenset(
    {*CHOSEN, "email", "name", "display_name", "description", "domain", "extra_domains", "url_safe_org_slug"}
)
MOST_SAMPLES: Final = 5


class OtherProject(Conflict):
    code = "other_project"
    message = (
        "PropelAuth knows none of the organizations and people that are here, and would take them all away. Are "
        "PROPELAUTH_AUTH_URL and PROPELAUTH_API_KEY those of the project they belong to? Nothing was changed."
    )


@dataclass(frozen=True)
class Difference:
    """A thing, or a field of it, that PropelAuth and we have differently.

    `missing_here` and `missing_there` without a field are about the thing. `kept`: it stays, for people change it here.
    """

    entity: Entity
    id: str
    kind: Kind
    field: str = ""
    there: object = None
    here: object = None


class Sample(BaseModel):
    """Which thing; `there` and `here` are told of what is not personal."""

    id: str
    there: Any = None
    here: Any = None


class Line(BaseModel):
    """How often a field differs in one way; without a field it is the thing itself."""

    entity: Entity
    field: str
    kind: Kind
    count: int = 0
    samples: list[Sample] = []

    def add(self, difference: Difference) -> None:
        self.count += 1
        if len(self.samples) < MOST_SAMPLES:
            shown = {} if self.field in PERSONAL else {"there": difference.there, "here": difference.here}
            self.samples = [*self.samples, Sample(id=difference.id, **shown)]


class Drift(BaseModel):
    lines: list[Line] = []

    def add(self, differences: Iterable[Difference]) -> None:
        for each in differences:
            self._line(each).add(each)

    def _line(self, difference: Difference) -> Line:
        which = (difference.entity, difference.field, difference.kind)
        found = next((line for line in self.lines if (line.entity, line.field, line.kind) == which), None)
        if found is None:
            found = Line(entity=difference.entity, field=difference.field, kind=difference.kind)
            self.lines.append(found)
        return found

    def __bool__(self) -> bool:
        """Whether anything is not as PropelAuth has it; what is kept is as it should be."""
        return any(line.kind != "kept" for line in self.lines)


class Position(BaseModel):
    """How far a back-fill is, and what it found until there.

    First come PropelAuth's `people`, read `walk` times to the end already and up to `page`; then `organizations`; then
    the people `known` here. `after` is the last id of the phase that is done. `found` is what differed, `remaining`
    what did so still after it was mirrored.
    """

    phase: Phase = "people"
    walk: int = 0
    page: int = 0
    after: str = ""
    found: Drift = Field(default_factory=Drift)
    remaining: Drift = Field(default_factory=Drift)
    counted: dict[str, int] = {}

    def count(self, **numbers: int) -> None:
        for name, number in numbers.items():
            self.counted = {**self.counted, name: self.counted.get(name, 0) + number}

    def enter(self, phase: Phase) -> None:
        self.phase, self.after = phase, ""


@dataclass(frozen=True)
class View:
    """An organization as one side has it: its own fields, members by user id, invites by folded e-mail."""

    organization: Things
    members: Things
    invites: Things

    def without(self, emails: Collection[str]) -> "View":
        """The same but for invites to these."""
        invites = {email: fields for email, fields in self.invites.items() if email not in emails}
        return View(self.organization, self.members, invites)


def check_project(known: bool, *, anything_here: bool) -> None:
    """Raise `OtherProject` unless PropelAuth knows some of what is here."""
    if anything_here and not known:
        raise OtherProject


def compared(org_id: str, there: View, here: View, invite_ids: Mapping[str, str]) -> list[Difference]:
    """Where two views of an organization differ. What belongs to one that is missing is missing too.

    An invite goes by its id, and one that is not here by that of its organization.
    """
    own = _differences("organization", there.organization, here.organization, str)
    members = _differences("member", there.members, here.members, lambda user_id: f"{org_id}/{user_id}")
    invites = _differences("invite", there.invites, here.invites, lambda email: invite_ids.get(email, org_id))
    return [*own, *members, *invites]


def compared_person(user: User, profile: Profile | None) -> list[Difference]:
    """Where a person here differs from PropelAuth's; one whom it does not know may be here, but not enabled."""
    if profile is None:
        return [Difference("user", user.user_id, "missing_there")] if user.enabled else []
    return [*_decided(user, profile), *_chosen(user, profile)]


def _decided(user: User, profile: Profile) -> Iterator[Difference]:
    for name in DECIDED:
        there, here = getattr(profile, name), getattr(user, name)
        if there is not None and there != here:
            yield Difference("user", user.user_id, "differs", name, there, here)


def _chosen(user: User, profile: Profile) -> Iterator[Difference]:
    for name in CHOSEN:
        there, here = getattr(profile, name), getattr(user, name)
        if there != here:
            yield Difference("user", user.user_id, "missing_here" if here is None else "kept", name, there, here)


def lacking(differences: Iterable[Difference], profile: Profile) -> dict[str, str]:
    """What a person's document does not have and PropelAuth does, of what people choose themselves."""
    names = [each.field for each in differences if each.kind == "missing_here" and each.field in CHOSEN]
    return {name: getattr(profile, name) for name in names}


def has_account(user: User) -> bool:
    """Whether it may be a person of PropelAuth: those of the first version go by ids of Google."""
    return ID.fullmatch(user.user_id) is not None


def _differences(entity: Entity, there: Things, here: Things, name: Callable[[str], str]) -> Iterator[Difference]:
    for each in sorted(there.keys() - here.keys()):
        yield Difference(entity, name(each), "missing_here")
    for each in sorted(here.keys() - there.keys()):
        yield Difference(entity, name(each), "missing_there")
    for each in sorted(there.keys() & here.keys()):
        for field, value in there[each].items():
            if not _same(value, here[each].get(field)):
                yield Difference(entity, name(each), "differs", field, value, here[each].get(field))


def _same(there: object, here: object) -> bool:
    """Their time of expiry is never quite ours."""
    if isinstance(there, datetime) and isinstance(here, datetime):
        return abs(there - here) < SAME_TIME
    return there == here
