"""The paths of the front ends' own servers (facts/legacy.md 4.3, the table and what follows it), a row a test."""

from itertools import product
from typing import Any

from tests.agents.conftest import number
from tests.legacy_agents.conftest import Old, new_name, refused, sent
from tests.legacy_agents.test_live import RECORD

ROW = RECORD | {"agentId"}


async def test_all_answers_an_array_with_the_id_of_each(old: Old) -> None:
    called = await old.made()

    body = await old.ok("GET", "/api/agents/all", "member")

    assert body.keys() == {"success", "count", "agents"}
    assert (body["success"], body["count"]) == (True, len(body["agents"]))
    assert all(each.keys() == ROW for each in body["agents"])
    by_name = (await old.ok("GET", "/agents/all", "member"))["agents"]
    assert {each.pop("agentId"): each for each in body["agents"]} == by_name
    assert called in by_name


async def test_info_answers_the_agent_for_both_readers(old: Old) -> None:
    called = await old.made()

    body = await old.ok("GET", f"/api/agents/info/{called}", "member")

    assert body.keys() == {"success", "message", "agent", "data"}
    assert body["agent"] == body["data"] == (await old.ok("GET", f"/agents/info/{called}"))["agent"]
    assert body["agent"]["status"] != "error"


async def test_info_of_a_missing_agent_is_404(old: Old) -> None:
    status, sentence = refused(await old.ask("GET", f"/api/agents/info/{new_name()}"))

    assert (status, "not found" in sentence) == (404, True)


async def test_by_phone_answers_the_agent_for_both_readers(old: Old) -> None:
    called, at = await old.working()

    body = await old.ok("GET", f"/api/agents/by_phone/{at}", "member")

    assert body["agent"] == body["data"] == (await old.ok("GET", f"/api/agents/info/{called}"))["agent"]
    assert refused(await old.ask("GET", f"/api/agents/by_phone/{number()}"))[0] == 404


async def test_update_answers_what_became_of_it(old: Old) -> None:
    called = new_name()

    body = await old.ok("POST", f"/api/agents/update/{called}", json=sent())

    assert body["message"] == f"Agent {called} updated successfully"
    assert body["data"] == (await old.ok("GET", f"/api/agents/info/{called}"))["data"]


async def test_update_without_what_a_new_agent_needs_is_400(old: Old) -> None:
    for missing, value in product(("chatbot_api", "chatbot_key", "tts_config", "stt_config"), (None, "")):
        answer = await old.ask("POST", f"/api/agents/update/{new_name()}", json=sent(**{missing: value}))
        expected = "Missing required fields: chatbot_api, chatbot_key, tts_config, stt_config"
        assert refused(answer) == (400, expected)
        assert [each["field"] for each in answer.json()["errors"]] == [missing]


async def test_update_with_a_configuration_that_is_none_is_400(old: Old) -> None:
    wrong: tuple[Any, ...] = ("planted-secret", ["planted-secret"], 7, {"provider": "!"}, {"api_key": {"a": 1}})
    for (group, named), value in product((("tts_config", "TTS"), ("stt_config", "STT")), wrong):
        answer = await old.ask("POST", f"/api/agents/update/{new_name()}", json=sent(**{group: value}))
        assert refused(answer) == (400, f"Invalid {named} configuration"), value
        assert "planted-secret" not in answer.text


async def test_set_phone_answers_the_agent_with_its_number(old: Old) -> None:
    called, at = await old.made(), number()

    body = await old.ok("POST", f"/api/agents/set_phone/{called}", json={"phone_number": at})

    assert body.keys() == {"success", "message", "agent", "data"}
    assert body["data"]["phone_number"] == at


async def test_set_phone_without_a_number_is_400_and_with_no_number_422(old: Old) -> None:
    called = await old.made()
    sends: tuple[Any, ...] = ({}, {"json": {}}, {"json": {"phone_number": ""}}, {"json": {"phone_number": None}})
    for more in sends:
        answer = await old.ask("POST", f"/api/agents/set_phone/{called}", **more)
        assert refused(answer) == (400, "Phone number is required")
    assert refused(await old.ask("POST", f"/api/agents/set_phone/{called}", json={"phone_number": "030"}))[0] == 422


async def test_set_phone_with_a_number_in_use_is_a_conflict(old: Old) -> None:
    (_, at), called = await old.working(), await old.made()

    status, sentence = refused(await old.ask("POST", f"/api/agents/set_phone/{called}", json={"phone_number": at}))

    assert (status, at in sentence) == (409, False)


async def test_delete_phone_answers_the_agent_without_number(old: Old) -> None:
    called, _ = await old.working()

    body = await old.ok("DELETE", f"/api/agents/delete_phone/{called}")

    assert body.keys() == {"success", "message", "agent", "data"}
    assert body["data"]["phone_number"] is None
    assert refused(await old.ask("DELETE", f"/api/agents/delete_phone/{new_name()}"))[0] == 404


async def test_active_calls_are_none(old: Old) -> None:
    body = await old.ok("GET", "/api/agents/active-calls", "member")

    assert (body["success"], body["active_calls"], body["total_active_calls"]) == (True, [], 0)


async def test_delete_answers_what_was_deleted(old: Old) -> None:
    called = await old.made()

    body = await old.ok("DELETE", f"/api/agents/delete/{called}")

    assert (body["success"], body["data"]) == (True, {"agentId": called})
    assert refused(await old.ask("DELETE", f"/api/agents/delete/{called}"))[0] == 404


async def test_trunks_are_found_at_both_depths(old: Old) -> None:
    called, at = await old.working()

    body = await old.ok("GET", "/api/agents/trunks", "member")

    assert body["success"] is True
    assert {"name": called, "numbers": [at]} in body["trunks"]
    assert body["data"]["trunks"] == body["trunks"]


async def test_by_org_and_delete_by_org_are_the_same_as_on_the_other_path(old: Old) -> None:
    called = await old.made()

    body = await old.ok("GET", f"/api/agents/by-org/{old.org_id}")
    assert body == await old.ok("GET", f"/agents/by-org/{old.org_id}")

    deleted = await old.ok("DELETE", f"/api/agents/delete-by-org/{old.org_id}", json={"agentName": called})
    assert deleted["data"] == {"agentId": called}
