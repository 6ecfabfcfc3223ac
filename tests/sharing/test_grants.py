"""/v1/orgs/{org_id}/agents/{agent_id}/grants: given, listed, changed and taken away."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from switchboard.comparison import service as comparison
from tests.agents.conftest import Made, Team, Teams
from tests.organizations.conftest import refused


async def grant(made: Made, org_id: str, access: str = "use", role: str = "owner") -> Any:
    return await made.ask(role, "POST", "/grants", json={"org_id": org_id, "access": access})


async def listed(made: Made) -> list[tuple[str, str]]:
    answer = await made.ask("owner", "GET", "/grants")
    assert answer.status_code == 200, answer.text
    return [(each["org_id"], each["access"]) for each in answer.json()["grants"]]


def links(made: Made) -> dict[str, str]:
    """As they are stored."""
    found = made.team.world.database["organization_agents"].find({"agent_id": made.agent_id})
    return {each["org_id"]: each["access"] for each in found}


def whole(made: Made) -> bool:
    """Whether the agent's document and the links say the same."""
    return sorted(made.stored()["org_ids"]) == sorted(links(made))


async def test_a_grant_is_given_listed_changed_and_taken_away(team: Teams) -> None:
    here, there, third = [await team() for _ in range(3)]
    made = await here.made()

    first = await grant(made, there.org_id)
    await grant(made, third.org_id, "edit", role="admin")

    assert first.status_code == 201
    shown = first.json()
    assert (shown["org_id"], shown["access"], shown["created_at"]) == (there.org_id, "use", shown["updated_at"])
    assert await listed(made) == [(there.org_id, "use"), (third.org_id, "edit")]
    changed = await made.ask("owner", "PATCH", f"/grants/{there.org_id}", json={"access": "edit"})
    assert (changed.status_code, changed.json()["access"]) == (200, "edit")
    assert changed.json()["created_at"] == shown["created_at"] < changed.json()["updated_at"]
    assert (await made.ask("owner", "GET", "/grants")).json()["grants"][0] == changed.json()
    gone = await made.ask("owner", "DELETE", f"/grants/{there.org_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert await listed(made) == [(third.org_id, "edit")]
    assert links(made) == {here.org_id: "owner", third.org_id: "edit"}
    assert whole(made)


async def test_nothing_but_the_agent_itself_is_changed_by_a_grant(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    before, beside = made.stored(), made.stored("agent_configurations")

    await grant(made, there.org_id)

    after = made.stored()
    assert {name for name in after if after[name] != before[name]} == {"org_ids", "etag", "updated_at"}
    assert (made.stored("agent_configurations"), len(made.revisions())) == (beside, 1)
    [*_, change] = here.world.database["agent_changes"].find({"agent_id": made.agent_id}, sort=[("_id", 1)])
    assert (change["kinds"], sorted(change["org_ids"])) == (["sharing"], sorted([here.org_id, there.org_id]))


async def test_given_twice_is_given_once_and_may_be_another_access(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    first = await grant(made, there.org_id)
    stored, entries = made.stored(), here.entries()

    again = await grant(made, there.org_id)

    assert (again.status_code, again.json(), made.stored(), here.entries()) == (201, first.json(), stored, entries)
    other = await grant(made, there.org_id, "edit")
    assert (other.json()["access"], links(made)[there.org_id]) == ("edit", "edit")
    assert made.stored()["org_ids"] == [here.org_id, there.org_id]
    assert [each["action"] for each in here.entries("agent.share")] == ["agent.shared", "agent.share_changed"]


async def test_an_organization_that_is_not_there_and_ones_own_are_refused(team: Teams) -> None:
    here = await team()
    made = await here.made()
    own = here.org_id

    assert refused(await grant(made, "unknown")) == (404, "grantee_not_found")
    assert refused(await grant(made, own)) == (409, "own_organization")
    for method, body in (("PATCH", {"access": "use"}), ("DELETE", None)):
        for org_id in ("unknown", own):
            answer = await made.ask("owner", method, f"/grants/{org_id}", json=body)
            assert refused(answer) == (404, "grant_not_found"), (method, org_id)
    assert links(made) == {own: "owner"}


async def test_what_makes_no_sense_gives_nothing(team: Teams) -> None:
    made = await (await team()).made()
    wrong = ({}, {"org_id": ""}, {"org_id": "x" * 65}, {"org_id": {"$ne": 1}}, [])

    for body in (*wrong, {"org_id": "x", "access": "owner"}):
        assert refused(await made.ask("owner", "POST", "/grants", json=body)) == (422, "invalid"), body


async def test_sharing_is_for_managers_of_the_owning_organization(team: Teams) -> None:
    here, there, third = [await team() for _ in range(3)]
    made = await here.made()
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/grants", None),
        ("POST", "/grants", {"org_id": third.org_id, "access": "use"}),
        ("POST", "/grants", {"org_id": "unknown", "access": "use"}),
        ("PATCH", f"/grants/{there.org_id}", {"access": "edit"}),
        ("DELETE", f"/grants/{there.org_id}", None),
    )
    for access in ("use", "edit"):
        given = await made.given(there, access)
        for method, path, body in calls:
            assert refused(await given.ask("owner", method, path, json=body)) == (403, "not_the_owner")
            assert refused(await made.ask("editor", method, path, json=body)) == (403, "missing_permission")
            assert refused(await given.ask("member", method, path, json=body)) == (403, "missing_permission")
    for method, path, body in calls:
        assert refused(await third.ask("owner", method, f"/{made.agent_id}{path}", json=body))[0] == 404
    assert links(made) == {here.org_id: "owner", there.org_id: "edit"}


async def test_twenty_at_once_are_all_there(team: Teams) -> None:
    here = await team()
    made = await here.made()
    others = [await made_organization(here) for _ in range(20)]

    answers = await asyncio.gather(*(grant(made, org_id, "use") for org_id in others))

    assert [each.status_code for each in answers] == [201] * 20
    assert links(made) == {here.org_id: "owner", **dict.fromkeys(others, "use")}
    assert whole(made)
    assert len(here.entries("agent.shared")) == 20


async def test_a_change_of_what_is_taken_away_meanwhile_does_not_give_it_again(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    path = f"/grants/{there.org_id}"
    for _ in range(10):
        await grant(made, there.org_id)
        before = len(here.entries("agent.share_revoked"))
        changes = [made.ask("owner", "PATCH", path, json={"access": "edit"}) for _ in range(2)]
        revoked = [made.ask("owner", "DELETE", path) for _ in range(3)]
        answers = await asyncio.gather(*changes, *revoked)
        assert {each.status_code for each in answers[:2]} <= {200, 404}
        assert sorted(each.status_code for each in answers[2:]) == [204, 404, 404]
        assert links(made) == {here.org_id: "owner"}
        assert whole(made)
        assert len(here.entries("agent.share_revoked")) == before + 1


async def test_grants_and_an_editors_change_at_once_lose_neither(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    for turn in range(5):
        change = here.ask("owner", "PATCH", f"/{made.agent_id}", etag="*", json={"name": f"Turn {turn}"})
        answers = await asyncio.gather(change, grant(made, there.org_id))
        assert answers[1].status_code == 201
        assert answers[0].status_code in (200, 412)
        await made.ok("owner", "GET")
        assert (made.shown["name"] == f"Turn {turn}") == (answers[0].status_code == 200)
        assert links(made)[there.org_id] == "use"
        assert whole(made)
        await made.ok("owner", "DELETE", f"/grants/{there.org_id}")


async def test_both_logs_tell_it_and_strangers_appear_without_their_names(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    await grant(made, there.org_id)
    await made.ok("admin", "PATCH", f"/grants/{there.org_id}", json={"access": "edit"})
    await made.ok("owner", "DELETE", f"/grants/{there.org_id}")

    use, edit = ({"org_id": there.org_id, "access": access} for access in ("use", "edit"))
    told = [("agent.shared", None, use), ("agent.share_changed", use, edit), ("agent.share_revoked", edit, None)]
    for log in (here, there):
        entries = log.entries("agent.share")
        assert [(each["action"], each["before"], each["after"]) for each in entries] == told
        assert {each["target"]["id"] for each in entries} == {made.agent_id}
    people = [here.people[role] for role in ("owner", "admin", "owner")]
    own, theirs = here.entries("agent.share"), there.entries("agent.share")
    assert [each["actor"]["name"] for each in own] == [person.email for person in people]
    assert [each["actor"]["name"] for each in theirs] == [None] * 3
    assert [each["actor"]["id"] for each in theirs] == [person.user_id for person in people]


async def made_organization(team: Team) -> str:
    """Another organization, of which nobody is a member."""
    org_id = team.world.propelauth.add_org(f"Org {uuid4().hex[:12]}").org_id
    await comparison.compare(team.world.services, org_id, datetime.now(UTC))
    return str(org_id)
