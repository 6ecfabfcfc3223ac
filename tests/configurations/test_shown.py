"""What is shown of a configuration: masks, and differences of two."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.configurations.model import LONG_ENOUGH, MASK, SHOWN
from tests.configurations.plain import (
    CHATBOT,
    GIVEN,
    LOST,
    NEWER,
    PATHS,
    RECOGNITION,
    SAFE,
    SPEECH,
    configuration,
    sent,
    stored_plain,
)


@pytest.mark.parametrize("path", PATHS)
@given(secret=st.text(min_size=1, max_size=60))
def test_a_mask_shows_four_characters_at_most_and_none_of_a_short_secret(path: str, secret: str) -> None:
    mask = SAFE.mask(path, SAFE.seal(path, secret)) or ""

    assert mask == MASK + (secret[-SHOWN:] if len(secret) >= LONG_ENOUGH else "")
    assert (SHOWN, LONG_ENOUGH) == (4, 12)


def test_masks_at_the_limit() -> None:
    assert SAFE.mask(CHATBOT, SAFE.seal(CHATBOT, "x" * 7 + "1234")) == MASK
    assert SAFE.mask(CHATBOT, SAFE.seal(CHATBOT, "x" * 8 + "1234")) == f"{MASK}1234"
    assert (SAFE.mask(CHATBOT, None), LOST.mask(CHATBOT, SAFE.seal(CHATBOT, "x" * 20))) == (None, MASK)


def test_a_configuration_is_shown_with_masks_for_its_keys() -> None:
    found = configuration(stt_config={"api_key": None})

    masked = found.masked(SAFE)

    assert (masked["chatbot_key"], masked["tts_config"]["tts_api_key"]) == (f"{MASK}0001", f"{MASK}0002")
    assert (masked["stt_config"]["api_key"], masked["chatbot_api"]) == (None, found.chatbot_api)
    assert not any(secret in str(masked) or "enc:v1" in str(masked) for secret in GIVEN.values())


def test_without_secrets_there_are_none_and_all_else_is_the_same() -> None:
    found = configuration()

    bare = found.without_secrets()

    assert set(bare.secrets.values()) == {None}
    nothing: dict[str, Any] = {
        "chatbot_key": None,
        "tts_config": {"tts_api_key": None},
        "stt_config": {"api_key": None},
    }
    assert bare.content == found.changed(nothing, SAFE).content


def test_opened_is_for_who_runs_the_agent() -> None:
    content = configuration().opened(SAFE)

    assert (content["chatbot_key"], content["tts_config"]["tts_api_key"]) == (GIVEN[CHATBOT], GIVEN[SPEECH])
    assert content["stt_config"]["api_key"] == GIVEN[RECOGNITION]


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return configuration(**before).differences(configuration(**after), SAFE)


def test_differences_are_told_by_the_paths_of_fields_and_options() -> None:
    before = {"name": "Day", "tts_config": {"speed": 1.5, "options": {"gender": "female"}}}
    after = {"name": "Night", "conversation": {"max_nudges": 2}, "tts_config": {"speed": 2, "language": "de"}}

    assert differences(before, after) == {
        "name": ("Day", "Night"),
        "conversation.max_nudges": (None, 2),
        "tts_config.speed": (1.5, 2.0),
        "tts_config.language": (None, "de"),
        "tts_config.options.gender": ("female", None),
    }
    assert differences(before, before) == {}


def test_each_option_is_compared_as_a_whole() -> None:
    one = {"stt_config": {"provider": "acme", "api_key": None, "options": {"a": {"b": [1]}, "c": []}}}
    other = {"stt_config": {"provider": "acme", "api_key": None, "options": {"a.b": [1], "a": {}, "c": []}}}

    assert differences(one, other) == {
        "stt_config.options.a": ({"b": [1]}, {}),
        "stt_config.options.a.b": (None, [1]),
    }


@pytest.mark.parametrize("path", PATHS)
def test_the_same_secret_sealed_twice_or_stored_plain_is_no_difference(path: str) -> None:
    before = configuration()
    again = before.changed(sent(path, GIVEN[path]), SAFE)

    assert again.secrets[path] != before.secrets[path]
    assert before.differences(again, SAFE) == {}
    assert before.differences(before.renewed(NEWER), NEWER) == {}
    assert before.differences(stored_plain(path, GIVEN[path]), SAFE) == {}


@pytest.mark.parametrize("path", PATHS)
def test_two_keys_with_equal_masks_are_a_difference(path: str) -> None:
    before = configuration()
    after = before.changed(sent(path, f"another{GIVEN[path]}"), SAFE)
    mask = f"{MASK}{GIVEN[path][-4:]}"

    assert before.differences(after, SAFE) == {path: (mask, mask)}


@pytest.mark.parametrize("path", PATHS)
def test_a_key_is_told_by_its_mask_alone(path: str) -> None:
    before, after = configuration(), configuration().without_secrets().changed(sent(path, "new-secret-0099"), SAFE)

    found = before.differences(after, SAFE)

    assert found[path] == (f"{MASK}{GIVEN[path][-4:]}", f"{MASK}0099")
    assert {other: found[other][1] for other in PATHS if other != path} == {
        other: None for other in PATHS if other != path
    }
    assert not any(secret in json.dumps(found) for secret in (*GIVEN.values(), "new-secret-0099", "enc:v1"))


def test_keys_that_cannot_be_opened_differ_unless_they_are_the_same_value() -> None:
    before = configuration()
    again = before.changed(sent(CHATBOT, GIVEN[CHATBOT]), SAFE)

    assert before.differences(before, LOST) == {}
    assert before.differences(again, LOST) == {CHATBOT: (MASK, MASK)}
