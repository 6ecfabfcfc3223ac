"""Roles changed, members removed, leaving and handing over: at PropelAuth, here, and once in the audit log."""

from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person


async def change(org: Organization, actor: Person, target: Person, role: str, **fields: Any) -> httpx.Response:
    path = f"{org.at}/members/{target.user_id}"
    return await org.world.api.patch(path, headers=actor.headers, json={"role_in_org": role, **fields})


async def remove(org: Organization, actor: Person, target: Person) -> httpx.Response:
    return await org.world.api.delete(f"{org.at}/members/{target.user_id}", headers=actor.headers)


async def leave(org: Organization, person: Person) -> httpx.Response:
    return await org.world.api.post(f"{org.at}/leave", headers=person.headers)


async def transfer(org: Organization, actor: Person, target: str) -> httpx.Response:
    return await org.world.api.post(f"{org.at}/transfer", headers=actor.headers, json={"user_id": target})


@pytest.fixture
async def org(organization: Factory) -> Organization:
    made = await organization()
    made.forget_entries()
    return made


def state(org: Organization) -> Any:
    """All that a refused change must leave alone."""
    roles = {person.user_id: (org.role(person), org.role_there(person)) for person in org.people.values()}
    return roles, org.counts, org.entries(), org.under_way()


async def test_a_role_is_changed_on_both_sides_and_told_once(org: Organization) -> None:
    answer = await change(org, org.owner, org.member, "Admin")

    assert (answer.status_code, answer.json()["role_in_org"]) == (200, "Admin")
    assert org.role(org.member) == org.role_there(org.member) == "Admin"
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"], entry["target"]) == (
        *("member.role_changed", org.owner.user_id),
        {"kind": "member", "id": org.member.user_id},
    )
    assert (entry["before"], entry["after"]) == ({"role_in_org": "Member"}, {"role_in_org": "Admin"})
    assert (org.counts, org.under_way()) == ((1, 3), [])


async def test_the_same_role_again_does_nothing_and_asks_nothing(org: Organization) -> None:
    await change(org, org.owner, org.member, "Admin")
    before = state(org)
    org.world.propelauth.emulator.requests.clear()

    assert (await change(org, org.owner, org.member, "Admin")).status_code == 200

    assert state(org) == before
    assert org.world.propelauth.emulator.requests == []


async def test_a_second_owner_is_counted_and_then_the_first_may_step_back(org: Organization) -> None:
    assert refused(await change(org, org.owner, org.owner, "Admin")) == (409, "last_owner")
    assert (await change(org, org.owner, org.admin, "Owner")).status_code == 200
    assert org.counts == (2, 3)

    assert (await change(org, org.owner, org.owner, "Member")).status_code == 200

    assert (org.counts, org.role_there(org.owner)) == ((1, 3), "Member")
    assert refused(await change(org, org.admin, org.admin, "Member")) == (409, "last_owner")


async def test_additional_roles_are_kept_when_they_are_sent_and_dropped_when_not(
    additional_roles, organization: Factory
) -> None:
    org = await organization("Owner")
    nina = org.add("Member", additional=("agent_editor", "auditor"))
    await org.mirrored()

    both = await change(org, org.owner, nina, "Admin", additional_roles_in_org=["auditor", "agent_editor", "auditor"])
    none = await change(org, org.owner, nina, "Admin")

    assert both.json()["additional_roles_in_org"] == ["agent_editor", "auditor"]
    assert none.json()["additional_roles_in_org"] == []
    assert org.world.propelauth.membership(org.org_id, nina.user_id).additional_roles == []
    changed = org.entries("member.role_changed")
    assert [entry["after"] for entry in changed] == [{"role_in_org": "Admin"}, {"additional_roles_in_org": []}]


