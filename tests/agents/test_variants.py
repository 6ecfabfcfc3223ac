"""What earlier front ends send (facts/legacy.md 4.2, variants A to E), to POST and to PATCH."""

from typing import Any

import pytest

from switchboard.configurations.model import MASK
from tests.agents.conftest import Json, Made, Teams, key
from tests.organizations.conftest import refused

ELEVEN = {
    "voice_id": "rachel",
    "model_id": "eleven_turbo_v2_5",
    "stability": 0.4,
    "similarity_boost": 0.8,
    "speed": 0.9,
}
OPENAI = {"voice": "nova", "response_format": "opus", "quality": "hd", "speed": 1.2}
OPENAI_D = {"voice": "alloy", "response_format": "mp3", "model": "gpt-4o-mini-tts", "language": "en", "speed": 1.0}
SWAPPED = {**OPENAI_D, "voice": "mp3", "response_format": "alloy"}
CARTESIA = {"voice_id": "anna", "model": "sonic-english", "speed": 0, "language": "en"}
DEEPGRAM = {"model": "nova-3", "language": "de", "punctuate": True, "smart_format": False, "interim_results": True}
NULLS: Json = {"openai": None, "elevenlabs": None}

SPEECH: dict[str, tuple[Json, Json]] = {
    "A": (
        {"voice_id": "anna", "model": "sonic-2", "speed": 1.5, "language": "hi"},
        {"provider": "cartesia", "voice_id": "anna", "model": "sonic-2", "speed": 1.5, "language": "hi", "options": {}},
    ),
    "B cartesian": (
        {"provider": "cartesian", "cartesian": CARTESIA},
        {"provider": "cartesia", "voice_id": "anna", "model": "sonic-english", "speed": 1.0, "language": "en"},
    ),
    "B openai": (
        {"provider": "openai", "openai": OPENAI},
        {"provider": "openai", "voice_id": "nova", "options": {"response_format": "opus", "quality": "hd"}},
    ),
    "C elevenlabs": (
        {"provider": "elevenlabs", "elevenlabs": ELEVEN, "openai": None},
        {
            "provider": "elevenlabs",
            "voice_id": "rachel",
            "model": "eleven_turbo_v2_5",
            "speed": 0.9,
            "options": {"stability": 0.4, "similarity_boost": 0.8},
        },
    ),
    "C without a provider": ({"elevenlabs": ELEVEN}, {"provider": "elevenlabs", "voice_id": "rachel"}),
    "D openai": (
        {"provider": "openai", "openai": OPENAI_D},
        {"provider": "openai", "voice_id": "alloy", "model": "gpt-4o-mini-tts", "options": {"response_format": "mp3"}},
    ),
    "D openai swapped": (
        {"provider": "OpenAI", "openai": SWAPPED},
        {"provider": "openai", "voice_id": "alloy", "options": {"response_format": "mp3"}},
    ),
    "E": (
        {"provider": "cartesian", "cartesian": {**CARTESIA, "gender": "female"}, **NULLS},
        {"provider": "cartesia", "voice_id": "anna", "options": {"gender": "female"}},
    ),
    "flat": (
        {"provider": "11Labs", "voice": "rachel", "language": "en", "speed": 1.1},
        {"provider": "elevenlabs", "voice_id": "rachel", "language": "en", "speed": 1.1},
    ),
    "an alias in our shape": ({"provider": "Cartesian", "voice_id": "anna"}, {"provider": "cartesia"}),
    "a misspelt one in our shape": ({"provider": "cartesian", "voice_id": "anna"}, {"provider": "cartesia"}),
    "another in our shape": ({"provider": "11Labs", "speed": 0.5}, {"provider": "elevenlabs", "speed": 0.5}),
}
RECOGNITION: dict[str, tuple[Json, Json]] = {
    "A": ({"model": "nova-2", "language": "en"}, {"provider": "deepgram", "model": "nova-2", "language": "en"}),
    "B deepgram": (
        {"provider": "deepgram", "deepgram": DEEPGRAM, "whisper": None},
        {
            "provider": "deepgram",
            "model": "nova-3",
            "language": "de",
            "options": {"punctuate": True, "smart_format": False, "interim_results": True},
        },
    ),
    "B whisper": (
        {"provider": "whisper", "whisper": {"model": "whisper-1", "language": None}},
        {"provider": "openai", "model": "whisper-1", "language": None},
    ),
    "D openai": (
        {"provider": "openai", "openai": {"model": "gpt-4o-mini-transcribe", "language": "en"}, "deepgram": None},
        {"provider": "openai", "model": "gpt-4o-mini-transcribe"},
    ),
    "an alias in our shape": ({"provider": "Whisper", "model": "whisper-1"}, {"provider": "openai"}),
}
CASES = [
    *(("tts_config", name, *case) for name, case in SPEECH.items()),
    *(("stt_config", name, *case) for name, case in RECOGNITION.items()),
]


