"""The rules of roles with plain objects: what each permits, what may be given, who may be changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.roles.model import (
    KNOWN_ADDITIONAL,
    PERMISSIONS,
    ROLES,
    AboveOwnRole,
    MissingPermission,
    Rights,
    UnknownRole,
)

OWNER, ADMIN, MEMBER = (Rights(role) for role in ROLES)
EDITOR = Rights("Member", ("agent_editor",))
NO_ROLES = ("owner", "OWNER", "Owner ", "Superadmin", "", "Admin,Owner", "agent_editor")

FOR_ALL = {"org.read", "members.read", "agents.read", "calendar.read", "audit.read_own"}
FOR_MANAGERS = {
    *("org.update", "members.change_role", "members.remove", "audit.read"),
    *("invites.read", "invites.create", "invites.resend", "invites.revoke"),
    *("agents.write", "agents.activate", "agents.delete", "agents.restore", "agents.share", "agents.bind_number"),
}
FOR_OWNERS = {"org.update_access", "org.delete", "org.transfer"}

ANY_RIGHTS = st.builds(
    Rights,
    st.sampled_from([*ROLES, "Guest"]),
    st.lists(st.sampled_from(["agent_editor", "auditor", "Owner"]), unique=True).map(tuple),
)


def test_each_role_permits_what_the_table_of_the_design_says() -> None:
    assert MEMBER.permissions == FOR_ALL
    assert ADMIN.permissions == FOR_ALL | FOR_MANAGERS
    assert OWNER.permissions == FOR_ALL | FOR_MANAGERS | FOR_OWNERS == {each.name for each in PERMISSIONS}


def test_an_agent_editor_may_write_agents_beside_what_the_role_permits() -> None:
    assert EDITOR.permissions == MEMBER.permissions | {"agents.write"}
    assert Rights("Admin", ("agent_editor",)).permissions == ADMIN.permissions


def test_an_additional_role_that_is_not_known_adds_nothing_even_with_the_name_of_a_role() -> None:
    assert Rights("Member", ("auditor", "Owner", "Admin")).permissions == MEMBER.permissions


@pytest.mark.parametrize("role", NO_ROLES)
def test_an_unknown_role_permits_nothing_whatever_additional_roles_come_with_it(role: str) -> None:
    rights = Rights(role, ("agent_editor",))

    assert (rights.rank, rights.permissions, rights.is_owner) == (0, frozenset(), False)
    with pytest.raises(MissingPermission):
        rights.check("org.read")


def test_ranks_go_down_from_owner() -> None:
    assert OWNER.rank > ADMIN.rank > MEMBER.rank > Rights("Guest").rank == 0


def test_each_permission_stands_once_and_higher_roles_have_what_lower_ones_have() -> None:
    names = [each.name for each in PERMISSIONS]

    assert len(names) == len(set(names))
    assert MEMBER.permissions < ADMIN.permissions < OWNER.permissions
    assert {"agent_editor"} == KNOWN_ADDITIONAL


def test_a_missing_permission_is_refused_and_one_that_is_there_is_not() -> None:
    ADMIN.check("org.update")
    for permission in ("org.update_access", "org.delete", "org.transfer", "no.such.permission"):
        with pytest.raises(MissingPermission):
            ADMIN.check(permission)


@pytest.mark.parametrize(("giver", "highest"), [(OWNER, "Owner"), (ADMIN, "Admin"), (MEMBER, "Member")])
def test_a_role_up_to_ones_own_may_be_given_and_no_higher_one(giver: Rights, highest: str) -> None:
    for role in ROLES:
        if Rights(role).rank <= Rights(highest).rank:
            giver.check_grants(Rights(role))
        else:
            with pytest.raises(AboveOwnRole):
                giver.check_grants(Rights(role))


@pytest.mark.parametrize("role", NO_ROLES)
def test_an_unknown_role_is_given_by_nobody(role: str) -> None:
    with pytest.raises(UnknownRole) as refused:
        OWNER.check_grants(Rights(role))
    assert "role_in_org" in refused.value.fields


def test_an_additional_role_is_given_by_who_has_it_or_has_all_it_permits() -> None:
    given_one = Rights("Member", ("agent_editor",))

    OWNER.check_grants(given_one)
    ADMIN.check_grants(given_one)
    EDITOR.check_grants(given_one)
    with pytest.raises(AboveOwnRole):
        MEMBER.check_grants(given_one)


def test_an_additional_role_nobody_here_knows_is_given_by_an_owner_or_who_has_it_alone() -> None:
    """PropelAuth may let it do more than we know of."""
    given_one = Rights("Member", ("auditor",))

    OWNER.check_grants(given_one)
    Rights("Admin", ("auditor",)).check_grants(given_one)
    with pytest.raises(AboveOwnRole):
        ADMIN.check_grants(given_one)


def test_an_additional_role_the_person_had_before_may_stay() -> None:
    ADMIN.check_grants(Rights("Admin", ("auditor",)), Rights("Member", ("auditor",)))
    with pytest.raises(AboveOwnRole):
        ADMIN.check_grants(Rights("Member", ("auditor", "night_shift")), Rights("Member", ("auditor",)))


def test_an_owner_changes_everybody_others_only_who_is_below_them() -> None:
    for other in (OWNER, ADMIN, MEMBER, Rights("Guest")):
        OWNER.check_manages(other)
    for actor, other in [(ADMIN, OWNER), (ADMIN, ADMIN), (MEMBER, MEMBER), (MEMBER, ADMIN), (Rights("Guest"), MEMBER)]:
        with pytest.raises(AboveOwnRole):
            actor.check_manages(other)
    ADMIN.check_manages(MEMBER)
    ADMIN.check_manages(EDITOR)
    ADMIN.check_manages(Rights("Guest"))


def test_the_higher_role_and_all_additional_roles_stay_when_two_are_put_together() -> None:
    assert ADMIN.at_least(MEMBER) == MEMBER.at_least(ADMIN) == ADMIN
    assert EDITOR.at_least(Rights("Admin", ("auditor",))) == Rights("Admin", ("agent_editor", "auditor"))
    assert Rights("Guest").at_least(MEMBER) == MEMBER
    assert MEMBER.at_least(Rights("Guest")) == MEMBER


@given(ANY_RIGHTS, ANY_RIGHTS)
def test_putting_two_together_lowers_nobody(one: Rights, other: Rights) -> None:
    both = one.at_least(other)

    assert both.rank == max(one.rank, other.rank)
    assert both.permissions >= one.permissions | other.permissions
    assert set(both.additional_roles) == {*one.additional_roles, *other.additional_roles}
    assert both.at_least(one).permissions == both.permissions


@given(ANY_RIGHTS, ANY_RIGHTS)
def test_what_may_be_given_permits_nothing_that_the_giver_may_not(giver: Rights, wanted: Rights) -> None:
    """The door to escalation: nobody makes a helper who can do more than they can."""
    try:
        giver.check_grants(wanted)
    except (AboveOwnRole, UnknownRole):
        return
    assert wanted.permissions <= giver.permissions
    assert wanted.rank <= giver.rank


@given(ANY_RIGHTS, ANY_RIGHTS)
def test_who_may_be_changed_can_do_nothing_that_the_actor_can_not(actor: Rights, other: Rights) -> None:
    try:
        actor.check_manages(other)
    except AboveOwnRole:
        return
    assert other.permissions <= actor.permissions
    assert other.rank < actor.rank or actor.is_owner
