"""DELETE /v1/orgs/{org_id}: all that belongs to it goes, its audit log stays, and nobody else loses anything."""

from typing import Any
from uuid import uuid4

from devstack.emulator import Fault
from tests.organizations.conftest import Factory, Organization, refused

OURS = ("user_organizations", "pending_invites", "membership_changes", "organizations")


def left(org: Organization) -> dict[str, int]:
    return {name: org.world.database[name].count_documents({"org_id": org.org_id}) for name in OURS}


async def filled(organization: Factory) -> Organization:
    """With three members and two pending invites, one of them past its time."""
    org = await organization()
    await org.invite(f"{uuid4().hex}@example.com")
    await org.invite(f"{uuid4().hex}@example.com")
    return org


def everything(org: Organization) -> dict[str, Any]:
    found = {
        name: list(org.world.database[name].find({"org_id": org.org_id}, sort=[("_id", 1)]))
        for name in (*OURS, "audit_log")
    }
    there = org.world.propelauth
    return {**found, "there": (org.there, there.members(org.org_id), there.pending_invites(org.org_id))}


async def test_the_preview_counts_what_would_go_and_changes_nothing(world, api, organization: Factory) -> None:
    org = await filled(organization)
    before = everything(org)
    world.propelauth.emulator.requests.clear()

    answer = await api.get(f"{org.at}/deletion", headers=org.owner.headers)

    assert answer.json() == {
        "org_id": org.org_id,
        "name": org.there.name,
        "goes": {"members": 3, "pending_invites": 2, "agents": 0, "service_keys": 0, "calendar_sharing": 0},
    }
    assert everything(org) == before
    assert world.propelauth.emulator.requests == []


async def test_the_preview_and_the_deletion_are_the_owners(api, organization: Factory) -> None:
    org = await organization()

    for person in (org.admin, org.member):
        assert refused(await api.get(f"{org.at}/deletion", headers=person.headers)) == (403, "missing_permission")
        assert refused(await api.delete(org.at, headers=person.headers)) == (403, "missing_permission")
    assert org.there.name


async def test_a_deleted_organization_is_gone_on_both_sides_and_its_log_stays(
    world, api, organization: Factory
) -> None:
    org, other = await filled(organization), await filled(organization)
    org_before, untouched = org.entries(), everything(other)

    answer = await api.delete(org.at, headers=org.owner.headers)

    assert answer.status_code == 204
    assert left(org) == dict.fromkeys(OURS, 0)
    assert org.org_id not in world.propelauth.world.orgs
    *earlier, last = org.entries()
    assert earlier == org_before
    assert (last["action"], last["actor"]["id"], last["after"]) == ("organization.deleted", org.owner.user_id, None)
    assert last["before"]["name"]
    assert everything(other) == untouched
    for person in org.people.values():
        assert refused(await api.get(org.at, headers=person.headers)) == (404, "organization_not_found")
        assert (await api.get("/v1/orgs", headers=person.headers)).json() == {"organizations": []}


async def test_a_member_of_two_keeps_the_other_one(world, api, organization: Factory) -> None:
    org, other = await organization("Owner"), await organization("Owner")
    other.add("Member", org.owner)
    await other.mirrored()

    await api.delete(org.at, headers=org.owner.headers)

    mine = (await api.get("/v1/orgs", headers=org.owner.headers)).json()["organizations"]
    assert [each["org_id"] for each in mine] == [other.org_id]


async def test_an_invite_to_what_is_deleted_is_gone_for_its_invitee(world, api, organization: Factory) -> None:
    org, nina = await organization("Owner"), world.person(google=False)
    invite = await org.invite(nina.email)
    await api.delete(org.at, headers=org.owner.headers)

    assert (await api.get("/v1/me/invites", headers=nina.headers)).json() == {"invites": []}
    accepted = await api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=nina.headers)
    assert refused(accepted) == (404, "invite_not_found")


async def test_a_deletion_that_propelauth_did_not_answer_is_finished_by_the_same_call(world, api, organization) -> None:
    org = await filled(organization)
    world.propelauth.emulator.fail(Fault("/org/[^/]+$", "DELETE", drop=True, act_first=True))

    first = await api.delete(org.at, headers=org.owner.headers)
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    assert left(org)["organizations"] == 1

    assert (await api.delete(org.at, headers=org.owner.headers)).status_code == 204
    assert left(org) == dict.fromkeys(OURS, 0)
    assert len(org.entries("organization.deleted")) == 1
    assert org.entries("organization.deleted")[0]["actor"]["id"] == org.owner.user_id


async def test_what_was_deleted_at_propelauth_goes_by_the_next_comparison(world, api, organization: Factory) -> None:
    org = await filled(organization)
    world.propelauth.delete_org(org.org_id)

    await org.mirrored()

    assert left(org) == dict.fromkeys(OURS, 0)
    assert [entry["actor"]["kind"] for entry in org.entries("organization.deleted")] == ["propelauth"]
    assert (await api.get(org.at, headers=org.owner.headers)).status_code == 404
