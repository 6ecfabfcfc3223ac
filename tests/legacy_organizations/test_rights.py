"""Who may do what: as at the new paths, for people and for services."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.legacy_organizations.conftest import key
from tests.legacy_organizations.pages import Pages, code, data, refused
from tests.organizations.conftest import Factory, Organization
from tests.world import Person, World

Call = Callable[[Organization], tuple[str, dict[str, Any]]]


def _target(org: Organization) -> dict[str, Any]:
    return {"userId": org.people["Target"].user_id}


# Each call on an organization, and the least role that may make it.
CALLS: dict[str, tuple[Call, str]] = {
    "add-user": (lambda org: ("add-user", {**_target(org), "role": "Member"}), "Admin"),
    "invite-user": (lambda _: ("invite-user", {"email": f"{uuid4().hex[:9]}@example.com", "role": "Member"}), "Admin"),
    "fetch-users": (lambda _: ("fetch-users", {}), "Member"),
    "fetch-pending-invites": (lambda _: ("fetch-pending-invites", {}), "Admin"),
    "remove-user": (lambda org: ("remove-user", _target(org)), "Admin"),
    "change-user-role": (lambda org: ("change-user-role", {**_target(org), "role": "Member"}), "Admin"),
    "update-org": (lambda _: ("update-org", {"description": uuid4().hex}), "Admin"),
    "update-org, seats": (lambda _: ("update-org", {"maxUsers": 50}), "Owner"),
    "fetch-org-details": (lambda _: ("fetch-org-details", {}), "Member"),
}
RANK = {"Member": 1, "Admin": 2, "Owner": 3}


async def made(organization: Factory) -> Organization:
    org = await organization()
    org.people["Target"] = org.add("Member")
    await org.mirrored()
    return org


async def send(pages: Pages, org: Organization, call: str, caller: Any) -> httpx.Response:
    path, body = CALLS[call][0](org)
    return await pages.org(path, caller, orgId=org.org_id, **body)


@pytest.mark.parametrize("role", RANK)
async def test_a_role_decides(pages: Pages, organization: Factory, role: str) -> None:
    org = await made(organization)
    for caller in (org.people[role], await key(["organizations"], org, role)):
        for call, (_, least) in CALLS.items():
            answer = await send(pages, org, call, caller)
            if RANK[role] < RANK[least]:
                assert code(answer) == (403, "missing_permission"), call
                continue
            data(answer)
            if call == "remove-user":
                org.add("Member", org.people["Target"])
                await org.mirrored()


async def test_strangers_are_told_that_there_is_nothing(pages: Pages, organization: Factory) -> None:
    org, other = await made(organization), await organization("Owner")
    callers = [
        other.owner,
        await key(["organizations"], other, "Owner"),
        await key(["organizations"]),
        await key(["agents.runtime"], org, "Owner"),
    ]
    for caller in callers:
        for call in CALLS:
            answer = await send(pages, org, call, caller)
            assert code(answer) == (404, "organization_not_found"), call
            assert org.there.name not in answer.text


async def test_nobody_is_anybody(pages: Pages, organization: Factory) -> None:
    org = await made(organization)
    for headers in (None, {"x-api-key": "sk_nothing"}, {"Authorization": "Bearer x"}):
        for call in CALLS:
            answer = await send(pages, org, call, headers)
            assert refused(answer)[0] == 401
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_unknown_role_permits_nothing(world: World, pages: Pages, organization: Factory) -> None:
    settings = world.propelauth.settings
    roles = settings.roles
    settings.roles = {**roles, "Auditor": []}
    try:
        org = await made(organization)
        auditor = org.add("Auditor")
        await org.mirrored()
    finally:
        settings.roles = roles
    for call in CALLS:
        assert code(await send(pages, org, call, auditor)) == (403, "missing_permission"), call
    assert data(await pages.org("fetch-orgs-query", auditor))["orgs"] == []
    assert data(await pages.user("fetch-users-query", auditor))["users"] == []


async def test_calls_of_no_organization_need_somebody(pages: Pages) -> None:
    for path in ("create-org", "fetch-orgs-query"):
        assert refused(await pages.org(path, None, orgName="x"))[0] == 401
    assert refused(await pages.user("update-profile", None, firstName="x"))[0] == 401


async def test_a_key_creates_no_organization_for_nobody(pages: Pages, org: Organization) -> None:
    answer = await pages.org("create-org", await key(["organizations"], org, "Owner"), orgName=f"Org {uuid4().hex}")

    assert code(answer) == (401, "unauthenticated")


async def test_who_may_not_create_organizations_creates_none(world: World, pages: Pages) -> None:
    eve = world.person(google=False, can_create_orgs=False)

    assert code(await pages.org("create-org", eve, orgName="x")) == (403, "may_not_create_organizations")


async def test_a_bound_key_sees_its_organization_alone(pages: Pages, org: Organization, organization: Factory) -> None:
    other = await organization("Owner")
    other.add("Admin", org.owner)
    await other.mirrored()
    member = await key(["organizations"], org, "Member")

    orgs = data(await pages.org("fetch-orgs-query", member))
    users = data(await pages.user("fetch-users-query", member, includeOrgs=True))
    known = data(await pages.call("GET", "/user/fetch-user-mail", member, params={"email": org.owner.email}))
    unknown = data(await pages.call("GET", "/user/fetch-user-mail", member, params={"email": other.owner.email}))

    assert [each["orgId"] for each in orgs["orgs"]] == [org.org_id]
    assert {each["userId"] for each in users["users"]} == {person.user_id for person in org.people.values()}
    assert {org_id for each in users["users"] for org_id in each["orgIdToOrgInfo"]} == {org.org_id}
    assert known["orgIdToOrgInfo"].keys() == {org.org_id}
    assert unknown is None


@pytest.mark.parametrize("prefix", ["/api/user", "/user"])
async def test_an_unbound_key_reaches_nobody(pages: Pages, org: Organization, prefix: str) -> None:
    for headers, due in (
        (await key(["organizations"]), (403, "unbound_key")),
        (await key(["agents.runtime"], org, "Owner"), (403, "missing_scope")),
        (None, (401, "unauthenticated")),
    ):
        pages.world.propelauth.emulator.forget()
        mail = await pages.call("GET", f"{prefix}/fetch-user-mail", headers, params={"email": org.owner.email})
        users = await pages.user("fetch-users-query", headers, prefix)
        orgs = await pages.org("fetch-orgs-query", headers)

        assert [code(answer) for answer in (mail, users, orgs)] == [due] * 3
        assert pages.world.propelauth.emulator.requests == []


async def test_a_token_beside_a_key_counts(pages: Pages, org: Organization, ada: Person) -> None:
    both = {**ada.headers, **await key(["organizations"], org, "Owner")}

    assert code(await pages.org("fetch-users", both, orgId=org.org_id)) == (404, "organization_not_found")


# Nobody gives more than they have, or takes from their equals.


async def test_an_admin_makes_no_owner(pages: Pages, org: Organization, organization: Factory) -> None:
    known = await organization("Owner")
    known.add("Member", org.admin)
    await known.mirrored()
    for caller in (org.admin, await key(["organizations"], org, "Admin")):
        asked = {"orgId": org.org_id, "role": "Owner"}
        answers = [
            await pages.org("invite-user", caller, email=f"{uuid4().hex}@example.com", **asked),
            await pages.org("change-user-role", caller, userId=org.member.user_id, **asked),
            await pages.org("add-user", caller, userId=org.member.user_id, **asked),
        ]
        assert [code(answer) for answer in answers] == [(403, "above_own_role")] * 3
    stranger = await pages.org("add-user", org.admin, userId=known.owner.user_id, orgId=org.org_id, role="Owner")
    assert code(stranger) == (403, "above_own_role")
    assert org.invites() == []
    assert org.role_there(org.member) == "Member"


async def test_an_admin_changes_no_owner_and_no_admin(pages: Pages, org: Organization) -> None:
    another = org.add("Admin")
    await org.mirrored()
    for target in (org.owner, another):
        asked = {"orgId": org.org_id, "userId": target.user_id}
        changed = await pages.org("change-user-role", org.admin, role="Member", **asked)
        removed = await pages.org("remove-user", org.admin, **asked)
        assert [code(answer) for answer in (changed, removed)] == [(403, "above_own_role")] * 2
    assert (org.role_there(org.owner), org.role_there(another)) == ("Owner", "Admin")


async def test_nobody_raises_themselves_by_being_added(pages: Pages, org: Organization, ada: Person) -> None:
    for caller, due in ((org.admin, "above_own_role"), (org.member, "missing_permission")):
        answer = await pages.org("add-user", caller, orgId=org.org_id, userId=caller.user_id, role="Owner")
        assert code(answer) == (403, due)
    answer = await pages.org("add-user", ada, orgId=org.org_id, userId=ada.user_id, role="Owner")
    assert code(answer) == (404, "organization_not_found")
    assert org.role_there(ada) is None


async def test_nobody_is_drawn_into_an_organization_by_people_who_do_not_know_them(
    world: World, pages: Pages, org: Organization, ada: Person
) -> None:
    """A member's calendar is seen by the whole organization, so a user id must not be enough to make one."""
    for caller in (org.owner, await key(["organizations"], org, "Owner")):
        for user_id in (ada.user_id, str(uuid4()), "nobody"):
            answer = await pages.org("add-user", caller, orgId=org.org_id, userId=user_id, role="Member")
            assert code(answer) == (404, "fellow_not_found")
            assert ada.email not in answer.text
    assert org.invites() == []
    assert world.propelauth.memberships_of(ada.user_id) == []


