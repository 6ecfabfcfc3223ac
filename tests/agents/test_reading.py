"""GET one agent and lists of them."""

from typing import Any

from switchboard.http.paging import encode_cursor
from tests.agents.conftest import Made, Team, Teams, number
from tests.organizations.conftest import refused


async def rows(team: Team, role: str = "member", **query: Any) -> list[str]:
    """The names of a list, the newest first."""
    answer = await team.ask(role, "GET", params=query)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["agents"]]


async def named(team: Team, *names: str) -> list[Made]:
    return [await team.made(name=name) for name in names]


async def test_a_read_with_the_etag_of_now_has_no_body(team: Teams) -> None:
    made = await (await team()).made()

    answer = await made.ask("member", "GET", headers={"If-None-Match": made.etag})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", made.etag)
    for has in (f'"other", {made.etag}', f"W/{made.etag}", "*"):
        assert (await made.ask("member", "GET", headers={"If-None-Match": has})).status_code == 304
    for has in ('"other"', made.etag.strip('"'), ""):
        read = await made.ask("member", "GET", headers={"If-None-Match": has})
        assert (read.status_code, read.json()) == (200, made.shown)


async def test_a_change_gives_another_etag_so_that_a_cache_reads_again(team: Teams) -> None:
    made = await (await team()).made()
    before = made.etag

    await made.ok("owner", "PATCH", json={"name": "Other"})

    read = await made.ask("member", "GET", headers={"If-None-Match": before})
    assert (read.status_code, read.json()["name"]) == (200, "Other")
    assert read.headers["etag"] == made.etag != before
    assert read.headers["cache-control"] == "private, no-cache"


async def test_an_agent_of_another_organization_is_not_there(team: Teams) -> None:
    here, there = await team(), await team()
    made = await there.made()

    for path in (made.agent_id, "unknown", "x" * 64, "$ne"):
        assert refused(await here.ask("owner", "GET", f"/{path}"))[0] == 404
    assert refused(await here.ask("owner", "GET", f"/{made.agent_id}")) == (404, "agent_not_found")
    has = {"If-None-Match": made.etag}
    assert refused(await here.ask("owner", "GET", f"/{made.agent_id}", headers=has)) == (404, "agent_not_found")
    assert await rows(here) == []


async def test_a_list_has_the_newest_first_with_what_a_change_needs(team: Teams) -> None:
    here = await team()
    first, second = await named(here, "First", "Second")

    answer = (await here.ask("member", "GET")).json()

    assert [each["name"] for each in answer["agents"]] == ["Second", "First"]
    assert answer["next_cursor"] is None
    row = answer["agents"][1]
    assert row == {name: first.shown[name] for name in row.keys() - {"etag"}} | {"etag": first.etag}
    await Made(here, second.shown, answer["agents"][0]["etag"]).ok("owner", "PATCH", json={"name": "Changed"})
    assert await rows(here) == ["Changed", "First"]


async def test_a_list_is_filtered_by_status(team: Teams) -> None:
    here = await team()
    active, _, deleted = await named(here, "Active", "Inactive", "Deleted")
    await active.ok("owner", "POST", "/activate")
    await deleted.ok("owner", "DELETE")

    assert await rows(here) == ["Inactive", "Active"]
    assert await rows(here, status="active") == ["Active"]
    assert await rows(here, status="inactive") == ["Inactive"]
    assert await rows(here, status="deleted") == ["Deleted"]
    assert refused(await here.ask("member", "GET", params={"status": "gone"})) == (422, "invalid")


