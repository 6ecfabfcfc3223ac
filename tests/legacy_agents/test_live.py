"""The paths of the agents service (facts/legacy.md 4.3, first list), a path a test."""

from datetime import datetime

from tests.agents.conftest import number
from tests.legacy_agents.conftest import MASKS, Old, new_name, refused, sent

RECORD = {
    *("agent_prefix", "id", "name", "status", "organization_id", "phone_number", "chatbot_api", "chatbot_key"),
    *("initial_message", "nudge_text", "nudge_interval", "max_nudges", "typing_volume", "max_call_duration"),
    *("system_prompt", "model_provider", "model_name", "model_live_url", "tts_config", "stt_config"),
    *("created_at", "updated_at"),
}
UNCHANGED = {
    *("initial_message", "nudge_text", "nudge_interval", "max_nudges", "typing_volume", "max_call_duration"),
    *("system_prompt", "model_provider", "model_name", "model_live_url", "chatbot_api"),
}


async def test_all_answers_a_map_by_what_agents_are_called(old: Old) -> None:
    called = await old.made()

    body = await old.ok("GET", "/agents/all", "member")

    assert body.keys() == {"status", "success", "count", "agents"}
    assert (body["status"], body["success"], body["count"]) == ("success", True, len(body["agents"]))
    assert body["agents"][called].keys() == RECORD
    assert all(each["agent_prefix"] == name for name, each in body["agents"].items())
    assert {each["name"] for each in old.before["agents"]} <= body["agents"].keys()


async def test_info_answers_the_agent_as_it_was_sent_with_masks_for_its_keys(old: Old) -> None:
    as_sent, called = sent(), new_name()
    await old.ok("POST", f"/agents/update/{called}", json=as_sent)

    body = await old.ok("GET", f"/agents/info/{called}", "member")

    assert body.keys() == RECORD | {"success", "agentId", "agent"}
    assert body["agent"] == {name: body[name] for name in RECORD | {"agentId"}}
    assert {name: body[name] for name in UNCHANGED} == {name: as_sent[name] for name in UNCHANGED}
    assert (body["agentId"], body["name"], body["organization_id"]) == (called, "Front desk +1", old.org_id)
    speech, hearing = body["tts_config"], body["stt_config"]
    assert speech == {**as_sent["tts_config"], "cartesian": {**as_sent["tts_config"]["cartesian"], **_key(speech)}}
    assert hearing["deepgram"]["api_key"].startswith(MASKS)
    assert body["chatbot_key"] == f"••••••••{as_sent['chatbot_key'][-4:]}"
    assert old.document(called)["created_at"].timestamp() == body["created_at"] <= body["updated_at"]
    assert isinstance(body["created_at"], float)


def _key(speech: dict[str, dict[str, str]]) -> dict[str, str]:
    masked = speech["cartesian"]["tts_api_key"]
    assert masked.startswith(MASKS)
    return {"tts_api_key": masked}


async def test_info_of_a_missing_agent_is_404_with_a_sentence_the_page_knows(old: Old) -> None:
    status, sentence = refused(await old.ask("GET", f"/agents/info/{new_name()}"))

    assert status == 404
    assert "not found" in sentence


async def test_update_makes_an_agent_and_changes_it_the_next_time(old: Old) -> None:
    called = new_name()
    path = f"/agents/update/{called}"

    first = await old.ok("POST", path, json=sent())
    again = await old.ok("POST", path, json={"initial_message": "Good morning!"})

    assert first.keys() == again.keys() == {"success", "message", "agent", "data"}
    assert first["message"] == f"Agent {called} updated successfully"
    assert (first["success"], first["agent"]) == (True, first["data"])
    assert again["data"] == {
        **first["data"],
        "initial_message": "Good morning!",
        "updated_at": again["data"]["updated_at"],
    }
    stored = old.document(called)
    assert (stored["initial_message"], stored["legacy_id"], stored["revision"]) == ("Good morning!", called, 2)
    assert [each["author"]["id"] for each in old.team.stored("agent_revisions", agent_id=stored["agent_id"])] == [
        old.team.people["owner"].user_id
    ] * 2


async def test_add_phonenumber_gives_the_number_in_e164(old: Old) -> None:
    called, at = await old.made(), number()

    body = await old.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": f"{at[:3]} {at[3:]}"})

    assert body.keys() == {"success", "message", "agent", "data"}
    assert body["data"]["phone_number"] == at == old.document(called)["phone_number"]


