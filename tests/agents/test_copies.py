"""POST .../copy: another agent with the same configuration; keys come along where the organization owns them."""

import pytest

from tests.agents.conftest import Made, Teams, complete, keys_of, number
from tests.organizations.conftest import refused


async def test_an_owners_copy_has_the_same_keys_sealed_for_itself_and_no_number(team: Teams) -> None:
    here, sent = await team(), complete(conversation={"max_nudges": 2})
    made = await here.made(**sent)
    await made.ok("owner", "POST", "/activate")

    answer = await made.ask("editor", "POST", "/copy", json={"name": "Copy"})

    copy = Made(here, answer.json(), answer.headers["etag"])
    assert answer.status_code == 201
    own = {"agent_id", "name", "phone_number", "status", "ready", "created_at", "updated_at"}
    assert {**copy.shown, **dict.fromkeys(own)} == {**made.shown, **dict.fromkeys(own)}
    assert (copy.shown["name"], copy.shown["phone_number"], copy.shown["ready"]) == ("Copy", None, False)
    assert (copy.shown["status"], copy.shown["revision"], copy.shown["access"]) == ("inactive", 1, "owner")
    assert copy.stored()["chatbot_key"] != made.stored()["chatbot_key"]
    await copy.ok("owner", "PATCH", json={"phone_number": number()})
    await copy.ok("owner", "POST", "/activate")
    assert copy.opened() == keys_of(sent)


async def test_a_copy_is_named_as_its_source_unless_told_otherwise(team: Teams) -> None:
    made = await (await team()).made(name="Day")

    for body in (None, {}, {"name": None}):
        assert (await made.ask("owner", "POST", "/copy", json=body)).json()["name"] == "Day"


async def test_a_key_that_cannot_be_read_is_left_out_of_a_copy(team: Teams) -> None:
    made, other = [await (await team()).made() for _ in range(2)]
    foreign = {"$set": {"chatbot_key": other.stored()["chatbot_key"]}}
    made.team.world.database["agents"].update_one({"agent_id": made.agent_id}, foreign)

    copy = (await made.ask("owner", "POST", "/copy")).json()

    assert copy["chatbot_key"] is None
    assert copy["tts_config"]["tts_api_key"] == made.shown["tts_config"]["tts_api_key"]


@pytest.mark.parametrize("access", ["use", "edit"])
async def test_a_copy_by_who_was_given_it_is_their_own_and_has_no_key_and_no_query(team: Teams, access: str) -> None:
    here, there = await team(), await team()
    made = await here.made(chatbot_api="https://bot.northwind.example/chat?token=planted")
    given = await made.given(there, access)

    answer = await given.ask("owner", "POST", "/copy")

    copy = Made(there, answer.json(), answer.headers["etag"])
    assert (answer.status_code, copy.shown["access"], copy.stored()["org_ids"]) == (201, "owner", [there.org_id])
    assert copy.shown["chatbot_api"] == "https://bot.northwind.example/chat"
    assert copy.opened() == [None, None, None]
    assert copy.shown["tts_config"]["voice_id"] == "anna"
    assert "planted" not in str([copy.stored(), copy.revisions()])
    assert refused(await here.ask("owner", "GET", f"/{copy.agent_id}")) == (404, "agent_not_found")
