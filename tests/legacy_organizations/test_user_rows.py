"""A test for each row about users in facts/legacy.md 1.4 and 5.3, at both of their addresses (2.2)."""

from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from tests.legacy_organizations.conftest import key
from tests.legacy_organizations.pages import Pages, code, data, refused
from tests.organizations.conftest import Factory, Organization
from tests.world import Person, World

BOTH = pytest.mark.parametrize("prefix", ["/api/user", "/user"])
FELLOW = {
    *("userId", "email", "emailConfirmed", "username", "firstName", "lastName", "pictureUrl", "locked", "enabled"),
    *("createdAt", "lastActiveAt", "orgIdToOrgInfo"),
}


def info(org: Organization, role: str) -> dict[str, Any]:
    return {"orgId": org.org_id, "orgName": org.there.name, "orgMetadata": org.there.metadata, "userAssignedRole": role}


# fetch-user-mail


@BOTH
@pytest.mark.parametrize("sent", ["query", "body"])
async def test_fetch_user_mail_answers_a_fellow(pages: Pages, organization: Factory, prefix: str, sent: str) -> None:
    org = await organization(metadata={"displayName": "NW"})
    more: dict[str, Any] = {
        "query": {"params": {"email": org.admin.email.upper()}},
        "body": {"json": {"email": org.admin.email}},
    }[sent]

    found = data(await pages.call("GET", f"{prefix}/fetch-user-mail", org.member, **more))

    assert found.keys() == FELLOW
    assert (found["userId"], found["email"]) == (org.admin.user_id, org.admin.email)
    assert found["orgIdToOrgInfo"] == {org.org_id: info(org, "Admin")}
    assert (type(found["createdAt"]), type(found["lastActiveAt"])) == (int, int)


async def test_fetch_user_mail_answers_null_for_anybody_else(
    pages: Pages, org: Organization, organization: Factory
) -> None:
    """Whether somebody has an account is not told."""
    other = await organization("Owner")
    for email in (other.owner.email, f"{uuid4().hex}@example.com"):
        answer = await pages.call("GET", "/api/user/fetch-user-mail", org.owner, params={"email": email})
        assert data(answer) is None


async def test_fetch_user_mail_answers_the_callers_own_without_any_organization(pages: Pages, ada: Person) -> None:
    answer = await pages.call("GET", "/api/user/fetch-user-mail", ada, params={"email": ada.email})

    found = data(answer)
    assert (found["userId"], found["firstName"], found["orgIdToOrgInfo"]) == (ada.user_id, "Ada", {})


async def test_fetch_user_mail_tells_shared_organizations_alone(pages: Pages, organization: Factory) -> None:
    shared, theirs = await organization(), await organization("Owner")
    theirs.add("Admin", shared.admin)
    await theirs.mirrored()

    answer = await pages.call("GET", "/user/fetch-user-mail", shared.owner, params={"email": shared.admin.email})

    assert data(answer)["orgIdToOrgInfo"] == {shared.org_id: info(shared, "Admin")}


LACKING: tuple[tuple[dict[str, str], int, str], ...] = (
    ({}, 400, "Missing email"),
    ({"email": ""}, 400, "Missing email"),
    ({"email": "nobody"}, 422, "This is not an e-mail address."),
    ({"email": "x" * 255}, 400, "email: Must have at most 254 characters"),
)


async def test_fetch_user_mail_says_what_it_lacks(pages: Pages, ada: Person) -> None:
    for params, status, error in LACKING:
        answer = await pages.call("GET", "/api/user/fetch-user-mail", ada, params=params)
        assert refused(answer) == (status, error)


# fetch-users-query