async def test_delete_phone_takes_the_number_away(old: Old) -> None:
    called, at = await old.working()

    body = await old.ok("DELETE", f"/agents/delete_phone/{called}")

    assert (body["success"], body["data"]["phone_number"]) == (True, None)
    other = await old.made()
    await old.ok("POST", f"/agents/add_phonenumber/{other}", json={"phone_number": at})


async def test_by_phone_finds_the_agent_with_its_plus_as_it_is_encoded_or_left_out(old: Old) -> None:
    called, at = await old.working()
    info = await old.ok("GET", f"/agents/info/{called}")

    for text in (at, f"%2B{at[1:]}", at[1:]):
        assert await old.ok("GET", f"/agents/by_phone/{text}", "member") == info
    assert refused(await old.ask("GET", f"/agents/by_phone/{number()}"))[0] == 404
    assert refused(await old.ask("GET", "/agents/by_phone/none"))[0] == 422


async def test_active_calls_are_none_in_the_shape_that_is_read(old: Old) -> None:
    body = await old.ok("GET", "/agents/active-calls", "member")

    assert datetime.fromisoformat(body.pop("timestamp")).tzinfo is not None
    assert body == {"status": "success", "success": True, "active_calls": [], "total_active_calls": 0}


async def test_delete_deletes_so_that_it_is_found_no_more_and_can_be_restored(old: Old) -> None:
    called, at = await old.working()
    agent_id = old.document(called)["agent_id"]

    body = await old.ok("DELETE", f"/agents/delete/{called}")

    message = f"Agent {called} deleted successfully"
    assert body == {"status": "success", "success": True, "message": message, "data": {"agentId": called}}
    for path in (f"info/{called}", f"info/{agent_id}", f"by_phone/{at}"):
        assert refused(await old.ask("GET", f"/agents/{path}"))[0] == 404
    assert refused(await old.ask("DELETE", f"/agents/delete/{called}"))[0] == 404
    assert called not in (await old.ok("GET", "/agents/all"))["agents"]
    assert (await old.team.ask("owner", "POST", f"/{agent_id}/restore")).status_code == 200


async def test_trunks_are_the_agents_own_numbers(old: Old) -> None:
    called, at = await old.working()
    without = await old.made()

    body = await old.ok("GET", "/agents/trunks", "member")

    assert body.keys() == {"status", "success", "trunks", "data"}
    assert {"name": called, "numbers": [at]} in body["trunks"]
    assert without not in {each["name"] for each in body["trunks"]}
    assert body["data"] == {"trunks": body["trunks"]}


async def test_by_org_answers_a_map_and_an_array_for_either_reader(old: Old) -> None:
    called = await old.made()

    body = await old.ok("GET", f"/agents/by-org/{old.org_id}", "member")

    assert body.keys() == {"status", "success", "message", "count", "agents", "data"}
    assert body["agents"] == (await old.ok("GET", "/agents/all", "member"))["agents"]
    assert body["data"] == [{**each, "agentId": name} for name, each in body["agents"].items()]
    assert (body["agents"][called]["agent_prefix"], body["count"]) == (called, len(body["data"]))


async def test_delete_by_org_deletes_the_agent_that_the_body_names_and_no_other(old: Old) -> None:
    called, stays = await old.made(), await old.made()
    path = f"/agents/delete-by-org/{old.org_id}"

    for more in ({}, {"json": {}}, {"json": {"agent_name": ""}}):
        assert refused(await old.ask("DELETE", path, **more)) == (400, "Agent name is required")
    body = await old.ok("DELETE", path, json={"agent_name": called})

    assert body["data"] == {"agentId": called}
    agents = (await old.ok("GET", "/agents/all"))["agents"]
    assert called not in agents
    assert stays in agents
    assert refused(await old.ask("DELETE", path, json={"agentName": called}))[0] == 404


async def test_numbers_to_transfer_calls_to_are_not_kept_and_the_page_is_told_so(old: Old) -> None:
    called = await old.made()
    for path, body in (
        ("add_transfer_phonenumber", {"transfer_phonenumber": number()}),
        ("add_transfer_phonenumber_platform", {"platform": "phone"}),
    ):
        status, sentence = refused(await old.ask("POST", f"/agents/{path}/{called}", json=body))
        assert (status, "not kept" in sentence) == (410, True)
