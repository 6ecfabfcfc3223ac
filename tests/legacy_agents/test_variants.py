"""Agents that pages of every age send (facts/legacy.md 4.2), and what comes back to them."""

from itertools import cycle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from switchboard.legacy_agents.model import read_sent
from switchboard.legacy_agents.schemas import shown
from switchboard.providers.model import PROVIDERS, Kind
from switchboard.variants.model import recognition, speech
from tests.agents.conftest import key
from tests.legacy_agents.conftest import Old, fill, new_name, refused, sent
from tests.variants.stored import DEEPGRAM, OPENAI_D, RECOGNITION, SPEECH, WHISPER, Variant

TEXT = st.text("bxé -_.", min_size=1, max_size=12).filter(str.strip)
KEYS = {"tts_api_key", "api_key"}


async def test_configurations_of_every_variant_are_stored_in_our_shape(home: Old) -> None:
    for speech_, recognition_ in zip(_told(SPEECH), cycle(_told(RECOGNITION)), strict=False):
        called = await home.made(tts_config=speech_.given, stt_config=recognition_.given)
        stored = home.configuration(called)
        for group, name, read in (
            ("tts_config", "tts_api_key", speech_.read),
            ("stt_config", "api_key", recognition_.read),
        ):
            sealed = stored[group].pop(name)
            assert stored[group] == {each: value for each, value in read.items() if each != name}, (
                speech_,
                recognition_,
            )
            assert (sealed or "enc:")[:4] == "enc:"
            assert (sealed is None) == (read[name] is None)


def _told(variants: tuple[Variant, ...]) -> list[Variant]:
    return [each for each in variants if each.name != "nothing"]


async def test_the_flat_record_of_the_first_pages_makes_an_agent(home: Old) -> None:
    called, flat = new_name(), {"voice_id": "v", "tts_api_key": key(), "model": "sonic-2", "speed": 1.5}
    record = {"agentId": called, "chatbot_api": "https://bot.northwind.example/", "chatbot_key": key()}
    times = {"created_at": 1_759_233_600.25, "updated_at": 1_759_233_600.25}

    body = await home.ok(
        "POST",
        f"/agents/update/{called}",
        json={**record, **times, "tts_config": flat, "stt_config": {"api_key": key(), "model": "nova-2"}},
    )

    cartesian = body["data"]["tts_config"]["cartesian"]
    assert (cartesian["voice_id"], cartesian["model"], cartesian["speed"]) == ("v", "sonic-2", 1.5)
    assert body["data"]["stt_config"]["deepgram"]["model"] == "nova-2"
    assert body["data"]["created_at"] != times["created_at"]


async def test_openai_is_shown_with_voice_and_format_in_their_places_whichever_way_they_were_sent(home: Old) -> None:
    exchanged = {**OPENAI_D, "voice": "mp3", "response_format": "alloy"}
    for inner in (OPENAI_D, exchanged):
        called = await home.made(tts_config={"provider": "openai", "openai": inner})
        tts_config = (await home.ok("GET", f"/agents/info/{called}"))["tts_config"]
        assert tts_config == {
            "provider": "openai",
            "cartesian": None,
            "elevenlabs": None,
            "openai": {**OPENAI_D, "api_key": "••••••••"},
        }


async def test_what_is_stored_by_other_programs_is_shown_in_the_last_shape(old: Old) -> None:
    agents = (await old.ok("GET", "/agents/all"))["agents"]
    for each in old.before["agents"]:
        record = agents[each["name"]]
        assert record["chatbot_key"].startswith("••••")
        assert each["chatbot_key"] not in str(agents)
        provider = record["tts_config"]["provider"]
        assert provider in ("cartesian", "openai", "elevenlabs", "play-ht")
        assert sum(isinstance(value, dict) for value in record["tts_config"].values()) == 1


async def test_a_record_that_is_sent_back_as_it_was_read_changes_nothing(old: Old) -> None:
    called, _ = await old.working()
    before = old.document(called), old.configuration(called)
    body = await old.ok("GET", f"/agents/info/{called}")

    for back in (body, body["agent"], {**body["agent"], "chatbot_key": "", "tts_config": None, "stt_config": {}}):
        await old.ok("POST", f"/agents/update/{called}", json=back)

    assert (old.document(called), old.configuration(called)) == before


async def test_what_other_programs_stored_is_sent_back_and_keeps_its_keys(alone: Old) -> None:
    fill(alone.team)
    for name, record in (await alone.ok("GET", "/agents/all"))["agents"].items():
        await alone.ok("POST", f"/agents/update/{name}", json={**record, "initial_message": "New"})
    for variant, stored in zip(SPEECH, alone.team.stored("agent_configurations"), strict=True):
        agent = alone.team.stored("agents", agent_id=stored["agent_id"])[0]
        assert {**stored["tts_config"], "tts_api_key": None} == {**variant.read, "tts_api_key": None}
        assert agent["initial_message"] == "New"


async def test_an_empty_key_or_any_mask_of_one_leaves_it(home: Old) -> None:
    called = await home.made()
    before = home.document(called), home.configuration(called)
    body = (await home.ok("GET", f"/agents/info/{called}"))["agent"]

    for empty in ("", None, "••••••••", "••••••••abcd", "****1234", "   "):
        body["tts_config"]["cartesian"]["tts_api_key"] = body["stt_config"]["deepgram"]["api_key"] = empty
        await home.ok("POST", f"/agents/update/{called}", json={**body, "chatbot_key": empty})

    assert (home.document(called), home.configuration(called)) == before


async def test_a_new_key_is_sealed_and_never_answered(home: Old) -> None:
    called, new = await home.made(), key()

    body = await home.ok("POST", f"/agents/update/{called}", json={"chatbot_key": new})

    assert new not in str(body)
    assert body["data"]["chatbot_key"] == f"••••••••{new[-4:]}"
    assert home.document(called)["chatbot_key"].startswith("enc:")


