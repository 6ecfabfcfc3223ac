"""Accepting and declining: by whom, how often, and what becomes of who belongs already."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person, World

AGO = timedelta(seconds=1)


async def accept(world: World, invite: dict[str, Any], person: Person) -> httpx.Response:
    return await world.api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=person.headers)


async def decline(world: World, invite: dict[str, Any], person: Person) -> httpx.Response:
    return await world.api.post(f"/v1/me/invites/{invite['invite_id']}/decline", headers=person.headers)


async def set_role(org: Organization, person: Person, role: str) -> None:
    path = f"{org.at}/members/{person.user_id}"
    answer = await org.world.api.patch(path, headers=org.owner.headers, json={"role_in_org": role})
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def org(organization: Factory) -> Organization:
    return await organization("Owner")


@pytest.fixture
def nina(world: World) -> Person:
    return world.person(google=False)


def state(org: Organization, *people: Person) -> Any:
    roles = [(org.role(person), org.role_there(person)) for person in people]
    invites = [(each["status"], each.get("accepted_by"), each["ended_at"]) for each in org.invites()]
    return roles, invites, org.counts, org.entries(), org.under_way()


async def test_accepting_makes_a_member_in_the_role_with_the_seat_of_the_invite(world, org, nina) -> None:
    invite = await org.invite(nina.email.upper(), "Admin")
    before, _ = org.counts, org.forget_entries()

    answer = await accept(world, invite, nina)

    assert (answer.status_code, answer.json()["org_id"], answer.json()["role_in_org"]) == (200, org.org_id, "Admin")
    assert org.role(nina) == org.role_there(nina) == "Admin"
    assert before == org.counts == (1, 2)
    assert world.propelauth.pending_invites(org.org_id) == []
    [stored] = org.invites()
    assert (stored["status"], stored["accepted_by"]) == ("accepted", nina.user_id)
    assert [(entry["action"], entry["actor"]["id"]) for entry in org.entries()] == [
        ("invite.accepted", nina.user_id),
        ("member.joined", nina.user_id),
    ]
    assert org.under_way() == []


async def test_additional_roles_come_with_it(additional_roles, world, org, nina) -> None:
    invite = await org.invite(nina.email, additional_roles_in_org=["agent_editor"])

    answer = await accept(world, invite, nina)

    assert answer.json()["additional_roles_in_org"] == ["agent_editor"]
    assert "agents.write" in answer.json()["can"]


async def test_who_accepts_at_first_sight_is_a_member_with_address_and_names(world, org, nina) -> None:
    await accept(world, await org.invite(nina.email), nina)

    shown = (await world.api.get(f"{org.at}/members/{nina.user_id}", headers=org.owner.headers)).json()

    assert (shown["email"], shown["first_name"], shown["email_confirmed"]) == (nina.email, "Ada", True)
    again = await world.api.post(f"{org.at}/invites", headers=org.owner.headers, json={"email": nina.email})
    assert refused(again) == (409, "already_member")


async def test_accepting_again_changes_nothing(world, org, nina) -> None:
    invite = await org.invite(nina.email)
    first = await accept(world, invite, nina)
    before = state(org, nina)

    second = await accept(world, invite, nina)

    assert (second.status_code, second.json()) == (200, first.json())
    assert state(org, nina) == before


async def test_accepting_again_after_a_promotion_or_a_demotion_changes_nothing(world, org, nina) -> None:
    invite = await org.invite(nina.email, "Admin")
    await accept(world, invite, nina)
    for role in ("Owner", "Member"):
        await set_role(org, nina, role)
        assert (await accept(world, invite, nina)).json()["role_in_org"] == role
        assert org.role_there(nina) == role


async def test_an_invite_is_good_for_one_membership(world, org, nina) -> None:
    """Who was made less, leaves and accepts again would be what they were."""
    invite = await org.invite(nina.email, "Admin")
    await accept(world, invite, nina)
    await set_role(org, nina, "Member")
    await world.api.post(f"{org.at}/leave", headers=nina.headers)
    before = state(org, nina)

    assert refused(await accept(world, invite, nina)) == (409, "invite_accepted")

    assert state(org, nina) == before
    again = await org.invite(nina.email)
    assert (await accept(world, again, nina)).json()["role_in_org"] == "Member"


async def test_somebody_elses_invite_is_not_there(world, org, nina, ada) -> None:
    invite = await org.invite(nina.email)
    before = state(org, nina, ada)

    for address in (None, nina.email.replace("@", "+x@"), nina.email.replace("example.com", "ex\u0430mple.com")):
        if address:
            world.propelauth.change_email(ada.user_id, address)
        assert refused(await accept(world, invite, ada)) == (404, "invite_not_found")
        assert refused(await decline(world, invite, ada)) == (404, "invite_not_found")
    assert refused(await accept(world, {"invite_id": uuid4().hex}, ada)) == (404, "invite_not_found")
    assert state(org, nina, ada) == before


async def test_an_accepted_invite_stays_unseen_by_others(world, org, nina, ada) -> None:
    invite = await org.invite(nina.email)
    await accept(world, invite, nina)

    assert refused(await accept(world, invite, ada)) == (404, "invite_not_found")


async def test_the_e_mail_that_counts_is_the_one_propelauth_has_now(world, org, nina) -> None:
    """Not that of an old token or of our document."""
    invite = await org.invite(nina.email)
    world.user_document(nina, email=nina.email, email_confirmed=True)
    world.propelauth.change_email(nina.user_id, f"{uuid4().hex}@example.org")
    assert refused(await accept(world, invite, nina)) == (404, "invite_not_found")

    omar = world.person(google=False)
    world.propelauth.change_email(omar.user_id, nina.email)
    assert (await accept(world, invite, omar)).status_code == 200


async def test_an_address_has_to_be_confirmed_first(world, org) -> None:
    eve = world.person(google=False, email_confirmed=False)
    invite = await org.invite(eve.email)
    before = state(org, eve)

    assert refused(await accept(world, invite, eve)) == (403, "email_not_confirmed")
    assert refused(await decline(world, invite, eve)) == (403, "email_not_confirmed")
    assert state(org, eve) == before

    world.propelauth.confirm_email(eve.user_id)
    assert (await accept(world, invite, eve)).status_code == 200


async def test_what_ended_is_gone_and_says_how(world, organization: Factory, nina) -> None:
    orgs = [await organization("Owner") for _ in range(3)]
    expired, revoked, declined = [await org.invite(nina.email) for org in orgs]
    orgs[0].change_invite(expired, expires_at=datetime.now(UTC) - AGO)
    taken_back = f"{orgs[1].at}/invites/{revoked['invite_id']}"
    assert (await world.api.delete(taken_back, headers=orgs[1].owner.headers)).status_code == 200
    assert (await decline(world, declined, nina)).status_code == 204

    for invite, code in ((expired, "invite_expired"), (revoked, "invite_revoked"), (declined, "invite_declined")):
        assert refused(await accept(world, invite, nina)) == (410, code)
        if invite is not declined:
            assert refused(await decline(world, invite, nina)) == (410, code)
    assert [org.role_there(nina) for org in orgs] == [None, None, None]


async def test_declining_ends_it_gives_the_seat_back_and_again_does_nothing(world, org, nina) -> None:
    invite = await org.invite(nina.email)
    org.forget_entries()

    assert (await decline(world, invite, nina)).status_code == 204
    before = state(org, nina)
    assert (await decline(world, invite, nina)).status_code == 204

    assert state(org, nina) == before
    assert (org.counts, world.propelauth.pending_invites(org.org_id)) == ((1, 1), [])
    assert [(entry["action"], entry["actor"]["id"]) for entry in org.entries()] == [("invite.declined", nina.user_id)]
    assert (await org.invite(nina.email))["status"] == "pending"


async def test_what_was_accepted_is_not_declined(world, org, nina) -> None:
    invite = await org.invite(nina.email)
    await accept(world, invite, nina)

    assert refused(await decline(world, invite, nina)) == (409, "invite_accepted")
    assert org.role(nina) == "Member"


async def test_who_was_removed_after_the_invite_was_made_needs_a_new_one(world, org, nina) -> None:
    used = await org.invite(nina.email)
    await accept(world, used, nina)
    await world.api.delete(f"{org.at}/members/{nina.user_id}", headers=org.owner.headers)
    assert refused(await accept(world, used, nina)) == (410, "removed_since")

    again = await org.invite(nina.email)
    assert (await accept(world, again, nina)).status_code == 200
    assert org.role_there(nina) == "Member"


async def looked_at(org: Organization, person: Person) -> None:
    """What a webhook leads to; a comparison of everything would end the pending invite as well."""
    look = Look("webhook", datetime.now(UTC))
    await organizations.refresh_member(org.world.services, org.org_id, person.user_id, look)


async def test_a_pending_invite_does_not_bring_back_who_was_removed_meanwhile(world, org, nina) -> None:
    invite = await org.invite(nina.email)
    org.add("Member", nina)
    await looked_at(org, nina)
    world.propelauth.remove_member(org.org_id, nina.user_id)
    await looked_at(org, nina)

    assert refused(await accept(world, invite, nina)) == (410, "removed_since")
    assert org.role_there(nina) is None


@pytest.mark.parametrize(
    ("has", "invited", "gets"),
    [
        ("Admin", "Member", "Admin"),
        ("Member", "Admin", "Admin"),
        ("Owner", "Admin", "Owner"),
        ("Admin", "Owner", "Owner"),
        ("Member", "Member", "Member"),
    ],
)
async def test_accepting_never_lowers_a_role_and_raises_a_lower_one(world, org, nina, has, invited, gets) -> None:
    invite = await org.invite(nina.email, invited)
    org.add(has, nina)
    await looked_at(org, nina)
    assert org.counts[1] == 3  # the member's seat and the invite's

    answer = await accept(world, invite, nina)

    assert (answer.status_code, answer.json()["role_in_org"]) == (200, gets)
    assert org.role(nina) == org.role_there(nina) == gets
    assert org.counts == (2 if gets == "Owner" else 1, 2)
    changed = org.entries("member.role_changed")
    assert [entry["actor"]["id"] for entry in changed] == ([] if has == gets else [nina.user_id])


async def test_the_seat_of_the_invite_is_taken_when_no_other_is_free(world, organization: Factory, nina) -> None:
    org = await organization("Owner", max_users=2)
    invite = await org.invite(nina.email)

    assert (await accept(world, invite, nina)).status_code == 200
    assert org.counts == (1, 2)


async def test_seats_that_propelauth_gave_away_itself_are_refused_there_and_nothing_is_half_done(
    world, organization: Factory, nina
) -> None:
    org = await organization("Owner", max_users=2)
    invite = await org.invite(nina.email)
    world.propelauth.add_member(org.org_id, world.person(google=False).user_id, "Member")

    assert refused(await accept(world, invite, nina)) == (422, "refused_by_propelauth")

    assert (org.role(nina), org.role_there(nina), org.under_way()) == (None, None, [])
    assert org.counts == (1, 1)
    world.propelauth.update_org(org.org_id, max_users=9)
    await org.mirrored()
    assert (await accept(world, invite, nina)).status_code == 200
    assert org.counts == (1, 3)


@pytest.mark.parametrize("act_first", [False, True])
async def test_an_acceptance_that_propelauth_did_not_answer_is_finished_by_the_same_call(
    world, org, nina, act_first
) -> None:
    invite = await org.invite(nina.email, "Admin")
    org.forget_entries()
    world.propelauth.emulator.fail(Fault("/org/add_user", "POST", drop=True, act_first=act_first))

    first = await accept(world, invite, nina)
    assert (refused(first), first.headers["retry-after"]) == ((503, "propelauth_unavailable"), "2")
    assert (org.role(nina), org.counts, len(org.under_way())) == (None, (1, 2), 1)

    second = await accept(world, invite, nina)
    assert (second.status_code, second.json()["role_in_org"]) == (200, "Admin")
    assert (org.role_there(nina), org.counts, org.under_way()) == ("Admin", (1, 2), [])
    assert [entry["action"] for entry in org.entries()] == ["invite.accepted", "member.joined"]


async def test_accepting_again_does_not_carry_out_something_else_that_is_under_way(world, org, nina) -> None:
    """Half a transfer alone would leave the organization without an Owner."""
    invite = await org.invite(nina.email, "Owner")
    await accept(world, invite, nina)
    await world.api.post(f"{org.at}/leave", headers=org.owner.headers)
    omar = org.add("Member", world.person(google=False))
    await org.mirrored()
    world.propelauth.emulator.fail(Fault("/org/change_role", "POST", drop=True))
    handing = {"headers": nina.headers, "json": {"user_id": omar.user_id}}
    assert (await world.api.post(f"{org.at}/transfer", **handing)).status_code == 503

    assert (await accept(world, invite, nina)).status_code == 200

    assert (org.role_there(nina), org.role_there(omar)) == ("Owner", "Member")
    assert (await world.api.post(f"{org.at}/transfer", **handing)).status_code == 200
    assert (org.role_there(nina), org.role_there(omar)) == ("Admin", "Owner")


async def test_an_invite_that_is_still_being_mailed_is_not_there_yet(world, org, nina) -> None:
    invite = await org.invite(nina.email)
    org.change_invite(invite, sent_at=None)

    assert refused(await accept(world, invite, nina)) == (404, "invite_not_found")
    assert (await world.api.get("/v1/me/invites", headers=nina.headers)).json() == {"invites": []}
