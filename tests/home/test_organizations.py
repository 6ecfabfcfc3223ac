"""GET /v1/me/bootstrap: my organizations with what I may do there, and the invites that wait for me."""

from devstack.emulator import Fault
from tests.organizations.conftest import Factory
from tests.world import Person, World


async def home(world: World, person: Person) -> dict:
    answer = await world.api.get("/v1/me/bootstrap", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


async def test_organizations_come_with_permissions_and_as_their_own_routes_show_them(
    world, organization: Factory
) -> None:
    first, second = await organization(), await organization()
    second.add("Owner", first.member)
    await second.mirrored()

    found = (await home(world, first.member))["organizations"]

    assert [(each["org_id"], each["role_in_org"]) for each in found] == [
        (first.org_id, "Member"),
        (second.org_id, "Owner"),
    ]
    assert "members.read" in found[0]["can"]
    assert "org.delete" not in found[0]["can"]
    assert "org.delete" in found[1]["can"]
    assert found == (await world.api.get("/v1/orgs", headers=first.member.headers)).json()["organizations"]


async def test_invites_that_wait_are_there_and_an_accepted_one_is_an_organization(world, ada, organization) -> None:
    org = await organization("Owner")
    invite = await org.invite(ada.email, "Admin")

    before = await home(world, ada)
    await world.api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=ada.headers)
    after = await home(world, ada)

    assert (before["organizations"], [each["invite_id"] for each in before["invites"]]) == ([], [invite["invite_id"]])
    assert ([each["role_in_org"] for each in after["organizations"]], after["invites"]) == (["Admin"], [])


async def test_who_belongs_to_nothing_has_neither(world, ada) -> None:
    found = await home(world, ada)

    assert (found["organizations"], found["invites"]) == ([], [])


async def test_it_goes_on_from_the_mirror_while_propelauth_is_down(world, organization: Factory) -> None:
    """A token that claims more than we know, an address that nobody says is confirmed: both have to wait."""
    org, other, inviting = await organization(), await organization("Owner"), await organization("Owner")
    nina = org.member
    world.database["users"].update_one({"user_id": nina.user_id}, {"$unset": {"email_confirmed": ""}})
    other.add("Admin", nina)
    await inviting.invite(nina.email)
    claiming = Person(nina.user_id, nina.email, world.propelauth.access_token(nina.user_id))
    for fault in ({"status": 503}, {"drop": True}, {"status": 429}, {"status": 200, "body": "<html>"}):
        world.propelauth.emulator.faults.clear()
        world.propelauth.emulator.fail(Fault(times=None, **fault))

        found = await home(world, claiming)

        assert [each["org_id"] for each in found["organizations"]] == [org.org_id]
        assert found["invites"] == []
    world.propelauth.emulator.faults.clear()

    found = await home(world, claiming)
    assert {each["org_id"] for each in found["organizations"]} == {org.org_id, other.org_id}
    assert len(found["invites"]) == 1


async def test_somebody_new_is_let_in_while_propelauth_is_down(world, ada) -> None:
    world.propelauth.emulator.fail(Fault(times=None, drop=True))

    found = await home(world, ada)

    assert (found["user"]["email"], found["organizations"], found["invites"]) == (ada.email, [], [])


async def test_who_is_removed_does_not_see_it_any_more_with_the_token_that_claims_it(world, organization) -> None:
    org = await organization()
    claiming = Person(org.member.user_id, org.member.email, world.propelauth.access_token(org.member.user_id))
    assert len((await home(world, claiming))["organizations"]) == 1

    await world.api.delete(f"{org.at}/members/{org.member.user_id}", headers=org.owner.headers)

    assert (await home(world, claiming))["organizations"] == []
