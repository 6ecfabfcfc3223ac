"""A test for each row about organizations in facts/legacy.md 1.4 and 5.3, as their callers send and read it (2.2)."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.propelauth.shapes import slug
from tests.legacy_organizations.pages import Pages, code, data, refused
from tests.organizations.conftest import Factory, Organization
from tests.world import Person, World

NOT_ACCEPTED = "PropelAuth does not accept this name: it is taken, or not allowed. Choose another."


def name() -> str:
    return f"Org {uuid4().hex[:12]}"


def role_of(org: Organization, person: Person) -> Any:
    return org.role(person), org.role_there(person)


# create-org


async def test_create_org_answers_its_id_and_name(world: World, pages: Pages, ada: Person) -> None:
    answer = await pages.org("create-org", ada, orgName=f" {(called := name())} ")

    made = data(answer, 201)
    assert made == {"orgId": made["orgId"], "name": called}
    org = Organization(world, made["orgId"])
    assert (org.there.name, role_of(org, ada)) == (called, ("Owner", "Owner"))


async def test_create_org_without_a_name_is_refused(pages: Pages, ada: Person) -> None:
    for body in ({}, {"orgName": None}, {"orgName": ""}, {"orgName": "  "}, {"name": "x"}):
        assert refused(await pages.org("create-org", ada, **body)) == (400, "Missing orgName")


async def test_create_org_says_in_json_what_is_wrong_with_the_name(world: World, pages: Pages, ada: Person) -> None:
    world.propelauth.add_org(called := name())

    taken = await pages.org("create-org", ada, orgName=called)
    long = await pages.org("create-org", ada, orgName="x" * 101)

    status, error = refused(taken)
    assert (status, json.loads(error)) == (409, {"name": [NOT_ACCEPTED]})
    assert taken.json()["message"] == NOT_ACCEPTED
    status, error = refused(long)
    assert (status, json.loads(error)) == (400, {"name": ["Must have at most 100 characters"]})


async def test_the_page_that_sets_an_organization_up_gets_through(world: World, pages: Pages, ada: Person) -> None:
    """OrgSetup: creates, adds the creator as Owner, then describes it."""
    org_id = data(await pages.org("create-org", ada, orgName=name()), 201)["orgId"]

    added = await pages.org("add-user", ada, orgId=org_id, userId=ada.user_id, role="Owner")
    described = await pages.org("update-org", ada, orgId=org_id, description="Voices")

    assert data(added) is True
    assert data(described) is True
    org = Organization(world, org_id)
    assert (role_of(org, ada), org.there.metadata) == (("Owner", "Owner"), {"description": "Voices"})
    assert org.counts == (1, 1)


# add-user


async def test_add_user_invites_somebody_whom_the_caller_knows(
    pages: Pages, org: Organization, organization: Factory
) -> None:
    other = await organization("Owner")
    other.add("Admin", org.owner)
    await other.mirrored()

    answer = await pages.org("add-user", org.owner, orgId=org.org_id, userId=other.owner.user_id, role="Admin")

    assert data(answer) is True
    assert role_of(org, other.owner) == (None, None)
    assert [(each["invitee_email"], each["role_in_org"]) for each in org.invites()] == [(other.owner.email, "Admin")]


async def test_add_user_raises_a_member_and_lowers_nobody(pages: Pages, org: Organization) -> None:
    for person, asked, got in ((org.member, "Admin", "Admin"), (org.admin, "Member", "Admin")):
        answer = await pages.org("add-user", org.owner, orgId=org.org_id, userId=person.user_id, role=asked)
        assert data(answer) is True
        assert role_of(org, person) == (got, got)


# invite-user


async def test_invite_user_mails_an_invite(pages: Pages, org: Organization) -> None:
    invited = [(f"{uuid4().hex[:12]}@example.com", role) for role in ("Owner", "Admin", "Member")]

    for email, role in invited:
        answer = await pages.org("invite-user", org.owner, orgId=org.org_id, email=email, role=role)
        assert data(answer) is True

    assert [(each["invitee_email"], each["role_in_org"]) for each in org.invites()] == invited
    there = org.world.propelauth.pending_invites(org.org_id)
    assert sorted((each.invitee_email, each.role) for each in there) == sorted(invited)


async def test_invite_user_says_what_is_wrong_in_a_sentence(pages: Pages, org: Organization) -> None:
    twice = f"{uuid4().hex[:12]}@example.com"
    bodies = [{"email": "nobody"}, {"email": org.member.email}, {"email": twice}, {"email": twice}, {}]
    answers = [await pages.org("invite-user", org.owner, orgId=org.org_id, **body) for body in bodies]

    assert [answer.status_code for answer in answers] == [422, 409, 200, 409, 400]
    assert refused(answers[0])[1] == "This is not an e-mail address."
    assert refused(answers[1])[1] == "A person with this e-mail is a member already."
    assert "pending invite" in refused(answers[3])[1]
    assert refused(answers[4])[1] == "Missing email"


# fetch-users


async def test_fetch_users_answers_what_the_team_table_reads(world: World, pages: Pages, org: Organization) -> None:
    answer = data(await pages.org("fetch-users", org.member, orgId=org.org_id))

    assert {name: value for name, value in answer.items() if name != "users"} == {
        "totalUsers": 3,
        "currentPage": 0,
        "pageSize": 1000,
        "hasMoreResults": False,
    }
    shown = {each["userId"]: each for each in answer["users"]}
    assert {each["roleInOrg"] for each in shown.values()} == {"Owner", "Admin", "Member"}
    for person in (org.owner, org.admin, org.member):
        each, stored = shown[person.user_id], world.stored(person)
        assert (each["email"], each["emailConfirmed"], each["enabled"]) == (person.email, True, True)
        assert (each["locked"], each["additionalRolesInOrg"]) == (False, [])
        info = stored.get("user_info") or {}
        assert each["firstName"] == (stored.get("first_name") or info.get("first_name") or info.get("given_name"))
        assert {"username", "lastName", "pictureUrl"} <= each.keys()
        for moment in ("createdAt", "lastActiveAt", "joinedAt"):
            assert type(each[moment]) is int, moment
            assert 1_700_000_000 < each[moment] < 3_000_000_000, moment
        if "created_at" in stored:
            assert each["createdAt"] == int(stored["created_at"].timestamp())


async def test_fetch_users_goes_page_by_page_where_it_is_asked_to(pages: Pages, organization: Factory) -> None:
    org = await organization("Owner", *["Member"] * 3)
    asked = [
        data(await pages.org("fetch-users", org.owner, orgId=org.org_id, pageSize=2, pageNumber=number))
        for number in range(3)
    ]

    assert [(page["currentPage"], page["pageSize"], page["totalUsers"]) for page in asked] == [
        (number, 2, 4) for number in range(3)
    ]
    assert [page["hasMoreResults"] for page in asked] == [True, False, False]
    assert [len(page["users"]) for page in asked] == [2, 2, 0]
    assert len({user["userId"] for page in asked for user in page["users"]}) == 4


# fetch-pending-invites


async def test_fetch_pending_invites_answers_those_of_this_organization_alone(
    pages: Pages, org: Organization, organization: Factory
) -> None:
    other = await organization("Owner")
    await other.invite(f"{uuid4().hex[:12]}@example.com")
    made = await org.invite(email := f"{uuid4().hex[:12]}@example.com", "Admin")
    gone = await org.invite(f"{uuid4().hex[:12]}@example.com")
    org.change_invite(gone, expires_at=datetime(2025, 1, 1, tzinfo=UTC))

    answer = data(await pages.org("fetch-pending-invites", org.admin, orgId=org.org_id))

    def seconds(name: str) -> int:
        return int(datetime.fromisoformat(made[name]).timestamp())

    assert answer == {
        "invites": [
            {
                "inviteeEmail": email,
                "orgId": org.org_id,
                "orgName": org.there.name,
                "roleInOrg": "Admin",
                "additionalRolesInOrg": [],
                "createdAt": seconds("created_at"),
                "expiresAt": seconds("expires_at"),
                "inviterEmail": org.owner.email,
                "inviterUserId": org.owner.user_id,
            }
        ],
        "totalInvites": 1,
        "currentPage": 0,
        "pageSize": 1000,
        "hasMoreResults": False,
    }


async def test_reading_without_an_organization_is_refused(pages: Pages, ada: Person) -> None:
    """Where a missing one was dropped from the filter, every tenant's invites were answered (5.2)."""
    for path in ("fetch-users", "fetch-pending-invites", "fetch-org-details"):
        for body in ({}, {"orgId": None}, {"orgId": ""}, {"orgId": " "}):
            assert refused(await pages.org(path, ada, **body)) == (400, "Missing orgId")


