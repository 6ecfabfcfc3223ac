"""POST /v1/orgs/{org_id}/agents: an agent with its configuration and link, all or none."""

from datetime import UTC, datetime, timedelta
from typing import Any

from switchboard.configurations.model import MASK
from switchboard.crypto import is_sealed
from tests.agents.conftest import Teams, complete, key, keys_of
from tests.organizations.conftest import refused

OURS = ("agents", "agent_configurations", "organization_agents", "agent_revisions")
CONVERSATION = {
    "nudge_text": "Still there?",
    "nudge_interval": 15,
    "max_nudges": 3,
    "typing_volume": 0.8,
    "max_call_duration": 600,
    "system_prompt": "You answer the phone.",
    "model_provider": "acme",
    "model_name": "large",
    "model_live_url": "wss://live.northwind.example/",
}


async def test_every_field_of_the_entities_is_stored_where_it_belongs(team: Teams) -> None:
    here = await team()
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    sent = complete(conversation=CONVERSATION)
    sent["tts_config"] |= {"provider": "cartesia", "speed": 1.25, "language": "de", "options": {"gender": "female"}}
    sent["stt_config"] |= {"provider": "deepgram", "language": "de", "options": {"punctuate": True}}

    made = await here.made(**sent)

    agent, beside, link = (made.stored(name) for name in OURS[:3])
    times = {"created_at": agent["created_at"], "updated_at": agent["updated_at"]}
    assert before <= agent["created_at"] == agent["updated_at"] <= datetime.now(UTC)
    same = ("name", "phone_number", "chatbot_api", "initial_message")
    assert {name: agent[name] for name in same} == {name: sent[name] for name in same}
    assert (agent["org_id"], agent["org_ids"]) == (here.org_id, [here.org_id])
    assert (agent["status"], agent["revision"]) == ("inactive", 1)
    assert is_sealed(agent["chatbot_key"])
    speech, recognition = beside["tts_config"], beside["stt_config"]
    assert is_sealed(speech.pop("tts_api_key"))
    assert is_sealed(recognition.pop("api_key"))
    assert speech == {name: value for name, value in sent["tts_config"].items() if name != "tts_api_key"}
    assert recognition == {name: value for name, value in sent["stt_config"].items() if name != "api_key"}
    assert (beside["agent_id"], beside["org_id"], beside["conversation"]) == (made.agent_id, here.org_id, CONVERSATION)
    assert {name: beside[name] for name in times} == times
    link.pop("_id")
    assert link == {"org_id": here.org_id, "agent_id": made.agent_id, "access": "owner", **times}


async def test_what_is_shown_is_what_was_sent_with_masks_forkeys_of(team: Teams) -> None:
    here, sent = await team(), complete()

    shown = (await here.made(**sent)).shown

    for name in ("name", "phone_number", "chatbot_api", "initial_message"):
        assert shown[name] == sent[name]
    masks = [f"{MASK}{secret[-4:]}" for secret in keys_of(sent)]
    assert keys_of(shown) == masks
    assert (shown["status"], shown["access"], shown["ready"], shown["revision"]) == ("inactive", "owner", True, 1)
    assert (shown["tts_config"]["provider"], shown["tts_config"]["speed"]) == ("cartesia", 1.0)
    assert shown["stt_config"]["provider"] == "deepgram"


async def test_a_name_is_enough_and_all_else_is_left_open(team: Teams) -> None:
    here = await team()

    answer = await here.ask("editor", "POST", json={"name": "  Night desk "})

    shown = answer.json()
    assert (answer.status_code, shown["name"], shown["ready"]) == (201, "Night desk", False)
    assert (shown["phone_number"], shown["chatbot_api"], keys_of(shown)) == (None, None, [None, None, None])
    assert shown["conversation"] == dict.fromkeys(CONVERSATION)


async def test_forms_send_what_is_empty_as_an_empty_text(team: Teams) -> None:
    empty = {"phone_number": "", "chatbot_api": " ", "chatbot_key": "", "tts_config": {"voice_id": "", "model": " "}}

    shown = (await (await team()).made(**empty)).shown

    assert (shown["phone_number"], shown["chatbot_api"], shown["chatbot_key"]) == (None, None, None)
    assert (shown["tts_config"]["voice_id"], shown["tts_config"]["model"]) == (None, None)


async def test_a_creation_is_told_once_with_its_author_and_kept_as_the_first_revision(team: Teams) -> None:
    here = await team()

    made = await here.made()

    [entry] = here.entries()
    owner = here.people["owner"]
    assert (entry["action"], entry["actor"]["id"], entry["before"]) == ("agent.created", owner.user_id, None)
    assert entry["after"] == {"name": "Reception", "phone_number": made.shown["phone_number"]}
    [revision] = made.revisions()
    assert (revision["number"], revision["author"]["id"], revision["reason"]) == (1, owner.user_id, None)
    [change] = here.world.database["agent_changes"].find({"agent_id": made.agent_id})
    assert (change["kinds"], change["org_ids"]) == (["created"], [here.org_id])


