"""GET /v1/me/invites: what waits for me, and for nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from tests.organizations.conftest import Factory, refused
from tests.world import Person, World


async def mine(world: World, person: Person) -> list[dict[str, Any]]:
    answer = await world.api.get("/v1/me/invites", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["invites"]
    return found


async def test_an_invite_says_who_invites_me_where_and_as_what(world, ada, organization: Factory) -> None:
    org = await organization("Owner", metadata={"displayName": "Northwind"})
    invite = await org.invite(ada.email.upper(), "Admin")

    [found] = await mine(world, ada)

    assert found.keys() == {
        *("invite_id", "org_id", "org_name", "org_display_name", "role_in_org", "additional_roles_in_org"),
        *("inviter_email", "created_at", "expires_at"),
    }
    assert (found["invite_id"], found["org_id"]) == (invite["invite_id"], org.org_id)
    assert (found["org_name"], found["org_display_name"]) == (org.there.name, "Northwind")
    assert (found["role_in_org"], found["inviter_email"]) == ("Admin", org.owner.email)


async def test_all_that_wait_are_listed_the_newest_first_and_no_others(world, ada, organization: Factory) -> None:
    orgs = [await organization("Owner") for _ in range(4)]
    made = [await org.invite(ada.email) for org in orgs]
    await orgs[0].invite(ada.email.replace("@", "+x@"))
    await orgs[0].invite(f"{uuid4().hex}@example.com")
    await world.api.delete(f"{orgs[1].at}/invites/{made[1]['invite_id']}", headers=orgs[1].owner.headers)
    orgs[2].change_invite(made[2], expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert [each["invite_id"] for each in await mine(world, ada)] == [made[3]["invite_id"], made[0]["invite_id"]]

    await world.api.post(f"/v1/me/invites/{made[3]['invite_id']}/accept", headers=ada.headers)
    await world.api.post(f"/v1/me/invites/{made[0]['invite_id']}/decline", headers=ada.headers)
    assert await mine(world, ada) == []


async def test_who_has_not_confirmed_the_address_sees_none_until_they_have(world, organization: Factory) -> None:
    eve = world.person(google=False, email_confirmed=False)
    await (await organization("Owner")).invite(eve.email)
    assert await mine(world, eve) == []

    world.propelauth.confirm_email(eve.user_id)

    assert len(await mine(world, eve)) == 1


async def test_an_invite_of_the_organization_is_not_readable_by_its_invitee_elsewhere(world, ada, organization) -> None:
    org = await organization("Owner")
    invite = await org.invite(ada.email)

    for path in (f"{org.at}/invites", f"{org.at}/invites/{invite['invite_id']}", org.at):
        answer = await world.api.get(path, headers=ada.headers)
        assert refused(answer) == (404, "organization_not_found")


@pytest.mark.parametrize("stored", [None, {"email_confirmed": True}])
async def test_propelauth_is_asked_only_where_an_invite_may_wait_and_nobody_knows_whether_it_is_mine(
    world, ada, organization: Factory, stored
) -> None:
    world.user_document(ada, email=ada.email, **(stored or {}))
    assert await mine(world, ada) == []
    assert world.propelauth.emulator.asked("/user/") == []
    await (await organization("Owner")).invite(ada.email)
    world.propelauth.emulator.requests.clear()

    assert len(await mine(world, ada)) == 1

    assert len(world.propelauth.emulator.asked("/user/")) == (0 if stored else 1)


async def test_while_propelauth_does_not_answer_the_list_says_so(world, ada, organization: Factory) -> None:
    world.user_document(ada, email=ada.email)
    await (await organization("Owner")).invite(ada.email)
    world.propelauth.emulator.fail(Fault("/user/", status=503))

    answer = await world.api.get("/v1/me/invites", headers=ada.headers)

    assert (refused(answer), answer.headers["retry-after"]) == ((503, "propelauth_unavailable"), "2")
