"""What a back-fill says of two sides, with plain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from switchboard.backfill.model import (
    Difference,
    Drift,
    OtherProject,
    View,
    check_project,
    compared,
    compared_person,
    lacking,
)
from switchboard.clients.propelauth_facts import Profile
from switchboard.users.model import User
from tests.backfill.projects import told

AT = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)
MEMBER = {"role_in_org": "Member", "additional_roles_in_org": []}
ADMIN = {"role_in_org": "Admin", "additional_roles_in_org": []}
INVITE = {**MEMBER, "expires_at": AT}
ORG = {"org": {"name": "Acme", "max_users": 5}}
HERE = View(ORG, {"ada": ADMIN, "bob": MEMBER}, {"eve@example.com": INVITE})
PROFILE = Profile("ada@example.com", "Ada", None, None, "https://x/ada.png", True, True, False, True, False, True, None)


def test_two_sides_that_are_the_same_differ_in_nothing_nor_do_the_seconds_of_an_expiry() -> None:
    later = {"eve@example.com": {**INVITE, "expires_at": AT + timedelta(seconds=50)}}
    assert compared("org", HERE, HERE, {}) == []
    assert compared("org", View(HERE.organization, HERE.members, later), HERE, {}) == []


def test_what_one_side_does_not_have_is_missing_there_and_a_field_differs_by_its_name() -> None:
    there = View({"org": {"name": "Acme Ltd", "max_users": 9}}, {"ada": MEMBER, "cy": MEMBER}, {})
    assert compared("org", there, HERE, {"eve@example.com": "invite-1"}) == [
        Difference("organization", "org", "differs", "name", "Acme Ltd", "Acme"),
        Difference("organization", "org", "differs", "max_users", 9, 5),
        Difference("member", "org/cy", "missing_here"),
        Difference("member", "org/bob", "missing_there"),
        Difference("member", "org/ada", "differs", "role_in_org", "Member", "Admin"),
        Difference("invite", "invite-1", "missing_there"),
    ]


def test_an_organization_that_is_not_here_is_missing_with_all_that_belongs_to_it() -> None:
    found = compared("org", HERE, View({}, {}, {}), {})
    assert [(each.entity, each.id, each.kind) for each in found] == [
        ("organization", "org", "missing_here"),
        ("member", "org/ada", "missing_here"),
        ("member", "org/bob", "missing_here"),
        ("invite", "org", "missing_here"),
    ]


def test_a_person_keeps_what_people_set_here_and_lacks_what_nobody_set() -> None:
    user = User(user_id="ada", email="old@example.com", email_confirmed=True, first_name="Augusta", has_password=True)
    found = compared_person(user.model_copy(update={"can_create_orgs": True}), PROFILE)
    assert [(each.field, each.kind) for each in found] == [
        ("email", "differs"),
        ("first_name", "kept"),
        ("picture_url", "missing_here"),
    ]
    assert lacking(found, PROFILE) == {"picture_url": "https://x/ada.png"}


def test_an_email_that_propelauth_does_not_tell_is_not_taken_away() -> None:
    user = User.model_validate({"user_id": "ada", "email": "ada@example.com", **vars(PROFILE)})
    assert compared_person(user, replace(PROFILE, email=None)) == []


def test_somebody_whom_propelauth_does_not_know_may_be_here_but_not_enabled() -> None:
    user = User(user_id="ada")
    assert compared_person(user, None) == [Difference("user", "ada", "missing_there")]
    assert compared_person(user.model_copy(update={"enabled": False}), None) == []


def test_a_report_counts_by_field_and_shows_some_ids_and_only_values_that_are_not_personal() -> None:
    drift = Drift()
    roles = (Difference("member", f"org/{n}", "differs", "role_in_org", "Admin", "Member") for n in range(7))
    drift.add([*roles, Difference("user", "ada", "differs", "email", "a@example.com", "b@example.com")])

    lines = drift.model_dump(mode="json")["lines"]
    assert told(lines) == {("member", "role_in_org", "differs"): 7, ("user", "email", "differs"): 1}
    assert [sample["id"] for sample in lines[0]["samples"]] == [f"org/{n}" for n in range(5)]
    assert lines[0]["samples"][0] == {"id": "org/0", "there": "Admin", "here": "Member"}
    assert lines[1]["samples"] == [{"id": "ada", "there": None, "here": None}]
    assert Drift.model_validate(drift.model_dump()) == drift


def test_what_is_kept_is_no_drift() -> None:
    drift = Drift()
    drift.add([Difference("user", "ada", "kept", "first_name", "Ada", "Augusta")])
    assert not drift
    drift.add([Difference("user", "ada", "differs", "locked", True, False)])
    assert drift


def test_a_project_that_knows_nothing_of_what_is_here_is_another_one() -> None:
    check_project(known=False, anything_here=False)
    check_project(known=True, anything_here=True)
    with pytest.raises(OtherProject):
        check_project(known=False, anything_here=True)