async def test_a_role_with_the_same_additional_roles_in_another_order_is_no_change(
    additional_roles, organization: Factory
) -> None:
    org = await organization("Owner")
    nina = org.add("Member", additional=("auditor", "agent_editor"))
    await org.mirrored()
    org.forget_entries()

    answer = await change(org, org.owner, nina, "Member", additional_roles_in_org=["agent_editor", "auditor"])

    assert answer.status_code == 200
    assert org.entries() == []


async def test_an_additional_role_is_a_door_like_any_other(additional_roles, organization: Factory) -> None:
    org = await organization()

    sent = await change(org, org.admin, org.member, "Member", additional_roles_in_org=["auditor"])

    assert refused(sent) == (403, "above_own_role")
    assert (
        await change(org, org.admin, org.member, "Member", additional_roles_in_org=["agent_editor"])
    ).status_code == 200


async def test_a_role_propelauth_refuses_is_given_up(organization: Factory) -> None:
    """Additional roles where the project has none."""
    org = await organization()
    before = state(org)

    sent = await change(org, org.owner, org.member, "Admin", additional_roles_in_org=["agent_editor"])

    assert refused(sent) == (422, "refused_by_propelauth")
    assert state(org) == before


async def test_a_demotion_counts_at_once_even_with_an_old_token(org: Organization) -> None:
    await change(org, org.owner, org.admin, "Member")

    assert refused(await remove(org, org.admin, org.member)) == (403, "missing_permission")


async def test_who_is_removed_is_out_at_once_on_both_sides(org: Organization) -> None:
    fresh = {"Authorization": f"Bearer {org.world.propelauth.access_token(org.member.user_id)}"}

    assert (await remove(org, org.admin, org.member)).status_code == 204

    assert (org.role(org.member), org.role_there(org.member), org.counts) == (None, None, (1, 2))
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"], entry["after"]) == ("member.removed", org.admin.user_id, None)
    assert entry["before"] == {"role_in_org": "Member", "additional_roles_in_org": []}
    for headers in (org.member.headers, fresh):
        assert refused(await org.world.api.get(org.at, headers=headers)) == (404, "organization_not_found")
    assert refused(await remove(org, org.admin, org.member)) == (404, "member_not_found")


async def test_an_owner_is_removed_by_another_one_only(org: Organization) -> None:
    nina = org.add("Owner", org.world.person(google=False))
    await org.mirrored()

    assert refused(await remove(org, org.admin, nina)) == (403, "above_own_role")
    assert (await remove(org, org.owner, nina)).status_code == 204
    assert org.counts == (1, 3)
    assert refused(await remove(org, org.owner, org.owner)) == (409, "leave_instead")


async def test_who_leaves_is_out_and_it_is_told_as_leaving(org: Organization) -> None:
    assert (await leave(org, org.member)).status_code == 204

    assert (org.role(org.member), org.role_there(org.member), org.counts) == (None, None, (1, 2))
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"], entry["target"]["id"]) == (
        *("member.left", org.member.user_id, org.member.user_id),
    )
    assert refused(await leave(org, org.member)) == (404, "organization_not_found")
    assert refused(await leave(org, org.owner)) == (409, "last_owner")


async def test_handing_over_changes_both_and_is_one_entry(org: Organization) -> None:
    answer = await transfer(org, org.owner, org.member.user_id)

    assert (answer.status_code, answer.json()["user_id"], answer.json()["role_in_org"]) == (
        *(200, org.member.user_id),
        "Owner",
    )
    for person, role in ((org.member, "Owner"), (org.owner, "Admin")):
        assert org.role(person) == org.role_there(person) == role
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"], entry["target"]["id"]) == (
        *("ownership.transferred", org.owner.user_id),
        org.member.user_id,
    )
    assert (org.counts, org.under_way()) == ((1, 3), [])
    assert refused(await transfer(org, org.owner, org.admin.user_id)) == (403, "missing_permission")


