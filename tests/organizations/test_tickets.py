"""Looks at PropelAuth that overtake each other, and changes that are being carried out meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from devstack.emulator import Fault
from switchboard.audit.model import Actor
from switchboard.members import service as members
from switchboard.members.model import RemovedBefore, new_change
from switchboard.memberships.documents import MarkDocument
from switchboard.memberships.model import Look
from switchboard.organizations import service
from switchboard.organizations.documents import OrganizationDocument
from switchboard.roles.model import Rights
from tests.organizations.conftest import Factory, Organization
from tests.world import Person, World, eventually

ADMIN = {"role_in_org": "Admin"}


def look(source: str = "webhook") -> Look:
    return Look(source, datetime.now(UTC))  # type: ignore[arg-type]


async def refresh(world: World, org: Organization, person: Person) -> None:
    await service.refresh_member(world.services, org.org_id, person.user_id, look())


async def test_of_two_looks_the_one_that_began_later_counts_whichever_is_written_first(world, organization) -> None:
    org = await organization()
    early = look().with_ticket(await MarkDocument.ticket(org.org_id))
    seen_early = {org.member.user_id: None}
    await refresh(world, org, org.member)

    await service.confirm_members(world.services, org.org_id, seen_early, early)

    assert org.role(org.member) == "Member"
    assert org.counts == (1, 3)


async def test_a_look_in_the_middle_of_a_change_leaves_its_outcome_to_the_maker(world, api, organization) -> None:
    org = await organization()
    org.forget_entries()
    world.propelauth.emulator.fail(Fault(path="change_role", latency=0.3, status=500, act_first=True))
    world.propelauth.emulator.fail(Fault(path="change_role", latency=0.3))
    at = f"{org.at}/members/{org.member.user_id}"
    assert (await api.patch(at, headers=org.owner.headers, json=ADMIN)).status_code == 503
    repeated = asyncio.ensure_future(api.patch(at, headers=org.owner.headers, json=ADMIN))
    await eventually(lambda: len(world.propelauth.emulator.asked("change_role")) == 2)

    await refresh(world, org, org.member)
    in_between = org.role(org.member)

    assert (in_between, (await repeated).json()["role_in_org"]) == ("Member", "Admin")
    assert [entry["actor"]["id"] for entry in org.entries()] == [org.owner.user_id]
    assert org.under_way() == []


async def test_a_change_that_a_later_look_overtook_ends_with_what_propelauth_says(world, api, organization) -> None:
    """Somebody changes the role at PropelAuth between our call there and our write here."""
    org = await organization()
    world.propelauth.emulator.fail(Fault(path="change_role", latency=0.3))
    at = f"{org.at}/members/{org.member.user_id}"
    changing = asyncio.ensure_future(api.patch(at, headers=org.owner.headers, json=ADMIN))
    await eventually(lambda: world.propelauth.emulator.asked("change_role"))
    world.propelauth.change_role(org.org_id, org.member.user_id, "Owner")
    await refresh(world, org, org.member)

    answer = await changing

    assert answer.json()["role_in_org"] == org.role_there(org.member) == org.role(org.member)
    assert org.under_way() == []
    assert org.counts == (1, 3)


async def test_a_change_that_nobody_finished_makes_room_for_another_once_its_time_is_up(
    world, api, organization
) -> None:
    org = await organization()
    world.propelauth.emulator.fail(Fault(path="change_role", status=500, act_first=True))
    at = f"{org.at}/members/{org.member.user_id}"
    await api.patch(at, headers=org.owner.headers, json=ADMIN)
    other = {"role_in_org": "Owner"}

    too_early = await api.patch(at, headers=org.owner.headers, json=other)
    changes = world.database["membership_changes"]
    longer_ago = datetime.now(UTC) - timedelta(minutes=1)
    changes.update_one({"org_id": org.org_id}, {"$set": {"at": longer_ago}})
    later = await api.patch(at, headers=org.owner.headers, json=other)

    assert (too_early.status_code, too_early.json()["code"]) == (409, "change_under_way")
    assert (later.status_code, org.role(org.member)) == (200, "Owner")
    after = [entry["after"] for entry in org.entries("member.role_changed")]
    assert after == [{"role_in_org": "Admin"}, {"role_in_org": "Owner"}]
    assert org.counts == (2, 3)


async def test_who_is_removed_while_they_accept_an_older_invite_stays_out(world, api, organization) -> None:
    """The invite is read before the removal and accepted after it."""
    org: Organization = await organization()
    nina = org.add("Member")
    await org.mirrored()
    invite = await _invite_a_member(world, org, nina)
    world.propelauth.emulator.fail(Fault(path=f"/user/{nina.user_id}", latency=0.4))
    accepting = asyncio.ensure_future(api.post(f"/v1/me/invites/{invite}/accept", headers=nina.headers))
    await eventually(lambda: world.propelauth.emulator.asked(f"/user/{nina.user_id}"))

    removed = await api.delete(f"{org.at}/members/{nina.user_id}", headers=org.owner.headers)
    answer = await accepting

    assert (removed.status_code, answer.status_code, answer.json()["code"]) == (204, 410, "removed_since")
    assert org.role(nina) is org.role_there(nina) is None


async def _invite_a_member(world: World, org: Organization, person: Person) -> str:
    """An invite of somebody who became a member by other means before they accepted it."""
    invite = await org.invite(f"{person.user_id[:8]}@example.com")
    world.database["pending_invites"].update_one(
        {"invite_id": invite["invite_id"]}, {"$set": {"email_key": person.email, "invitee_email": person.email}}
    )
    return str(invite["invite_id"])


@pytest.mark.parametrize("first", ["display_name", "description"])
async def test_an_organizations_counts_are_not_touched_by_a_look_at_its_fields(
    world: World, organization: Factory, first: str
) -> None:
    org = await organization()
    world.propelauth.update_org(org.org_id, metadata={"displayName": "New", "description": "New"})

    await service.refresh_organization(world.services, org.org_id, look())

    assert org.stored[first] == "New"
    assert org.counts == (1, 3)
    assert await OrganizationDocument.find(org.org_id) is not None
    (entry,) = org.entries("organization.updated")
    assert entry["actor"] == Actor(kind="propelauth", id="propelauth", name="PropelAuth").model_dump()


async def test_what_was_promised_before_a_removal_admits_nobody(world, api, organization) -> None:
    org = await organization()
    promised = datetime.now(UTC)
    await api.delete(f"{org.at}/members/{org.member.user_id}", headers=org.owner.headers)
    acting = await service.acting(
        world.services, world.services.propelauth.identify(org.owner.headers["Authorization"]), org.org_id, promised
    )
    change = new_change(acting, org.member.user_id, "join", Rights("Member"), promised, promised_at=promised)

    with pytest.raises(RemovedBefore):
        await members.admit(world.services, acting, change, datetime.now(UTC))

    assert org.role(org.member) is org.role_there(org.member) is None
    assert org.counts == (1, 2)