@BOTH
async def test_fetch_users_query_answers_the_members_of_the_callers_organizations(
    pages: Pages, organization: Factory, prefix: str
) -> None:
    first, second, _other = await organization(), await organization("Owner"), await organization("Owner")
    second.add("Member", first.owner)
    await second.mirrored()

    answer = data(await pages.user("fetch-users-query", first.owner, prefix, pageSize=50, includeOrgs=True))

    shown = {each["userId"]: each for each in answer["users"]}
    expected = [*first.people.values(), second.owner]
    assert list(shown) == sorted(shown, key=list(shown).index)
    assert shown.keys() == {person.user_id for person in expected}
    assert len(answer["users"]) == 4
    assert all(each.keys() == FELLOW for each in answer["users"])
    assert shown[first.owner.user_id]["orgIdToOrgInfo"] == {
        first.org_id: info(first, "Owner"),
        second.org_id: info(second, "Member"),
    }
    assert shown[second.owner.user_id]["orgIdToOrgInfo"] == {second.org_id: info(second, "Owner")}
    place = {"totalUsers": 4, "currentPage": 0, "pageSize": 50, "hasMoreResults": False}
    assert {name: value for name, value in answer.items() if name != "users"} == place


async def test_fetch_users_query_tells_organizations_only_if_asked(pages: Pages, org: Organization) -> None:
    answer = data(await pages.user("fetch-users-query", org.member))

    assert {each["orgIdToOrgInfo"] for each in answer["users"]} == {None}


async def test_fetch_users_query_goes_page_by_page_and_searches(pages: Pages, org: Organization) -> None:
    pages_ = [
        data(await pages.user("fetch-users-query", org.owner, pageSize=2, pageNumber=number)) for number in range(3)
    ]
    assert [(page["totalUsers"], page["hasMoreResults"], len(page["users"])) for page in pages_] == [
        (3, True, 2),
        (3, False, 1),
        (3, False, 0),
    ]
    assert len({each["userId"] for page in pages_ for each in page["users"]}) == 3

    part = org.admin.email.partition("@")[0].upper()
    found = data(await pages.user("fetch-users-query", org.owner, emailOrUsername=part))
    assert ([each["userId"] for each in found["users"]], found["totalUsers"]) == ([org.admin.user_id], 1)
    nobody = data(await pages.user("fetch-users-query", org.owner, emailOrUsername="no.body"))
    assert (nobody["users"], nobody["totalUsers"]) == ([], 0)


async def test_fetch_users_query_answers_nobody_to_who_belongs_nowhere(pages: Pages, ada: Person) -> None:
    answer = data(await pages.call("POST", "/user/fetch-users-query", ada))

    assert (answer["users"], answer["totalUsers"]) == ([], 0)


async def test_fetch_users_query_says_what_is_wrong_with_a_page(pages: Pages, ada: Person) -> None:
    for name, value in (("pageSize", 0), ("pageSize", 1001), ("pageNumber", -1), ("includeOrgs", "perhaps")):
        status, error = refused(await pages.user("fetch-users-query", ada, **{name: value}))
        assert (status, error.partition(":")[0]) == (400, name)


# create-user


def sign_up(**fields: Any) -> dict[str, Any]:
    unique = uuid4().hex[:12]
    names = {"firstName": "Grace", "lastName": "Hopper", "username": f"grace_{unique}"}
    return {"email": f"{unique}@example.com", "password": f"Good-{unique}1", **names, **fields}


@BOTH
async def test_create_user_makes_an_account_with_a_workspace(
    world: World, pages: Pages, org: Organization, prefix: str
) -> None:
    body = sign_up()

    made = data(await pages.user("create-user", await key(["organizations"], org, "Owner"), prefix, **body), 201)

    workspace = Organization(world, made["org"]["orgId"])
    user_id = made["user"]["userId"]
    assert made == {
        "user": {"userId": user_id, **{name: body[name] for name in ("email", "username", "firstName", "lastName")}},
        "org": {"orgId": workspace.org_id, "name": f"{body['username']} workspace"},
    }
    there = world.propelauth.world.users[user_id]
    assert (there.email, there.username, there.first_name) == (body["email"], body["username"], "Grace")
    assert (there.has_password, there.email_confirmed) == (True, False)
    person = Person(user_id, there.email, "")
    assert (workspace.role_there(person), workspace.role(person), workspace.counts) == ("Owner", "Owner", (1, 1))
    assert workspace.there.name == f"{body['username']} workspace"
    assert world.stored(person)["email"] == body["email"]


