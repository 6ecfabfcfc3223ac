"""Rules of agents with plain objects: how what is stored is read, and what a change tells whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchboard.agents.model import AgentConfiguration, Holding, NotTheOwner, Step, UseOnly, new_agent
from switchboard.audit.model import Actor
from switchboard.configurations.model import Configuration
from switchboard.organizations.model import Acting, Organization
from switchboard.providers.model import SttConfig, TtsConfig
from switchboard.roles.model import MissingPermission, Rights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FULL = TtsConfig(provider="openai", voice_id="mp3", options={"response_format": "opus"}).model_dump()


def read(**stored: Any) -> AgentConfiguration:
    times = {"created_at": NOW, "updated_at": NOW}
    kept = {"agent_id": "a", "org_id": "o", "tts_config": FULL, "stt_config": SttConfig().model_dump(), **times}
    return AgentConfiguration.model_validate({**kept, **stored})


def test_what_we_wrote_is_read_as_it_is_though_a_variant_would_be_read_otherwise() -> None:
    speech = read().tts_config

    assert (speech.voice_id, speech.options) == ("mp3", {"response_format": "opus"})


@pytest.mark.parametrize(
    ("stored", "provider", "speed"),
    [
        ({"provider": "cartesian", "voice_id": "anna"}, "cartesia", 1.0),
        ({**FULL, "provider": "acme", "speed": 5}, "acme", 2.0),  # damaged since
        ({**FULL, "provider": "elevenlabs", "more": 1}, "elevenlabs", 1.0),
        ({"elevenlabs": {"voice_id": "x", "speed": 0.9}}, "elevenlabs", 0.9),
        (None, "cartesia", 1.0),
        ("text", "cartesia", 1.0),
        ([], "cartesia", 1.0),
        ({}, "cartesia", 1.0),
    ],
)
def test_anything_else_that_is_stored_is_read_as_a_variant(stored: Any, provider: str, speed: float) -> None:
    speech = read(tts_config=stored).tts_config

    assert (speech.provider, speech.speed) == (provider, speed)


def test_a_configuration_in_hand_is_kept_as_it_is() -> None:
    kept = read(tts_config=TtsConfig(voice_id="anna"), stt_config=SttConfig(model="nova-3"))

    assert (kept.tts_config.voice_id, kept.stt_config.model) == ("anna", "nova-3")


def holding(access: Any = "owner", org_id: str = "here", role: str = "Owner", org_ids: tuple[str, ...] = ()) -> Holding:
    organization = Organization.model_construct(org_id=org_id, name="Northwind")
    actor = Actor(kind="user", id="u", name="ada@example.com")
    agent = new_agent("here", NOW).model_copy(update={"org_ids": ["here", *org_ids]})
    return Holding(Acting(actor, Rights(role), organization), agent, Configuration(name="Reception"), access)


def step(held: Holding, **more: Any) -> Step:
    return Step(held, "agent.updated", ("configuration",), {}, NOW, **more)


def told(made: Step) -> dict[str, str | None]:
    return {entry.org_id: entry.actor.name for entry in made.entries(made.applied())}


def test_a_change_is_told_to_the_owner_to_who_made_it_and_to_whom_it_concerns() -> None:
    name = "ada@example.com"

    assert told(step(holding())) == {"here": name}
    assert told(step(holding("edit", "there"))) == {"here": None, "there": name}
    assert told(step(holding(), others=("there",))) == {"here": name, "there": None}


def test_services_of_all_that_had_it_or_have_it_now_learn_of_a_change() -> None:
    held = holding(org_ids=("lost",))
    made = Step(held, "agent.shared", ("sharing",), {"org_ids": ["here", "won"]}, NOW)

    assert made.change(made.applied()).org_ids == ["here", "lost", "won"]


def test_each_change_has_an_etag_of_its_own_and_never_an_earlier_time() -> None:
    held = holding()
    early = Step(held, "agent.updated", ("configuration",), {}, NOW - timedelta(hours=1))

    etags = {early.applied().etag for _ in range(50)}

    assert len(etags) == 50
    assert held.agent.etag not in etags
    assert early.applied().updated_at == NOW


def test_only_a_revised_configuration_is_a_revision() -> None:
    held = holding()

    assert step(held).revision(2) is None
    assert step(held).applied().revision == 1
    revised = step(held, revised=Configuration(name="Night"), reason="Because")
    found = revised.revision(2)
    assert found is not None
    assert (revised.applied().revision, revised.applied().name) == (2, "Night")
    assert (found.number, found.reason, found.author_org_id) == (2, "Because", "here")


@pytest.mark.parametrize("permission", ["agents.activate", "agents.delete", "agents.share", "agents.bind_number"])
@pytest.mark.parametrize("access", ["use", "edit"])
def test_what_is_neither_reading_nor_writing_is_the_owners(permission: str, access: str) -> None:
    holding().check(permission)
    with pytest.raises(NotTheOwner):
        holding(access, "there").check(permission)
    with pytest.raises(MissingPermission):
        holding(role="Member").check(permission)


def test_use_reads_and_edit_writes() -> None:
    for access in ("use", "edit"):
        holding(access, "there").check("agents.read")
    holding("edit", "there").check("agents.write")
    with pytest.raises(UseOnly):
        holding("use", "there").check("agents.write")
    with pytest.raises(MissingPermission):
        holding("edit", "there", "Member").check("agents.write")
