"""A token that claims a membership the mirror lacks leads to one question, and never to a right by itself."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization
from tests.world import Person, World


@pytest.fixture
async def org(organization, world: World) -> Organization:
    made: Organization = await organization("Owner", "Admin")
    world.propelauth.emulator.forget()
    return made


def asked(world: World) -> int:
    """How many questions PropelAuth was asked about people."""
    return len(world.propelauth.emulator.asked("/user/"))


def claiming(org: Organization, role: str = "Member", *, seconds_ago: int = 5, person: Person | None = None) -> Person:
    """Somebody who was made a member behind our back, with a token from then."""
    joined = org.add(role, person)
    joined.token = org.world.propelauth.access_token(joined.user_id, issued_at=int(time.time()) - seconds_ago)
    return joined


async def status(api: httpx.AsyncClient, org: Organization, person: Person, path: str = "") -> int:
    return (await api.get(f"{org.at}{path}", headers=person.headers)).status_code


async def test_a_member_whose_event_never_came_gets_in_after_one_question(world, api, org) -> None:
    person = claiming(org)

    assert await status(api, org, person) == 200
    assert asked(world) == 1
    for path in ("", "/members", "/audit"):
        assert await status(api, org, person, path) == 200
    assert asked(world) == 1
    assert org.counts == (1, 3)
    stored = world.database["user_organizations"].find_one({"org_id": org.org_id, "user_id": person.user_id})
    assert stored["confirmed_by"] == "token"
    assert here(world.database, org.org_id) == there(world.propelauth, org.org_id)


async def test_the_role_is_the_one_propelauth_tells_and_not_the_one_of_the_token(world, api, org) -> None:
    person = claiming(org, "Owner")
    world.propelauth.change_role(org.org_id, person.user_id, "Member")

    answer = await api.get(org.at, headers=person.headers)

    assert (answer.json()["role_in_org"], org.role(person)) == ("Member", "Member")


async def test_a_whole_organization_that_was_never_heard_of_is_mirrored_for_its_member(world, api) -> None:
    org = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex}").org_id)
    owner = claiming(org, "Owner")

    assert await status(api, org, owner) == 200
    assert org.counts == (1, 1)
    assert [entry["action"] for entry in org.entries()] == ["organization.created", "member.joined"]


async def test_the_list_of_my_organizations_and_the_first_call_after_sign_in_ask_as_well(world, api, org) -> None:
    first, second = claiming(org), claiming(org)

    mine = (await api.get("/v1/orgs", headers=first.headers)).json()["organizations"]
    home = (await api.get("/v1/me/bootstrap", headers=second.headers)).json()["organizations"]

    assert [each["org_id"] for each in mine] == [each["org_id"] for each in home] == [org.org_id]
    world.propelauth.emulator.forget()
    await api.get("/v1/orgs", headers=first.headers)
    await api.get("/v1/me/bootstrap", headers=second.headers)
    assert asked(world) == 0


async def test_a_token_for_its_active_organization_claims_that_one_alone(world, api, org, organization) -> None:
    other = await organization("Owner")
    person = claiming(org)
    other.add("Member", person)
    person.token = world.propelauth.access_token(person.user_id, active_org_id=other.org_id)
    world.propelauth.emulator.forget()

    assert await status(api, org, person) == 404
    assert asked(world) == 0
    assert await status(api, other, person) == 200


async def test_a_stranger_who_claims_nothing_asks_nothing(world, api, org) -> None:
    stranger = world.person(google=False)

    for path in ("", "/members", "/invites", "/audit"):
        assert await status(api, org, stranger, path) == 404
    assert world.propelauth.emulator.requests == []


async def test_the_claims_of_others_keys_and_odd_claims_ask_nothing(world, api, org) -> None:
    stranger = world.person(google=False)
    claims = {"org_id_to_org_member_info": [org.org_id], "org_metadata": {org.org_id: {}}, "org_id": org.org_id}
    stranger.token = world.propelauth.access_token(stranger.user_id, **claims)

    assert await status(api, org, stranger) == 404
    assert world.propelauth.emulator.requests == []


async def test_who_was_removed_after_the_token_was_issued_is_a_stranger_and_asks_at_most_once(world, api, org) -> None:
    """The mirror never knew of the membership at all."""
    person = claiming(org)
    world.propelauth.remove_member(org.org_id, person.user_id)

    for _ in range(5):
        assert await status(api, org, person) == 404
    assert asked(world) == 1


async def test_who_was_removed_here_after_the_token_was_issued_asks_nothing(world, api, org) -> None:
    person = claiming(org)
    await status(api, org, person)
    removed = await api.delete(f"{org.at}/members/{person.user_id}", headers=org.owner.headers)
    world.propelauth.emulator.forget()

    assert removed.status_code == 204
    for path in ("", "/members", "/audit"):
        assert await status(api, org, person, path) == 404
    assert world.propelauth.emulator.requests == []


async def test_a_token_issued_after_the_person_was_added_again_asks_again(world, api, org) -> None:
    person = claiming(org, seconds_ago=60)
    world.propelauth.remove_member(org.org_id, person.user_id)
    assert await status(api, org, person) == 404
    longer_ago = {"$set": {"absent_at": datetime.now(UTC) - timedelta(seconds=30)}}
    world.database["mirror_marks"].update_one({"org_id": org.org_id, "user_id": person.user_id}, longer_ago)
    world.propelauth.emulator.forget()

    assert await status(api, org, claiming(org, person=person)) == 200
    assert asked(world) == 1


async def test_many_calls_at_once_make_one_member(world, api, org) -> None:
    person = claiming(org)

    assert set(await asyncio.gather(*(status(api, org, person) for _ in range(20)))) == {200}

    assert org.counts == (1, 3)
    assert [entry["action"] for entry in org.entries()].count("member.joined") == 3
    assert miscounted(world.database, org.org_id) == []


async def test_while_propelauth_is_down_members_work_strangers_are_strangers_and_claims_wait(world, api, org) -> None:
    unknown, stranger = claiming(org), world.person(google=False)
    world.propelauth.emulator.fail(Fault(times=None, drop=True))

    assert await status(api, org, org.owner) == 200
    assert await status(api, org, stranger) == 404
    answer = await api.get(org.at, headers=unknown.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "propelauth_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await api.get("/v1/orgs", headers=unknown.headers)).json() == {"organizations": []}
    world.propelauth.emulator.faults.clear()
    assert await status(api, org, unknown) == 200


@pytest.mark.parametrize("body", ["{}", "[]", "null", '{"user_id": null}'])
async def test_half_an_answer_is_no_denial(world, api, org, body) -> None:
    person = claiming(org)
    world.propelauth.emulator.fail(Fault(path="/user/", status=200, body=body))

    assert await status(api, org, person) == 503
    assert await status(api, org, person) == 200
