"""Where records stand in what the old service gave, whose they are, and what they say in our shape."""

from typing import Any

import pytest
from pydantic import SecretStr

from devstack.agents_service import variants
from switchboard.agent_imports.model import Given, Organizations, agent_id_of, fields_of, numbers_given_twice, read
from switchboard.agent_imports.schemas import (
    NoAgents,
    UnreadableMapping,
    line_of,
    numbered,
    numbers_of,
    read_mapping,
    records_of,
)
from switchboard.configurations.model import Configuration, Safe
from switchboard.crypto import KeyRing
from switchboard.variants.model import read_agent
from tests.agent_imports.dumps import CANARY
from tests.sealing.test_checks import new_key

ONE = {"chatbot_api": "https://bot.example.com", "organization_id": "Acme"}
OTHER = {**ONE, "agentId": "Other"}


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ({"status": "success", "agents": {"Front Desk": ONE, "Other": OTHER}}, ["Front Desk", "Other"]),
        ({"Front Desk": ONE, "Other": [OTHER]}, ["Front Desk", "Other"]),
        ({"success": True, "count": 2, "agents": [OTHER, ONE]}, [None, None]),
        ({"success": True, "data": {"agents-1": ONE}}, ["agents-1"]),
        ({"success": True, "data": [OTHER]}, [None]),
        ([OTHER], [None]),
        (OTHER, [None]),
        ([], []),
    ],
)
def test_records_are_found_in_lists_maps_and_envelopes(document: object, keys: list[str | None]) -> None:
    found = list(records_of(document))
    assert [given.key for given in found] == keys
    assert all(given.record in (ONE, OTHER) for given in found)


@pytest.mark.parametrize("document", [{"status": "error", "message": "not found"}, "text", 7, None])
def test_what_holds_no_agents_is_refused(document: object) -> None:
    with pytest.raises(NoAgents):
        list(records_of(document))


def test_the_marks_of_a_database_export_are_taken_off() -> None:
    line = (
        b'{"agentId":"A","created_at":{"$date":"2025-09-26T10:30:00Z"},"tts_config":{"speed":{"$numberDouble":"1.5"}}}'
    )
    record = read(line_of(line), 1)
    assert record.read.created_at is not None
    assert record.read.created_at.isoformat() == "2025-09-26T10:30:00+00:00"
    assert record.read.fields["tts_config"]["speed"] == 1.5  # type: ignore[index, call-overload]
    assert read(Given({"created_at": 7}), 1).notes == ()
    assert read(line_of(b"{half"), 3).refusal("org", ()) == "record_unreadable"


def test_the_mapping_of_organizations_is_json_or_csv() -> None:
    expected = {"Acme, Ltd": "org-1", "": "org-2"}
    assert read_mapping('{"Acme, Ltd": "org-1", "": "org-2"}') == expected
    assert read_mapping('organization,org_id\n"Acme, Ltd",org-1\n\n,org-2\n') == expected
    for text in ("", "{", "[]", '{"a": 1}', "one,two,three"):
        with pytest.raises(UnreadableMapping):
            read_mapping(text)


def test_whose_a_record_is_the_file_says_and_then_an_id_of_ours() -> None:
    known = Organizations({"Acme": "org-1", "developer": "org-2"}, {"org-1", "org-2", "org-3"})

    def of(**record: str) -> str | None:
        return known.of(read_agent(record))

    assert (of(organization_id="Acme"), of(organization_id=" acme"), of(organization_id="developer")) == (
        "org-1",
        "org-1",
        "org-2",
    )
    assert (of(organization_id="org-3"), of(agentId="org-3"), of(agentId="org-3", organization_id="Beta")) == (
        "org-3",
        "org-3",
        None,
    )
    assert (of(agentId="A"), Organizations({"": "org-1"}, {"org-1"}).of(read_agent({}))) == (None, "org-1")
    assert Organizations({"Acme": "org-9"}, {"org-1"}).unknown() == ["org-9"]