def with_key(group: str, sent: Json, secret: str) -> Json:
    """The key stands where the variant has it: in the object of the provider, by the provider's name for it."""
    inner = next((name for name, value in sent.items() if isinstance(value, dict) and name != "options"), None)
    place: Json = sent[inner] if inner else sent
    flat_key = "tts_api_key" if group == "tts_config" else "api_key"
    name = "tts_api_key" if "cartesian" in sent else "api_key" if inner else flat_key
    keyed = {**place, name: secret}
    return {**sent, inner: keyed} if inner else keyed


async def test_each_is_read_into_our_shape_by_post_and_by_patch(team: Teams) -> None:
    here, secret = await team(), key()
    for group, name, sent, read in CASES:
        whole = with_key(group, sent, secret)
        created, changed = await here.made(**{group: whole}), await here.made()
        await changed.ok("owner", "PATCH", json={group: whole})
        for made in (created, changed):
            shown, stored = made.shown[group], made.stored("agent_configurations")[group]
            key_name = "tts_api_key" if group == "tts_config" else "api_key"
            assert {each: shown[each] for each in read} == read, name
            assert shown[key_name] == f"{MASK}{secret[-4:]}"
            assert secret in made.opened()
            assert stored.keys() == shown.keys()
            assert {**stored, key_name: None} == {**shown, key_name: None}


async def test_a_variant_sent_again_without_its_key_keeps_the_key(team: Teams) -> None:
    here, secret = await team(), key()
    made = await here.made(tts_config={"provider": "openai", "openai": {**OPENAI, "api_key": secret}})

    for nothing in ({}, {"api_key": ""}, {"api_key": None}, {"api_key": made.shown["tts_config"]["tts_api_key"]}):
        sent = {"provider": "openai", "openai": {**OPENAI, **nothing, "speed": 1.1}}
        await made.ok("owner", "PATCH", json={"tts_config": sent})
        assert secret in made.opened()
    assert made.shown["tts_config"]["speed"] == 1.1


@pytest.fixture
async def made(team: Teams) -> Made:
    """An agent whose every field of speech is another than the default."""
    speech = {"provider": "elevenlabs", "voice_id": "rachel", "tts_api_key": key(), "model": "eleven_flash_v2_5"}
    more: Json = {"speed": 1.5, "language": "de", "options": {"stability": 0.3}}
    return await (await team()).made(tts_config={**speech, **more})


@pytest.mark.parametrize(
    "part",
    [
        {"voice_id": "other"},
        {"speed": 0.5},
        {"language": None},
        {"options": {}},
        {"model": "eleven_turbo_v2_5", "options": {"similarity_boost": 1}},
        {"provider": "elevenlabs", "voice_id": "other"},
        {"provider": "11Labs", "language": "en"},
    ],
)
async def test_a_part_in_our_shape_resets_nothing_that_was_left_out(made: Made, part: dict[str, Any]) -> None:
    before, keys = made.shown["tts_config"], made.opened()

    await made.ok("editor", "PATCH", json={"tts_config": part})

    assert made.shown["tts_config"] == {**before, **part, "provider": "elevenlabs"}
    assert made.opened() == keys


async def test_a_field_that_is_not_ours_without_a_provider_is_no_variant_and_is_refused(made: Made) -> None:
    before = made.stored("agent_configurations")

    for part in ({"voice": "x"}, {"gender": "female"}, {"voice_id": "x", "unknown": 1}, {"openai": None}):
        assert refused(await made.ask("editor", "PATCH", json={"tts_config": part})) == (422, "invalid"), part
    assert made.stored("agent_configurations") == before


async def test_a_variant_of_another_provider_takes_its_key_anew(made: Made) -> None:
    sent = {"provider": "openai", "openai": OPENAI}

    assert refused(await made.ask("editor", "PATCH", json={"tts_config": sent})) == (422, "key_needed_again")
    sent = {"provider": "openai", "openai": {**OPENAI, "api_key": "another-key-0042"}}
    await made.ok("editor", "PATCH", json={"tts_config": sent})
    assert (made.shown["tts_config"]["provider"], made.opened()[1]) == ("openai", "another-key-0042")


async def test_an_unknown_provider_is_kept_and_served_with_its_options(team: Teams) -> None:
    options = {"tone": "warm", "nested": {"list": [1, 2.5, None, True]}}

    made = await (await team()).made(tts_config={"provider": "acme-2", "voice_id": "v", "options": options})

    assert (
        made.shown["tts_config"]["provider"]
        == made.stored("agent_configurations")["tts_config"]["provider"]
        == "acme-2"
    )
    assert (await made.ok("member", "GET")).shown["tts_config"]["options"] == options


async def test_each_is_read_where_another_program_stored_it(team: Teams) -> None:
    made = await (await team()).made()
    documents = made.team.world.database["agent_configurations"]
    for group, name, sent, read in CASES:
        documents.update_one({"agent_id": made.agent_id}, {"$set": {group: sent}})
        shown = (await made.ok("member", "GET")).shown[group]
        assert {each: shown[each] for each in read} == read, name