async def test_a_number_that_is_taken_leaves_nothing_and_names_nothing_of_the_other_tenant(team: Teams) -> None:
    here, there = await team(), await team()
    taken = await there.made(name="Secret project")
    before = _everything(here)

    answer = await here.ask("owner", "POST", json=complete(phone_number=taken.shown["phone_number"]))

    assert refused(answer) == (409, "phone_number_taken")
    assert [each["field"] for each in answer.json()["errors"]] == ["phone_number"]
    said = answer.text
    assert not any(each in said for each in (there.org_id, taken.agent_id, "Secret", taken.shown["phone_number"]))
    assert _everything(here) == before == {name: [] for name in before}
    assert not [*here.world.database["agent_changes"].find({"org_ids": here.org_id})]


SENSELESS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"phone_number": "030 1234567"}, "invalid_phone_number"),
    ({"chatbot_api": "http://bot.northwind.example/"}, "endpoint_refused"),
    ({"chatbot_api": "https://localhost/"}, "endpoint_refused"),
    ({"chatbot_api": "https://169.254.169.254/latest"}, "endpoint_refused"),
    ({"chatbot_key": f"{MASK}1234"}, "mask_as_secret"),
    ({"tts_config": {"options": {"stability": 0.5}}}, "invalid_options"),
    ({"tts_config": {"provider": "acme", "options": {"api_key": "planted-secret"}}}, "invalid_options"),
    ({"tts_config": {"speed": 0.49}}, "invalid"),
    ({"tts_config": {"speed": 2.01}}, "invalid"),
    ({"tts_config": {"speed": "planted-secret"}}, "invalid"),
    ({"tts_config": None}, "invalid"),
    ({"tts_config": "planted-secret"}, "invalid"),
    ({"tts_config": {"voiceid": "planted-secret"}}, "invalid"),
    ({"tts_config": {"provider": "A B"}}, "invalid"),
    ({"stt_config": {"provider": None}}, "invalid"),
    ({"stt_config": {"speed": 1}}, "invalid"),
    ({"conversation": {"max_nudges": -1}}, "invalid"),
    ({"conversation": {"prompt": "x"}}, "invalid"),
    ({"name": " "}, "invalid"),
    ({"name": None}, "invalid"),
    ({"name": "x" * 201}, "invalid"),
    ({"chatbot_key": "line\nbreak-planted-secret"}, "invalid"),
    ({"chatbot_key": {"planted-secret": 1}}, "invalid"),
    ({"chatbot_key": "x" * 4097}, "invalid"),
    ({"reason": "x" * 501}, "invalid"),
    ({"status": "active"}, "invalid"),
    ({"agent_id": "mine"}, "invalid"),
    ({"org_id": "theirs"}, "invalid"),
)


async def test_what_makes_no_sense_makes_nothing_and_is_not_repeated(team: Teams) -> None:
    here = await team()

    for fields, code in SENSELESS:
        answer = await here.ask("owner", "POST", json=complete(**fields))
        assert refused(answer) == (422, code), fields
        assert "planted-secret" not in answer.text
        assert MASK not in answer.text
    assert _everything(here) == {name: [] for name in (*OURS, "audit_log")}


async def test_speed_may_be_from_half_to_double(team: Teams) -> None:
    here = await team()
    for speed in (0.5, 1, 2.0):
        made = await here.made(tts_config={"speed": speed})
        assert made.shown["tts_config"]["speed"] == made.stored("agent_configurations")["tts_config"]["speed"] == speed


async def test_a_repeated_creation_with_an_idempotency_key_makes_one_agent(team: Teams) -> None:
    here, sent, once = await team(), complete(), {"Idempotency-Key": key()}

    first, again = [await here.ask("owner", "POST", json=sent, headers=once) for _ in range(2)]

    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]  # whoever lost the first answer can go on with the second
    changed = await here.ask(
        "owner", "PATCH", f"/{again.json()['agent_id']}", json={"name": "B"}, etag=again.headers["ETag"]
    )
    assert changed.status_code == 200
    assert len(here.stored("agents")) == 1


async def test_two_organizations_agents_do_not_share_a_key_ring_place(team: Teams) -> None:
    """A sealed value that is copied into another agent's document opens nowhere."""
    here = await team()
    one, other = await here.made(), await here.made()
    here.world.database["agents"].update_one(
        {"agent_id": other.agent_id}, {"$set": {"chatbot_key": one.stored()["chatbot_key"]}}
    )

    await other.ask("owner", "GET")
    readiness = (await other.ask("owner", "GET", "/readiness")).json()

    assert other.shown["chatbot_key"] == MASK
    assert "chatbot_key_unreadable" in {each["code"] for each in readiness["findings"]}


def _everything(team: Any) -> dict[str, Any]:
    return {**{name: team.stored(name) for name in OURS}, "audit_log": team.entries()}