def test_every_variant_becomes_a_configuration_that_may_be_stored() -> None:
    safe = Safe(KeyRing.read(new_key("imports")), "agent")
    for name, record in variants(CANARY).items():
        fields, notes = fields_of(read(Given(record, name), 1))
        configuration = Configuration(name=str(fields["name"])).changed(fields, safe)
        assert notes == []
        assert all(configuration.secrets.values())
        assert CANARY not in repr((fields, configuration))
        assert configuration.changed(fields, safe).differences(configuration, safe) == {}


def given(**record: Any) -> tuple[dict[str, Any], list[str]]:
    return fields_of(read(Given({"agentId": "A", **record}), 1))


def test_what_a_record_does_not_say_is_left_out_so_that_it_takes_nothing_away() -> None:
    assert given() == ({"name": "A"}, [])
    assert given(tts_config={"provider": "openai", "openai": {"voice": "nova"}})[0]["tts_config"].keys() == {
        "provider",
        "voice_id",
        "speed",
    }


def test_masks_and_overlong_keys_are_no_keys() -> None:
    assert given(chatbot_key="••••••••1234") == ({"name": "A"}, ["chatbot_key_masked"])
    fields, notes = given(stt_config={"api_key": "k" * 5_000, "model": "nova-2"})
    assert (notes, "api_key" in fields["stt_config"]) == (["stt_config.api_key_too_long"], False)
    assert given(chatbot_key="key")[0]["chatbot_key"] == SecretStr("key")


def test_options_that_the_provider_does_not_take_are_left_out() -> None:
    elevenlabs = {"voice_id": "rachel", "stability": 0.4, "similarity_boost": 7, "engine": "v2"}
    fields, notes = given(tts_config={"provider": "elevenlabs", "elevenlabs": elevenlabs})
    assert (fields["tts_config"]["options"], notes) == ({"stability": 0.4}, ["tts_config.options_left_out"])


@pytest.mark.parametrize(
    ("number", "spare", "expected", "notes"),
    [
        ("0049 30 1234567", [], "+49301234567", ()),
        ("+49 (0)30 1234567", [], "+49301234567", ()),
        ("030 1234567", [], None, ("phone_number_invalid",)),
        ("+1 5", [], None, ("phone_number_invalid",)),
        ("", ["+493012345", "+493012346"], "+493012345", ("other_numbers_left_out",)),
        ("+49301234567", ["+493012345"], "+49301234567", ()),
        (None, [], None, ()),
    ],
)
def test_numbers_are_e164_and_come_from_trunks_where_the_record_has_none(
    number: str | None, spare: list[str], expected: str | None, notes: tuple[str, ...]
) -> None:
    record = read(Given({"agentId": "A", "phone_number": number}, None, spare), 1)
    assert (record.number, record.notes) == (expected, notes)


def test_trunks_say_which_numbers_lead_to_which_agent() -> None:
    trunks = {"trunks": [{"name": "A", "numbers": ["+493012345"]}, {"name": "B"}, 7, {"name": "A", "numbers": ["x"]}]}
    assert numbers_of(trunks) == {"A": ["+493012345", "x"]}
    assert numbers_of({"data": [{"name": "B", "numbers": []}]}) == {"B": []}
    assert numbers_of(None) == {}
    assert numbered(Given({}, "A"), {"A": ["1"]}).numbers == ["1"]
    assert numbered(Given({"agentId": "A"}), {"A": ["1"]}).numbers == ["1"]


def test_a_number_of_two_agents_is_contested_and_one_of_the_same_agent_twice_is_not() -> None:
    one, same, two = ({"agentId": name, "phone_number": "+493012345"} for name in ("A", "A", "B"))
    assert numbers_given_twice(read(Given(each), 1) for each in (one, same)) == frozenset()
    assert numbers_given_twice(read(Given(each), 1) for each in (one, two)) == {"+493012345"}


def test_an_agent_has_the_same_id_in_every_import_and_another_in_another_organization() -> None:
    assert agent_id_of("org-1", "A") == agent_id_of("org-1", "A")
    assert len({agent_id_of("org-1", "A"), agent_id_of("org-2", "A"), agent_id_of("org-1", "B")}) == 3
