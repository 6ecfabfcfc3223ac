"""POST .../revisions/{number}/restore: a configuration of then, as a new revision."""

from tests.agents.conftest import Made, Teams, key, number
from tests.organizations.conftest import refused


async def moved(team: Teams) -> tuple[Made, list[str | None]]:
    """An agent whose address, keys and number are others than at first; and the keys it had at first."""
    made = await (await team()).made(conversation={"max_nudges": 2})
    first = made.opened()
    elsewhere = {"chatbot_api": "https://elsewhere.example/", "chatbot_key": key()}
    speech = {"provider": "openai", "tts_api_key": key(), "voice_id": "nova", "model": "tts-1"}
    more = {"conversation": {"max_nudges": None}, "name": "Moved", "phone_number": number()}
    await made.ok("owner", "PATCH", json={**elsewhere, "tts_config": speech, **more})
    return made, first


async def test_all_of_the_configuration_comes_back_with_its_keys_and_the_number_stays(team: Teams) -> None:
    made, first = await moved(team)
    phone_number, then = made.shown["phone_number"], (await made.ask("owner", "GET", "/revisions/1")).json()

    await made.ok("editor", "POST", "/revisions/1/restore")

    assert {name: made.shown[name] for name in then["configuration"]} == {
        **then["configuration"],
        "phone_number": phone_number,
    }
    assert made.opened() == first
    assert (made.shown["revision"], made.shown["status"], made.shown["ready"]) == (3, "inactive", True)


async def test_it_is_a_new_revision_with_its_author_and_a_reason(team: Teams) -> None:
    made, _ = await moved(team)
    editor = made.team.people["editor"]

    await made.ok("editor", "POST", "/revisions/1/restore")
    await made.ok("owner", "POST", "/revisions/2/restore", json={"reason": "It was better"})

    last, before = (await made.ask("owner", "GET", "/revisions")).json()["revisions"][:2]
    assert (before["number"], before["reason"], before["author"]["id"]) == (3, "Back to revision 1", editor.user_id)
    assert (last["number"], last["reason"]) == (4, "It was better")
    entry = made.team.entries()[-2]
    assert (entry["action"], entry["actor"]["id"], entry["after"]["name"]) == (
        *("agent.updated", editor.user_id),
        "Reception",
    )


async def test_an_active_agent_stays_active(team: Teams) -> None:
    made, _ = await moved(team)
    await made.ok("owner", "POST", "/activate")

    await made.ok("owner", "POST", "/revisions/1/restore")

    assert (made.shown["status"], made.shown["name"]) == ("active", "Reception")


async def test_an_active_agent_is_not_brought_back_to_where_it_would_not_be_ready(team: Teams) -> None:
    made = await (await team()).made(phone_number=None, stt_config={})
    await made.ok(
        "owner", "PATCH", json={"phone_number": number(), "stt_config": {"api_key": key(), "model": "nova-3"}}
    )
    await made.ok("owner", "POST", "/activate")
    before = made.stored()

    answer = await made.ask("owner", "POST", "/revisions/1/restore")

    assert refused(answer) == (409, "agent_not_ready")
    assert {each["field"] for each in answer.json()["errors"]} == {"stt_config.api_key", "stt_config.model"}
    assert made.stored() == before
    await made.ok("owner", "POST", "/deactivate")
    await made.ok("owner", "POST", "/revisions/1/restore")
    assert (made.shown["ready"], made.shown["phone_number"]) == (False, before["phone_number"])


async def test_a_revision_that_is_as_the_agent_is_changes_nothing(team: Teams) -> None:
    made, _ = await moved(team)
    before = made.stored()

    answer = await made.ask("owner", "POST", "/revisions/2/restore")

    assert (answer.status_code, made.stored(), len(made.revisions())) == (200, before, 2)


async def test_the_version_that_was_read_is_required(team: Teams) -> None:
    made, _ = await moved(team)
    path = f"/{made.agent_id}/revisions/1/restore"

    assert refused(await made.team.ask("owner", "POST", path)) == (428, "precondition_required")
    for etag in ('"old"', f"W/{made.etag}"):
        assert refused(await made.team.ask("owner", "POST", path, etag=etag)) == (412, "precondition_failed")
    assert len(made.revisions()) == 2


async def test_an_address_that_leads_inside_by_now_is_not_brought_back(team: Teams, names) -> None:
    made, _ = await moved(team)
    names["bot.northwind.example"] = ["10.0.0.1"]

    assert refused(await made.ask("owner", "POST", "/revisions/1/restore")) == (422, "endpoint_refused")
    assert made.stored()["chatbot_api"] == "https://elsewhere.example/"


async def test_a_key_of_then_that_cannot_be_read_comes_back_so_and_the_agent_is_not_ready(team: Teams) -> None:
    made, _ = await moved(team)
    revisions = made.team.world.database["agent_revisions"]
    foreign = {"$set": {"configuration.chatbot_key": made.revisions()[1]["configuration"]["stt_config"]["api_key"]}}
    revisions.update_one({"agent_id": made.agent_id, "number": 1}, foreign)

    await made.ok("owner", "POST", "/revisions/1/restore")

    findings = (await made.ask("owner", "GET", "/readiness")).json()["findings"]
    assert "chatbot_key_unreadable" in {each["code"] for each in findings}
    assert made.shown["ready"] is False
    assert made.stored("agent_configurations")["tts_config"]["provider"] == "cartesia"


async def test_what_makes_no_sense_restores_nothing(team: Teams) -> None:
    made, _ = await moved(team)

    for body in ({"reason": "x" * 501}, {"number": 1}, {"reason": 5}, []):
        assert refused(await made.ask("owner", "POST", "/revisions/1/restore", json=body)) == (422, "invalid")
    assert len(made.revisions()) == 2