async def test_who_signed_up_signs_in_and_sees_the_workspace(world: World, pages: Pages, org: Organization) -> None:
    made = data(await pages.user("create-user", await key(["organizations"], org, "Owner"), **sign_up()), 201)
    user_id = made["user"]["userId"]
    grace = Person(user_id, made["user"]["email"], world.propelauth.access_token(user_id))

    mine = data(await pages.org("fetch-orgs-query", grace))

    assert [each["orgId"] for each in mine["orgs"]] == [made["org"]["orgId"]]


WRONG: tuple[tuple[str, str | None, int, str], ...] = (
    ("email", None, 400, "Missing email"),
    ("password", "", 400, "Missing password"),
    ("firstName", " ", 400, "Missing firstName"),
    ("lastName", None, 400, "Missing lastName"),
    ("username", None, 400, "Missing username"),
    ("username", "Zq", 400, "username: Must have at least 3 characters"),
    ("username", "Zq zq", 400, "username: There are characters in it that cannot be used here."),
    ("email", "Zq zq", 422, "PropelAuth does not accept this e-mail address"),
    ("password", "Zq-1", 422, "PropelAuth does not accept this password"),
)


async def test_create_user_says_in_a_sentence_what_is_wrong(world: World, pages: Pages, org: Organization) -> None:
    server = await key(["organizations"], org, "Owner")
    before = len(world.propelauth.world.users)
    for field, value, status, error in WRONG:
        answer = await pages.user("create-user", server, **sign_up(**{field: value}))
        shown = refused(answer)
        assert (shown[0], shown[1].startswith(error)) == (status, True), shown
        assert "Zq" not in answer.text
    assert len(world.propelauth.world.users) == before


# update-profile


@BOTH
async def test_update_profile_changes_names_there_and_here(
    world: World, pages: Pages, org: Organization, prefix: str
) -> None:
    names = {"username": f"ada_{uuid4().hex[:8]}", "firstName": "Augusta", "lastName": "King"}

    answer = await pages.user("update-profile", org.member, prefix, **names)

    assert data(answer) is True
    there, stored = world.propelauth.world.users[org.member.user_id], world.stored(org.member)
    for found in (vars(there), stored):
        assert (found["username"], found["first_name"], found["last_name"]) == tuple(names.values())


async def test_update_profile_sets_what_is_sent_alone(world: World, pages: Pages, ada: Person) -> None:
    assert data(await pages.user("update-profile", ada, firstName="Augusta")) is True
    assert data(await pages.user("update-profile", ada)) is True

    there = world.propelauth.world.users[ada.user_id]
    assert (there.first_name, there.last_name, there.username) == ("Augusta", "Lovelace", None)


async def test_a_username_that_is_taken_changes_nothing(world: World, pages: Pages, org: Organization) -> None:
    taken = f"ada_{uuid4().hex[:8]}"
    world.propelauth.update_user(org.owner.user_id, username=taken)

    answer = await pages.user("update-profile", org.member, username=taken, firstName="Augusta")

    assert code(answer) == (422, "person_refused")
    assert "username" in refused(answer)[1]
    assert world.propelauth.world.users[org.member.user_id].first_name != "Augusta"
    assert world.stored(org.member).get("first_name") != "Augusta"


async def test_names_that_propelauth_did_not_take_are_not_kept_here(
    world: World, pages: Pages, org: Organization
) -> None:
    world.propelauth.emulator.fail(Fault(f"/user/{org.member.user_id}", "PUT", status=503))

    answer = await pages.user("update-profile", org.member, firstName="Augusta")

    assert code(answer) == (503, "propelauth_unavailable")
    assert world.stored(org.member).get("first_name") != "Augusta"
