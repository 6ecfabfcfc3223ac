"""GET /v1/orgs/{org_id}/members: everybody, in the order they joined, under the names they go by here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.organizations.conftest import Factory, Organization, refused
from tests.users.variants import VARIANTS
from tests.world import Person

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKENS = ("access_token", "refresh_token", "propels_access_token", "client_secret", "client_id", "id_token")


async def read(org: Organization, person: Person | None = None, **asked: Any) -> httpx.Response:
    who = person or org.owner
    return await org.world.api.get(f"{org.at}/members", headers=who.headers, params=asked)


async def members(org: Organization, **asked: Any) -> list[dict[str, Any]]:
    answer = await read(org, **asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["members"]
    return found


async def ids(org: Organization, **asked: Any) -> list[str]:
    return [member["user_id"] for member in await members(org, **asked)]


def name(org: Organization, person: Person, **fields: Any) -> Person:
    """Put other names into the person's document."""
    org.world.database["users"].update_one({"user_id": person.user_id}, {"$set": fields}, upsert=True)
    return person


def joined(org: Organization, user_id: str, at: datetime) -> None:
    which = {"org_id": org.org_id, "user_id": user_id}
    org.world.database["user_organizations"].update_one(which, {"$set": {"joined_at": at}})


async def test_a_member_is_shown_with_role_names_and_state(organization: Factory) -> None:
    org = await organization("Owner")
    nina = org.world.person(google=False, first_name="Nina", last_name="Berg", username="nina" + org.org_id[:8])
    org.add("Admin", nina)
    await org.mirrored()

    listed = await members(org)
    alone = await org.world.api.get(f"{org.at}/members/{nina.user_id}", headers=org.owner.headers)

    assert [member["role_in_org"] for member in listed] == ["Owner", "Admin"]
    assert alone.json() == listed[1]
    joined_at, active_at = listed[1].pop("joined_at"), listed[1].pop("last_active_at")
    assert datetime.now(UTC) - timedelta(minutes=1) < datetime.fromisoformat(joined_at) <= datetime.now(UTC)
    assert datetime.fromisoformat(active_at) <= datetime.now(UTC) + timedelta(seconds=1)
    assert listed[1] == {
        "user_id": nina.user_id,
        "email": nina.email,
        "email_confirmed": True,
        "first_name": "Nina",
        "last_name": "Berg",
        "username": "nina" + org.org_id[:8],
        "picture_url": None,
        "enabled": True,
        "locked": False,
        "role_in_org": "Admin",
        "additional_roles_in_org": [],
    }


