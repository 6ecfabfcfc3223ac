"""What older programs stored and sent, variant by variant (facts/legacy.md 4.2), and how each reads in our shape."""

from dataclasses import dataclass
from typing import Any

VOICE = "a0e99841-438c-4a64-b679-ae501e7d6091"


@dataclass(frozen=True)
class Variant:
    name: str
    given: dict[str, Any]
    read: dict[str, Any]

    def __str__(self) -> str:
        return self.name


def tts(provider: str, **fields: Any) -> dict[str, Any]:
    nothing = {"voice_id": None, "tts_api_key": None, "model": None, "speed": 1.0, "language": None, "options": {}}
    return {"provider": provider, **nothing, **fields}


def stt(provider: str, **fields: Any) -> dict[str, Any]:
    return {"provider": provider, "api_key": None, "model": None, "language": None, "options": {}, **fields}


OPENAI_B = {
    "api_key": "sk-openai",
    "voice": "nova",
    "response_format": "opus",
    "quality": "hd",
    "speed": 1.2,
}
OPENAI_D = {
    "api_key": "sk-openai",
    "model": "gpt-4o-mini-tts",
    "response_format": "mp3",
    "voice": "alloy",
    "language": "en",
    "speed": 1.0,
}
ELEVENLABS = {
    "api_key": "el-key",
    "voice_id": "rachel",
    "model_id": "eleven_turbo_v2_5",
    "stability": 0.4,
    "similarity_boost": 0.8,
    "speed": 0.9,
}
CARTESIA = {"voice_id": VOICE, "tts_api_key": "ck", "model": "sonic-english", "speed": 0, "language": "en"}
DEEPGRAM = {
    "api_key": "dg-key",
    "model": "nova-3",
    "language": "de",
    "punctuate": True,
    "smart_format": False,
    "interim_results": True,
}
WHISPER = {"api_key": "sk-stt", "model": "whisper-1", "language": None}

SPEECH = (
    Variant(
        "A",
        {"voice_id": VOICE, "tts_api_key": "ck", "model": "sonic-2.5", "speed": 1.5, "language": "hi"},
        tts("cartesia", voice_id=VOICE, tts_api_key="ck", model="sonic-2.5", speed=1.5, language="hi"),
    ),
    Variant("A without a language", {"voice_id": VOICE, "speed": 0.5}, tts("cartesia", voice_id=VOICE, speed=0.5)),
    Variant(
        "B cartesian",
        {"provider": "cartesian", "cartesian": CARTESIA},
        tts("cartesia", voice_id=VOICE, tts_api_key="ck", model="sonic-english", language="en"),
    ),
    Variant(
        "B openai",
        {"provider": "openai", "openai": OPENAI_B},
        tts(
            "openai",
            voice_id="nova",
            tts_api_key="sk-openai",
            speed=1.2,
            options={"response_format": "opus", "quality": "hd"},
        ),
    ),
    Variant(
        "C elevenlabs",
        {"provider": "elevenlabs", "cartesian": None, "openai": None, "elevenlabs": ELEVENLABS},
        tts(
            "elevenlabs",
            voice_id="rachel",
            tts_api_key="el-key",
            model="eleven_turbo_v2_5",
            speed=0.9,
            options={"stability": 0.4, "similarity_boost": 0.8},
        ),
    ),
    Variant(
        "D openai",
        {"provider": "openai", "openai": OPENAI_D},
        tts(
            "openai",
            voice_id="alloy",
            tts_api_key="sk-openai",
            model="gpt-4o-mini-tts",
            language="en",
            options={"response_format": "mp3"},
        ),
    ),
    Variant(
        "E openai, voice and format exchanged",
        {
            "provider": "openai",
            "cartesian": None,
            "elevenlabs": None,
            "openai": {**OPENAI_D, "voice": "mp3", "response_format": "alloy"},
        },
        tts(
            "openai",
            voice_id="alloy",
            tts_api_key="sk-openai",
            model="gpt-4o-mini-tts",
            language="en",
            options={"response_format": "mp3"},
        ),
    ),
    Variant(
        "E cartesian with a gender",
        {"provider": "cartesian", "cartesian": {**CARTESIA, "gender": "female"}, "openai": None, "elevenlabs": None},
        tts(
            "cartesia",
            voice_id=VOICE,
            tts_api_key="ck",
            model="sonic-english",
            language="en",
            options={"gender": "female"},
        ),
    ),
    Variant(
        "names of the user interface",
        {"provider": "11Labs", "voice": "rachel", "language": "en", "speed": 1.1},
        tts("elevenlabs", voice_id="rachel", language="en", speed=1.1),
    ),
    Variant("an object and no name", {"elevenlabs": {"voice_id": "rachel"}}, tts("elevenlabs", voice_id="rachel")),
    Variant(
        "an unknown provider",
        {"provider": "Play HT", "play-ht": {"api_key": "ph", "voice": "w", "model_id": "m", "engine": {"v": 2}}},
        tts("play-ht", voice_id="w", tts_api_key="ph", model="m", options={"engine": {"v": 2}}),
    ),
    Variant("nothing", {}, tts("cartesia")),
)

RECOGNITION = (
    Variant(
        "A",
        {"api_key": "dg-key", "model": "nova-2", "language": "en"},
        stt("deepgram", api_key="dg-key", model="nova-2", language="en"),
    ),
    Variant(
        "B deepgram",
        {"provider": "deepgram", "deepgram": DEEPGRAM},
        stt(
            "deepgram",
            api_key="dg-key",
            model="nova-3",
            language="de",
            options={"punctuate": True, "smart_format": False, "interim_results": True},
        ),
    ),
    Variant(
        "B whisper",
        {"provider": "whisper", "whisper": WHISPER},
        stt("openai", api_key="sk-stt", model="whisper-1"),
    ),
    Variant(
        "D openai",
        {"provider": "openai", "deepgram": None, "openai": {**WHISPER, "model": "gpt-4o-mini-transcribe"}},
        stt("openai", api_key="sk-stt", model="gpt-4o-mini-transcribe"),
    ),
    Variant("names of the user interface", {"provider": "Whisper", "model": "w"}, stt("openai", model="w")),
    Variant("nothing", {}, stt("deepgram")),
)
