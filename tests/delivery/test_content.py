"""What a service gets of an agent: every field as it was entered, keys readable, however the agent came by them."""

import base64
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.crypto import KeyRing
from switchboard.rotation import service as rotation
from tests.agents.conftest import complete, key, number
from tests.delivery.conftest import Runner, active, done, fresh, runner
from tests.world import World

CONVERSATION = {
    "nudge_text": "Still there?",
    "nudge_interval": 15,
    "max_nudges": 3,
    "typing_volume": 0.8,
    "max_call_duration": 600,
    "system_prompt": "You are a receptionist.\n\n* „freundlich“ 🙂",
    "model_provider": "openai",
    "model_name": "gpt-4o",
    "model_live_url": "wss://live.example/v1",
}
SPEECH = {
    "cartesia": {"model": "sonic-2", "options": {"gender": "female"}},
    "elevenlabs": {"model": "eleven_flash_v2_5", "options": {"stability": 0.25, "similarity_boost": 1.0}},
    "openai": {"voice_id": "nova", "model": "tts-1", "options": {"response_format": "opus", "quality": "hd"}},
    "somebody-else.2": {"model": "m", "options": {"deep": {"er": [1, 2.5, None, True, "ü"]}, "rate": 8000}},
}
RECOGNITION = {
    "deepgram": {"options": {"punctuate": True, "smart_format": False, "interim_results": True}},
    "openai": {"model": "whisper-1", "options": {}},
    "somebody-else.2": {"options": {"words": ["Zahnarzt", "Praxis"]}},
}
STRANGE = ("sk-" + "x" * 4093, " spaces around ", "ключ ☎ 🔑 schlüssel", "\"quotes' \\ and {braces} $ % + / = &", "x")


def whole(speech: str, recognition: str, **fields: Any) -> dict[str, Any]:
    """Every field there is."""
    tts = {"voice_id": "anna", "tts_api_key": key(), "speed": 1.25, "language": "de", **SPEECH[speech]}
    stt = {"api_key": key(), "model": "nova-3", "language": "en-US", **RECOGNITION[recognition]}
    groups = {"tts_config": {"provider": speech, **tts}, "stt_config": {"provider": recognition, **stt}}
    return complete(conversation=CONVERSATION, **groups, **fields)


def secrets_of(body: dict[str, Any]) -> list[str | None]:
    return [body["chatbot_key"], body["tts_config"]["tts_api_key"], body["stt_config"]["api_key"]]


@pytest.fixture
async def service(world: World) -> Runner:
    return await runner(world)


@pytest.mark.parametrize(("speech", "recognition"), list(zip(SPEECH, [*RECOGNITION, "deepgram"], strict=True)))
async def test_every_field_is_delivered_as_it_was_entered(home, service, speech, recognition) -> None:
    sent = whole(speech, recognition)
    made = await active(home, **sent)

    answer = await service.run(made)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    of_agent = {"agent_id": made.agent_id, "status": "active", "updated_at": made.shown["updated_at"]}
    assert answer.json() == {**sent, **of_agent}


async def test_it_has_the_fields_that_are_described_and_no_others(world, home, service) -> None:
    described = world.app.openapi()["components"]["schemas"]
    body = (await service.run(await active(home, **whole("openai", "openai")))).json()

    groups = {"TtsRun": "tts_config", "SttRun": "stt_config", "Conversation": "conversation"}
    for schema, part in {"AgentRun": body, **{name: body[at] for name, at in groups.items()}}.items():
        assert described[schema]["properties"].keys() == part.keys()


async def test_what_was_never_entered_is_null_or_the_default(home, service) -> None:
    made = await active(home)

    body = (await service.run(made)).json()

    assert set(body["conversation"].values()) == {None}
    assert (body["tts_config"]["provider"], body["stt_config"]["provider"]) == ("cartesia", "deepgram")
    assert (body["tts_config"]["speed"], body["tts_config"]["options"], body["stt_config"]["options"]) == (1.0, {}, {})


async def test_keys_are_delivered_to_the_letter(home, service) -> None:
    made = await active(home)
    for secret in STRANGE:
        groups = {"tts_config": {"tts_api_key": secret}, "stt_config": {"api_key": secret}}
        await done(made, "PATCH", json={"chatbot_key": secret, **groups})

        assert secrets_of((await service.run(made)).json()) == [secret] * 3


