"""POST /v1/orgs: an organization at PropelAuth and here, with its creator as Owner, once, whatever goes wrong."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from tests.organizations.conftest import Organization, refused
from tests.world import Person, World


def name() -> str:
    return f"Org {uuid4().hex[:12]}"


async def create(api: httpx.AsyncClient, person: Person, called: str, **fields: Any) -> httpx.Response:
    return await api.post("/v1/orgs", headers=person.headers, json={"name": called, **fields})


def at(world: World, answer: httpx.Response, owner: Person) -> Organization:
    assert answer.status_code == 201, answer.text
    return Organization(world, answer.json()["org_id"], {"Owner": owner})


def named(world: World, called: str) -> list[str]:
    return [org.org_id for org in world.propelauth.world.orgs.values() if org.name == called]


async def test_names_and_texts_are_at_propelauth_where_the_front_end_reads_them(world, api, ada) -> None:
    called = name()

    answer = await create(api, ada, f"  {called} ", display_name="Northwind", description="Voices\nfor all")

    org = at(world, answer, ada)
    assert org.there.name == called
    assert org.there.metadata == {"displayName": "Northwind", "description": "Voices\nfor all"}
    assert org.role_there(ada) == org.role(ada) == "Owner"
    shown = answer.json()
    assert (shown["name"], shown["display_name"], shown["description"]) == (called, "Northwind", "Voices\nfor all")
    assert (shown["role_in_org"], shown["seats"]) == ("Owner", {"used": 1, "limit": None})
    assert org.counts == (1, 1)
    assert [entry["action"] for entry in org.entries()] == ["organization.created", "member.joined"]


async def test_texts_that_are_not_given_or_empty_are_not_sent(world, api, ada) -> None:
    org = at(world, await create(api, ada, name(), display_name=" ", description=""), ada)

    assert org.there.metadata == {}
    assert not world.propelauth.emulator.asked(f"/org/{org.org_id}", "PUT")
    assert (org.stored["display_name"], org.stored["description"]) == (None, None)


async def test_who_may_not_create_organizations_creates_none(world, api) -> None:
    eve = world.person(google=False, can_create_orgs=False)

    assert refused(await create(api, eve, called := name())) == (403, "may_not_create_organizations")
    assert named(world, called) == []


async def test_the_permission_counts_as_propelauth_has_it_now(world, api) -> None:
    eve = world.person(google=False, can_create_orgs=False)
    world.user_document(eve, email=eve.email, can_create_orgs=True)
    assert (await create(api, eve, name())).status_code == 403

    world.propelauth.set_can_create_orgs(eve.user_id, True)

    assert (await create(api, eve, name())).status_code == 201


async def test_a_name_that_is_taken_is_refused_whatever_its_case_and_can_be_tried_again_later(world, api, ada) -> None:
    taken = world.propelauth.add_org(called := name())

    assert refused(await create(api, ada, called)) == (409, "organization_name_refused")
    assert refused(await create(api, ada, called.upper())) == (409, "organization_name_refused")
    world.propelauth.delete_org(taken.org_id)
    assert (await create(api, ada, called)).status_code == 201


async def test_one_person_creating_one_name_twice_is_refused_the_second_time(world, api, ada) -> None:
    org = at(world, await create(api, ada, called := name()), ada)

    assert refused(await create(api, ada, called)) == (409, "organization_name_refused")
    assert named(world, called) == [org.org_id]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/org/add_user", "POST", status=503),
        Fault("/org/add_user", "POST", drop=True, act_first=True),
        Fault("/org/$", "POST", status=503, act_first=True),
        Fault("/org/[^/]+$", "PUT", status=500),
        Fault("/org/[^/]+$", "GET", drop=True),
    ],
    ids=["before joining", "after joining", "after making it", "before its texts", "before mirroring"],
)
async def test_a_call_that_ended_half_way_is_finished_by_its_repetition(world, api, ada, fault: Fault) -> None:
    called = name()
    world.propelauth.emulator.fail(fault)
    first = await create(api, ada, called, display_name="Northwind")
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")

    second = await create(api, ada, called, display_name="Northwind")

    org = at(world, second, ada)
    assert named(world, called) == [org.org_id]
    assert (org.role(ada), org.role_there(ada), org.counts) == ("Owner", "Owner", (1, 1))
    assert org.there.metadata == {"displayName": "Northwind"}
    assert [entry["action"] for entry in org.entries()] == ["organization.created", "member.joined"]
    assert {entry["actor"]["id"] for entry in org.entries()} == {ada.user_id}
    assert org.under_way() == []
    assert world.database["organization_creations"].count_documents({"user_id": ada.user_id}) == 0


async def test_what_one_person_left_half_made_is_not_given_to_another(world, api, ada) -> None:
    eve, called = world.person(google=False), name()
    world.propelauth.emulator.fail(Fault("/org/add_user", "POST", status=503))
    assert (await create(api, ada, called)).status_code == 503

    assert refused(await create(api, eve, called)) == (409, "organization_name_refused")

    org = at(world, await create(api, ada, called), ada)
    assert org.role_there(eve) is None


async def test_an_organization_that_was_there_before_is_not_taken_for_ones_own(world, api, ada) -> None:
    """It has no members either, but nobody here began to make it."""
    called = name()
    taken = world.propelauth.add_org(called)
    taken.created_at -= 3600

    for _ in range(2):
        assert refused(await create(api, ada, called)) == (409, "organization_name_refused")
    assert world.propelauth.members(taken.org_id) == []


async def test_after_a_call_that_made_nothing_an_older_organization_is_not_taken_for_ones_own(world, api, ada) -> None:
    called = name()
    taken = world.propelauth.add_org(called)
    taken.created_at -= 3600
    world.propelauth.emulator.fail(Fault("/org/$", "POST", status=503))
    assert (await create(api, ada, called)).status_code == 503

    assert refused(await create(api, ada, called)) == (409, "organization_name_refused")
    assert world.propelauth.members(taken.org_id) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"name": None},
        {"name": 5},
        {"name": "ok", "display_name": None},
        {"name": "ok", "description": "x" * 1001},
        {"name": "ok", "display_name": "a\x00b"},
        {"name": "ok", "org_id": str(uuid4())},
        {"name": "ok", "max_users": 5},
        {"name": "ok", "role_in_org": "Owner"},
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_asked_of_propelauth(world, api, ada, body) -> None:
    answer = await api.post("/v1/orgs", headers=ada.headers, json=body)

    assert answer.status_code == 422
    assert world.propelauth.emulator.requests == []