# remove-user


async def test_remove_user_ends_a_membership(pages: Pages, org: Organization) -> None:
    answer = await pages.org("remove-user", org.admin, orgId=org.org_id, userId=org.member.user_id)

    assert data(answer) is True
    assert role_of(org, org.member) == (None, None)
    assert org.entries("member.removed")[0]["actor"]["id"] == org.admin.user_id


async def test_the_chooser_removes_its_own_user_by_leaving(pages: Pages, org: Organization) -> None:
    answer = await pages.org("remove-user", org.member, orgId=org.org_id, userId=org.member.user_id)

    assert data(answer) is True
    assert role_of(org, org.member) == (None, None)
    assert len(org.entries("member.left")) == 1


async def test_the_last_owner_is_not_removed_by_the_chooser(pages: Pages, org: Organization) -> None:
    answer = await pages.org("remove-user", org.owner, orgId=org.org_id, userId=org.owner.user_id)

    assert code(answer) == (409, "last_owner")
    assert role_of(org, org.owner) == ("Owner", "Owner")


# change-user-role


async def test_change_user_role_changes_it(pages: Pages, org: Organization) -> None:
    for role in ("Admin", "Member"):
        answer = await pages.org("change-user-role", org.owner, orgId=org.org_id, userId=org.member.user_id, role=role)
        assert data(answer) is True
        assert role_of(org, org.member) == (role, role)


