"""PATCH: fields merged, the version that was read required, concurrent editors never overwriting each other."""

import asyncio
from typing import Any

from switchboard.configurations.model import MASK
from switchboard.crypto import is_sealed
from tests.agents.conftest import Json, Made, Teams, complete, key, number
from tests.organizations.conftest import refused

CHANGES: tuple[Json, ...] = (
    {"name": "Other"},
    {"initial_message": None},
    {"chatbot_api": "https://BOT.northwind.example:443/other?a=b"},
    {"conversation": {"max_nudges": 2, "nudge_text": "Hello?"}},
    {"tts_config": {"speed": 2, "options": {"gender": "male"}}},
    {"stt_config": {"provider": "openai", "api_key": "sk-another-key-0001", "model": "whisper-1"}},
    {"tts_config": {"provider": "open-ai", "tts_api_key": None, "voice_id": "mp3"}},
    {"tts_config": {"provider": "acme-", "options": {"voice": {"a": [1, None, {}]}, "": "x", "b": {}, "c": None}}},
    {"chatbot_key": "short"},
)


async def test_only_what_was_sent_changes_and_the_rest_stays_in_all_collections(team: Teams) -> None:
    made = await (await team()).made(tts_config={"voice_id": "anna", "speed": 1.5, "tts_api_key": key()})
    agent, beside = made.stored(), made.stored("agent_configurations")

    await made.ok("editor", "PATCH", json={"initial_message": "Bye", "tts_config": {"language": "de"}})

    after, beside_after = made.stored(), made.stored("agent_configurations")
    assert {name for name in after if after[name] != agent[name]} == {
        *("initial_message", "etag", "revision", "updated_at")
    }
    assert beside_after["tts_config"] == {**beside["tts_config"], "language": "de"}
    assert beside_after["stt_config"] == beside["stt_config"]
    assert (after["revision"], beside_after["revision"]) == (2, 2)


async def test_what_a_write_answers_is_what_the_next_read_answers_byte_for_byte(team: Teams) -> None:
    here = await team()
    answer = await here.ask("owner", "POST", json=complete())
    made = Made(here, answer.json(), answer.headers["etag"])
    for change in (None, *CHANGES):
        if change is not None:
            answer = await made.ask("owner", "PATCH", json=change)
            assert answer.status_code == 200, (change, answer.text)
        read = await here.ask("owner", "GET", f"/{made.agent_id}")
        assert (read.content, read.headers["etag"]) == (answer.content, answer.headers["etag"]), change


async def test_the_version_that_was_read_is_required(team: Teams) -> None:
    here = await team()
    made = await here.made()
    before, path = made.stored(), f"/{made.agent_id}"

    for method, tail in (("PATCH", ""), ("POST", "/activate"), ("POST", "/deactivate"), ("DELETE", "")):
        body = {"json": {"name": "Other"}} if method == "PATCH" else {}
        assert refused(await here.ask("owner", method, f"{path}{tail}", **body)) == (428, "precondition_required")
        weak, unquoted = f"W/{made.etag}", made.etag.strip('"')
        for etag in ('"other"', weak, unquoted, "", f"{weak}, {unquoted}", made.etag.replace("owner", "edit")):
            answer = await here.ask("owner", method, f"{path}{tail}", etag=etag, **body)
            assert refused(answer) == (412, "precondition_failed"), (method, tail, etag)
    assert made.stored() == before


async def test_any_version_and_a_list_with_the_right_one_are_taken(team: Teams) -> None:
    made = await (await team()).made()

    await made.ok("owner", "PATCH", json={"name": "Second"}, etag="*")
    await made.ok("owner", "PATCH", json={"name": "Third"}, etag=f'"x", W/"y", {made.etag}')

    assert (made.shown["name"], made.shown["revision"]) == ("Third", 3)


async def test_a_change_that_changes_nothing_keeps_version_and_revision(team: Teams) -> None:
    made = await (await team()).made()
    before, entries = made.stored(), made.team.entries()
    mask = made.shown["chatbot_key"]
    same: tuple[Json, ...] = (
        {},
        {"name": made.shown["name"], "reason": "None"},
        {"chatbot_key": mask, "tts_config": {"tts_api_key": made.shown["tts_config"]["tts_api_key"]}},
        {"phone_number": f"tel:{made.shown['phone_number']}"},
        {"chatbot_api": "HTTPS://bot.northwind.example:443/chat"},
        {"tts_config": {}, "stt_config": {"provider": "Deepgram"}, "conversation": {}},
    )
    for body in same:
        answer = await made.ask("owner", "PATCH", json=body)
        assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, made.etag, made.shown), body
    assert (made.stored(), len(made.revisions()), made.team.entries()) == (before, 1, entries)


async def test_what_was_shown_can_be_sent_back(team: Teams) -> None:
    made = await (await team()).made()
    shown = made.shown
    sent = {name: shown[name] for name in complete().keys() | {"conversation"}}

    await made.ok("owner", "PATCH", json={**sent, "name": "Other"})

    assert made.shown["name"] == "Other"
    names = [each["action"] for each in made.team.entries()]
    assert names == ["agent.created", "agent.updated"]
    assert made.team.entries()[-1]["before"] == {"name": "Reception"}


async def test_of_two_editors_with_one_version_exactly_one_wins_every_time(team: Teams) -> None:
    here = await team()
    made = await here.made()
    for turn in range(20):
        answers = await asyncio.gather(
            *(
                here.ask(who, "PATCH", f"/{made.agent_id}", etag=made.etag, json={"name": f"{who} {turn}"})
                for who in ("owner", "editor")
            )
        )
        statuses = [each.status_code for each in answers]
        assert sorted(statuses) == [200, 412]
        won = answers[statuses.index(200)]
        await made.ok("owner", "GET")
        assert (made.shown, made.etag) == (won.json(), won.headers["etag"])
    assert [each["number"] for each in made.revisions()] == list(range(1, 22))


