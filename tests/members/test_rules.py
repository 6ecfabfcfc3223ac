"""What may happen to a member, with plain objects."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.audit.model import Actor
from switchboard.errors import Forbidden
from switchboard.members.model import (
    AlreadyOwner,
    LeaveInstead,
    MemberNotFound,
    check_removal,
    check_role_change,
    new_change,
    required,
    transfer,
)
from switchboard.memberships.model import PATIENCE, Standing, UserOrganization
from switchboard.organizations.model import Acting, Organization
from switchboard.roles.model import ROLES, AboveOwnRole, MissingPermission, Rights, UnknownRole

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def member(user_id: str, role: str, *additional: str) -> UserOrganization:
    times: dict[str, Any] = {"joined_at": NOW, "confirmed_at": NOW, "confirmed_by": "api"}
    roles = {"role_in_org": role, "additional_roles_in_org": list(additional)}
    return UserOrganization(user_id=user_id, org_id="org", **roles, **times)


def acting(role: str, *additional: str, service: bool = False) -> Acting:
    """Olivia in this role, or a service that acts in it."""
    times: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "confirmed_at": NOW, "confirmed_by": "api"}
    organization = Organization(org_id="org", name="Northwind", **times)
    actor = Actor(kind="service" if service else "user", id="olivia", name="olivia@northwind.example")
    own = None if service else member("olivia", role, *additional)
    return Acting(actor, Rights(role, additional), organization, own, request_id="request")


def nina(role: str, *additional: str) -> Standing:
    return Standing(member("nina", role, *additional))


# (who acts, what nina is, what she shall become): every combination; True where it is allowed.
ALLOWED = {
    *(("Owner", old, new) for old in ROLES for new in ROLES),
    *(("Admin", "Member", new) for new in ("Admin", "Member")),
}


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("old", ROLES)
@pytest.mark.parametrize("new", ROLES)
def test_roles_are_changed_by_owners_and_below_themselves_by_admins(actor: str, old: str, new: str) -> None:
    if (actor, old, new) in ALLOWED:
        check_role_change(acting(actor), nina(old), Rights(new))
    else:
        with pytest.raises((AboveOwnRole, MissingPermission)):
            check_role_change(acting(actor), nina(old), Rights(new))


def test_an_admin_does_not_change_their_own_role() -> None:
    with pytest.raises(AboveOwnRole):
        check_role_change(acting("Admin"), Standing(member("olivia", "Admin")), Rights("Member"))


def test_a_role_nobody_knows_is_not_given() -> None:
    with pytest.raises(UnknownRole):
        check_role_change(acting("Owner"), nina("Member"), Rights("Superadmin"))


def test_additional_roles_are_checked_against_what_the_member_had() -> None:
    check_role_change(acting("Admin"), nina("Member", "auditor"), Rights("Member", ("auditor", "agent_editor")))
    with pytest.raises(AboveOwnRole):
        check_role_change(acting("Admin"), nina("Member"), Rights("Member", ("auditor",)))


def test_who_is_no_member_cannot_be_changed_removed_or_made_owner() -> None:
    for refused in (
        lambda: check_role_change(acting("Owner"), Standing(), Rights("Member")),
        lambda: check_removal(acting("Owner"), Standing()),
        lambda: transfer(acting("Owner"), Standing(), NOW),
        lambda: required(Standing()),
    ):
        with pytest.raises(MemberNotFound):
            refused()


@pytest.mark.parametrize(
    ("actor", "old", "allowed"),
    [
        *(("Owner", old, True) for old in ROLES),
        *(("Admin", old, old == "Member") for old in ROLES),
        *(("Member", old, False) for old in ROLES),
        ("Owner", "Guest", True),
        ("Admin", "Guest", True),
    ],
)
def test_members_are_removed_by_owners_and_below_themselves_by_admins(actor: str, old: str, allowed: bool) -> None:
    if allowed:
        check_removal(acting(actor), nina(old))
    else:
        with pytest.raises((AboveOwnRole, MissingPermission)):
            check_removal(acting(actor), nina(old))


def test_ones_own_membership_is_left_not_removed() -> None:
    for role in ("Owner", "Admin"):
        with pytest.raises(LeaveInstead):
            check_removal(acting(role), Standing(member("olivia", role)))


def test_handing_over_makes_the_new_owner_first_and_keeps_both_peoples_additional_roles() -> None:
    new, old = transfer(acting("Owner", "auditor"), nina("Member", "agent_editor"), NOW)

    assert (new.user_id, new.kind, new.role_in_org) == ("nina", "transfer", "Owner")
    assert (old.user_id, old.kind, old.role_in_org) == ("olivia", "transfer", "Admin")
    assert (new.additional_roles_in_org, old.additional_roles_in_org) == (["agent_editor"], ["auditor"])
    assert new.change_id != old.change_id


def test_only_an_owner_hands_over_and_not_to_another_owner() -> None:
    for role in ("Admin", "Member"):
        with pytest.raises(MissingPermission):
            transfer(acting(role), nina("Member"), NOW)
    with pytest.raises(AlreadyOwner):
        transfer(acting("Owner"), nina("Owner"), NOW)
    with pytest.raises(AlreadyOwner):
        transfer(acting("Owner"), Standing(member("olivia", "Owner")), NOW)


def test_a_service_has_nothing_to_hand_over() -> None:
    with pytest.raises(Forbidden):
        transfer(acting("Owner", service=True), nina("Member"), NOW)


def test_a_change_says_who_wants_it_and_is_looked_at_again_when_its_maker_is_not_waited_for() -> None:
    change = new_change(acting("Owner"), "nina", "role", Rights("Admin", ("auditor",)), NOW)

    assert change.target is not None
    assert (change.target.role_in_org, change.target.additional_roles_in_org) == ("Admin", ("auditor",))
    assert (change.actor.id, change.request_id, change.at) == ("olivia", "request", NOW)
    assert change.look_again_at == NOW + PATIENCE
    assert new_change(acting("Owner"), "nina", "remove", None, NOW).target is None
