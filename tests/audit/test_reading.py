"""GET /v1/orgs/{org_id}/audit: who did what, filtered, page by page, and no more than one may see."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.audit.model import Actor, Target, new_entry
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def put(org: Organization, action: Any, at: datetime, actor: Person, target: str = "target") -> str:
    who = Actor(kind="user", id=actor.user_id, name=actor.email)
    entry = new_entry(action, org.org_id, Target(kind="member", id=target), who, at, request_id=uuid4().hex)
    org.world.database["audit_log"].insert_one(entry.model_dump())
    return entry.entry_id


async def read(org: Organization, person: Person, **asked: Any) -> httpx.Response:
    return await org.world.api.get(f"{org.at}/audit", headers=person.headers, params=asked)


async def ids(org: Organization, person: Person, **asked: Any) -> list[str]:
    answer = await read(org, person, **asked)
    assert answer.status_code == 200, answer.text
    return [entry["entry_id"] for entry in answer.json()["entries"]]


@pytest.fixture
async def org(organization: Factory) -> Organization:
    made = await organization()
    made.forget_entries()
    return made


async def test_an_entry_is_shown_with_all_it_tells(org: Organization) -> None:
    await org.world.api.patch(
        org.at, headers={**org.admin.headers, "X-Request-Id": "request-of-mine"}, json={"display_name": "NW"}
    )

    [shown] = (await read(org, org.owner)).json()["entries"]

    assert datetime.now(UTC) - timedelta(minutes=1) < datetime.fromisoformat(shown.pop("at")) <= datetime.now(UTC)
    [stored] = org.entries()
    assert shown == {
        "entry_id": stored["entry_id"],
        "actor": {"kind": "user", "id": org.admin.user_id, "name": org.admin.email},
        "action": "organization.updated",
        "target": {"kind": "organization", "id": org.org_id},
        "before": {"display_name": None},
        "after": {"display_name": "NW"},
        "request_id": stored["request_id"],
    }
    assert stored["request_id"]


async def test_entries_come_the_newest_first_page_by_page_and_each_once(org: Organization) -> None:
    """Many of one moment, so that the order within it counts as well."""
    entries = [put(org, "member.left", NOON + timedelta(seconds=number // 4), org.owner) for number in range(23)]
    pages, cursor = [], None
    while True:
        answer = (await read(org, org.owner, limit=5, **({"cursor": cursor} if cursor else {}))).json()
        pages.append([entry["entry_id"] for entry in answer["entries"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
        put(org, "member.joined", NOON + timedelta(days=1), org.owner)  # newer ones meanwhile do not shift the pages

    assert [entry for page in pages for entry in page] == entries[::-1]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]


async def test_a_last_page_that_is_full_is_the_last_one(org: Organization) -> None:
    for number in range(4):
        put(org, "member.left", NOON + timedelta(seconds=number), org.owner)

    assert (await read(org, org.owner, limit=3)).json()["next_cursor"] is not None
    assert (await read(org, org.owner, limit=4)).json()["next_cursor"] is None


async def test_filters_narrow_what_is_shown_and_go_together(org: Organization) -> None:
    left = put(org, "member.left", NOON, org.member, "a")
    joined = put(org, "member.joined", NOON + timedelta(hours=1), org.owner, "b")
    removed = put(org, "member.removed", NOON + timedelta(hours=2), org.owner, "a")
    owner = org.owner

    assert await ids(org, owner) == [removed, joined, left]
    assert await ids(org, owner, action="member.joined") == [joined]
    assert await ids(org, owner, actor_id=org.member.user_id) == [left]
    assert await ids(org, owner, target_id="a") == [removed, left]
    assert await ids(org, owner, target_id="a", actor_id=owner.user_id) == [removed]
    assert await ids(org, owner, target_id="a", action="member.joined") == []
    assert await ids(org, owner, actor_id="$ne") == []


async def test_times_bound_it_from_the_first_on_and_before_the_second_in_any_zone(org: Organization) -> None:
    early, late = (put(org, "member.left", NOON + timedelta(hours=hours), org.owner) for hours in (0, 1))
    noon, one = "2026-03-01T12:00:00Z", "2026-03-01T14:00:00+01:00"

    assert await ids(org, org.owner, **{"from": noon, "to": one}) == [early]
    assert await ids(org, org.owner, **{"from": one}) == [late]
    assert await ids(org, org.owner, to=noon) == []
    assert await ids(org, org.owner, **{"from": one, "to": noon}) == []


async def test_a_filter_goes_on_over_pages(org: Organization) -> None:
    wanted = []
    for number in range(9):
        at = NOON + timedelta(seconds=number)
        put(org, "member.joined", at, org.owner)
        wanted.append(put(org, "member.left", at, org.owner))

    first = (await read(org, org.owner, action="member.left", limit=5)).json()
    rest = await ids(org, org.owner, action="member.left", limit=5, cursor=first["next_cursor"])

    assert [entry["entry_id"] for entry in first["entries"]] + rest == wanted[::-1]


async def test_a_member_sees_what_they_did_themselves_and_may_not_ask_for_others(org: Organization) -> None:
    mine = [put(org, "member.left", NOON + timedelta(seconds=number), org.member) for number in range(3)]
    put(org, "member.left", NOON, org.owner, org.member.user_id)

    assert await ids(org, org.member) == await ids(org, org.member, actor_id=org.member.user_id) == mine[::-1]
    assert await ids(org, org.member, target_id=org.member.user_id) == []
    assert refused(await read(org, org.member, actor_id=org.owner.user_id)) == (403, "missing_permission")
    first = (await read(org, org.member, limit=2)).json()
    assert await ids(org, org.member, cursor=first["next_cursor"]) == mine[:1]


async def test_another_organizations_entries_are_nobodys(org: Organization, organization: Factory) -> None:
    other = await organization()
    put(other, "member.left", NOON, org.owner)

    assert await ids(org, org.owner, actor_id=org.owner.user_id) == []
    assert refused(await read(other, org.owner)) == (404, "organization_not_found")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"action": "member.exploded"}, "invalid"),
        ({"from": "yesterday"}, "invalid"),
        ({"from": "2026-03-01T12:00:00"}, "invalid"),  # no zone
        ({"since": "2026-03-01T12:00:00Z"}, "invalid"),
        ({"org_id": "x"}, "invalid"),
        ({"limit": 0}, "invalid"),
        ({"limit": 1001}, "invalid"),
        ({"cursor": "!"}, "invalid_cursor"),
        ({"cursor": "W10"}, "invalid_cursor"),
        ({"cursor": "WzFlOTksIngiXQ"}, "invalid_cursor"),
        ({"actor_id": "x" * 101}, "invalid"),
        ({"actor_id[$ne]": "x"}, "invalid"),
    ],
)
async def test_what_makes_no_sense_is_refused(org: Organization, asked: dict[str, Any], code: str) -> None:
    assert refused(await read(org, org.owner, **asked)) == (422, code)


async def test_an_entry_nobody_can_read_is_left_out_and_hides_no_others(org: Organization) -> None:
    entries = [put(org, "member.left", NOON + timedelta(seconds=number), org.owner) for number in range(6)]
    org.world.database["audit_log"].update_one({"entry_id": entries[4]}, {"$set": {"actor": "somebody"}})
    found, cursor = [], None
    for _ in range(6):
        answer = (await read(org, org.owner, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        found += [entry["entry_id"] for entry in answer["entries"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert found == [*entries[5:], *entries[3::-1]]