async def test_a_mask_is_no_key_and_a_key_goes_only_where_it_was_entered_for(team: Teams) -> None:
    made = await (await team()).made()
    elsewhere = {"chatbot_api": "https://elsewhere.example/"}

    assert refused(await made.ask("editor", "PATCH", json={"chatbot_key": f"{MASK}0000"})) == (422, "mask_as_secret")
    for body in (elsewhere, {**elsewhere, "chatbot_key": made.shown["chatbot_key"]}):
        answer = await made.ask("editor", "PATCH", json=body)
        assert refused(answer) == (422, "key_needed_again")
        assert [each["field"] for each in answer.json()["errors"]] == ["chatbot_key"]
    assert made.stored()["chatbot_api"] == "https://bot.northwind.example/chat"
    await made.ok("editor", "PATCH", json={**elsewhere, "chatbot_key": "another-key-9876"})
    assert (made.shown["chatbot_api"], made.shown["chatbot_key"]) == ("https://elsewhere.example/", f"{MASK}9876")


async def test_an_address_is_kept_in_one_spelling_and_looked_up_when_it_changes(team: Teams, names) -> None:
    made = await (await team()).made(chatbot_key=None)
    names["inside.example"] = ["10.0.0.7"]
    names["outside.example"] = ["93.184.215.14"]

    answer = await made.ask("editor", "PATCH", json={"chatbot_api": "https://inside.example/planted-path"})

    assert refused(answer) == (422, "endpoint_refused")
    assert "planted" not in answer.text
    await made.ok("editor", "PATCH", json={"chatbot_api": "HTTPS://Outside.Example:443"})
    assert made.stored()["chatbot_api"] == "https://outside.example/"


async def test_an_active_agent_stays_ready(team: Teams) -> None:
    made = await (await team()).made()
    await made.ok("owner", "POST", "/activate")
    before = made.stored()
    ends: dict[str, Json] = {
        "phone_number": {"phone_number": None},
        "chatbot_key": {"chatbot_key": None},
        "tts_config.voice_id": {"tts_config": {"voice_id": None}},
        "stt_config.model": {"stt_config": {"model": ""}},
    }
    for field, body in ends.items():
        answer = await made.ask("owner", "PATCH", json=body)
        assert refused(answer) == (409, "agent_not_ready")
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert made.stored() == before
    await made.ok("owner", "PATCH", json={"name": "Still taking calls", "stt_config": {"model": "nova-2"}})
    await made.ok("owner", "POST", "/deactivate")
    await made.ok("owner", "PATCH", json=ends["phone_number"])
    assert (made.shown["ready"], made.shown["status"]) == (False, "inactive")


async def test_a_number_is_bound_changed_and_taken_away(team: Teams) -> None:
    here = await team()
    made, other = await here.made(phone_number=None), await here.made()
    one = number()

    answer = await made.ask("owner", "PATCH", json={"phone_number": other.shown["phone_number"]})
    assert refused(answer) == (409, "phone_number_taken")
    await made.ok("owner", "PATCH", json={"phone_number": one})
    await other.ok("owner", "PATCH", json={"phone_number": None})
    await other.ok("owner", "PATCH", json={"phone_number": number()})

    assert made.stored()["phone_number"] == one


async def test_a_change_is_told_with_author_reason_and_what_differs_and_no_key(team: Teams) -> None:
    here = await team()
    made = await here.made()
    secret = key()

    await made.ok("editor", "PATCH", json={"name": "Night", "chatbot_key": secret, "reason": " Moved "})

    entry, revision = here.entries()[-1], made.revisions()[-1]
    editor = here.people["editor"]
    assert (entry["action"], entry["actor"]["id"], entry["actor"]["name"]) == (
        *("agent.updated", editor.user_id),
        editor.email,
    )
    assert entry["before"] == {"name": "Reception", "chatbot_key": MASK}
    assert entry["after"] == {"name": "Night", "chatbot_key": MASK}
    assert entry["request_id"]
    assert (revision["reason"], revision["author"]["id"], revision["at"]) == (
        *("Moved", editor.user_id),
        made.stored()["updated_at"],
    )
    [*_, change] = here.world.database["agent_changes"].find({"agent_id": made.agent_id}, sort=[("_id", 1)])
    assert (change["kinds"], change["etag"]) == (["keys", "configuration"], made.stored()["etag"])


async def test_a_key_that_an_older_program_stored_plain_is_shown_masked_and_sealed_by_the_next_write(team) -> None:
    made = await (await team()).made()
    made.team.world.database["agents"].update_one(
        {"agent_id": made.agent_id}, {"$set": {"chatbot_key": "plain-secret-4321"}}
    )
    assert (await made.ok("owner", "GET")).shown["chatbot_key"] == f"{MASK}4321"

    await made.ok("owner", "PATCH", json={"name": "Other"})

    assert is_sealed(made.stored()["chatbot_key"])
    assert made.shown["chatbot_key"] == f"{MASK}4321"


async def test_what_makes_no_sense_changes_nothing(team: Teams) -> None:
    made = await (await team()).made()
    before = made.stored()
    senseless: tuple[Any, ...] = ([], "x", None, {"name": None}, {"phone_number": 5}, {"org_ids": []}, {"ready": True})

    for body in senseless:
        assert refused(await made.ask("owner", "PATCH", json=body)) == (422, "invalid"), body
    assert made.stored() == before
