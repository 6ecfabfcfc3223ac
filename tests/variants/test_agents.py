"""Whole records of variants A to E: whose they are, and their fields in our shape."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.providers.model import CONVERSATION_FIELDS
from switchboard.variants.model import read_agent
from tests.variants.stored import CARTESIA, DEEPGRAM, OPENAI_D, WHISPER, stt, tts

TALK = {
    "nudge_text": "Are you there?",
    "nudge_interval": 15,
    "max_nudges": 3,
    "typing_volume": 0.8,
    "max_call_duration": 300,
}
CHATBOT = {"chatbot_api": "https://bot.example.com/chat", "chatbot_key": "app-key", "initial_message": "Hello!"}
NO_TALK = {field.name: None for field in CONVERSATION_FIELDS}
NOTHING = {
    "name": None,
    "phone_number": None,
    "chatbot_api": None,
    "chatbot_key": None,
    "initial_message": None,
    "conversation": NO_TALK,
    "tts_config": tts("cartesia"),
    "stt_config": stt("deepgram"),
}
AT = datetime(2025, 9, 26, 10, 30, 0, 500_000, UTC)


def test_variant_a_is_flat_and_names_its_agent() -> None:
    record = {
        "agentId": "Reception",
        **CHATBOT,
        "phone_number": "+49 (30) 1234-5678",
        "tts_config": CARTESIA,
        "stt_config": {"api_key": "dg", "model": "nova-2"},
        "created_at": AT,
        "updated_at": "2025-09-26T12:30:00.5+02:00",
    }
    read = read_agent(record)

    assert (read.agent_id, read.organization, read.created_at, read.updated_at) == ("Reception", None, AT, AT)
    assert read.fields == {
        **NOTHING,
        **CHATBOT,
        "name": "Reception",
        "phone_number": "+493012345678",
        "tts_config": tts(
            "cartesia", voice_id=CARTESIA["voice_id"], tts_api_key="ck", model="sonic-english", language="en"
        ),
        "stt_config": stt("deepgram", api_key="dg", model="nova-2"),
    }
    assert read.notes == []


def test_variants_b_and_c_stand_in_a_map_under_their_names() -> None:
    record = {
        **CHATBOT,
        **TALK,
        "organization_id": "developer",
        "tts_config": {"provider": "cartesian", "cartesian": CARTESIA, "openai": None},
        "stt_config": {"provider": "whisper", "whisper": WHISPER, "deepgram": None},
    }
    read = read_agent(record, "Front Desk 2")

    assert (read.agent_id, read.fields["name"], read.organization) == ("Front Desk 2", "Front Desk 2", "developer")
    assert read.fields["conversation"] == {**NO_TALK, **TALK}
    assert read.fields["stt_config"] == stt("openai", api_key="sk-stt", model="whisper-1")
    assert read.notes == ["provider_renamed"]


def test_variant_e_has_a_prefix_a_language_model_and_seconds_for_times() -> None:
    prefix = "Night_Desk_550e8400_e29b_41d4_a716_446655440000"
    model = {
        "system_prompt": "You are kind.",
        "model_provider": "openai",
        "model_name": "gpt-4o",
        "model_live_url": "wss://live.example.com",
    }
    record = {
        "agent_prefix": prefix,
        "organization_id": "",
        **CHATBOT,
        **TALK,
        **model,
        "tts_config": {"provider": "openai", "openai": {**OPENAI_D, "voice": "mp3", "response_format": "alloy"}},
        "stt_config": {"provider": "deepgram", "deepgram": DEEPGRAM, "openai": None},
        "created_at": AT.timestamp(),
        "updated_at": AT.timestamp(),
    }
    read = read_agent(record)

    assert (read.agent_id, read.fields["name"], read.organization) == (prefix, "Night_Desk", None)
    assert (read.created_at, read.updated_at) == (AT, AT)
    assert read.fields["conversation"] == {**TALK, **model}
    assert read.notes == ["voice_and_format_swapped"]


def test_our_own_shape_reads_as_it_is() -> None:
    record = {
        "name": "Desk",
        "phone_number": "+493012345",
        **CHATBOT,
        "conversation": {**NO_TALK, **TALK},
        "tts_config": tts("openai", voice_id="nova"),
        "stt_config": stt("openai"),
    }
    read = read_agent(record)

    assert (read.fields, read.notes) == (record, [])


@pytest.mark.parametrize(
    ("record", "key", "expected"),
    [
        ({"agentId": "a", "agent_prefix": "p"}, "k", "a"),
        ({"agent_prefix": "p", "id": "i"}, "k", "k"),
        ({"agent_prefix": "p", "id": "i"}, None, "p"),
        ({"id": "i"}, "", "i"),
        ({"agentId": 5}, None, None),
        ({}, "x" * 300, None),
        ({}, " ", None),
    ],
)
def test_the_id_is_the_records_own_then_the_maps_then_the_prefix(
    record: dict[str, Any], key: str | None, expected: str | None
) -> None:
    assert read_agent(record, key).agent_id == expected


def test_a_name_that_is_given_wins_over_the_id() -> None:
    for name in ("name", "agent_name", "agentName"):
        assert read_agent({name: "Desk", "agentId": "a"}).fields["name"] == "Desk"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *(("+493012345678", "+493012345678"), ("+1 415-555-0100", "+14155550100"), ("0049 30 12345", "+493012345")),
        *(
            ("(+49) 30 12345", "+493012345"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            (" +14155550100\n", "+14155550100"),
        ),
        *(("", None), (None, None)),
    ],
)
def test_a_phone_number_is_read_as_people_write_it(given: str | None, read: str | None) -> None:
    found = read_agent({"phone_number": given})

    assert (found.fields["phone_number"], "phone_number_unreadable" in found.notes) == (read, False)


@pytest.mark.parametrize(
    "given",
    [
        *("030 12345", "+0301234567", "+49", "+1234567890123456", "unassigned", "+49 30 12345 ext 3", "++493012345"),
        *(493012345678, "+٤٩٣٠١٢٣٤٥", ["+493012345"], True, "49+3012345", "+49.30.12345"),
    ],
)
def test_another_phone_number_is_none_and_noted_without_its_digits(given: object) -> None:
    read = read_agent({"phone_number": given})

    assert read.fields["phone_number"] is None
    assert read.notes == ["phone_number_unreadable"]


@pytest.mark.parametrize(
    ("given", "read", "noted"),
    [
        ({"nudge_interval": 15.0}, {"nudge_interval": 15}, []),
        ({"nudge_interval": 0, "max_nudges": 0}, {"nudge_interval": 1, "max_nudges": 0}, ["nudge_interval_clamped"]),
        ({"max_nudges": 10**6}, {"max_nudges": 100}, ["max_nudges_clamped"]),
        ({"typing_volume": 1.5}, {"typing_volume": 1.0}, ["typing_volume_clamped"]),
        ({"typing_volume": 0}, {"typing_volume": 0.0}, []),
        ({"max_call_duration": "long"}, {}, ["max_call_duration_unreadable"]),
        ({"system_prompt": ""}, {}, []),
    ],
)
def test_numbers_of_the_conversation_are_brought_within_their_limits(
    given: dict[str, Any], read: dict[str, Any], noted: list[str]
) -> None:
    for record in (given, {"conversation": given}):
        found = read_agent(record)
        assert found.fields["conversation"] == {**NO_TALK, **read}
        assert found.notes == noted
    assert all(isinstance(value, type(found.fields["conversation"][name])) for name, value in read.items())  # type: ignore[call-overload, index]


@pytest.mark.parametrize(
    "given", ["yesterday", "", None, float("nan"), float("inf"), 1e300, -1e300, 1_758_882_600_500, True, [], {}]
)
def test_a_time_that_is_none_is_left_open(given: object) -> None:
    read = read_agent({"created_at": given})

    assert read.created_at is None
    assert read.notes == ([] if given in ("", None) else ["created_at_unreadable"])


def test_a_time_without_a_zone_is_utc() -> None:
    assert read_agent({"created_at": AT.replace(tzinfo=None)}).created_at == AT
    assert read_agent({"updated_at": datetime.min}).updated_at == datetime.min.replace(tzinfo=UTC)  # noqa: DTZ901


def test_fields_that_have_no_place_are_noted_but_for_the_key_of_the_document() -> None:
    assert read_agent({"_id": 1}).notes == []
    assert read_agent({"transfer_phonenumber": "+493012345"}).notes == ["fields_left_out"]
    assert read_agent({"conversation": {"mood": "kind"}}).notes == ["fields_left_out"]
    assert read_agent({"chatbot_api": 5}).notes == ["chatbot_api_unreadable", "fields_left_out"]


@pytest.mark.parametrize("document", [None, [], "text", 5, True, [{"agentId": "a"}]])
def test_what_is_no_record_reads_as_an_empty_one(document: object) -> None:
    read = read_agent(document, "k")

    assert (read.agent_id, read.fields, read.notes) == ("k", {**NOTHING, "name": "k"}, ["record_unreadable"])


def test_a_repr_shows_no_secret() -> None:
    assert "app-key" not in repr(read_agent(CHATBOT))