async def test_change_user_role_leaves_additional_roles_alone(
    world: World, pages: Pages, organization: Factory, additional_roles: None
) -> None:
    """The pages know nothing of them, so they must not take them away."""
    org = await organization("Owner")
    editor = org.add("Member", additional=("agent_editor", "auditor"))
    await org.mirrored()

    answer = await pages.org("change-user-role", org.owner, orgId=org.org_id, userId=editor.user_id, role="Admin")

    assert data(answer) is True
    assert role_of(org, editor) == ("Admin", "Admin")
    there = world.propelauth.membership(org.org_id, editor.user_id)
    assert there is not None
    assert sorted(there.additional_roles) == ["agent_editor", "auditor"]


LACKING: tuple[tuple[dict[str, Any], str], ...] = (
    ({"userId": None}, "Missing userId"),
    ({"role": None}, "Missing role"),
    ({"role": "Manager"}, "role: Must be 'Owner', 'Admin' or 'Member'"),
    ({"role": "owner"}, "role: Must be 'Owner', 'Admin' or 'Member'"),
    ({"orgId": 5}, "orgId: Must be a valid string"),
)


@pytest.mark.parametrize("path", ["add-user", "change-user-role"])
async def test_changes_of_members_say_what_they_lack(pages: Pages, org: Organization, path: str) -> None:
    for changed, error in LACKING:
        body = {"orgId": org.org_id, "userId": org.member.user_id, "role": "Member", **changed}
        assert refused(await pages.org(path, org.owner, **body)) == (400, error)


# update-org


ALL = {
    "name": "Northwind",
    "displayName": "NW",
    "description": "Voices",
    "domain": "northwind.example",
    "extraDomains": ["nw.example"],
    "enableAutoJoiningByDomain": True,
    "membersMustHaveMatchingDomain": True,
    "maxUsers": 7,
    "canSetupSaml": True,
}


