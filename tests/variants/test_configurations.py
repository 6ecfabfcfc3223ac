"""Each variant of tts_config and stt_config in our shape, and what becomes of values that are no good."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.providers.model import (
    LONGEST_KEPT_KEY,
    LONGEST_TEXT,
    SttConfig,
    TtsConfig,
    check_options,
)
from switchboard.variants.model import read_agent, recognition, speech
from tests.variants.stored import OPENAI_D, RECOGNITION, SPEECH, Variant, stt, tts


def notes(tts_config: Any = None, stt_config: Any = None) -> list[str]:
    return read_agent({"tts_config": tts_config, "stt_config": stt_config}).notes


@pytest.mark.parametrize("variant", SPEECH, ids=str)
def test_a_stored_speech_configuration_reads_in_our_shape_and_then_stays(variant: Variant) -> None:
    read = speech(variant.given)

    assert read == variant.read
    assert speech(read) == read
    assert TtsConfig.model_validate(read).model_dump() == read
    assert check_options("speech", variant.read["provider"], variant.read["options"]) == read["options"]


@pytest.mark.parametrize("variant", RECOGNITION, ids=str)
def test_a_stored_recognition_configuration_reads_in_our_shape_and_then_stays(variant: Variant) -> None:
    read = recognition(variant.given)

    assert read == variant.read
    assert recognition(read) == read
    assert SttConfig.model_validate(read).model_dump() == read
    assert check_options("recognition", variant.read["provider"], variant.read["options"]) == read["options"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *(("cartesian", "cartesia"), ("Cartesia", "cartesia"), (" CARTESIAN ", "cartesia"), ("11labs", "elevenlabs")),
        *(("ElevenLabs", "elevenlabs"), ("eleven_labs", "elevenlabs"), ("OpenAI", "openai"), ("Open AI", "openai")),
        *(("Azure Speech", "azure-speech"), ("whisper", "whisper"), ("x" * 50, "x" * 40), ("日本", "unknown")),
        *(("a" * 39 + "!!b", "a" * 39), ("-x-", "x"), ("options", "options"), ("provider", "provider")),
        *((5, "unknown"), ({"a": 1}, "unknown"), ("", "cartesia"), (None, "cartesia"), ("--", "unknown")),
    ],
)
def test_a_provider_is_known_by_all_its_names_and_never_taken_for_another(given: object, read: str) -> None:
    config = speech({"provider": given, "tts_api_key": "k", "options": {"language": "de"}})

    assert (config["provider"], config["tts_api_key"]) == (read, "k")
    assert config["options"] == ({"language": "de", "provider": given} if read == "unknown" else {"language": "de"})
    assert speech(config) == config


@pytest.mark.parametrize(("given", "read"), [("Whisper", "openai"), ("Deepgram", "deepgram"), ("OpenAI", "openai")])
def test_providers_of_recognition_have_their_own_names(given: str, read: str) -> None:
    assert recognition({"provider": given})["provider"] == read
    assert recognition({"provider": "cartesian"})["provider"] == "cartesian"


@pytest.mark.parametrize(
    ("given", "read", "noted"),
    [
        *((0, 1.0, []), (0.0, 1.0, []), (0.5, 0.5, []), (2, 2.0, []), (1.75, 1.75, []), (None, 1.0, []), ("", 1.0, [])),
        *((0.2, 0.5, ["speed_clamped"]), (3, 2.0, ["speed_clamped"]), (-1, 0.5, ["speed_clamped"])),
        *((float("inf"), 2.0, ["speed_clamped"]), (10**400, 2.0, ["speed_clamped"])),
        *((float("nan"), 1.0, ["speed_unreadable"]), ("fast", 1.0, ["speed_unreadable"])),
        *((True, 1.0, ["speed_unreadable"]), ([1.5], 1.0, ["speed_unreadable"])),
    ],
)
def test_a_speed_is_brought_within_its_limits(given: object, read: float, noted: list[str]) -> None:
    for shape in ({"speed": given}, {"provider": "cartesian", "cartesian": {"speed": given}}):
        assert speech(shape) == tts("cartesia", speed=read)
        assert [note for note in notes(shape) if note.startswith("speed")] == noted


@pytest.mark.parametrize(
    ("voice", "audio", "read"),
    [
        *(("alloy", "mp3", ("alloy", "mp3")), ("mp3", "alloy", ("alloy", "mp3"))),
        *(("coral", "opus", ("coral", "opus")), ("opus", "coral", ("coral", "opus"))),
        *(("nova", "wav", ("nova", "wav")), ("wav", "nova", ("nova", "wav"))),
        *(("mp3", None, (None, "mp3")), (None, "nova", ("nova", None)), ("mp3", "flac", ("mp3", "flac"))),
        *(("nova", "echo", ("nova", "echo")), ("sage", "wav", ("sage", "wav")), (None, "mp3", (None, "mp3"))),
        *(("mp3", 5, ("mp3", 5)), ("mp3", "x" * 201, ("mp3", "x" * 201))),
    ],
)
def test_openais_voice_and_format_are_told_apart_by_value(voice: Any, audio: Any, read: tuple[Any, Any]) -> None:
    nested = {"provider": "openai", "openai": {"voice": voice, "response_format": audio}}
    ours = tts("openai", voice_id=voice, options={"response_format": audio})
    for shape in (nested, ours):
        config = speech(shape)
        assert (config["voice_id"], config["options"].get("response_format")) == read  # type: ignore[union-attr]
        assert ("voice_and_format_swapped" in notes(shape)) == (read != (voice, audio))


def test_nothing_is_exchanged_for_other_providers() -> None:
    given = {"provider": "elevenlabs", "voice": "mp3", "response_format": "alloy"}

    assert speech(given) == tts("elevenlabs", voice_id="mp3", options={"response_format": "alloy"})


def test_fields_that_nobody_knows_are_kept_as_options_wherever_they_stood() -> None:
    given = {
        "provider": "openai",
        "openai": {**OPENAI_D, "seed": 7},
        "note": {"by": ["ops", None]},
        "options": {"a": 1},
    }

    assert speech(given)["options"] == {"response_format": "mp3", "seed": 7, "note": {"by": ["ops", None]}, "a": 1}
    assert recognition({"provider": "deepgram", "diarize": False})["options"] == {"diarize": False}


@pytest.mark.parametrize("value", ["x" * (LONGEST_TEXT + 1), 5, True, ["a"], {"a": 1}])
@pytest.mark.parametrize("name", ["voice_id", "model", "language"])
def test_a_value_that_fits_no_text_field_is_kept_as_an_option_and_noted(name: str, value: object) -> None:
    assert speech({name: value}) == tts("cartesia", options={name: value})
    assert f"{name}_unreadable" in notes({name: value})


def test_the_object_of_the_provider_counts_before_what_an_older_variant_left_around_it() -> None:
    flat = {"voice_id": "a-cartesia-voice", "tts_api_key": "ck", "model": "sonic-2", "speed": 2.0}
    given = {**flat, "provider": "openai", "openai": OPENAI_D}

    assert speech(given) == speech({"provider": "openai", "openai": OPENAI_D})
    assert {"voice_id_given_twice", "model_given_twice", "speed_given_twice", "secret_left_out"} <= set(notes(given))


def test_objects_of_providers_that_are_not_chosen_are_left_out_with_their_keys() -> None:
    given = {"provider": "openai", "openai": OPENAI_D, "cartesian": {"tts_api_key": "ck", "voice_id": "v"}}

    assert speech(given) == speech({"provider": "openai", "openai": OPENAI_D})
    assert "other_provider_left_out" in notes(given)
    assert "other_provider_left_out" not in notes({**given, "cartesian": {}})


@pytest.mark.parametrize("read", [speech, recognition])
def test_a_secret_has_no_place_among_options(read: Callable[[object], dict[str, Any]]) -> None:
    hidden = {"apiKey": "s1", "login": {"token": "s2", "user": "u"}, "rows": [{"Client-Secret": "s3"}], "max_tokens": 5}
    kept = {"login": {"user": "u"}, "rows": [{}], "max_tokens": 5}

    for given in (hidden, {"options": hidden}, {"provider": "x", "x": hidden}, {"model": hidden}):
        options = read(given)["options"]
        assert options in (kept, {"model": kept})
    assert "secret_left_out" in notes(hidden)


@pytest.mark.parametrize("value", [5, ["k"], {"k": "v"}, "x" * (LONGEST_KEPT_KEY + 1), "\ud800"])
def test_a_key_that_can_be_none_is_left_out_altogether(value: object) -> None:
    assert speech({"tts_api_key": value}) == tts("cartesia")
    assert recognition({"api_key": value}) == stt("deepgram")
    assert "secret_left_out" in notes({"tts_api_key": value})
    assert speech({"tts_api_key": value, "api_key": "k"}) == tts("cartesia", tts_api_key="k")


@pytest.mark.parametrize("value", [None, "sk-secret", 5, True, [], [{"api_key": "k"}]])
def test_a_configuration_that_is_none_reads_as_nothing(value: object) -> None:
    assert speech(value) == tts("cartesia")
    assert recognition(value) == stt("deepgram")
    assert ("configuration_unreadable" in notes(value)) == (value is not None)


def test_what_a_document_cannot_hold_or_json_does_not_have_is_made_plain() -> None:
    deep: Any = "end"
    for _ in range(5_000):
        deep = {"a": [deep]}
    given = {
        "big": 2**64,
        "nan": float("nan"),
        "half\ud800": "x\udfff",
        "at": datetime(2025, 9, 5, tzinfo=UTC),
        "deep": deep,
        "raw": b"x",
        5: 6,
    }

    options = speech(given)["options"]
    assert isinstance(options, dict)
    assert options.pop("deep")
    assert options == {"half?": "x?", "at": "2025-09-05 00:00:00+00:00", "raw": "b'x'", "5": 6}
    assert "options_cut" in notes(given)
    TtsConfig.model_validate(speech(given))
