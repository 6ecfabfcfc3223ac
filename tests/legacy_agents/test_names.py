"""What older pages call agents: names with spaces and signs, ids of organizations, ids of their own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from switchboard.agents.model import Agent, new_agent
from switchboard.audit.model import SYSTEM
from switchboard.legacy_agents.model import SeveralAgents, called, keys
from switchboard.organizations.model import Acting, Organization
from switchboard.roles.model import Rights
from tests.agents.conftest import number
from tests.legacy_agents.conftest import Old, Teams, new_name, refused, sent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONFIRMED = {"created_at": NOW, "updated_at": NOW, "confirmed_at": NOW, "confirmed_by": "api"}


def agent(org_id: str = "here", **fields: Any) -> Agent:
    made = new_agent(org_id, NOW)
    return made.model_copy(update={"name": "Reception", **fields})


def acting(*org_ids: str) -> Sequence[Acting]:
    named = [Organization.model_validate({"org_id": each, "name": each, **CONFIRMED}) for each in org_ids]
    return [Acting(SYSTEM, Rights("Owner"), each) for each in named]


HERE = acting("here")


def test_an_agent_is_found_by_its_id_before_its_legacy_id_before_its_name() -> None:
    by_id, by_legacy_id, by_name = agent(), agent(), agent()
    text = by_id.agent_id
    by_legacy_id.legacy_id, by_name.name = text, text

    assert called([by_name, by_legacy_id, by_id], text, HERE) is by_id
    assert called([by_name, by_legacy_id], text, HERE) is by_legacy_id
    assert called([by_name], text, HERE) is by_name
    assert called([by_name, by_legacy_id, by_id], "Other", HERE) is None


def test_an_agent_of_ones_own_is_found_before_one_that_another_organization_shared() -> None:
    own, shared = agent(legacy_id="x"), agent("there", org_ids=["there", "here"], legacy_id="x", name="x")

    assert called([shared, own], "x", HERE) is own
    assert called([shared], "x", HERE) is shared
    assert called([shared, agent(name="x")], "x", HERE) is shared


def test_of_two_agents_with_one_name_none_is_found_by_it() -> None:
    with pytest.raises(SeveralAgents):
        called([agent(), agent()], "Reception", HERE)


def test_each_agent_is_called_by_a_text_that_finds_it_and_no_other() -> None:
    renamed, day = agent(legacy_id="Desk", name="Night"), agent(name="Day")
    ambiguous = [agent(name="Desk"), agent(name="Night"), agent(name="Twin"), agent(name="Twin")]
    shared = agent("there", org_ids=["there", "here"], legacy_id="Desk")
    agents = [renamed, day, *ambiguous, shared, agent(name=renamed.agent_id)]

    named = keys(agents, HERE)

    assert [named[renamed.agent_id], named[day.agent_id], named[shared.agent_id]] == ["Desk", "Day", "Reception"]
    assert [named[each.agent_id] for each in ambiguous] == [each.agent_id for each in ambiguous]
    assert len(set(named.values())) == len(agents)
    for each in agents:
        assert called(agents, named[each.agent_id], HERE) is each


@pytest.mark.parametrize(
    "name",
    ["Front desk", "front_desk", "a+b", "a%2Bb", "100% & more?", "Müller #1", "a;b=c,d", "name.with.dots", "{}", "$ne"],
)
async def test_an_agent_of_any_name_is_made_found_changed_and_deleted(home: Old, name: str) -> None:
    name = f"{name} {uuid4().hex[:6]}"
    path = quote(name, safe="+")

    await home.ok("POST", f"/agents/update/{path}", json=sent())
    await home.ok("POST", f"/agents/update/{path}", json={"initial_message": "Changed"})

    body = await home.ok("GET", f"/agents/info/{path}")
    assert (body["agentId"], body["name"], body["initial_message"]) == (name, name, "Changed")
    assert name in (await home.ok("GET", "/agents/all"))["agents"]
    await home.ok("DELETE", f"/agents/delete/{path}")
    assert (await home.ask("GET", f"/agents/info/{path}")).status_code == 404


async def test_the_id_of_an_organization_is_an_agents_id_as_one_of_the_pages_has_it(alone: Old) -> None:
    await alone.made(alone.org_id)

    body = await alone.ok("GET", f"/api/agents/info/{alone.org_id}")
    rows = (await alone.ok("GET", "/api/agents/all"))["agents"]

    assert [each["agentId"] for each in rows] == [alone.org_id] == [body["agent"]["agentId"]]
    assert body["agent"]["id"] not in (alone.org_id, "")


async def test_an_agent_of_the_new_pages_is_found_by_its_name_and_by_its_id(home: Old) -> None:
    name = f"Made anew {uuid4().hex[:6]}"
    made = await home.team.made(name=name)

    by_name = await home.ok("GET", f"/agents/info/{name}")
    by_id = await home.ok("GET", f"/agents/info/{made.agent_id}")

    assert (by_name["id"], by_id["id"]) == (made.agent_id, made.agent_id)
    assert (await home.ok("GET", "/agents/all"))["agents"][name]["id"] == made.agent_id
    await home.ok("POST", f"/agents/update/{name}", json={"initial_message": "Changed"})
    assert home.document(name)["initial_message"] == "Changed"


async def test_a_renamed_agent_is_still_called_as_the_older_pages_called_it(home: Old) -> None:
    first, other = await home.made(), f"Other {uuid4().hex[:6]}"

    body = await home.ok("POST", f"/agents/update/{first}", json={"name": other})

    assert (body["data"]["name"], body["data"]["agentId"]) == (other, first)
    agents = (await home.ok("GET", "/agents/all"))["agents"]
    assert agents[first]["name"] == other
    assert other not in agents
    assert (await home.ok("GET", f"/agents/info/{other}"))["id"] == agents[first]["id"]


async def test_a_name_that_only_repeats_what_an_agent_is_called_by_renames_nothing(home: Old) -> None:
    called_ = await home.made()

    body = await home.ok("POST", f"/agents/update/{called_}", json={"agentName": called_})

    assert body["data"]["name"] == "Front desk +1"


async def test_an_agent_whose_name_is_a_number_is_not_the_one_at_the_number(home: Old) -> None:
    at = number()
    called_ = await home.made(phone_number=at)
    await home.made(at)

    assert (await home.ok("GET", f"/agents/by_phone/{at}"))["agentId"] == called_


async def test_a_name_that_several_agents_have_is_refused_and_each_is_there_by_its_id(home: Old) -> None:
    name = f"Twin {uuid4().hex[:6]}"
    twins = [(await home.team.made(name=name)).agent_id for _ in range(2)]

    for method, path, more in (
        ("GET", "info", {}),
        ("DELETE", "delete", {}),
        ("POST", "update", {"json": sent()}),
        ("DELETE", "delete_phone", {}),
    ):
        answer = await home.ask(method, f"/agents/{path}/{name}", **more)
        assert (refused(answer)[0], answer.json()["code"]) == (409, "several_agents")
    assert set(twins) <= (await home.ok("GET", "/agents/all"))["agents"].keys()
    await home.ok("DELETE", f"/agents/delete/{twins[0]}")
    assert (await home.ok("GET", f"/agents/info/{name}"))["id"] == twins[1]


async def test_a_deleted_agents_id_is_free_and_restoring_it_takes_nothing_from_the_next(home: Old) -> None:
    called_ = await home.made()
    first = home.document(called_)["agent_id"]
    await home.ok("DELETE", f"/agents/delete/{called_}")

    await home.made(called_)
    second = home.document(called_)["agent_id"]
    restored = await home.team.ask("owner", "POST", f"/{first}/restore")

    assert (restored.status_code, restored.json()["status"], second != first) == (200, "inactive", True)
    assert (await home.ok("GET", f"/agents/info/{called_}"))["id"] == second


async def test_two_organizations_call_agents_alike_and_neither_sees_the_others(home: Old, team: Teams) -> None:
    there, called_ = Old(await team()), new_name()
    for each in (home, there):
        await each.made(called_)

    await there.ok("POST", f"/agents/update/{called_}", json={"initial_message": "Theirs"})

    assert home.document(called_)["initial_message"] == "Hello!"
    assert home.document(called_)["agent_id"] != there.document(called_)["agent_id"]


@pytest.mark.parametrize("path", ["x" * 201, "a%00b", "a%0Ab", "%7F"])
async def test_what_is_no_name_is_refused(home: Old, path: str) -> None:
    assert refused(await home.ask("POST", f"/agents/update/{path}", json=sent()))[0] == 422
    assert refused(await home.ask("GET", f"/agents/info/{path}"))[0] == 422
