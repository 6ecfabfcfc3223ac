"""What becomes of a configuration by a change: groups are merged, secrets sealed, masks understood."""

from typing import Any

import pytest
from pydantic import SecretStr

from switchboard.configurations.model import MASK, Configuration, MaskAsSecret, Safe
from switchboard.crypto import CannotOpen, is_sealed
from switchboard.providers.model import InvalidOptions
from tests.configurations.plain import (
    CHATBOT,
    GIVEN,
    LOST,
    NEWER,
    OTHER_AGENT,
    PATHS,
    RING,
    SAFE,
    SPEECH,
    at,
    configuration,
    opened,
    sent,
    stored_plain,
)


def test_what_is_left_out_stays_and_what_is_null_goes() -> None:
    before = configuration(initial_message="Hello", conversation={"nudge_text": "Still there?", "max_nudges": 3})

    after = before.changed({"initial_message": None, "conversation": {"max_nudges": None}}, SAFE)

    assert (after.initial_message, after.name) == (None, "Reception")
    assert (after.conversation.nudge_text, after.conversation.max_nudges) == ("Still there?", None)
    assert before.initial_message == "Hello"


def test_fields_of_speech_and_recognition_are_merged_one_by_one() -> None:
    before = configuration(tts_config={"voice_id": "anna", "speed": 1.5, "options": {"gender": "female"}})

    after = before.changed({"tts_config": {"language": "de"}, "stt_config": {"model": "nova-3"}}, SAFE)

    speech = after.tts_config
    assert (speech.voice_id, speech.speed, speech.language, speech.options) == ("anna", 1.5, "de", {"gender": "female"})
    assert (after.stt_config.model, after.stt_config.provider) == ("nova-3", "deepgram")
    assert opened(after) == GIVEN


def test_options_are_replaced_as_a_whole_and_checked_for_the_provider_they_are_for() -> None:
    before = configuration(tts_config={"options": {"gender": "female"}})

    assert before.changed({"tts_config": {"options": {}}}, SAFE).tts_config.options == {}
    with pytest.raises(InvalidOptions) as refused:
        before.changed({"tts_config": {"options": {"stability": 0.5}}}, SAFE)
    assert list(refused.value.fields) == ["tts_config.options"]


def test_another_provider_starts_anew_but_for_a_key_that_comes_along() -> None:
    before = configuration(tts_config={"voice_id": "anna", "speed": 1.5, "options": {"gender": "female"}})
    fields = {"provider": "elevenlabs", "tts_api_key": SecretStr("eleven-secret-01"), "model": "eleven_flash_v2_5"}

    speech = before.changed({"tts_config": fields}, SAFE).tts_config

    assert (speech.voice_id, speech.speed, speech.options, speech.model) == (None, 1.0, {}, "eleven_flash_v2_5")
    assert SAFE.open(SPEECH, speech.tts_api_key or "") == "eleven-secret-01"


@pytest.mark.parametrize("path", PATHS)
def test_a_new_key_is_sealed_for_its_place_and_opens_nowhere_else(path: str) -> None:
    after = configuration().changed(sent(path, "new-secret-value"), SAFE)

    kept = after.secrets[path] or ""
    assert is_sealed(kept)
    assert "new-secret-value" not in str(after.content)
    assert opened(after) == {**GIVEN, path: "new-secret-value"}
    for other in (OTHER_AGENT, LOST):
        with pytest.raises(CannotOpen):
            other.open(path, kept)
    for elsewhere in set(PATHS) - {path}:
        with pytest.raises(CannotOpen):
            SAFE.open(elsewhere, kept)


def test_a_key_that_looks_like_a_sealed_one_is_sealed_as_any_other() -> None:
    pasted = configuration().secrets[CHATBOT] or ""

    after = configuration().changed(sent(CHATBOT, pasted), SAFE)

    assert SAFE.open(CHATBOT, after.secrets[CHATBOT] or "") == pasted


