"""An organization that is deleted takes its agents along, gives back what it was given, and its log stays."""

import asyncio
from typing import Any

from switchboard.organizations.documents import OrganizationDocument
from tests.agents.conftest import Team, Teams, complete
from tests.organizations.conftest import refused

OURS = ("agents", "agent_configurations", "organization_agents", "agent_revisions")


async def removed(team: Team) -> None:
    answer = await team.world.api.delete(f"/v1/orgs/{team.org_id}", headers=team.people["owner"].headers)
    assert answer.status_code == 204, answer.text


async def test_all_of_its_agents_go_and_the_log_says_so_wherever_they_were(team: Teams) -> None:
    here, there = await team(), await team()
    active, gone, shared = await here.made(name="Active"), await here.made(name="Gone"), await here.made(name="Shared")
    await active.ok("owner", "POST", "/activate")
    await gone.ok("owner", "DELETE")
    given = await shared.given(there, "edit")
    own = await there.made()
    database = here.world.database

    await removed(here)

    ids = [each.agent_id for each in (active, gone, shared)]
    for name in OURS:
        assert here.stored(name) == []
        assert database[name].count_documents({"agent_id": {"$in": ids}}) == 0
    entries = {each["target"]["id"]: each for each in here.entries("agent.deleted")}
    assert set(entries) == set(ids)
    assert entries[gone.agent_id]["actor"]["kind"] == "user"  # of before
    assert (entries[active.agent_id]["actor"]["kind"], entries[active.agent_id]["before"]["name"]) == (
        "system",
        "Active",
    )
    assert here.entries("organization.deleted")
    assert [each["target"]["id"] for each in there.entries("agent.deleted")] == [shared.agent_id]
    changes = {each["agent_id"]: each for each in database["agent_changes"].find({"kinds": "removed"})}
    assert changes[shared.agent_id]["etag"] is None
    assert sorted(changes[shared.agent_id]["org_ids"]) == sorted([here.org_id, there.org_id])
    assert refused(await given.ask("owner", "GET")) == (404, "agent_not_found")
    assert (await own.ok("owner", "GET")).shown == own.shown


async def test_its_numbers_are_free(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()

    await removed(here)

    await there.made(phone_number=made.shown["phone_number"])


async def test_what_it_was_given_stays_with_its_owner_who_is_told(team: Teams) -> None:
    here, there, third = [await team() for _ in range(3)]
    made = await here.made()
    for each in (there, third):
        await made.given(each, "use")
    before = made.shown

    await removed(there)

    assert made.stored()["org_ids"] == [here.org_id, third.org_id]
    links = here.world.database["organization_agents"].find({"agent_id": made.agent_id})
    assert sorted(each["org_id"] for each in links) == sorted([here.org_id, third.org_id])
    last = here.entries()[-1]
    assert (last["action"], last["before"], last["actor"]["kind"]) == (
        *("agent.share_revoked", {"org_id": there.org_id}),
        "system",
    )
    assert refused(await made.ask("owner", "PATCH", json={"name": "Late"})) == (412, "precondition_failed")
    await made.ok("owner", "GET")
    assert made.shown == {**before, "updated_at": made.shown["updated_at"]}
    [*_, change] = here.world.database["agent_changes"].find({"agent_id": made.agent_id}, sort=[("_id", 1)])
    assert (change["kinds"], there.org_id in change["org_ids"]) == (["sharing"], True)


async def test_the_preview_counts_agents(team: Teams) -> None:
    here = await team()
    made = await here.made()
    await made.ok("owner", "DELETE")
    await here.made()

    path = f"/v1/orgs/{here.org_id}/deletion"
    preview = await here.world.api.get(path, headers=here.people["owner"].headers)

    assert preview.json()["goes"]["agents"] == 2


async def test_an_organization_that_was_deleted_since_it_was_looked_for_is_given_nothing(
    team: Teams, monkeypatch
) -> None:
    here, there = await team(), await team()
    made = await here.made()
    find = OrganizationDocument.find
    seen = await find(there.org_id)
    await removed(there)

    async def late(org_id: str, session: Any = None) -> Any:
        return seen if session is None and org_id == there.org_id else await find(org_id, session)

    monkeypatch.setattr(OrganizationDocument, "find", late)
    answer = await made.ask("owner", "POST", "/grants", json={"org_id": there.org_id, "access": "use"})

    assert refused(answer) == (404, "grantee_not_found")
    assert made.stored()["org_ids"] == [here.org_id]


async def test_nothing_is_made_in_or_given_to_an_organization_while_it_is_deleted(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    given = {"org_id": there.org_id, "access": "use"}

    await asyncio.gather(
        removed(there),
        *(there.ask("admin", "POST", json=complete()) for _ in range(10)),
        *(made.ask("owner", "POST", "/grants", json=given) for _ in range(3)),
    )

    database = here.world.database
    assert made.stored()["org_ids"] == [here.org_id]
    for name in OURS:
        assert database[name].count_documents({"org_id": there.org_id}) == 0, name
