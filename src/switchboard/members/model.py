"""What may happen to a member, decided with no I/O."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from switchboard.clients.propelauth_facts import MembershipFacts
from switchboard.errors import Conflict, Forbidden, NotFound
from switchboard.memberships.model import PATIENCE, ChangeUnderWay, Kind, MembershipChange, Standing, UserOrganization
from switchboard.organizations.model import Acting
from switchboard.roles.model import ADMIN, OWNER, Rights


class MemberNotFound(NotFound):
    code = "member_not_found"
    message = "This person is not a member of the organization."


class LeaveInstead(Conflict):
    code = "leave_instead"
    message = "To end your own membership, leave the organization."


class AlreadyOwner(Conflict):
    code = "already_owner"
    message = "This member is an Owner already. To step back, change your own role."


class RemovedBefore(Forbidden):
    code = "removed_before"
    message = "You were removed from this organization. Ask one of its members for a new invite."


def new_change(
    acting: Acting, user_id: str | None, kind: Kind, rights: Rights | None, now: datetime, **more: Any
) -> MembershipChange:
    """A change that somebody wants; without `rights` it ends a membership."""
    return MembershipChange(
        change_id=uuid4().hex,
        org_id=acting.org_id,
        user_id=user_id,
        kind=kind,
        role_in_org=rights.role if rights else None,
        additional_roles_in_org=list(rights.additional_roles) if rights else [],
        actor=acting.actor,
        request_id=acting.request_id,
        at=now,
        look_again_at=now + PATIENCE,
        **more,
    )


def required(standing: Standing) -> UserOrganization:
    """The membership; raises `MemberNotFound`."""
    if standing.membership is None:
        raise MemberNotFound
    return standing.membership


def check_role_change(acting: Acting, standing: Standing, given: Rights) -> None:
    """Raise unless this member may get these rights from who is acting."""
    acting.rights.check("members.change_role")
    member = required(standing)
    acting.rights.check_manages(member.rights)
    acting.rights.check_grants(given, member.rights)


def check_removal(acting: Acting, standing: Standing) -> None:
    """Raise unless who is acting may remove this member."""
    acting.rights.check("members.remove")
    member = required(standing)
    if acting.actor.id == member.user_id:
        raise LeaveInstead
    acting.rights.check_manages(member.rights)


def transfer(acting: Acting, standing: Standing, now: datetime) -> list[MembershipChange]:
    """Both halves of handing an organization over, in the order in which they are carried out.

    The new Owner comes first, so there is one at any time.
    """
    acting.rights.check("org.transfer")
    if acting.membership is None:  # a service has nothing to hand over
        raise Forbidden
    member = required(standing)
    if member.rights.is_owner:
        raise AlreadyOwner
    new = Rights(OWNER, member.rights.additional_roles)
    old = Rights(ADMIN, acting.rights.additional_roles)
    return [
        new_change(acting, member.user_id, "transfer", new, now),
        new_change(acting, acting.membership.user_id, "transfer", old, now),
    ]


def check_transfer(acting: Acting, standing: Standing) -> None:
    """Raise unless this half of a transfer still makes sense: who hands over is Owner, and who takes over is not."""
    member = required(standing)
    if member.user_id == acting.actor.id:
        member.rights.check("org.transfer")
    elif member.rights.is_owner:
        raise AlreadyOwner


def raised(found: MembershipFacts, target: MembershipFacts) -> MembershipFacts:
    """A membership with at least the rights of the target; the very same one if it has them."""
    has = Rights(found.role_in_org, found.additional_roles_in_org)
    better = has.at_least(Rights(target.role_in_org, target.additional_roles_in_org))
    if better == Rights(has.role, tuple(sorted(has.additional_roles))):
        return found
    return MembershipFacts(target.org_id, target.user_id, better.role, better.additional_roles)


def check_reached(change: MembershipChange, membership: UserOrganization | None) -> None:
    """Raise `ChangeUnderWay` when somebody else's try of a change was refused; of a join its callers tell the end."""
    if change.kind != "join" and (membership.facts if membership else None) != change.target:
        raise ChangeUnderWay
