"""What holds for any JSON that any program may have stored or sent."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.providers.model import FORMATS, OPENAI_VOICES, SttConfig, TtsConfig, looks_secret
from switchboard.variants.model import read_agent, recognition, speech

Reader = Callable[[object], dict[str, Any]]

SECRET = "sk-planted-secret"
PROVIDERS = ("cartesia", "cartesian", "Cartesia", "openai", "OpenAI", "elevenlabs", "11Labs", "deepgram", "whisper")
NAMES = st.sampled_from(
    (
        *(*PROVIDERS, "provider", "selectedVoiceProvider", "options", "conversation", "tts_config", "stt_config"),
        *("voice_id", "voice", "voiceId", "model", "model_id", "speed", "speedValue", "language", "response_format"),
        *("tts_api_key", "api_key", "chatbot_key", "token", "unknown", "agentId", "name", "phone_number", "created_at"),
    )
) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from((*PROVIDERS, *FORMATS, *OPENAI_VOICES, "options", "cartesian!", "-x-", " ", "x" * 201, "\ud800"))
    | st.text(max_size=5)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
RECORDS = st.dictionaries(NAMES, JSON, max_size=10)
READERS = st.sampled_from([(speech, TtsConfig), (recognition, SttConfig)])
OTHER_FIELDS = st.dictionaries(NAMES.filter(lambda name: not name.endswith("_key")), SCALARS, max_size=4)
many = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def names_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(name for each in value.values() for name in names_in(each))]
    return [name for each in value for name in names_in(each)] if isinstance(value, list) else []


@many
@given(READERS, RECORDS | JSON)
def test_any_configuration_reads_into_a_valid_one_that_reads_as_itself(
    reader: tuple[Reader, type[TtsConfig] | type[SttConfig]], value: Any
) -> None:
    read, config = reader
    once = read(value)

    assert read(once) == once
    assert config.model_validate(once).model_dump() == once
    assert not any(looks_secret(name) for name in names_in(once["options"]))


@many
@given(RECORDS | JSON, st.none() | st.text(max_size=5))
def test_any_record_reads_into_fields_that_read_as_themselves(document: Any, key: str | None) -> None:
    read = read_agent(document, key)
    again = read_agent(read.fields)

    assert again.fields == read.fields
    assert all(note.replace("_", "").isalpha() for note in (*read.notes, *again.notes))
    assert len(set(read.notes)) == len(read.notes)


@many
@given(
    st.sampled_from([("speech", "tts_api_key"), ("recognition", "api_key")]),
    st.sampled_from((*PROVIDERS, "play-ht", None)),
    st.booleans(),
    OTHER_FIELDS,
    st.data(),
)
def test_a_secret_at_a_known_place_arrives_at_its_own_and_nowhere_else(
    kind: tuple[str, str], provider: str | None, nested: bool, others: dict[str, Any], data: st.DataObject
) -> None:
    """Flat, or in the object of the provider; a key sits under our name or, for speech, under the vendors'."""
    (which, own) = kind
    given_as = data.draw(st.sampled_from(["tts_api_key", "api_key"] if which == "speech" else ["api_key"]))
    others = {name: value for name, value in others.items() if name not in ("provider", "selectedVoiceProvider")}
    config = {**others, given_as: SECRET}
    shape = {"provider": provider, provider: config} if nested and provider else {**config, "provider": provider}
    read = read_agent({"tts_config" if which == "speech" else "stt_config": shape})
    fields: Any = read.fields["tts_config" if which == "speech" else "stt_config"]

    assert fields.pop(own) == SECRET
    assert SECRET not in repr(read.fields)
    assert SECRET not in repr(read)


@many
@given(RECORDS)
def test_a_secret_at_a_place_that_is_not_chosen_is_nowhere(others: dict[str, Any]) -> None:
    hidden = {"api_key": SECRET, "tts_api_key": SECRET, "voice": "v"}
    given_as = {**others, "provider": "cartesian", "openai": hidden, "elevenlabs": hidden, "whisper": hidden}

    assert SECRET not in repr(speech(given_as))
    assert SECRET not in repr(recognition({**given_as, "provider": "deepgram"}))


@many
@given(
    st.sampled_from(OPENAI_VOICES),
    st.sampled_from((*FORMATS, "wav", None)) | st.text("abc", max_size=5),
    st.sampled_from(["OpenAI", "openai"]),
    OTHER_FIELDS.map(lambda fields: {name: fields[name] for name in fields.keys() & {"speed", "language", "unknown"}}),
)
def test_voice_and_format_in_either_order_read_the_same(
    voice: str, audio: str | None, provider: str, others: dict[str, Any]
) -> None:
    right, wrong = {"voice": voice, "response_format": audio}, {"voice": audio, "response_format": voice}
    expected = speech({"provider": provider, "openai": {**others, **right}})

    assert expected["voice_id"] == voice
    for shape in (
        {"provider": provider, "openai": {**others, **wrong}},
        {"provider": provider, **others, **wrong},
        {**expected, "voice_id": audio, "options": {**expected["options"], "response_format": voice}},  # type: ignore[dict-item]
    ):
        assert speech(shape) == expected