async def test_deleted_ones_are_for_the_owner_alone(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    await made.given(there, "edit")
    assert await rows(there) == ["Reception"]

    await made.ok("owner", "DELETE")

    assert (await rows(there), await rows(there, status="deleted")) == ([], [])
    assert await rows(here, status="deleted") == ["Reception"]


async def test_a_part_of_the_name_is_found_in_any_case_and_as_it_is_written(team: Teams) -> None:
    here = await team()
    await named(here, "#1", "BÜRO", "back\\slash", "100$", "a.b", "xx", "Night+Day", "Night (1)")
    found = {"night": ["Night (1)", "Night+Day"], "NIGHT (1)": ["Night (1)"], "ü": ["BÜRO"], "\\": ["back\\slash"]}
    found |= {"+": ["Night+Day"], "(": ["Night (1)"], ".": ["a.b"], "$": ["100$"], "#": ["#1"]}
    for nobody in ("^N", ".*", "|", "[", "a b", "x{2}", "x*", "(?i)NIGHT", "\\w", "\ufffd", "(" * 200):
        found[nobody] = []
    for part, expected in found.items():
        assert await rows(here, name=part) == expected, part
    for part in ("\x00", "a\x00b"):
        assert refused(await here.ask("member", "GET", params={"name": part})) == (422, "invalid")


async def test_a_number_is_found_with_its_plus_encoded_bare_or_left_out(team: Teams) -> None:
    here = await team()
    one = number()
    await here.made(name="Other")
    await here.made(name="Wanted", phone_number=one)
    digits = one[1:]

    for query in (f"%2B{digits}", f"+{digits}", digits, f"%20{digits}", f"%2B{digits[:2]}%20{digits[2:]}"):
        answer = await here.ask("member", "GET", f"?number={query}")
        assert [each["name"] for each in answer.json()["agents"]] == ["Wanted"], query
    assert await rows(here, number=number()) == []
    for query in ("abc", "12", "030123", "%2B"):
        assert refused(await here.ask("member", "GET", f"?number={query}")) == (422, "invalid_phone_number")


async def test_a_list_is_filtered_by_readiness(team: Teams) -> None:
    here = await team()
    await here.made(name="Ready")
    await here.made(name="Not ready", phone_number=None)

    assert (await rows(here, ready=True), await rows(here, ready=False)) == (["Ready"], ["Not ready"])
    assert await rows(here, ready=True, name="not") == []


async def test_a_walk_by_cursor_gives_each_agent_once(team: Teams) -> None:
    here = await team()
    names = [f"Agent {position}" for position in range(7)]
    made = await named(here, *names)
    same = {"created_at": made[3].stored()["created_at"]}
    ids = [each.agent_id for each in made[2:6]]
    here.world.database["agents"].update_many({"agent_id": {"$in": ids}}, {"$set": same})  # made at one moment
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2, "name": "agent"}
    for _ in range(9):
        page = (await here.ask("member", "GET", params=query)).json()
        found += [each["name"] for each in page["agents"]]
        assert len(page["agents"]) <= 2
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        if len(found) == 2:
            await here.made(name="Agent that comes meanwhile")

    assert (sorted(found), found[:1], found[-1:]) == (names, ["Agent 6"], ["Agent 0"])


async def test_a_made_up_cursor_is_refused(team: Teams) -> None:
    here = await team()
    for cursor in ("x", "", encode_cursor("a", "b"), encode_cursor(2**63 - 1, "a"), encode_cursor(5)):
        answer = await here.ask("member", "GET", params={"cursor": cursor})
        assert refused(answer) == (422, "invalid_cursor"), cursor


async def test_limits_of_a_list(team: Teams) -> None:
    here = await team()
    for wrong in ({"limit": 0}, {"limit": 1001}, {"name": ""}, {"name": "x" * 201}, {"unknown": 1}, {"org_id": "x"}):
        assert refused(await here.ask("member", "GET", params=wrong)) == (422, "invalid")


async def test_a_shared_agent_is_one_row_for_each_organization_that_has_it(team: Teams) -> None:
    here, there, third = [await team() for _ in range(3)]
    made = await here.made(name="Shared")
    for each in (there, third):
        await made.given(each, "use")

    for team_, access in ((here, "owner"), (there, "use"), (third, "use")):
        [row] = (await team_.ask("member", "GET")).json()["agents"]
        read = await team_.ask("member", "GET", f"/{made.agent_id}")
        assert (row["access"], row["etag"]) == (access, read.headers["etag"])


async def test_an_agent_that_cannot_be_read_does_not_break_the_list(team: Teams) -> None:
    here = await team()
    broken, _ = await named(here, "Broken", "Whole")
    here.world.database["agents"].update_one({"agent_id": broken.agent_id}, {"$set": {"status": "inactive", "name": 7}})

    assert await rows(here) == ["Whole"]
    assert (await broken.ask("owner", "GET")).status_code == 500
