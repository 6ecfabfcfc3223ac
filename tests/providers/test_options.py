"""Options: the typed ones of the providers we know, the free ones of all others, and no key among either."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.providers.model import (
    MOST_OPTION_BYTES,
    PROVIDERS,
    InvalidOptions,
    Kind,
    check_options,
    knows_model,
    knows_provider,
    knows_voice,
    looks_secret,
)

SECRET = "sk-planted-secret"
NAMES = st.text("apikeysecrtoknmx_-. ", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def refusal(kind: Kind, provider: str, options: Any) -> dict[str, str]:
    """The fields of the refusal, which never quotes what was given."""
    with pytest.raises(InvalidOptions) as refused:
        check_options(kind, provider, options)
    fields = refused.value.fields
    assert SECRET not in f"{fields}{refused.value}"
    assert all(sentence.endswith(".") for sentence in fields.values())
    return fields


@pytest.mark.parametrize(
    ("kind", "provider", "options"),
    [
        ("speech", "cartesia", {"gender": "female"}),
        ("speech", "elevenlabs", {"stability": 0, "similarity_boost": 1.0}),
        ("speech", "openai", {"response_format": "opus", "quality": "hd"}),
        ("recognition", "deepgram", {"punctuate": True, "smart_format": False, "interim_results": True}),
        ("recognition", "openai", {}),
    ],
)
def test_a_provider_we_know_takes_its_own_options(kind: Kind, provider: str, options: dict[str, Any]) -> None:
    assert check_options(kind, provider, options) == options
    assert check_options(kind, provider, dict.fromkeys(options)) == {}
    assert check_options(kind, provider, None) == {}


@pytest.mark.parametrize(
    ("kind", "provider", "options", "field"),
    [
        ("speech", "elevenlabs", {"stability": 1.1}, "tts_config.options.stability"),
        ("speech", "elevenlabs", {"stability": -0.1}, "tts_config.options.stability"),
        ("speech", "elevenlabs", {"stability": float("nan")}, "tts_config.options.stability"),
        ("speech", "elevenlabs", {"similarity_boost": "0.5"}, "tts_config.options.similarity_boost"),
        ("speech", "elevenlabs", {"similarity_boost": True}, "tts_config.options.similarity_boost"),
        ("speech", "openai", {"response_format": SECRET}, "tts_config.options.response_format"),
        ("speech", "openai", {"quality": "best"}, "tts_config.options.quality"),
        ("speech", "cartesia", {"gender": "x" * 201}, "tts_config.options.gender"),
        ("recognition", "deepgram", {"punctuate": "yes"}, "stt_config.options.punctuate"),
        ("recognition", "deepgram", {"punctuate": 1}, "stt_config.options.punctuate"),
    ],
)
def test_an_option_of_a_wrong_value_is_named_by_its_path(
    kind: Kind, provider: str, options: dict[str, Any], field: str
) -> None:
    fields = refusal(kind, provider, options)

    assert list(fields) == [field]
    assert fields[field].startswith("Must ")


def test_every_wrong_option_is_named_at_once() -> None:
    fields = refusal("speech", "elevenlabs", {"stability": 2, "similarity_boost": -1, "style": 1})

    assert set(fields) == {
        *("tts_config.options", "tts_config.options.stability", "tts_config.options.similarity_boost"),
    }


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: f"{each.kind}-{each.id}")
def test_a_provider_we_know_takes_no_other_options_and_says_which_it_takes(provider: Any) -> None:
    [(field, sentence)] = refusal(provider.kind, provider.id, {SECRET: 1, "api_key": SECRET}).items()

    assert field in ("tts_config.options", "stt_config.options")
    assert all(name in sentence for name in provider.options.model_fields)


def test_the_options_of_one_kind_are_not_those_of_the_other() -> None:
    assert refusal("recognition", "openai", {"quality": "hd"})
    assert refusal("speech", "cartesia", {"punctuate": True})


def test_an_unknown_provider_takes_any_small_flat_json() -> None:
    options = {"voice engine": "v2", "max_tokens": 5, "nested": {"a": [1, {"b": {"c": None}}]}, "häufig": [], "": 0.5}

    assert check_options("speech", "playht", options) == options
    assert check_options("recognition", "cartesia", {**options, "nothing": None}) == options


@pytest.mark.parametrize("options", [[], "text", 5, True])
def test_options_are_an_object(options: Any) -> None:
    assert list(refusal("speech", "playht", options)) == ["tts_config.options"]
    assert list(refusal("recognition", "deepgram", options)) == ["stt_config.options"]


def test_options_of_an_unknown_provider_have_a_size_and_a_depth() -> None:
    edge = {"a": "x" * (MOST_OPTION_BYTES - len('{"a":""}'))}
    assert check_options("speech", "playht", edge) == edge
    assert "bytes" in refusal("speech", "playht", {"a": edge["a"] + "x"})["tts_config.options"]
    assert "bytes" in refusal("speech", "playht", {"a": "ä" * (MOST_OPTION_BYTES // 2)})["tts_config.options"]

    deep: Any = {"a": {"a": {"a": {"a": 1}}}}
    assert check_options("speech", "playht", {"a": deep["a"]}) == deep
    assert check_options("speech", "playht", {"a": deep}) == {"a": deep}
    assert "nested" in refusal("speech", "playht", {"a": {"a": deep}})["tts_config.options"]
    assert "nested" in refusal("speech", "playht", {"a": [[[[[]]]]]} | {"b": [[[[[1]]]]]})["tts_config.options"]
    for _ in range(100_000):
        deep = [deep]
    assert "nested" in refusal("speech", "playht", {"a": deep})["tts_config.options"]


@pytest.mark.parametrize("options", [{"$ref": "a", "$id": 1}, {"a": {"$where": 1}}, {"a": "\ud800"}, {"a": 2**64}])
def test_what_the_database_does_not_give_back_as_it_was_is_refused(options: dict[str, Any]) -> None:
    assert refusal("speech", "playht", options)


@pytest.mark.parametrize(
    "name",
    [
        *("key", "Key", "api_key", "apiKey", "API-KEY", "api.key", "x-api-key", "xi api key", "api_keys", "apikey2"),
        *(
            "secret",
            "clientSecret",
            "secret_id",
            "token",
            "accessToken",
            "auth_token",
            "password",
            "PassWord",
            "passwd",
        ),
        *("credential", "credentials", "google_credentials_json", "Authorization", "bearer", "private_key_pem", "jwt"),
        *("subscription-key", "ａｐｉ＿ｋｅｙ", "a.p.i_k_e_y", "key_1", "passphrase", "access_key_id"),
    ],
)
def test_a_key_among_free_options_is_refused_however_its_name_is_spelled(name: str) -> None:
    assert looks_secret(name)
    for options in ({name: SECRET}, {"a": {"b": [{name: SECRET}]}}):
        [(field, sentence)] = refusal("speech", "playht", options).items()
        assert (field, "tts_config.tts_api_key" in sentence) == ("tts_config.options", True)
        [(field, sentence)] = refusal("recognition", "gladia", options).items()
        assert (field, "stt_config.api_key" in sentence) == ("stt_config.options", True)


@pytest.mark.parametrize(
    "name", ["max_tokens", "keywords", "keyterm", "key_frames", "tokenizer", "author", "turkey_accent", "voice", ""]
)
def test_the_names_of_ordinary_options_are_no_secrets(name: str) -> None:
    assert not looks_secret(name)


@given(st.sampled_from(["speech", "recognition"]), st.sampled_from(["playht", "cartesia", "openai"]), JSON)
def test_any_json_is_either_kept_as_it_can_be_checked_again_or_refused(kind: Kind, provider: str, options: Any) -> None:
    try:
        kept = check_options(kind, provider, options)
    except InvalidOptions:
        return
    assert check_options(kind, provider, kept) == kept
    assert not any(looks_secret(name) for name in kept)


def test_models_and_voices_are_known_of_the_provider_that_has_them() -> None:
    assert knows_model("speech", "cartesia", "sonic-2")
    assert knows_model("recognition", "openai", "whisper-1")
    assert not knows_model("speech", "openai", "whisper-1")
    assert not knows_model("speech", "cartesia", "sonic-99")
    assert not knows_model("speech", "playht", "sonic-2")
    assert knows_provider("recognition", "deepgram")
    assert not knows_provider("speech", "deepgram")
    assert knows_voice("openai", "nova")
    assert not knows_voice("openai", "mp3")
    assert knows_voice("cartesia", "any of the customer's own")
    assert knows_voice("playht", "anything")
