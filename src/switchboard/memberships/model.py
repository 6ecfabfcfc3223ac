"""Memberships, the changes of them that are under way, and what both together count for.

PropelAuth holds the truth; a change is decided here first, because only here one write can decide it: it is noted as
a `MembershipChange`, carried out at PropelAuth, and then mirrored. See docs/decisions/0009.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.audit.model import OUTSIDE, Action, Actor, AuditEntry, Target, differences, new_entry
from switchboard.clients.propelauth_facts import MembershipFacts
from switchboard.errors import Conflict, SwitchboardError
from switchboard.roles.model import OWNER, Rights

Source = Literal["webhook", "api", "token", "backfill"]
Kind = Literal["join", "role", "transfer", "remove", "leave", "organization"]

PATIENCE: Final = timedelta(seconds=15)  # longer than all calls to PropelAuth that carry out one change
JOINS_WAIT: Final = timedelta(days=1)


class LastOwner(Conflict):
    code = "last_owner"
    message = "An organization needs an Owner. Make somebody else Owner first, or hand it over."


class ChangeUnderWay(Conflict):
    code = "change_under_way"
    message = "Another change of this is under way. Try again in a few seconds."


class UserOrganization(BaseModel):
    """A membership, as PropelAuth last confirmed it: when (UTC), and by what we learnt of it."""

    user_id: Annotated[str, Reference("User", "cascade")]
    org_id: Annotated[str, Reference("Organization", "cascade")]
    role_in_org: str
    additional_roles_in_org: list[str] = []
    joined_at: datetime
    confirmed_at: datetime
    confirmed_by: Source

    @property
    def rights(self) -> Rights:
        return Rights(self.role_in_org, tuple(self.additional_roles_in_org))

    @property
    def facts(self) -> MembershipFacts:
        return MembershipFacts(self.org_id, self.user_id, self.role_in_org, tuple(self.additional_roles_in_org))


class Overtaken(SwitchboardError):
    """Somebody looked later than a change was carried out, and wrote what they saw: look again."""

    code = "overtaken"


class MembershipChange(BaseModel):
    """A change that was decided and is being carried out; at most one per person, and one of an organization itself.

    `user_id` is None for the organization's own fields, and `digest` then says which. A `transfer` is one half of
    handing an organization over. `promised_at` is since when somebody may join: who was removed after it may not.
    One call at a time carries it out, until `carried_until`: a second one's request could arrive at PropelAuth when
    the change is long over.
    """

    change_id: str
    org_id: Annotated[str, Reference("Organization", "cascade")]
    user_id: Annotated[str | None, Reference("User", "cascade")]
    kind: Kind
    role_in_org: str | None = None
    additional_roles_in_org: list[str] = []
    digest: str | None = None
    promised_at: datetime | None = None
    actor: Actor
    request_id: str | None = None
    at: datetime
    look_again_at: datetime
    carried_until: datetime | None = None

    @property
    def target(self) -> MembershipFacts | None:
        """The membership it leads to; None when it ends one."""
        if self.role_in_org is None or self.user_id is None:
            return None
        return MembershipFacts(self.org_id, self.user_id, self.role_in_org, tuple(self.additional_roles_in_org))

    @property
    def ends_ownership(self) -> bool:
        """Whether an Owner must not be counted on from now on."""
        return self.kind in ("role", "transfer", "remove", "leave") and self.role_in_org != OWNER

    def fresh(self, now: datetime) -> bool:
        """Whether whoever decided it may still be carrying it out."""
        return now < self.at + PATIENCE

    def outlived(self, now: datetime) -> bool:
        """Whether nobody waits for it any more."""
        return now >= self.at + (JOINS_WAIT if self.kind == "join" else PATIENCE)

    def same_as(self, other: "MembershipChange") -> bool:
        """Whether a repeated call asks for what is under way already."""
        return self._asked == other._asked

    @property
    def _asked(self) -> tuple[object, ...]:
        return self.kind, self.target, self.digest, self.actor.id


@dataclass(frozen=True)
class Look:
    """A look at PropelAuth: what led to it, and when. `finishes` are the ids of changes that end with it."""

    source: Source
    at: datetime
    finishes: frozenset[str] = frozenset()

    def with_ticket(self, ticket: int, *, assumed: bool = False) -> "Seen":
        return Seen(self.source, self.at, self.finishes, ticket, assumed)


@dataclass(frozen=True)
class Seen(Look):
    """A look with its ticket, drawn before it.

    Of two looks at one thing the one with the higher ticket began later, so what it saw counts and the other's does
    not, whichever is written first. `assumed`: nothing was looked at, it is what our own call did.
    """

    ticket: int = 0
    assumed: bool = False


@dataclass(frozen=True)
class Standing:
    """A person in an organization: the membership, and the change of it that is under way."""

    membership: UserOrganization | None = None
    change: MembershipChange | None = None

    @property
    def owners(self) -> int:
        """What it adds to the Owners that can be counted on."""
        owner = self.membership is not None and self.membership.role_in_org == OWNER
        return int(owner and not (self.change is not None and self.change.ends_ownership))

    @property
    def seats(self) -> int:
        """What it adds to the seats taken: a member has one, and so has who is joining."""
        return int(self.membership is not None or (self.change is not None and self.change.kind == "join"))

    def left_to_its_maker(self, truth: MembershipFacts | None, seen: Seen) -> bool:
        """Whether this truth is the outcome of a change whose maker is about to write it.

        The maker's own look ends the change and writes the audit entry, both halves of a transfer at once.
        """
        change = self.change
        if change is None or change.change_id in seen.finishes:
            return False
        return change.fresh(seen.at) and change.target == truth

    def without(self, change_ids: frozenset[str]) -> "Standing":
        """The same once these changes are given up."""
        given_up = self.change is not None and self.change.change_id in change_ids
        return Standing(self.membership, None) if given_up else self

    def confirmed(self, truth: MembershipFacts | None, seen: Seen) -> "Standing":
        """What stands after PropelAuth said so. A change that is reached or finished is over."""
        change = self.change
        over = change is not None and (change.change_id in seen.finishes or change.target == truth)
        return Standing(self._member(truth, seen), None if over else change)

    def _member(self, truth: MembershipFacts | None, seen: Seen) -> UserOrganization | None:
        if truth is None:
            return None
        return UserOrganization(
            user_id=truth.user_id,
            org_id=truth.org_id,
            role_in_org=truth.role_in_org,
            additional_roles_in_org=list(truth.additional_roles_in_org),
            joined_at=self.membership.joined_at if self.membership else seen.at,
            confirmed_at=seen.at,
            confirmed_by=seen.source,
        )

    def entry(self, after: "Standing", seen: Seen) -> AuditEntry | None:
        """What the audit log says about the step from here to `after`; None when the membership is the same.

        Both halves of a transfer are one entry, that of the new Owner.
        """
        was, is_ = _roles(self.membership), _roles(after.membership)
        change = self.change if after.change is None else None
        if was == is_ or (change is not None and change.kind == "transfer" and change.role_in_org != OWNER):
            return None
        member = after.membership or self.membership
        assert member is not None  # noqa: S101  (one of them differs from nothing)
        before, now = differences(was, is_)
        return new_entry(
            _action(change, joined=not was, left=not is_),
            member.org_id,
            Target(kind="member", id=member.user_id),
            change.actor if change else OUTSIDE,
            seen.at,
            before=before if was else None,
            after=now if is_ else None,
            request_id=change.request_id if change else None,
        )


class Mark(BaseModel):
    """What is known of a person in an organization, or with `user_id` None of the organization, beside the mirror.

    `applied` is the highest ticket whose look was written; `absent_at` when PropelAuth last said that there is no such
    membership; `removed_at` when one was ended by somebody else than its member, `left_at` when by its member.
    """

    org_id: Annotated[str, Reference("Organization", "keep")]
    user_id: Annotated[str | None, Reference("User", "keep")] = None
    applied: int = 0
    absent_at: datetime | None = None
    removed_at: datetime | None = None
    left_at: datetime | None = None

    def after(self, before: Standing, after: Standing, seen: Seen) -> "Mark":
        """The mark once a look is written."""
        changes: dict[str, Any] = {"applied": seen.ticket}
        if after.membership is None:
            changes["absent_at"] = seen.at
            left = before.change is not None and before.change.kind == "leave"
            if before.membership is not None:
                changes["left_at" if left else "removed_at"] = seen.at
        return self.model_copy(update=changes)

    def denies(self, issued_at: datetime) -> bool:
        """Whether PropelAuth denied the membership after a token that claims it was issued; those times are seconds."""
        return self.absent_at is not None and self.absent_at >= issued_at + timedelta(seconds=1)

    def forbids(self, since: datetime) -> bool:
        """Whether somebody was removed at or after that time, so that what was promised before counts no more."""
        return self.removed_at is not None and self.removed_at >= since

    def left_since(self, since: datetime) -> bool:
        """Whether the member left at or after that time, so that what was used before is not used again."""
        return self.left_at is not None and self.left_at >= since


def _roles(membership: UserOrganization | None) -> dict[str, Any]:
    if membership is None:
        return {}
    return membership.model_dump(include={"role_in_org", "additional_roles_in_org"})


def _action(change: MembershipChange | None, *, joined: bool, left: bool) -> Action:
    if joined:
        return "member.joined"
    if left:
        return "member.left" if change is not None and change.kind == "leave" else "member.removed"
    if change is not None and change.kind == "transfer":
        return "ownership.transferred"
    return "member.role_changed"
