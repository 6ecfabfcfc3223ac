"""Who may, and in which organization: none is named by most of these paths."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from switchboard.agents.documents import AgentConfigurationDocument
from switchboard.comparison import service as comparison
from switchboard.legacy_agents import service
from switchboard.runtime import service as keys
from switchboard.runtime.service import Grant
from tests.agents.conftest import number
from tests.legacy_agents.conftest import Old, new_name, refused, sent
from tests.world import Person, World

READS = ("all", "trunks", "by-org/{org_id}", "info/{called}", "by_phone/{number}")
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "update/{called}", {"initial_message": "Changed"}),
    ("POST", "set_phone/{called}", {"phone_number": "+493012345678"}),
    ("DELETE", "delete_phone/{called}", None),
    ("DELETE", "delete/{called}", None),
    ("DELETE", "delete-by-org/{org_id}", {"agent_name": "{called}"}),
)


async def joined(old: Old, person: Person, role: str = "Owner") -> None:
    old.world.propelauth.add_member(old.org_id, person.user_id, role)
    await comparison.compare(old.world.services, old.org_id, datetime.now(UTC))


@pytest.mark.parametrize("prefix", ["/agents", "/api/agents"])
async def test_nobody_and_who_has_no_valid_key_gets_401(home: Old, prefix: str) -> None:
    names = {"org_id": home.org_id, "called": await home.made(), "number": number()}
    asks = [("GET", path, None) for path in (*READS, "active-calls")] + [*WRITES]
    for method, path, body in asks:
        for headers in ({}, {"X-API-Key": "sbk_wrong"}, {"Authorization": "Bearer wrong"}, {"x-api-key": ""}):
            answer = await home.ask(method, f"{prefix}/{path.format(**names)}", headers=headers, json=body)
            assert refused(answer)[0] == 401, (method, path, headers)


async def test_a_stranger_finds_nothing(home: Old, ada: Person) -> None:
    called, at = await home.working()
    before = home.documents(), home.document(called)
    names = {"org_id": home.org_id, "called": called, "number": at}
    for method, path, body in [("GET", path, None) for path in READS[2:]] + [*WRITES]:
        sends = {"agent_name": called} if body and "agent_name" in body else body
        answer = await home.ask(method, f"/agents/{path.format(**names)}", headers=ada.headers, json=sends)
        assert refused(answer)[0] == (403 if path.startswith("update") else 404), path
        assert home.org_id not in answer.text
    assert (home.documents(), home.document(called)) == before


async def test_who_belongs_nowhere_has_no_agents_and_makes_none(home: Old, ada: Person) -> None:
    assert (await home.ok("GET", "/agents/all", headers=ada.headers))["agents"] == {}
    assert (await home.ok("GET", f"/agents/by-org/{ada.user_id}", headers=ada.headers))["data"] == []

    answer = await home.ask("POST", f"/agents/update/{new_name()}", headers=ada.headers, json=sent())

    assert (refused(answer)[0], answer.json()["code"]) == (403, "no_organization")


async def test_a_member_reads_and_changes_nothing_and_an_editor_changes_but_the_number(home: Old) -> None:
    called, _ = await home.working()
    for role, expected in (("member", (403, 403, 403, 403)), ("editor", (200, 403, 403, 403))):
        await home.ok("GET", f"/agents/info/{called}", role)
        asks = [
            await home.ask("POST", f"/agents/update/{called}", role, json={"initial_message": role}),
            await home.ask("POST", f"/agents/set_phone/{called}", role, json={"phone_number": number()}),
            await home.ask("DELETE", f"/agents/delete_phone/{called}", role),
            await home.ask("DELETE", f"/agents/delete/{called}", role),
        ]
        assert tuple(each.status_code for each in asks) == expected, role
    assert home.document(called)["initial_message"] == "editor"
    assert refused(await home.ask("POST", f"/agents/update/{new_name()}", "member", json=sent()))[0] == 403


async def test_a_services_key_acts_in_its_organization_in_its_role(home: Old) -> None:
    called = await home.made()
    admin, member = await home.key(), await home.key("Member")

    assert called in (await home.ok("GET", "/agents/all", headers=member))["agents"]
    assert called in (await home.ok("GET", f"/agents/by-org/{home.org_id}", headers=member))["agents"]
    await home.ok("POST", f"/agents/update/{called}", headers=admin, json={"initial_message": "By a service"})
    made = new_name()
    await home.ok("POST", f"/agents/update/{made}", headers=admin, json=sent())

    assert home.document(called)["initial_message"] == "By a service"
    assert home.document(made)["org_id"] == home.org_id
    answer = await home.ask("POST", f"/agents/update/{called}", headers=member, json={"initial_message": "x"})
    assert refused(answer)[0] == 403


async def test_a_key_without_organization_or_scope_reaches_nothing(home: Old) -> None:
    _, unbound = await keys.create("everywhere", Grant(["organizations"]), datetime.now(UTC))
    called, at = await home.working()
    names = {"org_id": home.org_id, "called": called, "number": at}
    for headers in ({"X-API-Key": unbound}, await home.key(scope="agents.runtime")):
        for method, path, body in [("GET", path, None) for path in READS] + [*WRITES]:
            sends = {"agent_name": called} if body and "agent_name" in body else body
            answer = await home.ask(method, f"/agents/{path.format(**names)}", headers=headers, json=sends)
            assert refused(answer)[0] == 403, path


async def test_an_organization_is_named_by_its_id_or_by_its_name_and_one_of_others_is_refused(
    alone: Old, home: Old
) -> None:
    called = await alone.made()
    alone.world.database["organizations"].update_one(
        {"org_id": alone.org_id}, {"$set": {"display_name": f"Northwind & Söhne {alone.org_id[:8]}"}}
    )
    stored = alone.world.database["organizations"].find_one({"org_id": alone.org_id})
    named = (alone.org_id, stored["name"], stored["name"].upper(), stored["display_name"], "developer")
    for text in (*named, alone.team.people["owner"].user_id):
        assert called in (await alone.ok("GET", f"/agents/by-org/{text}"))["agents"], text
    await home.made()
    for text in (home.org_id, home.world.database["organizations"].find_one({"org_id": home.org_id})["name"], "x"):
        for method, path in (("GET", "by-org"), ("DELETE", "delete-by-org")):
            answer = await alone.ask(method, f"/agents/{path}/{text}", json={"agent_name": called})
            assert (refused(answer)[0], answer.json()["code"]) == (404, "organization_not_found"), text
        answer = await alone.ask("POST", f"/agents/update/{called}", json=sent(organization_id=text))
        assert refused(answer)[0] == 404
    assert alone.document(called)["revision"] == 1


async def test_a_new_agent_belongs_where_it_was_named_else_where_its_maker_joined_first(
    alone: Old, home: Old, world: World
) -> None:
    person = world.person(google=False)
    await joined(alone, person)
    await joined(home, person)
    first, second = new_name(), new_name()

    await home.ok("POST", f"/agents/update/{first}", headers=person.headers, json=sent(organization_id=""))
    await home.ok("POST", f"/agents/update/{second}", headers=person.headers, json=sent(organization_id=home.org_id))

    assert alone.document(first)["org_id"] == alone.org_id
    assert home.document(second)["org_id"] == home.org_id
    agents = (await home.ok("GET", "/agents/all", headers=person.headers))["agents"]
    assert (agents[first]["organization_id"], agents[second]["organization_id"]) == (alone.org_id, home.org_id)
    assert first not in (await home.ok("GET", f"/agents/by-org/{home.org_id}", headers=person.headers))["agents"]
    await home.ok("POST", f"/agents/update/{second}", headers=person.headers, json={"initial_message": "Found"})
    assert home.document(second)["initial_message"] == "Found"


async def test_agents_of_one_name_in_two_of_ones_organizations_are_told_apart_by_the_organization(
    alone: Old, home: Old, world: World
) -> None:
    person, name = world.person(google=False), new_name()
    for each in (alone, home):
        await joined(each, person)
        await each.made(name)

    answer = await home.ask("GET", f"/agents/info/{name}", headers=person.headers)
    assert (refused(answer)[0], answer.json()["code"]) == (409, "several_agents")

    for each in (alone, home):
        asked = {"headers": person.headers, "params": {"organization_id": each.org_id}}
        assert (await home.ok("GET", f"/agents/info/{name}", **asked))["organization_id"] == each.org_id
    await home.ok("POST", f"/agents/update/{name}", headers=person.headers, json={"organization_id": home.org_id})
    await home.ok("DELETE", f"/agents/delete-by-org/{home.org_id}", headers=person.headers, json={"agent_name": name})
    assert len(alone.team.stored("agents", legacy_id=name)) == 1


async def test_an_agent_that_is_shared_is_used_without_its_keys_and_changed_as_far_as_it_may_be(
    home: Old, alone: Old
) -> None:
    name = f"Shared {uuid4().hex[:6]}"
    made = await home.team.made(name=name)
    await made.given(alone.team, "use")

    body = await alone.ok("GET", f"/agents/info/{name}")

    assert (body["organization_id"], body["chatbot_key"]) == (alone.org_id, "")
    assert body["tts_config"]["cartesian"]["tts_api_key"] == ""
    answer = await alone.ask("POST", f"/agents/update/{name}", json={"initial_message": "Ours"})
    assert (refused(answer)[0], answer.json()["code"]) == (403, "use_only")
    await made.given(alone.team, "edit")
    await alone.ok("POST", f"/agents/update/{name}", json={"initial_message": "Ours"})
    for method, path, sends in (("POST", "set_phone", {"phone_number": number()}), ("DELETE", "delete", None)):
        answer = await alone.ask(method, f"/agents/{path}/{name}", json=sends)
        assert (refused(answer)[0], answer.json()["code"]) == (403, "not_the_owner")


async def test_an_agent_that_two_of_ones_organizations_have_is_one_and_stands_under_its_owner(
    home: Old, alone: Old, world: World
) -> None:
    person, name = world.person(google=False), f"Shared {uuid4().hex[:6]}"
    await joined(alone, person)
    await joined(home, person)
    made = await home.team.made(name=name)
    await made.given(alone.team, "use")

    agents = (await home.ok("GET", "/agents/all", headers=person.headers))["agents"]

    assert [each["organization_id"] for each in agents.values() if each["id"] == made.agent_id] == [home.org_id]
    await home.ok("POST", f"/agents/update/{name}", headers=person.headers, json={"initial_message": "As its owner"})
    shown = (await alone.ok("GET", f"/agents/by-org/{alone.org_id}", headers=person.headers))["agents"][name]
    assert (shown["organization_id"], shown["initial_message"]) == (alone.org_id, "As its owner")


async def test_a_list_goes_on_over_pages_and_ends_at_its_limit(home: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await home.made()
    whole = await home.ok("GET", "/api/agents/all")

    monkeypatch.setattr(service, "PAGE", 2)
    assert await home.ok("GET", "/api/agents/all") == whole

    monkeypatch.setattr(service, "MOST", 3)
    assert (await home.ok("GET", "/api/agents/all"))["agents"] == whole["agents"][:3]


async def test_an_agent_that_is_changed_while_a_list_is_read_is_in_it(
    home: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.made()
    whole = await home.ok("GET", "/agents/all")

    async def too_late(_: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(AgentConfigurationDocument, "these", too_late)
    assert await home.ok("GET", "/agents/all") == whole