@pytest.mark.parametrize("path", PATHS)
def test_a_key_left_out_or_sent_as_its_mask_stays_and_null_takes_it_away(path: str) -> None:
    before = configuration()
    shown = SAFE.mask(path, before.secrets[path])

    assert before.changed({}, SAFE).secrets == before.secrets
    assert before.changed(sent(path, shown or ""), SAFE).secrets == before.secrets
    assert before.changed(at(path, None), SAFE).secrets == {**before.secrets, path: None}


@pytest.mark.parametrize(
    "text",
    [MASK, f"{MASK}9999", f" {MASK}0001", "••••0001", "sk-••••0001", "●●●●", "*****0001", "\t***", f"{MASK}0001\u200b"],
)
def test_any_other_mask_is_refused(text: str) -> None:
    for before in (configuration(), Configuration(name="New")):
        with pytest.raises(MaskAsSecret) as refused:
            before.changed(sent(CHATBOT, text), SAFE)
        assert refused.value.code == "mask_as_secret"
        assert list(refused.value.fields) == [CHATBOT]
        assert "0001" not in f"{refused.value}{refused.value.fields}"


@pytest.mark.parametrize("text", ["a*b*c", "key**", "**", "x", "p@ss w*rd***"])
def test_a_key_with_stars_in_it_is_a_key(text: str) -> None:
    assert opened(configuration().changed(sent(CHATBOT, text), SAFE))[CHATBOT] == text


def test_the_mask_of_a_key_that_cannot_be_opened_leaves_it_as_it_is() -> None:
    before = configuration()

    assert LOST.mask(CHATBOT, before.secrets[CHATBOT]) == MASK
    assert before.changed(sent(CHATBOT, MASK), LOST).secrets == before.secrets


@pytest.mark.parametrize("path", PATHS)
def test_a_key_that_was_stored_plain_is_read_and_is_sealed_by_the_next_write(path: str) -> None:
    plain = stored_plain(path, "plain-secret-0009")

    assert opened(plain) == {**GIVEN, path: "plain-secret-0009"}
    assert SAFE.mask(path, plain.secrets[path]) == f"{MASK}0009"
    written = plain.changed({"name": "Other"}, SAFE).renewed(SAFE)
    assert is_sealed(written.secrets[path])
    assert opened(written) == {**GIVEN, path: "plain-secret-0009"}
    assert "plain-secret-0009" not in str(written.content)


def test_renewed_are_the_same_secrets_under_the_newest_key() -> None:
    before = configuration()

    after = before.renewed(NEWER)

    assert all((kept or "").startswith("enc:v1:k2:") for kept in after.secrets.values())
    assert opened(after, NEWER) == GIVEN
    assert after.renewed(NEWER).secrets == after.secrets
    assert {**after.content, **_keys(before)} == {**before.content, **_keys(before)}


def test_what_cannot_be_opened_is_not_renewed_and_not_taken_along() -> None:
    before = configuration()

    assert before.renewed(Safe(LOST.ring, "agent-1")).secrets == before.secrets
    assert before.renewed(Safe(NEWER.ring, "agent-9")).secrets == before.secrets
    assert set(before.resealed(LOST, OTHER_AGENT).secrets.values()) == {None}


def test_resealed_are_the_same_secrets_for_another_agent() -> None:
    before = configuration(stt_config={"api_key": None})

    after = before.resealed(SAFE, OTHER_AGENT)

    assert opened(after, OTHER_AGENT) == {**GIVEN, "stt_config.api_key": None}
    with pytest.raises(CannotOpen):
        SAFE.open(CHATBOT, after.secrets[CHATBOT] or "")


def test_a_configuration_tells_no_secret_in_its_repr() -> None:
    kept = stored_plain(CHATBOT, "plain-secret-0009")

    assert "plain-secret" not in repr(kept)
    assert "plain-secret" not in repr(stored_plain(SPEECH, "plain-secret-0009"))
    assert RING.newest in repr(RING)


def _keys(found: Configuration) -> dict[str, Any]:
    return {name: found.content[name] for name in ("chatbot_key", "tts_config", "stt_config")}