async def test_the_last_owner_stays(pages: Pages, org: Organization) -> None:
    asked = {"orgId": org.org_id, "userId": org.owner.user_id}
    server = await key(["organizations"], org, "Owner")

    answers = [
        await pages.org("change-user-role", org.owner, role="Member", **asked),
        await pages.org("remove-user", server, **asked),
        await pages.org("change-user-role", server, role="Admin", **asked),
    ]

    assert [code(answer) for answer in answers] == [(409, "last_owner")] * 3
    assert org.role_there(org.owner) == "Owner"


async def test_members_of_others_are_not_reached_through_ones_own(
    pages: Pages, org: Organization, organization: Factory
) -> None:
    other = await organization()
    asked = {"orgId": org.org_id, "userId": other.member.user_id}

    changed = await pages.org("change-user-role", org.owner, role="Admin", **asked)
    removed = await pages.org("remove-user", org.owner, **asked)

    assert [code(answer) for answer in (changed, removed)] == [(404, "member_not_found")] * 2
    assert other.role_there(other.member) == "Member"


async def test_who_was_removed_sees_nothing_any_more(pages: Pages, org: Organization) -> None:
    data(await pages.org("remove-user", org.owner, orgId=org.org_id, userId=org.admin.user_id))

    assert code(await pages.org("fetch-users", org.admin, orgId=org.org_id)) == (404, "organization_not_found")
    assert data(await pages.org("fetch-orgs-query", org.admin))["orgs"] == []
    assert data(await pages.user("fetch-users-query", org.admin))["users"] == []
