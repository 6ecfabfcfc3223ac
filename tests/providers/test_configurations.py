"""TtsConfig and SttConfig: what they take, and what of them may be seen."""

import math
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from switchboard.providers.model import (
    LONGEST_KEPT_KEY,
    LONGEST_KEY,
    LONGEST_TEXT,
    SttConfig,
    TtsConfig,
)

SECRET = "sk-planted-secret"


def check_refused(config: type[BaseModel], /, **fields: Any) -> None:
    """It is refused, and the refusal does not quote what was given."""
    with pytest.raises(ValidationError) as refusal:
        config.model_validate(fields)
    shown = str(refusal.value)
    assert not any(value in shown for value in fields.values() if isinstance(value, str) and len(value) > 1)


def test_nothing_given_is_the_default_provider_at_normal_speed() -> None:
    nothing = {"model": None, "language": None, "options": {}}
    voice = {"voice_id": None, "tts_api_key": None, "speed": 1.0}

    assert TtsConfig().model_dump() == {"provider": "cartesia", **voice, **nothing}
    assert SttConfig().model_dump() == {"provider": "deepgram", "api_key": None, **nothing}


def test_a_repr_shows_no_key() -> None:
    shown = repr(TtsConfig(tts_api_key=SECRET, voice_id="v1")) + repr(SttConfig(api_key=SECRET))

    assert SECRET not in shown
    assert "v1" in shown


@pytest.mark.parametrize("speed", [0.5, 1, 1.25, 2.0])
def test_a_speed_is_from_one_half_to_two(speed: float) -> None:
    assert TtsConfig(speed=speed).speed == speed


@pytest.mark.parametrize("speed", [0, 0.49, 2.01, -1, math.nan, math.inf, True, "1.5", None, [1.0], 10**400])
def test_another_speed_is_refused(speed: object) -> None:
    check_refused(TtsConfig, speed=speed)


@pytest.mark.parametrize("provider", ["playht", "azure-speech", "x.y_z", "0", "a" * 40])
def test_any_provider_with_a_plain_id_may_be_named(provider: str) -> None:
    assert TtsConfig(provider=provider).provider == SttConfig(provider=provider).provider == provider


@pytest.mark.parametrize("provider", ["Cartesia", "", "-a", "a b", "a" * 41, "ä", "a\n", "a/b", None, 5])
def test_another_id_of_a_provider_is_refused(provider: object) -> None:
    check_refused(TtsConfig, provider=provider)
    check_refused(SttConfig, provider=provider)


@pytest.mark.parametrize("name", ["voice_id", "model", "language"])
def test_texts_have_a_limit_and_an_empty_one_is_none(name: str) -> None:
    assert getattr(TtsConfig.model_validate({name: "x" * LONGEST_TEXT}), name) == "x" * LONGEST_TEXT
    check_refused(TtsConfig, **{name: "x" * (LONGEST_TEXT + 1)})
    check_refused(TtsConfig, **{name: "\ud800"})
    check_refused(TtsConfig, **{name: 5})
    for empty in ("", "  ", None):
        assert getattr(TtsConfig.model_validate({name: empty}), name) is None


def test_a_key_may_be_as_long_as_the_longest_one_sealed() -> None:
    sealed = len("enc:v1:") + 32 + 1 + math.ceil((12 + 4 * LONGEST_KEY + 16) / 3) * 4

    assert sealed <= LONGEST_KEPT_KEY
    assert TtsConfig(tts_api_key="x" * sealed).tts_api_key == "x" * sealed
    check_refused(TtsConfig, tts_api_key="x" * (LONGEST_KEPT_KEY + 1))
    check_refused(SttConfig, api_key="x" * (LONGEST_KEPT_KEY + 1))


def test_a_field_that_is_not_known_is_refused() -> None:
    check_refused(TtsConfig, voice="alloy")
    check_refused(SttConfig, tts_api_key=SECRET)
