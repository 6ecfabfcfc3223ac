"""Configurations in the shapes of other programs (facts/legacy.md 4.2, variants A to E), sent or stored by them."""

from typing import Any

import pytest

from tests.delivery.conftest import Runner, active, runner
from tests.world import World

SECRET = "the-key-1234567"
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "A, flat": (
        {"voice_id": "v", "tts_api_key": SECRET, "model": "sonic-2.5", "speed": 0.9, "language": "hi"},
        {"provider": "cartesia", "voice_id": "v", "model": "sonic-2.5", "speed": 0.9, "language": "hi"},
    ),
    "B, misspelt": (
        {
            "provider": "cartesian",
            "cartesian": {"voice_id": "v", "tts_api_key": SECRET, "model": "sonic-2", "speed": 0, "language": "en"},
        },
        {"provider": "cartesia", "voice_id": "v", "model": "sonic-2", "language": "en"},
    ),
    "B, openai": (
        {
            "provider": "openai",
            "openai": {"api_key": SECRET, "voice": "nova", "response_format": "mp3", "quality": "hd", "model": "tts-1"},
        },
        {
            "provider": "openai",
            "voice_id": "nova",
            "model": "tts-1",
            "options": {"response_format": "mp3", "quality": "hd"},
        },
    ),
    "C, elevenlabs": (
        {
            "provider": "elevenlabs",
            "elevenlabs": {
                "api_key": SECRET,
                "voice_id": "v",
                "model_id": "eleven_turbo_v2_5",
                "stability": 0.5,
                "similarity_boost": 0.75,
                "speed": 1.1,
            },
        },
        {
            "provider": "elevenlabs",
            "voice_id": "v",
            "model": "eleven_turbo_v2_5",
            "speed": 1.1,
            "options": {"stability": 0.5, "similarity_boost": 0.75},
        },
    ),
    "D, openai": (
        {
            "provider": "openai",
            "openai": {
                "api_key": SECRET,
                "model": "gpt-4o-mini-tts",
                "response_format": "aac",
                "voice": "onyx",
                "language": "en",
                "speed": 1.5,
            },
        },
        {
            "provider": "openai",
            "voice_id": "onyx",
            "model": "gpt-4o-mini-tts",
            "speed": 1.5,
            "language": "en",
            "options": {"response_format": "aac"},
        },
    ),
    "E, swapped, others null": (
        {
            "provider": "openai",
            "openai": {"api_key": SECRET, "model": "tts-1", "response_format": "echo", "voice": "flac"},
            "cartesian": None,
            "elevenlabs": None,
        },
        {"provider": "openai", "voice_id": "echo", "model": "tts-1", "options": {"response_format": "flac"}},
    ),
    "E, with a gender": (
        {
            "provider": "cartesian",
            "cartesian": {"voice_id": "v", "tts_api_key": SECRET, "model": "sonic-2", "gender": "male"},
            "openai": None,
        },
        {"provider": "cartesia", "voice_id": "v", "model": "sonic-2", "options": {"gender": "male"}},
    ),
}


@pytest.fixture
async def service(world: World) -> Runner:
    return await runner(world)


@pytest.fixture(params=VARIANTS)
def variant(request: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A `tts_config` of another program, and what it is in our shape."""
    sent, ours = VARIANTS[request.param]
    common = {"voice_id": None, "tts_api_key": SECRET, "model": None, "speed": 1.0, "language": None, "options": {}}
    return sent, {**common, **ours}


async def test_what_other_programs_send_is_delivered_in_our_shape(home, service, variant) -> None:
    sent, ours = variant
    made = await active(home, tts_config=sent)

    assert (await service.run(made)).json()["tts_config"] == ours


async def test_what_other_programs_stored_is_delivered_in_our_shape(world, home, service, variant) -> None:
    stored, ours = variant
    made = await active(home)
    recognition = {"provider": "whisper", "whisper": {"api_key": SECRET, "model": "whisper-1", "language": None}}
    fields = {"tts_config": stored, "stt_config": recognition}
    world.database["agent_configurations"].update_one({"agent_id": made.agent_id}, {"$set": fields})

    body = (await service.run(made)).json()

    assert body["tts_config"] == ours
    of_openai = {"provider": "openai", "api_key": SECRET, "model": "whisper-1", "language": None, "options": {}}
    assert body["stt_config"] == of_openai