def shaped(shape: str, fields: dict[str, Any]) -> dict[str, Any]:
    texts = {text: fields[text] for text in ("displayName", "description")}
    others = {field: value for field, value in fields.items() if field not in texts}
    return {
        "flat": fields,
        "nested": {"updates": fields},
        "metadata": {**others, "metadata": {**texts, "color": "red"}},
        "nulls": {**fields, "legacyOrgId": None, "unknown": 5, "metadata": None, "updates": None},
    }[shape]


@pytest.mark.parametrize(
    ("method", "shape"),
    [("POST", "flat"), ("PUT", "flat"), ("POST", "nested"), ("PUT", "nested"), ("POST", "metadata"), ("PUT", "nulls")],
)
async def test_update_org_takes_every_shape(pages: Pages, org: Organization, method: str, shape: str) -> None:
    fields: dict[str, Any] = {**ALL, "name": name()}
    texts = {text: fields[text] for text in ("displayName", "description")}
    others = {field: value for field, value in fields.items() if field not in texts}

    answer = await pages.org("update-org", org.owner, method, orgId=org.org_id, **shaped(shape, fields))

    assert data(answer) is True
    there = org.there
    assert (there.name, there.metadata) == (fields["name"], texts)
    assert (there.domain, there.extra_domains) == ("northwind.example", ["nw.example"])
    assert (there.domain_autojoin, there.domain_restrict) == (True, True)
    assert (there.max_users, there.can_setup_saml) == (7, True)
    shown = data(await pages.org("fetch-org-details", org.owner, orgId=org.org_id))
    assert {field: shown[field] for field in others} == others
    assert shown["metadata"] == texts


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_update_org_without_an_organization_or_without_updates_is_refused(
    pages: Pages, ada: Person, method: str
) -> None:
    for body in ({"name": "x"}, {"orgId": "", "name": "x"}, {"updates": {"name": "x"}}):
        assert refused(await pages.org("update-org", ada, method, **body)) == (400, "Missing orgId")
    for more in ({}, {"updates": {}}, {"unknown": 5}, {"name": None}, {"metadata": {"color": "red"}}):
        answer = await pages.org("update-org", ada, method, orgId=str(uuid4()), **more)
        assert refused(answer) == (400, "No updates provided")


async def test_update_org_says_in_json_what_is_wrong_with_the_name(
    world: World, pages: Pages, org: Organization
) -> None:
    world.propelauth.add_org(taken := name())

    status, error = refused(await pages.org("update-org", org.owner, orgId=org.org_id, name=taken))

    assert (status, json.loads(error)) == (409, {"name": [NOT_ACCEPTED]})


async def test_the_older_id_may_be_sent_as_it_is_but_not_changed(pages: Pages, organization: Factory) -> None:
    org = await organization("Owner", legacy_org_id="old-7")
    body = {"orgId": org.org_id, "description": "Voices"}

    same = await pages.org("update-org", org.owner, legacyOrgId="old-7", **body)
    other = await pages.org("update-org", org.owner, legacyOrgId="old-8", **{**body, "description": "Other"})

    assert data(same) is True
    assert code(other) == (422, "legacy_org_id_fixed")
    assert (org.there.legacy_org_id, org.there.metadata) == ("old-7", {"description": "Voices"})


# fetch-org-details


async def test_fetch_org_details_answers_the_organization(pages: Pages, organization: Factory) -> None:
    texts = {"displayName": "NW", "description": "Voices"}
    org = await organization(metadata=texts, domain="Nw.Example", max_users=9, legacy_org_id="old-7")

    shown = data(await pages.org("fetch-org-details", org.member, orgId=org.org_id))

    assert shown == {
        "orgId": org.org_id,
        "name": org.there.name,
        "urlSafeOrgSlug": slug(org.there.name),
        "metadata": texts,
        "domain": "nw.example",
        "extraDomains": [],
        "enableAutoJoiningByDomain": False,
        "membersMustHaveMatchingDomain": False,
        "maxUsers": 9,
        "canSetupSaml": False,
        "legacyOrgId": "old-7",
        "createdAt": int(org.stored["created_at"].timestamp()),
    }


