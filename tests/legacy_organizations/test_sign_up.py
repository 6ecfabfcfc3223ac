"""create-user when something goes wrong: undone, or finished by the same call; and who may call it."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from tests.legacy_organizations.conftest import key
from tests.legacy_organizations.pages import Pages, code, data
from tests.legacy_organizations.test_user_rows import sign_up
from tests.organizations.conftest import Organization
from tests.world import Person, World, eventually

Headers = dict[str, str]


@pytest.fixture
async def server(org: Organization) -> Headers:
    """The key of the front end's own server."""
    return await key(["organizations"], org, "Owner")


def account(world: World, body: dict[str, Any]) -> Any:
    return world.propelauth.user_by_email(body["email"])


def workspaces(world: World, body: dict[str, Any]) -> list[str]:
    called = f"{body['username']} workspace"
    return [org.org_id for org in world.propelauth.world.orgs.values() if org.name == called]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/user/$", "POST", status=503),
        Fault("/user/$", "POST", drop=True, act_first=True),
        Fault("/org/$", "POST", status=503),
        Fault("/org/$", "POST", drop=True, act_first=True),
        Fault("/org/[^/]+$", "GET", status=500),
        Fault("/org/add_user", "POST", status=503),
    ],
    ids=["before it", "after the account", "before the workspace", "after it", "before mirroring", "before joining"],
)
async def test_a_sign_up_that_ended_half_way_is_finished_by_its_repetition(
    world: World, pages: Pages, server: Headers, fault: Fault
) -> None:
    body = sign_up()
    world.propelauth.emulator.fail(replace(fault))
    assert code(await pages.user("create-user", server, **body)) == (503, "propelauth_unavailable")

    made = data(await pages.user("create-user", server, **body), 201)

    user = account(world, body)
    assert (made["user"]["userId"], [made["org"]["orgId"]]) == (user.user_id, workspaces(world, body))
    workspace = Organization(world, made["org"]["orgId"])
    person = Person(user.user_id, user.email, "")
    assert (workspace.role_there(person), workspace.role(person)) == ("Owner", "Owner")
    assert [entry["action"] for entry in workspace.entries()] == ["organization.created", "member.joined"]
    assert {entry["actor"]["kind"] for entry in workspace.entries()} == {"service"}
    assert world.database["organization_creations"].count_documents({"user_id": user.user_id}) == 0


async def test_where_the_workspace_is_taken_the_account_is_taken_back(
    world: World, pages: Pages, server: Headers
) -> None:
    body = sign_up()
    taken = world.propelauth.add_org(f"{body['username']} workspace")
    world.propelauth.add_member(taken.org_id, world.person().user_id, "Owner")

    answer = await pages.user("create-user", server, **body)

    assert code(answer) == (422, "workspace_taken")
    assert account(world, body) is None
    again = await pages.user("create-user", server, **{**body, "username": f"{body['username']}_2"})
    assert data(again, 201)["user"]["email"] == body["email"]


async def test_an_account_that_was_there_is_not_taken_back(world: World, pages: Pages, server: Headers) -> None:
    body = sign_up()
    names = {"username": body["username"], "first_name": "Grace", "last_name": "Hopper"}
    user = world.propelauth.add_user(body["email"], email_confirmed=False, **names)
    taken = world.propelauth.add_org(f"{body['username']} workspace")
    world.propelauth.add_member(taken.org_id, world.person().user_id, "Owner")

    assert code(await pages.user("create-user", server, **body)) == (422, "workspace_taken")

    assert account(world, body) is user


async def test_an_account_that_cannot_be_taken_back_is_left_for_its_person(
    world: World, pages: Pages, server: Headers
) -> None:
    body = sign_up()
    taken = world.propelauth.add_org(f"{body['username']} workspace")
    world.propelauth.add_member(taken.org_id, world.person().user_id, "Owner")
    world.propelauth.emulator.fail(Fault("/user/[^/]+$", "DELETE", status=503))

    assert code(await pages.user("create-user", server, **body)) == (422, "workspace_taken")

    assert account(world, body) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"email_confirmed": True},
        {"first_name": "Other"},
        {"last_name": None},
        {"username": None},
        {},
    ],
    ids=["confirmed", "another first name", "no last name", "no username", "with an organization"],
)
async def test_another_persons_account_is_refused(
    world: World, pages: Pages, server: Headers, fields: dict[str, Any]
) -> None:
    body = sign_up()
    names = {"username": body["username"], "first_name": "Grace", "last_name": "Hopper", "email_confirmed": False}
    user = world.propelauth.add_user(body["email"], **{**names, **fields})
    if not fields:
        world.propelauth.add_member(world.propelauth.add_org(uuid4().hex).org_id, user.user_id, "Member")
    memberships = len(world.propelauth.memberships_of(user.user_id))

    answer = await pages.user("create-user", server, **body)

    assert code(answer) == (422, "person_refused")
    assert "has an account already" in answer.json()["error"]
    assert user.user_id not in answer.text
    assert workspaces(world, body) == []
    assert len(world.propelauth.memberships_of(user.user_id)) == memberships


