"""The readiness report: each finding says what is wrong where, how bad it is, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from switchboard.configurations.model import Configuration, Safe
from switchboard.providers.model import GROUPS, Kind, knows_model, knows_provider, knows_voice

Severity = Literal["error", "warning"]
Endpoint = Literal["public", "unresolved", "refused", "missing"]


@dataclass(frozen=True)
class Finding:
    """`field` is the path of the field it is about. An `error` keeps an agent from being activated."""

    code: str
    severity: Severity
    field: str
    message: str
    fix: str


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> dict[str, str]:
        """What stands in the way, by field."""
        return {each.field: f"{each.message} {each.fix}" for each in self.findings if each.severity == "error"}


def _error(code: str, field: str, message: str, fix: str) -> Finding:
    return Finding(code, "error", field, message, fix)


def _warning(code: str, field: str, message: str, fix: str) -> Finding:
    return Finding(code, "warning", field, message, fix)


NUMBER_MISSING: Final = _error(
    "phone_number_missing",
    "phone_number",
    "The agent has no phone number.",
    "Give it one in E.164, such as +493012345.",
)
ENDPOINTS: Final = {
    "missing": _error(
        "endpoint_missing", "chatbot_api", "There is no chatbot to talk to.", "Enter the https address of its endpoint."
    ),
    "refused": _error(
        "endpoint_refused",
        "chatbot_api",
        "The address of the chatbot is not allowed: it must be https and lead to the public internet.",
        "Enter another address.",
    ),
    "unresolved": _warning(
        "endpoint_unresolved",
        "chatbot_api",
        "The name of the chatbot's host has no address right now.",
        "Check its spelling and its DNS entry.",
    ),
}
NAMES: Final = {
    "chatbot_key": "chatbot_key",
    "tts_config.tts_api_key": "speech_key",
    "stt_config.api_key": "recognition_key",
}
VOICE_MISSING: Final = _error(
    "voice_missing", "tts_config.voice_id", "No voice is chosen.", "Choose one; GET /v1/catalogue has suggestions."
)
VOICE_UNKNOWN: Final = _error(
    "voice_unknown",
    "tts_config.voice_id",
    "The provider has no such voice.",
    "Choose one of those in GET /v1/catalogue.",
)


def report(configuration: Configuration, endpoint: Endpoint, safe: Safe) -> Report:
    """What to do before, and what to think about. `endpoint` is what was found out about `chatbot_api`."""
    found = [*_calls(configuration, endpoint), *_keys(configuration, safe), *_voice(configuration)]
    speech, recognition = configuration.tts_config, configuration.stt_config
    found += _model("speech", speech.provider, speech.model)
    found += _model("recognition", recognition.provider, recognition.model)
    return Report(tuple(found))


def _calls(configuration: Configuration, endpoint: Endpoint) -> Iterator[Finding]:
    if configuration.phone_number is None:
        yield NUMBER_MISSING
    if endpoint in ENDPOINTS:
        yield ENDPOINTS[endpoint]


def _keys(configuration: Configuration, safe: Safe) -> Iterator[Finding]:
    for path, kept in configuration.secrets.items():
        name = NAMES[path]
        if kept is None:
            yield _error(f"{name}_missing", path, "A key is missing.", "Enter it.")
        elif safe.readable(path, kept) is None:
            yield _error(f"{name}_unreadable", path, "The stored key cannot be read any more.", "Enter it again.")


def _voice(configuration: Configuration) -> Iterator[Finding]:
    speech = configuration.tts_config
    if speech.voice_id is None:
        yield VOICE_MISSING
    elif not knows_voice(speech.provider, speech.voice_id):
        yield VOICE_UNKNOWN


def _model(kind: Kind, provider: str, model: str | None) -> Iterator[Finding]:
    group = GROUPS[kind]
    field = f"{group}.model"
    if not knows_provider(kind, provider):
        fix = "Make sure that the services which run the agent know it, or choose one of GET /v1/catalogue."
        yield _warning(f"{kind}_provider_unknown", f"{group}.provider", "This provider is not known here.", fix)
    elif model is not None and not knows_model(kind, provider, model):
        yield _warning(f"{kind}_model_unknown", field, "This model is not known here.", "Check its spelling.")
    if model is None:
        yield _error(f"{kind}_model_missing", field, "No model is chosen.", "Choose one of GET /v1/catalogue.")