@pytest.mark.parametrize(
    ("path", "skip"), [("/org/change_role", 0), ("/org/change_role", 1)], ids=["the first half", "the second half"]
)
@pytest.mark.parametrize("act_first", [False, True])
async def test_half_a_transfer_shows_nowhere_and_the_same_call_finishes_it(
    org: Organization, path: str, skip: int, act_first: bool
) -> None:
    org.world.propelauth.emulator.fail(Fault(path, "POST", skip=skip, drop=True, act_first=act_first))
    first = await transfer(org, org.owner, org.member.user_id)

    assert refused(first) == (503, "propelauth_unavailable")
    assert (org.role(org.owner), org.role(org.member)) == ("Owner", "Member")
    assert (org.entries(), len(org.under_way()), org.counts) == ([], 2, (0, 3))  # nobody is counted on meanwhile
    assert "Owner" in (org.role_there(org.owner), org.role_there(org.member))

    assert (await transfer(org, org.owner, org.member.user_id)).status_code == 200
    assert (org.role(org.owner), org.role(org.member)) == ("Admin", "Owner")
    assert (org.role_there(org.owner), org.role_there(org.member)) == ("Admin", "Owner")
    assert [entry["action"] for entry in org.entries()] == ["ownership.transferred"]
    assert (org.counts, org.under_way()) == ((1, 3), [])


async def test_a_transfer_to_nobody_an_owner_or_oneself_changes_nothing(org: Organization, ada) -> None:
    nina = org.add("Owner", org.world.person(google=False))
    await org.mirrored()
    before = state(org)

    assert refused(await transfer(org, org.owner, ada.user_id)) == (404, "member_not_found")
    assert refused(await transfer(org, org.owner, "nobody")) == (404, "member_not_found")
    assert refused(await transfer(org, org.owner, nina.user_id)) == (409, "already_owner")
    assert refused(await transfer(org, org.owner, org.owner.user_id)) == (409, "already_owner")
    assert refused(await transfer(org, org.admin, org.member.user_id)) == (403, "missing_permission")
    assert state(org) == before


async def test_a_member_who_is_gone_at_propelauth_is_found_gone_here_by_the_attempt(org: Organization) -> None:
    org.world.propelauth.remove_member(org.org_id, org.member.user_id)

    assert refused(await change(org, org.owner, org.member, "Admin")) == (404, "member_not_found")

    assert (org.role(org.member), org.counts, org.under_way()) == (None, (1, 2), [])
    assert [(entry["action"], entry["actor"]["kind"]) for entry in org.entries()] == [("member.removed", "propelauth")]


async def test_another_persons_change_of_the_same_member_waits_its_turn(org: Organization) -> None:
    org.world.propelauth.emulator.fail(Fault("/org/change_role", "POST", drop=True))
    assert (await change(org, org.owner, org.member, "Admin")).status_code == 503

    assert refused(await remove(org, org.admin, org.member)) == (409, "change_under_way")

    assert (org.role(org.member), org.role_there(org.member)) == ("Member", "Member")
    assert (await change(org, org.owner, org.member, "Admin")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role_in_org": "Superadmin"},
        {"role_in_org": "owner"},
        {"role_in_org": None},
        {"role_in_org": ["Owner"]},
        {"role_in_org": "Admin", "additional_roles_in_org": None},
        {"role_in_org": "Admin", "additional_roles_in_org": ["$ne"]},
        {"role_in_org": "Admin", "additional_roles_in_org": [""]},
        {"role_in_org": "Admin", "additional_roles_in_org": ["a"] * 21},
        {"role_in_org": "Admin", "user_id": "x"},
        {"role_in_org": "Admin", "joined_at": "2020-01-01T00:00:00Z"},
    ],
)
async def test_what_makes_no_sense_changes_nothing(org: Organization, body: dict[str, Any]) -> None:
    before = state(org)
    path = f"{org.at}/members/{org.member.user_id}"

    answer = await org.world.api.patch(path, headers=org.owner.headers, json=body)

    assert answer.status_code == 422
    assert state(org) == before