async def test_a_key_does_not_go_to_another_place_by_itself(home: Old) -> None:
    called = await home.made()
    moved = {"provider": "openai", "openai": {**OPENAI_D, "api_key": ""}}

    for change in ({"chatbot_api": "https://other.example/"}, {"tts_config": moved}):
        answer = await home.ask("POST", f"/agents/update/{called}", json=change)
        assert refused(answer)[0] == 422
        assert answer.json()["code"] == "key_needed_again"
    await home.ok("POST", f"/agents/update/{called}", json={"tts_config": {"provider": "openai", "openai": OPENAI_D}})


async def test_an_emptied_text_goes_and_what_is_left_out_or_null_stays(home: Old) -> None:
    called = await home.made()

    change = {"initial_message": "", "system_prompt": " ", "nudge_text": None, "max_nudges": None, "typing_volume": 0}
    body = (await home.ok("POST", f"/agents/update/{called}", json=change))["data"]

    assert (body["initial_message"], body["system_prompt"], body["nudge_text"]) == ("", "", "Still there?")
    assert (body["max_nudges"], body["typing_volume"]) == (3, 0.0)
    stored = home.configuration(called)["conversation"]
    assert (stored["system_prompt"], stored["nudge_interval"]) == (None, 15)


async def test_a_speed_and_a_language_that_are_left_out_stay(home: Old) -> None:
    called = await home.made(
        tts_config={"voice_id": "v", "tts_api_key": key(), "model": "m", "speed": 1.5, "language": "de"}
    )

    change = {"tts_config": {"provider": "cartesian", "cartesian": {"model": "sonic-2"}}}
    body = await home.ok("POST", f"/agents/update/{called}", json=change)

    kept = body["data"]["tts_config"]["cartesian"]
    assert (kept["model"], kept["voice_id"], kept["speed"], kept["language"]) == ("sonic-2", "v", 1.5, "de")


async def test_an_unused_providers_object_and_unknown_fields_are_left_out(home: Old) -> None:
    both = {"provider": "deepgram", "deepgram": {**DEEPGRAM, "tier": "x"}, "openai": WHISPER}

    body = (await home.ok("POST", f"/agents/update/{new_name()}", json=sent(stt_config=both, description="?")))["data"]

    assert body["stt_config"] == {
        "provider": "deepgram",
        "deepgram": {**DEEPGRAM, "api_key": "••••••••"},
        "openai": None,
    }
    assert "description" not in body


async def test_what_cannot_be_kept_is_refused_by_the_name_of_its_field(home: Old) -> None:
    called = await home.made()
    for field, value in {
        "initial_message": "x" * 10_001,
        "chatbot_key": {"planted": "secret"},
        "chatbot_api": 7,
        "nudge_interval": "often",
        "organization_id": ["planted"],
        "name": "x" * 201,
    }.items():
        answer = await home.ask("POST", f"/agents/update/{called}", json={field: value})
        assert refused(answer)[0] == 422
        assert [each["field"] for each in answer.json()["errors"]] == [field]
        assert "planted" not in answer.text
    for body in ([], "x", None, 7):
        assert refused(await home.ask("POST", f"/agents/update/{called}", json=body))[0] == 422


def _configs(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """Every configuration that can be kept."""
    providers = [each for each in PROVIDERS if each.kind == kind]
    key_name, extra = ("tts_api_key", {"voice_id": TEXT | st.none()}) if kind == "speech" else ("api_key", {})
    speed = {"speed": st.floats(0.5, 2.0)} if kind == "speech" else {}
    options = {
        "gender": TEXT,
        "stability": st.floats(0, 1),
        "similarity_boost": st.floats(0, 1),
        "response_format": st.sampled_from(["mp3", "opus", "aac", "flac"]),
        "quality": st.sampled_from(["standard", "hd"]),
        "punctuate": st.booleans(),
        "smart_format": st.booleans(),
        "interim_results": st.booleans(),
    }
    plain = {key_name: TEXT | st.none(), "model": TEXT | st.none(), "language": TEXT | st.none(), **extra, **speed}

    def of(provider: Any) -> st.SearchStrategy[dict[str, Any]]:
        takes = {name: options[name] for name in provider.options.model_fields}
        given = st.fixed_dictionaries({}, optional=takes)
        return st.fixed_dictionaries({"provider": st.just(provider.id), **plain, "options": given})

    other = st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["play-ht", "options", "provider", "model", "voice_id", "somebody.2"]),
            **plain,
            "options": st.dictionaries(
                st.sampled_from(["rate", "deep", "x"]), st.integers(-1000, 1000) | TEXT | st.booleans()
            ),
        }
    )
    return st.sampled_from(providers).flatmap(of) | other


@given(_configs("speech"))
def test_speech_as_it_is_shown_reads_as_it_is_kept(config: dict[str, Any]) -> None:
    assert speech(shown("speech", config)) == config


@given(_configs("recognition"))
def test_recognition_as_it_is_shown_reads_as_it_is_kept(config: dict[str, Any]) -> None:
    assert recognition(shown("recognition", config)) == config


@given(_configs("speech"), _configs("recognition"))
def test_what_is_shown_and_sent_back_sets_what_it_was(tts: dict[str, Any], stt: dict[str, Any]) -> None:
    _, fields = read_sent({"tts_config": shown("speech", tts), "stt_config": shown("recognition", stt)})

    for group, config in (("tts_config", tts), ("stt_config", stt)):
        expected = {name: value for name, value in config.items() if value not in (None, {})}
        found = fields[group]
        assert isinstance(found, dict)
        assert found == expected
