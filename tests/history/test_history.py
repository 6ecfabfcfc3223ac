"""The history of an agent: listed, read, asked for a time, compared, and never changed."""

from datetime import datetime, timedelta, timezone
from typing import Any

from switchboard.configurations.model import MASK
from switchboard.http.paging import encode_cursor
from tests.agents.conftest import Json, Made, Teams, key, keys_of
from tests.organizations.conftest import refused

NOT_THERE = (404, "revision_not_found")


async def revised(team: Teams, *changes: Json) -> Made:
    """An agent with a revision for each of these changes after its first."""
    made = await (await team()).made()
    for change in changes:
        await made.ok("owner", "PATCH", json=change)
    return made


async def get(made: Made, path: str, role: str = "member", **query: Any) -> Any:
    answer = await made.ask(role, "GET", f"/revisions{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_change_is_kept_with_author_time_and_reason_the_newest_first(team: Teams) -> None:
    made = await revised(team, {"name": "Second", "reason": "Because"})
    await made.ok("editor", "PATCH", json={"initial_message": "Third"})
    people = made.team.people

    rows = (await get(made, ""))["revisions"]

    assert [(row["number"], row["reason"]) for row in rows] == [(3, None), (2, "Because"), (1, None)]
    authors = [people[role] for role in ("editor", "owner", "owner")]
    assert [row["author"] for row in rows] == [
        {"kind": "user", "id": person.user_id, "name": person.email} for person in authors
    ]
    assert (rows[0]["at"], rows[2]["at"]) == (made.shown["updated_at"], made.shown["created_at"])
    assert "configuration" not in rows[0]


async def test_a_revision_is_the_whole_configuration_of_then_with_masks(team: Teams) -> None:
    made = await (await team()).made(conversation={"max_nudges": 2})
    first = made.shown
    await made.ok("owner", "PATCH", json={"name": "Second", "chatbot_key": key(), "tts_config": {"speed": 2}})

    then, now = [(await get(made, f"/{number}"))["configuration"] for number in (1, 2)]

    assert then == {name: first[name] for name in then}
    assert now == {name: made.shown[name] for name in now}
    assert set(then) == set(first) - {
        *("agent_id", "status", "access", "ready", "revision", "created_at", "updated_at"),
    }
    assert all(mask.startswith(MASK) for mask in keys_of(then))


async def test_what_is_no_change_of_the_configuration_is_no_revision(team: Teams) -> None:
    made = await revised(team)
    there = await team()
    for path in ("/activate", "/deactivate"):
        await made.ok("owner", "POST", path)
    await made.given(there, "use")
    await made.ok("owner", "PATCH", json={"name": "Reception"})
    await made.ok("owner", "DELETE")
    await made.ok("owner", "POST", "/restore")

    assert len((await get(made, ""))["revisions"]) == 1


async def test_a_walk_by_cursor_gives_each_revision_once_whatever_comes_meanwhile(team: Teams) -> None:
    made = await revised(team, *({"name": f"Name {turn}"} for turn in range(6)))
    found: list[int] = []
    query: Json = {"limit": 3}
    while True:
        page = await get(made, "", **query)
        found += [row["number"] for row in page["revisions"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        await made.ok("owner", "PATCH", json={"name": f"Meanwhile {len(found)}"})

    assert found == [7, 6, 5, 4, 3, 2, 1]


async def test_a_made_up_cursor_is_refused_and_before_the_first_there_is_none(team: Teams) -> None:
    made = await revised(team)
    beyond = (encode_cursor(2**63), encode_cursor(2**64 - 1), encode_cursor(2**31 + 1))

    for cursor in ("x", "", encode_cursor("a"), encode_cursor(1, 2), *beyond):
        answer = await made.ask("member", "GET", "/revisions", params={"cursor": cursor})
        assert refused(answer) == (422, "invalid_cursor"), cursor
    for cursor in (encode_cursor(0), encode_cursor(-(2**63)), encode_cursor(1)):
        assert await get(made, "", cursor=cursor) == {"revisions": [], "next_cursor": None}


async def test_a_revision_that_is_not_there_is_not_found(team: Teams) -> None:
    made, other = await revised(team), await revised(team, {"name": "Second"})

    assert refused(await made.ask("member", "GET", "/revisions/2")) == NOT_THERE
    assert refused(await made.ask("member", "GET", "/revisions/1/differences?to=2")) == NOT_THERE
    assert refused(await made.ask("member", "GET", "/revisions/2/differences?to=1")) == NOT_THERE
    assert refused(await made.ask("owner", "POST", "/revisions/2/restore")) == NOT_THERE
    for wrong in ("0", "-1", str(2**31 + 1), str(2**70), "x", "1.5", "in-force"):
        assert refused(await made.ask("member", "GET", f"/revisions/{wrong}")) == (422, "invalid")
    assert len((await get(other, ""))["revisions"]) == 2


async def test_the_revision_in_force_at_a_time(team: Teams) -> None:
    made = await revised(team, {"name": "Second"}, {"name": "Third"})
    times = [datetime.fromisoformat(row["at"]) for row in reversed((await get(made, ""))["revisions"])]
    second, moment = timedelta(seconds=1), timedelta(milliseconds=1)

    async def at(when: datetime) -> int:
        return int((await get(made, "/in-force", as_of=when.isoformat()))["number"])

    assert [await at(when) for when in times] == [1, 2, 3]
    assert [await at(when - moment) for when in times[1:]] == [1, 2]
    assert await at(times[-1] + second) == 3
    before = {"as_of": (times[0] - moment).isoformat()}
    assert refused(await made.ask("member", "GET", "/revisions/in-force", params=before)) == NOT_THERE
    assert (await get(made, "/in-force", as_of=times[1].isoformat()))["configuration"]["name"] == "Second"
    elsewhere = times[1].astimezone(timezone(timedelta(hours=5.5))).isoformat()
    assert (await get(made, "/in-force", as_of=elsewhere))["number"] == 2
    assert (await get(made, "/in-force", as_of="9999-12-31T23:59:59Z"))["number"] == 3
    for wrong in ("", "yesterday", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59"):
        answer = await made.ask("member", "GET", "/revisions/in-force", params={"as_of": wrong})
        assert refused(answer) == (422, "invalid"), wrong


async def test_of_two_changes_at_one_moment_the_later_is_in_force(team: Teams) -> None:
    made = await revised(team, {"name": "Second"}, {"name": "Third"})
    same = made.revisions()[0]["at"]
    made.team.world.database["agent_revisions"].update_many({"agent_id": made.agent_id}, {"$set": {"at": same}})

    assert (await get(made, "/in-force", as_of=same.isoformat()))["number"] == 3


async def test_times_of_revisions_never_go_back_whatever_the_clock_says(team: Teams) -> None:
    made = await revised(team)
    future = datetime.fromisoformat(made.shown["updated_at"]) + timedelta(hours=1)
    made.team.world.database["agents"].update_one({"agent_id": made.agent_id}, {"$set": {"updated_at": future}})

    await made.ok("owner", "PATCH", json={"name": "Second"})

    assert made.revisions()[-1]["at"] == made.stored()["updated_at"] == future


async def test_differences_of_two_revisions_in_either_direction(team: Teams) -> None:
    made = await revised(team, {"name": "Second", "tts_config": {"speed": 2, "options": {"gender": "male"}}})

    there = (await get(made, "/1/differences", to=2))["differences"]
    back = (await get(made, "/2/differences", to=1))["differences"]

    assert there == [
        {"field": "name", "before": "Reception", "after": "Second"},
        {"field": "tts_config.options.gender", "before": None, "after": "male"},
        {"field": "tts_config.speed", "before": 1.0, "after": 2.0},
    ]
    assert back == [{**each, "before": each["after"], "after": each["before"]} for each in there]
    assert (await get(made, "/2/differences", to=2))["differences"] == []


async def test_a_key_differs_by_its_mask_even_when_that_is_the_same(team: Teams) -> None:
    made = await (await team()).made(chatbot_key="first-secret-1234")
    await made.ok("owner", "PATCH", json={"chatbot_key": "other-secret-1234"})
    await made.ok("owner", "PATCH", json={"chatbot_key": None})
    mask = f"{MASK}1234"

    assert (await get(made, "/1/differences", to=2))["differences"] == [
        {"field": "chatbot_key", "before": mask, "after": mask}
    ]
    assert (await get(made, "/2/differences", to=3))["differences"] == [
        {"field": "chatbot_key", "before": mask, "after": None}
    ]


async def test_no_route_changes_a_revision_and_a_write_leaves_the_older_ones_as_they_are(team: Teams) -> None:
    made = await revised(team, {"name": "Second"})
    before = made.revisions()

    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("/revisions", "/revisions/1", "/revisions/in-force", "/revisions/1/differences"):
            answer = await made.ask("owner", method, path, json={"name": "Forged"})
            assert refused(answer) == (405, "method_not_allowed"), (method, path)
    await made.ok("owner", "PATCH", json={"name": "Third", "chatbot_key": key()})
    await made.ok("owner", "POST", "/revisions/1/restore")
    await made.ok("owner", "DELETE")

    assert made.revisions()[:2] == before


async def test_revisions_of_one_agent_are_not_those_of_another(team: Teams) -> None:
    made, other = await revised(team, {"name": "Second"}), await revised(team)

    assert refused(await other.team.ask("owner", "GET", f"/{made.agent_id}/revisions/1")) == (404, "agent_not_found")
    assert (await get(other, "/1"))["configuration"]["phone_number"] == other.shown["phone_number"]