async def test_keys_stay_when_their_masks_are_sent_back_and_change_alone(home, service) -> None:
    made = await active(home)
    before = (await service.run(made)).json()
    masks = {"chatbot_key": made.shown["chatbot_key"], "tts_config": made.shown["tts_config"]}
    new = key()

    await done(made, "PATCH", json={**masks, "stt_config": {"api_key": new}})

    after = (await service.run(made)).json()
    assert secrets_of(after) == [*secrets_of(before)[:2], new]


async def test_a_copy_has_the_keys_of_its_original(home, service) -> None:
    made = await active(home)
    original = (await service.run(made)).json()

    copied = await done(made, "POST", "/copy", json={"name": "Copy"})

    copy = type(made)(made.team, copied.json(), copied.headers["etag"])
    await done(copy, "PATCH", json={"phone_number": number()})
    await done(copy, "POST", "/activate")
    body = (await service.run(copy)).json()
    assert secrets_of(body) == secrets_of(original)
    assert {**body, **{name: original[name] for name in ("agent_id", "name", "phone_number", "updated_at")}} == original


async def test_a_restored_revision_brings_its_keys_back(home, service) -> None:
    made = await active(home, initial_message="first")
    first = (await service.run(made)).json()
    moved = number()
    await done(made, "PATCH", json={"chatbot_key": key(), "initial_message": "second", "phone_number": moved})
    await done(made, "PATCH", json={"tts_config": {"tts_api_key": key()}, "stt_config": {"api_key": key()}})

    await done(made, "POST", "/revisions/1/restore")

    body = (await service.run(made)).json()
    assert body == {**first, "phone_number": moved, "updated_at": body["updated_at"]}


@pytest.fixture
async def rings(world: World) -> AsyncIterator[tuple[KeyRing, Any]]:
    """A ring with a newer key than the world's, and how to let the API use a ring."""
    services, (old, _) = world.services, world.settings.sealing.keys.get_secret_value().split(":")
    keys = world.settings.sealing.keys.get_secret_value()
    newer = f"newer:{base64.b64encode(os.urandom(32)).decode()}"

    def use(ring: KeyRing) -> None:
        world.app.state.services = replace(services, key_ring=ring)

    yield KeyRing.read(f"{newer},{keys}"), use
    back = KeyRing.read(f"{keys},{newer}")
    assert back.newest == old
    await rotation.rotate(back, lambda _: None, datetime.now(UTC), dry_run=False)
    use(services.key_ring)


async def test_rotating_the_sealing_key_changes_nothing_for_services(world, home, service, rings) -> None:
    ring, use = rings
    made = await active(home)
    await done(made, "PATCH", json={"tts_config": {"tts_api_key": key()}})
    answer = await service.run(made)
    asked = {"agent_id": made.agent_id}
    kept = world.database["agents"].find_one(asked)["chatbot_key"]

    use(ring)
    between = await service.run(made)
    await rotation.rotate(ring, lambda _: None, datetime.now(UTC), dry_run=False)
    after = await service.run(made)

    stored = world.database["agents"].find_one(asked)["chatbot_key"]
    assert (kept.split(":")[2], stored.split(":")[2]) == ("test", "newer")
    assert between.content == answer.content == after.content
    assert between.headers["etag"] == answer.headers["etag"] == after.headers["etag"]
    assert (await service.run(made, answer.headers["etag"])).status_code == 304
    world.database["agents"].update_one(asked, {"$set": {"chatbot_key": kept}})  # by a writer who was slower
    assert (await service.run(made)).content == answer.content


async def test_the_same_is_delivered_by_id_and_by_number_to_whoever_asks(home, world, service) -> None:
    made = await active(home)
    await fresh(made)
    bound = await runner(world, made.team.org_id)

    answers = [await service.run(made), await bound.run(made), await bound.answer(made.shown["phone_number"])]

    assert {answer.content for answer in answers} == {answers[0].content}
    assert {answer.headers["etag"] for answer in answers} == {answers[0].headers["etag"]}
