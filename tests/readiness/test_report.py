"""The readiness report: each finding, and which of them keep an agent from being activated."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from switchboard.configurations.model import Configuration, Safe
from switchboard.readiness.model import Endpoint, Finding, Report, report
from tests.configurations.plain import LOST, NEWER, SAFE

NOTHING: dict[str, Any] = {}


def complete(**changes: Any) -> Configuration:
    fields = {
        "phone_number": "+493012345678",
        "chatbot_api": "https://bot.northwind.example/chat",
        "chatbot_key": SecretStr("chat-secret-0001"),
        "tts_config": {"voice_id": "anna", "tts_api_key": SecretStr("speech-secret-0002"), "model": "sonic-2"},
        "stt_config": {"api_key": SecretStr("hear-secret-0003"), "model": "nova-3"},
    }
    return Configuration(name="Reception").changed(fields, SAFE).changed(changes, SAFE)


def found(endpoint: Endpoint = "public", safe: Safe = SAFE, **changes: Any) -> list[tuple[str, str, str]]:
    findings = report(complete(**changes), endpoint, safe).findings
    return [(each.code, each.severity, each.field) for each in findings]


def test_a_complete_agent_has_no_finding_and_is_ready() -> None:
    assert report(complete(), "public", SAFE) == Report(())
    assert report(complete(), "public", SAFE).ready
    assert report(complete(), "public", NEWER).ready


@pytest.mark.parametrize(
    ("changes", "endpoint", "code", "field"),
    [
        ({"phone_number": None}, "public", "phone_number_missing", "phone_number"),
        ({"chatbot_api": None, "chatbot_key": SecretStr("k")}, "missing", "endpoint_missing", "chatbot_api"),
        (NOTHING, "refused", "endpoint_refused", "chatbot_api"),
        ({"chatbot_key": None}, "public", "chatbot_key_missing", "chatbot_key"),
        ({"tts_config": {"tts_api_key": None}}, "public", "speech_key_missing", "tts_config.tts_api_key"),
        ({"stt_config": {"api_key": None}}, "public", "recognition_key_missing", "stt_config.api_key"),
        ({"tts_config": {"voice_id": None}}, "public", "voice_missing", "tts_config.voice_id"),
        (
            {"tts_config": {"provider": "openai", "tts_api_key": SecretStr("k"), "voice_id": "anna", "model": "tts-1"}},
            *("public", "voice_unknown", "tts_config.voice_id"),
        ),
        ({"tts_config": {"model": None}}, "public", "speech_model_missing", "tts_config.model"),
        ({"stt_config": {"model": None}}, "public", "recognition_model_missing", "stt_config.model"),
    ],
)
def test_what_is_missing_or_wrong_is_an_error_of_its_field(
    changes: dict[str, Any], endpoint: Endpoint, code: str, field: str
) -> None:
    assert found(endpoint, **changes) == [(code, "error", field)]
    said = report(complete(**changes), endpoint, SAFE)
    assert not said.ready
    assert list(said.errors) == [field]
    assert said.errors[field] == f"{said.findings[0].message} {said.findings[0].fix}"


@pytest.mark.parametrize(
    ("changes", "endpoint", "code", "field"),
    [
        (NOTHING, "unresolved", "endpoint_unresolved", "chatbot_api"),
        ({"tts_config": {"model": "sonic-99"}}, "public", "speech_model_unknown", "tts_config.model"),
        ({"stt_config": {"model": "nova-99"}}, "public", "recognition_model_unknown", "stt_config.model"),
        (
            {"tts_config": {"provider": "acme", "tts_api_key": SecretStr("k"), "voice_id": "a", "model": "b"}},
            *("public", "speech_provider_unknown", "tts_config.provider"),
        ),
        (
            {"stt_config": {"provider": "acme", "api_key": SecretStr("k"), "model": "b"}},
            *("public", "recognition_provider_unknown", "stt_config.provider"),
        ),
    ],
)
def test_what_others_may_know_better_is_a_warning_and_does_not_gate(
    changes: dict[str, Any], endpoint: Endpoint, code: str, field: str
) -> None:
    assert found(endpoint, **changes) == [(code, "warning", field)]
    said = report(complete(**changes), endpoint, SAFE)
    assert (said.ready, said.errors) == (True, {})


def test_keys_that_cannot_be_opened_are_errors() -> None:
    assert found(safe=LOST) == [
        ("chatbot_key_unreadable", "error", "chatbot_key"),
        ("speech_key_unreadable", "error", "tts_config.tts_api_key"),
        ("recognition_key_unreadable", "error", "stt_config.api_key"),
    ]


def test_a_key_that_is_stored_plain_is_a_key() -> None:
    assert report(complete().model_copy(update={"chatbot_key": "plain-secret-0009"}), "public", SAFE).ready


def test_a_voice_is_known_only_where_all_voices_are() -> None:
    openai = {"provider": "openai", "tts_api_key": SecretStr("k"), "model": "tts-1", "voice_id": "nova"}

    assert found(tts_config=openai) == []
    assert found(tts_config={"voice_id": "whatever the customer has"}) == []


def test_an_empty_agent_is_told_all_it_lacks_at_once() -> None:
    said = report(Configuration(name="New"), "missing", SAFE)

    assert [each.code for each in said.findings] == [
        *("phone_number_missing", "endpoint_missing", "chatbot_key_missing"),
        *("speech_key_missing", "recognition_key_missing", "voice_missing"),
        *("speech_model_missing", "recognition_model_missing"),
    ]
    assert len(said.errors) == 8


def test_every_finding_says_how_to_fix_it_and_repeats_no_value() -> None:
    worst = complete(
        tts_config={"provider": "acme", "tts_api_key": SecretStr("k-secret"), "model": "strange-model"},
        stt_config={"model": "strange-model"},
    )
    findings = [*report(worst, "refused", LOST).findings, *report(Configuration(name="New"), "missing", SAFE).findings]
    for each in findings:
        assert each.fix.endswith(".")
        assert each.message.endswith(".")
        assert not any(value in str(each) for value in ("strange", "acme", "secret-0", "k-secret", "northwind"))


def test_one_error_is_enough_and_warnings_are_not() -> None:
    error = Finding("a", "error", "a", "A.", "B.")
    warning = replace(error, severity="warning", field="b")

    assert not Report((warning, error)).ready
    assert Report((warning, warning)).ready
    assert Report((warning, error)).errors == {"a": "A. B."}
