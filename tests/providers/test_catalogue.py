"""GET /v1/catalogue: a form can be drawn from it, and what it says is what is checked."""

from typing import Any

import httpx
import pytest

from switchboard.configurations.model import Conversation
from switchboard.providers.model import (
    DEFAULTS,
    GROUPS,
    OPENAI_VOICES,
    PROVIDERS,
    InvalidOptions,
    Kind,
    Provider,
    SttConfig,
    TtsConfig,
    check_options,
    knows_model,
)
from switchboard.providers.schemas import Catalogue
from tests.world import Person

PATH = "/v1/catalogue"
CONFIGS = {"speech": TtsConfig, "recognition": SttConfig}
KINDS: tuple[Kind, ...] = ("speech", "recognition")
WHOLE = Catalogue.whole()


def every_field() -> list[Any]:
    fields = [*WHOLE.agent, *WHOLE.conversation]
    for providers in (WHOLE.speech, WHOLE.recognition):
        fields += [field for each in providers.providers for field in (*each.fields, *each.options)]
        fields += providers.other.fields
    return fields


async def test_it_is_for_anybody_who_is_signed_in(api: httpx.AsyncClient, ada: Person) -> None:
    answer = await api.get(PATH, headers=ada.headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == WHOLE.model_dump()
    for headers in ({}, {"X-API-Key": "sbk_none"}, {"If-None-Match": answer.headers["etag"]}):
        assert (await api.get(PATH, headers=headers)).status_code == 401


async def test_it_is_sent_once_to_who_keeps_it(api: httpx.AsyncClient, ada: Person) -> None:
    first = await api.get(PATH, headers=ada.headers)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"

    for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await api.get(PATH, headers={**ada.headers, "If-None-Match": named})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "private, no-cache")
    for other in ('"other"', tag.strip('"'), "", "*, *"):
        again = await api.get(PATH, headers={**ada.headers, "If-None-Match": other})
        assert (again.status_code, again.content) == (200, first.content)


async def test_its_shape_and_its_304_are_described(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()["paths"][PATH]["get"]

    assert {"200", "304", "401"} <= set(described["responses"])
    assert described["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Catalogue")
    assert [each["name"] for each in described["parameters"]] == ["if-none-match"]


def test_every_field_of_the_configurations_is_there_under_its_path() -> None:
    for kind in KINDS:
        shown = getattr(WHOLE, kind)
        expected = set(CONFIGS[kind].model_fields) - {"provider", "options"}
        assert shown.default == DEFAULTS[kind] == CONFIGS[kind]().provider
        for fields in (shown.other.fields, *(each.fields for each in shown.providers)):
            assert {field.name for field in fields} == expected
            assert all(field.path == f"{GROUPS[kind]}.{field.name}" for field in fields)
    assert {field.name for field in WHOLE.conversation} == set(Conversation.model_fields)
    assert all(field.path == f"conversation.{field.name}" for field in WHOLE.conversation)
    assert [field.path for field in WHOLE.agent] == [
        *("name", "phone_number", "chatbot_api", "chatbot_key", "initial_message"),
    ]


def test_a_form_can_be_drawn_from_every_field() -> None:
    for field in every_field():
        assert field.title
        assert (field.kind == "choice") == bool(field.choices), field.path
        assert (field.kind == "number") == (field.minimum is not None) == (field.maximum is not None), field.path
        assert (field.kind in ("text", "secret")) <= (field.longest is not None), field.path
        assert not field.whole or (field.kind, float(field.minimum).is_integer()) == ("number", True)
    secrets = {field.path for field in every_field() if field.kind == "secret"}
    assert secrets == {"chatbot_key", "tts_config.tts_api_key", "stt_config.api_key"}


def test_the_limits_are_those_that_are_checked() -> None:
    for kind in KINDS:
        for field in getattr(WHOLE, kind).other.fields:
            for value in ("x" * (field.longest or 0), field.minimum, field.maximum, field.default):
                if value not in ("", None):
                    CONFIGS[kind].model_validate({field.name: value})


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: f"{each.kind}-{each.id}")
def test_what_options_are_described_to_take_is_what_they_take(provider: Provider) -> None:
    [shown] = [each for each in getattr(WHOLE, provider.kind).providers if each.id == provider.id]
    samples: dict[str, list[Any]] = {"boolean": [True, False], "choice": [], "number": [], "text": ["x"]}

    assert {field.name for field in shown.options} == set(provider.options.model_fields)
    for field in shown.options:
        assert field.path == f"{GROUPS[provider.kind]}.options.{field.name}"
        good = [*samples[field.kind], *field.choices, *(v for v in (field.minimum, field.maximum) if v is not None)]
        assert good
        for value in good:
            assert check_options(provider.kind, provider.id, {field.name: value}) == {field.name: value}
        beyond: list[Any] = [[], {}, *([field.maximum + 0.01, field.minimum - 0.01] if field.kind == "number" else [])]
        for value in (*beyond, *(["another"] if field.closed else [])):
            with pytest.raises(InvalidOptions):
                check_options(provider.kind, provider.id, {field.name: value})
    [model] = [field for field in shown.fields if field.name == "model"]
    assert all(knows_model(provider.kind, provider.id, name) for name in model.choices)


def test_openai_has_its_voices_and_formats_as_choices() -> None:
    [openai] = [each for each in WHOLE.speech.providers if each.id == "openai"]
    choices = {field.name: (field.choices, field.closed) for field in (*openai.fields, *openai.options)}

    assert choices["voice_id"] == (list(OPENAI_VOICES), False)
    assert choices["response_format"] == (["mp3", "opus", "aac", "flac"], True)
    assert choices["quality"] == (["standard", "hd"], True)
