"""A key goes only where it was entered for."""

from typing import Any

import pytest
from pydantic import SecretStr

from switchboard.configurations.model import Configuration, KeyNeededAgain, host_of
from tests.configurations.plain import ADDRESS, CHATBOT, GIVEN, PATHS, RECOGNITION, SAFE, SPEECH, configuration, opened

NEW = SecretStr("new-secret-value")


@pytest.mark.parametrize(
    "address",
    [
        "https://bot.northwind.example.org/chat",
        "https://northwind.example/chat",
        "https://bot.northwind.example:8443/chat",
        "http://bot.northwind.example/chat",
        "https://bot.northwind.example@evil.example/chat",
        None,
    ],
)
def test_another_host_port_or_scheme_asks_for_the_key_again(address: str | None) -> None:
    before = configuration()

    with pytest.raises(KeyNeededAgain) as refused:
        before.changed({"chatbot_api": address}, SAFE)
    assert (refused.value.code, list(refused.value.fields)) == ("key_needed_again", [CHATBOT])
    shown = SecretStr(SAFE.mask(CHATBOT, before.secrets[CHATBOT]) or "")
    with pytest.raises(KeyNeededAgain):
        before.changed({"chatbot_api": address, "chatbot_key": shown}, SAFE)
    assert opened(before.changed({"chatbot_api": address, "chatbot_key": NEW}, SAFE))[CHATBOT] == "new-secret-value"
    assert before.changed({"chatbot_api": address, "chatbot_key": None}, SAFE).chatbot_key is None
    same = before.changed({"chatbot_api": address, "chatbot_key": SecretStr(GIVEN[CHATBOT])}, SAFE)
    assert opened(same) == GIVEN


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "https://bot.northwind.example/other?q=1",
        "https://BOT.Northwind.EXAMPLE/chat",
        "HTTPS://bot.northwind.example/chat",
        "https://bot.northwind.example:443/chat",
        "https://bot.northwind.example./chat",
    ],
)
def test_the_same_host_in_whatever_spelling_and_another_path_keep_the_key(address: str) -> None:
    after = configuration().changed({"chatbot_api": address}, SAFE)

    assert (after.chatbot_api, opened(after)) == (address, GIVEN)


def test_a_key_that_was_entered_without_an_address_goes_to_none_that_comes_later() -> None:
    before = Configuration(name="New").changed({"chatbot_key": NEW}, SAFE)

    with pytest.raises(KeyNeededAgain):
        before.changed({"chatbot_api": ADDRESS}, SAFE)


def test_without_a_key_an_address_may_change_at_will() -> None:
    before = configuration(chatbot_key=None)

    assert before.changed({"chatbot_api": "https://other.example/"}, SAFE).chatbot_api == "https://other.example/"


@pytest.mark.parametrize(
    ("path", "group", "key", "other"),
    [(SPEECH, "tts_config", "tts_api_key", "elevenlabs"), (RECOGNITION, "stt_config", "api_key", "openai")],
)
def test_another_provider_asks_for_the_key_again(path: str, group: str, key: str, other: str) -> None:
    before = configuration()

    with pytest.raises(KeyNeededAgain) as refused:
        before.changed({group: {"provider": other}}, SAFE)
    assert list(refused.value.fields) == [path]
    shown = SecretStr(SAFE.mask(path, before.secrets[path]) or "")
    with pytest.raises(KeyNeededAgain):
        before.changed({group: {"provider": other, key: shown}}, SAFE)
    assert before.changed({group: {"provider": other, key: None}}, SAFE).secrets[path] is None
    after = before.changed({group: {"provider": other, key: NEW}}, SAFE)
    assert opened(after) == {**GIVEN, path: "new-secret-value"}
    same: dict[str, Any] = {"provider": getattr(before, group).provider}
    assert opened(before.changed({group: same}, SAFE)) == GIVEN


def test_options_of_a_provider_that_is_not_known_may_lead_elsewhere_so_they_ask_for_the_key_again() -> None:
    config = {"provider": "acme", "tts_api_key": NEW, "options": {"base": "https://acme.example"}}
    before = configuration(tts_config=config)

    with pytest.raises(KeyNeededAgain):
        before.changed({"tts_config": {"options": {"base": "https://evil.example"}}}, SAFE)
    after = before.changed({"tts_config": {"voice_id": "anna", "options": config["options"]}}, SAFE)
    assert opened(after)[SPEECH] == "new-secret-value"


def test_options_of_a_known_provider_lead_nowhere() -> None:
    after = configuration().changed({"tts_config": {"options": {"gender": "male"}}}, SAFE)

    assert opened(after) == GIVEN


def test_each_key_is_looked_at_by_itself() -> None:
    before = configuration()

    after = before.changed({"chatbot_api": "https://other.example/", "chatbot_key": NEW}, SAFE)

    assert opened(after) == {**GIVEN, CHATBOT: "new-secret-value"}
    assert [after.secrets[path] for path in PATHS[1:]] == [before.secrets[path] for path in PATHS[1:]]


def test_an_address_that_no_parser_understands_is_a_place_of_its_own() -> None:
    odd = ("https://bot.example:99999/", "https://[::1", "https://bot.example:abc/")

    assert len({host_of(address) for address in (*odd, None, ADDRESS)}) == 5
    content = {**configuration().content, "chatbot_api": odd[0]}
    before = Configuration.model_validate(content)
    assert before.changed({"name": "Other"}, SAFE).name == "Other"
    with pytest.raises(KeyNeededAgain):
        before.changed({"chatbot_api": "https://bot.example/"}, SAFE)