async def test_a_second_sign_up_with_the_same_e_mail_is_refused(world: World, pages: Pages, server: Headers) -> None:
    body = sign_up()
    data(await pages.user("create-user", server, **body), 201)

    assert code(await pages.user("create-user", server, **body)) == (422, "person_refused")
    assert len(workspaces(world, body)) == 1


async def test_two_same_sign_ups_at_once_make_one_account_with_one_workspace(
    world: World, pages: Pages, server: Headers
) -> None:
    for _ in range(2):
        body = sign_up()
        answers = await asyncio.gather(*(pages.user("create-user", server, **body) for _ in range(3)))

        assert 201 in {answer.status_code for answer in answers}, [answer.text for answer in answers]
        assert {answer.status_code for answer in answers} <= {201, 409, 422}
        user = account(world, body)
        assert [each.role for each in world.propelauth.memberships_of(user.user_id)] == ["Owner"]
        assert len(workspaces(world, body)) == 1


async def test_a_slow_sign_up_does_not_take_back_what_the_same_one_finished(
    world: World, pages: Pages, server: Headers
) -> None:
    """The first made the account; the second goes on with it, and has the workspace first."""
    body = sign_up()
    world.propelauth.emulator.fail(Fault("/org/$", "POST", latency=0.8))
    slow = asyncio.ensure_future(pages.user("create-user", server, **body))
    await eventually(lambda: world.propelauth.emulator.asked("/org/$", "POST"))

    quick = await pages.user("create-user", server, **body)

    assert sorted(answer.status_code for answer in (quick, await slow)) == [201, 409]
    user = account(world, body)
    assert [each.role for each in world.propelauth.memberships_of(user.user_id)] == ["Owner"]
    assert len(workspaces(world, body)) == 1


async def test_a_password_is_kept_nowhere(
    world: World, pages: Pages, server: Headers, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor is a digest of the body, which an Idempotency-Key else leaves for two days."""
    body = sign_up(password=f"Canary-{uuid4().hex}")
    kept = world.database["idempotency_keys"]
    before = kept.count_documents({})

    answer = await pages.user("create-user", {**server, "idempotency-key": uuid4().hex}, **body)

    assert answer.status_code == 201
    await eventually(lambda: kept.count_documents({}) == before)
    told = capfd.readouterr()
    assert body["password"] not in answer.text + told.out + told.err
    for name in world.database.list_collection_names():
        assert not [each for each in world.database[name].find() if body["password"] in str(each)]


async def test_who_may_sign_people_up(pages: Pages, org: Organization) -> None:
    """Nobody without a key of an Owner: else anybody could learn who has an account, or have mails sent."""
    callers: dict[str, tuple[Any, tuple[int, str]]] = {
        "nobody": (None, (401, "unauthenticated")),
        "an Owner": (org.owner, (401, "unauthenticated")),
        "an unknown key": ({"x-api-key": "sk_unknown"}, (401, "invalid_service_key")),
        "an unbound key": (await key(["organizations"]), (403, "unbound_key")),
        "a key without the scope": (await key(["agents.runtime"], org, "Owner"), (403, "missing_scope")),
        "a key as Admin": (await key(["organizations"], org, "Admin"), (403, "missing_permission")),
        "a key as Member": (await key(["organizations"], org, "Member"), (403, "missing_permission")),
    }
    body = sign_up()
    told = {caller: code(await pages.user("create-user", headers, **body)) for caller, (headers, _) in callers.items()}

    assert told == {caller: due for caller, (_, due) in callers.items()}
    assert account(pages.world, body) is None


async def test_a_key_of_a_deleted_organization_signs_nobody_up(pages: Pages, org: Organization) -> None:
    server = await key(["organizations"], org, "Owner")
    assert (await pages.call("DELETE", org.at, org.owner)).status_code == 204

    assert (await pages.user("create-user", server, **sign_up())).status_code in (401, 404)