async def test_metadata_have_no_empty_texts_so_that_the_name_is_shown(pages: Pages, org: Organization) -> None:
    assert data(await pages.org("fetch-org-details", org.owner, orgId=org.org_id))["metadata"] == {}


# fetch-orgs-query


async def test_fetch_orgs_query_answers_the_callers_organizations_alone(pages: Pages, organization: Factory) -> None:
    first, _other, second = [await organization("Owner") for _ in range(3)]
    second.add("Member", first.owner)
    await second.mirrored()

    answer = data(await pages.org("fetch-orgs-query", first.owner))

    assert [each["orgId"] for each in answer["orgs"]] == [first.org_id, second.org_id]
    assert answer["orgs"][1] == data(await pages.org("fetch-org-details", first.owner, orgId=second.org_id))
    place = {"totalOrgs": 2, "currentPage": 0, "pageSize": 1000, "hasMoreResults": False}
    assert {name: value for name, value in answer.items() if name != "orgs"} == place


async def test_fetch_orgs_query_needs_no_body(pages: Pages, org: Organization) -> None:
    answer = data(await pages.call("POST", "/api/org/fetch-orgs-query", org.owner))

    assert [each["orgId"] for each in answer["orgs"]] == [org.org_id]


async def test_fetch_orgs_query_filters_orders_and_pages(world: World, pages: Pages, ada: Person) -> None:
    unique = uuid4().hex[:8]
    for called, more in (
        (f"b {unique}", {"domain": "b.example"}),
        (f"C {unique}", {"legacy_org_id": f"old-{unique}"}),
        (f"a {unique}", {}),
    ):
        org = Organization(world, world.propelauth.add_org(called, **more).org_id)  # type: ignore[arg-type]
        org.add("Owner", ada)
        await org.mirrored()

    async def names(**asked: Any) -> list[str]:
        found = data(await pages.org("fetch-orgs-query", ada, **asked))
        return [each["name"][0] for each in found["orgs"]]

    assert await names() == ["b", "C", "a"]
    assert await names(orderBy="CREATED_AT_DESC") == ["a", "C", "b"]
    assert await names(orderBy="NAME") == ["a", "b", "C"]
    assert await names(name=f"A {unique}".upper()) == ["a"]
    assert await names(domain="B.example") == ["b"]
    assert await names(legacyOrgId=f"old-{unique}") == ["C"]
    assert await names(pageSize=2, pageNumber=1) == ["a"]
    more = data(await pages.org("fetch-orgs-query", ada, pageSize=2))
    assert (more["totalOrgs"], more["hasMoreResults"]) == (3, True)


# What all of them answer


async def test_an_outage_is_said_in_a_sentence(world: World, pages: Pages, org: Organization) -> None:
    world.propelauth.emulator.fail(Fault("/invite_user", "POST", status=503))

    answer = await pages.org("invite-user", org.owner, orgId=org.org_id, email="x@example.com", role="Member")

    assert refused(answer) == (503, "PropelAuth does not answer right now. Try again in a moment.")
    assert answer.headers["retry-after"] == "2"


NOT_THERE = (
    ("GET", "/api/org/create-org", 405),
    ("PUT", "/api/org/add-user", 405),
    ("DELETE", "/api/user/create-user", 405),
    ("POST", "/api/org/delete-org", 404),
    ("GET", "/api/org", 404),
    ("GET", "/user/nobody", 404),
)


async def test_what_is_not_there_says_so_in_all_places(pages: Pages, ada: Person) -> None:
    for method, path, status in NOT_THERE:
        answer = await pages.call(method, path, ada)
        body = answer.json()
        assert answer.status_code == status
        assert body["detail"] == body["error"] == body["message"]


async def test_a_body_that_is_no_object_is_refused(pages: Pages, ada: Person) -> None:
    headers = {**ada.headers, "content-type": "application/json"}
    for content in (b"{", b"[]", b"5", b'"x"', b""):
        answer = await pages.call("POST", "/api/org/fetch-users", headers, content=content)
        body = answer.json()
        assert answer.status_code in (400, 422)
        assert body["detail"]
        assert body["error"] == body["message"] == body["detail"]