async def test_pages_follow_each_other_in_the_order_of_joining_and_hold_everybody_once(organization: Factory) -> None:
    org = await organization("Owner", *["Member"] * 10)
    everybody = await ids(org)
    for number, user_id in enumerate(sorted(everybody)):
        joined(org, user_id, NOON + timedelta(seconds=number // 3))  # three of a moment: then their ids decide
    pages, cursor = [], None
    while True:
        answer = (await read(org, limit=4, **({"cursor": cursor} if cursor else {}))).json()
        pages.append([member["user_id"] for member in answer["members"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert [user_id for page in pages for user_id in page] == sorted(everybody) == await ids(org)
    assert [len(page) for page in pages] == [4, 4, 3]


async def test_a_last_page_that_is_full_is_the_last_one(organization: Factory) -> None:
    org = await organization()

    assert (await read(org, limit=2)).json()["next_cursor"] is not None
    assert (await read(org, limit=3)).json()["next_cursor"] is None


async def test_who_joins_while_one_turns_the_pages_comes_last(organization: Factory) -> None:
    org = await organization()
    first = (await read(org, limit=2)).json()
    late = org.add("Member", org.world.person(google=False))
    await org.mirrored()

    rest = await ids(org, limit=9, cursor=first["next_cursor"])

    assert rest[-1] == late.user_id
    assert len({member["user_id"] for member in first["members"]} | set(rest)) == 4


async def test_a_role_narrows_it_over_pages(organization: Factory) -> None:
    org = await organization("Owner", "Member", "Admin", "Member", "Admin", "Member")

    first = (await read(org, role="Member", limit=2)).json()
    rest = await members(org, role="Member", limit=2, cursor=first["next_cursor"])

    assert [member["role_in_org"] for member in first["members"] + rest] == ["Member"] * 3
    assert len(await ids(org, role="Admin")) == 2
    assert await ids(org, role="member") == await ids(org, role="$ne") == []


async def test_a_search_looks_in_names_and_the_e_mail_whatever_the_case(organization: Factory) -> None:
    org = await organization("Owner")
    names = {"first_name": "Nina", "last_name": "\u00d6zdemir-M\u00fcller", "username": "SailorMoon"}
    nina = name(org, org.add("Member"), email="Nina.Berg@Northwind.Example", **names)
    name(org, org.add("Member"), email="bob@example.org", first_name="Bob")
    await org.mirrored()
    name(org, nina, email="Nina.Berg@Northwind.Example")

    for text in ("nina", "NINA", "in", "\u00f6zdemir", "m\u00dcller", "moon", "berg@NORTH", "r-M"):
        assert await ids(org, search=text) == [nina.user_id], text
    for text in ("ninja", "nina berg", "lovelace-king"):
        assert await ids(org, search=text) == [], text


@pytest.mark.parametrize("text", [".*", "^", "$", "n.na", "[a-z]", "(", "\\", "a|b", "n{1}", "*", "+", "?", "\\w", "/"])
async def test_what_means_something_in_a_pattern_is_looked_for_as_it_is(organization: Factory, text: str) -> None:
    org = await organization("Owner")
    odd = name(org, org.add("Member"), first_name=f"Ni{text}na")
    name(org, org.owner, first_name="Nina")
    await org.mirrored()

    assert await ids(org, search=text) == [odd.user_id]


async def test_a_search_looks_in_the_names_of_older_documents_and_goes_on_over_pages(organization: Factory) -> None:
    org = await organization("Owner")
    for _ in range(5):
        name(org, org.add("Member"), user_info={"given_name": "Zo\u00eb", "username": "Zebra"})
        name(org, org.add("Member"), first_name="Nobody")
    await org.mirrored()

    first = (await read(org, search="zebra", limit=3)).json()
    rest = await ids(org, search="zebra", limit=3, cursor=first["next_cursor"])

    assert (len(first["members"]), len(rest)) == (3, 2)
    assert {member["username"] for member in first["members"]} == {"Zebra"}


async def test_a_search_finds_in_its_organization_only(organization: Factory) -> None:
    org, other = await organization("Owner"), await organization("Owner")

    assert await ids(org, search=other.owner.email) == []
    assert await ids(org, search=org.owner.email) == [org.owner.user_id]


async def test_a_name_that_somebody_changes_shows_at_once(api, organization: Factory) -> None:
    org = await organization()
    await api.patch("/v1/me", headers=org.member.headers, json={"first_name": "Augusta", "last_name": "King"})

    [shown] = await members(org, search="augusta")

    assert (shown["user_id"], shown["first_name"], shown["last_name"]) == (org.member.user_id, "Augusta", "King")


async def test_documents_of_every_old_shape_are_members_like_others_and_no_token_shows(world, organization) -> None:
    org = await organization("Owner")
    people = [org.add("Member", world.person(google=False)) for _ in VARIANTS]
    for person, variant in zip(people, VARIANTS.values(), strict=True):
        world.database["users"].insert_one(variant(person.user_id))
    await org.mirrored()

    answer = await read(org)

    listed = {member["user_id"]: member for member in answer.json()["members"]}
    assert listed.keys() == {org.owner.user_id} | {person.user_id for person in people}
    assert {member["email"] for member in listed.values()} == {person.email for person in (org.owner, *people)}
    secrets = ("v1-access", "v1-later", "v1-refresh", "propel-access", "old-secret", "old-client")
    assert not [text for text in (*secrets, *TOKENS) if text in answer.text]
    for person in people:
        alone = await org.world.api.get(f"{org.at}/members/{person.user_id}", headers=org.owner.headers)
        assert alone.json() == listed[person.user_id]


ODD: list[dict[str, Any]] = [
    {"first_name": 5, "email": ["a"], "username": {"$gt": ""}, "picture_url": 1.5},
    {"enabled": "yes", "locked": "no", "email_confirmed": 1, "last_active_at": "soon"},
    {"last_active_at": 10**30, "user_info": "somebody"},
    {"user_info": {"email": 5, "first_name": None, "given_name": ["x"]}, "first_name": ""},
    {"last_active_at": 253_402_300_800_000, "last_name": "x" * 100_000},
]


@pytest.mark.parametrize("odd", ODD)
async def test_no_document_of_a_member_breaks_the_list_or_a_search(world, organization: Factory, odd: Any) -> None:
    org = await organization()
    if isinstance(odd.get("last_active_at"), int) and odd["last_active_at"] > 2**60:
        odd = {**odd, "last_active_at": float(odd["last_active_at"])}
    name(org, org.member, **odd)

    assert len(await members(org)) == 3
    assert (await read(org, search="a")).status_code == 200
    alone = await world.api.get(f"{org.at}/members/{org.member.user_id}", headers=org.owner.headers)
    assert (alone.status_code, alone.json()["role_in_org"]) == (200, "Member")


async def test_who_has_no_document_is_listed_by_id(world, organization: Factory) -> None:
    org = await organization()
    world.database["users"].delete_one({"user_id": org.member.user_id})

    [shown] = await members(org, role="Member")

    assert (shown["user_id"], shown["email"], shown["first_name"]) == (org.member.user_id, None, None)


async def test_a_membership_nobody_can_read_is_left_out_and_hides_no_others(world, organization: Factory) -> None:
    org = await organization("Owner", *["Member"] * 5)
    joined(org, org.owner.user_id, NOON)
    everybody = await ids(org)
    which = {"org_id": org.org_id, "user_id": everybody[1]}
    world.database["user_organizations"].update_one(which, {"$set": {"role_in_org": 5}})
    found, cursor = [], None
    for _ in range(6):
        answer = (await read(org, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        found += [member["user_id"] for member in answer["members"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert found == [everybody[0], *everybody[2:]]


async def test_one_member_of_another_organization_or_of_none_is_not_found(api, ada, organization: Factory) -> None:
    org, other = await organization(), await organization("Owner")

    for user_id in (other.owner.user_id, ada.user_id, "nobody", "%24ne"):
        answer = await api.get(f"{org.at}/members/{user_id}", headers=org.owner.headers)
        assert refused(answer) == (404, "member_not_found")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        *(
            ({name: value}, "invalid")
            for name, value in (("limit", 0), ("limit", 1001), ("search", ""), ("sort", "email"))
        ),
        ({"search": "x" * 101}, "invalid"),
        ({"search": "a\x00b"}, "invalid"),
        ({"role": "x" * 65}, "invalid"),
        ({"role[$ne]": "Owner"}, "invalid"),
        *(
            ({"cursor": cursor}, "invalid_cursor")
            for cursor in ("nope", "W10", "WzEsMl0", "bnVsbA", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAsInUiXQ")
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(organization: Factory, asked: dict[str, Any], code: str) -> None:
    assert refused(await read(await organization("Owner"), **asked)) == (422, code)
