"""The agents service that Switchboard replaces, played over real loopback HTTP (facts/legacy.md 4.3).

It serves what an import reads: all agents as a map, one of them, and the numbers that lead to them. `variants` has a
record of each shape that was ever stored there, with keys of the caller's.
"""

import secrets
from typing import Any, Self

from aiohttp import web

from devstack.emulator import Emulator

Record = dict[str, Any]


NIGHT_DESK = "Night_Desk_550e8400_e29b_41d4_a716_446655440000"
UNUSED = dict.fromkeys(("elevenlabs", "cartesian", "openai"))
TALK = {"nudge_text": "Are you there?", "nudge_interval": 15, "max_nudges": 3, "typing_volume": 0.8}
LANGUAGE_MODEL = {"system_prompt": "You are kind.", "model_provider": "openai", "model_name": "gpt-4o"}


def variants(key: str, *, organization: str = "Acme", number: str = "+49 (30) 1234-5678") -> dict[str, Record]:
    """A record of each of the variants A to E by the id of its agent; every key in them begins with `key`.

    The first alone has a number, so that it alone can take calls.
    """
    told = _configurations(f"{key}-speech", f"{key}-hearing")
    chatbot = {"chatbot_api": "https://bot.example.com/chat", "chatbot_key": f"{key}-chatbot"}
    common = {"organization_id": organization, "initial_message": "Hello!", **chatbot}
    beside: dict[str, Record] = {
        "Flat": {"agentId": "Flat", "phone_number": number},
        "Nested": TALK,
        "Developer 1": {**TALK, "max_call_duration": 300},
        "Developer 2": {},
        NIGHT_DESK: {
            **LANGUAGE_MODEL,
            "agent_prefix": NIGHT_DESK,
            "created_at": 1758882600.5,
            "updated_at": 1758882600.5,
        },
    }
    return {
        name: {**common, **beside[name], "tts_config": speech, "stt_config": hearing}
        for name, (speech, hearing) in told.items()
    }


def _configurations(speech_key: str, hearing_key: str) -> dict[str, tuple[Record, Record]]:
    """How each of them speaks and hears. The last has voice and format in each other's place."""
    flat = {"voice_id": "a0e99841", "tts_api_key": speech_key, "model": "sonic-2", "language": "en"}
    newer = {"api_key": speech_key, "voice": "nova", "response_format": "opus", "speed": 1.2, "language": "en"}
    openai = {**newer, "model": "gpt-4o-mini-tts"}
    elevenlabs = {"api_key": speech_key, "voice_id": "rachel", "model_id": "eleven_turbo_v2_5", "stability": 0.4}
    deepgram = {"api_key": hearing_key, "model": "nova-3", "language": "de", "punctuate": True}
    whisper = {"api_key": hearing_key, "model": "whisper-1", "language": None}
    by_deepgram = {"provider": "deepgram", "deepgram": deepgram, "openai": None}
    swapped = {**openai, "voice": "opus", "response_format": "nova"}
    return {
        "Flat": (flat, {"api_key": hearing_key, "model": "nova-2", "language": "en"}),
        "Nested": (
            {"provider": "cartesian", "cartesian": {**flat, "speed": 0}},
            {"provider": "whisper", "whisper": whisper},
        ),
        "Developer 1": ({"provider": "elevenlabs", "elevenlabs": elevenlabs}, by_deepgram),
        "Developer 2": (
            {"provider": "openai", "openai": openai},
            {"provider": "openai", "openai": {**whisper, "model": "gpt-4o-mini-transcribe"}},
        ),
        NIGHT_DESK: ({"provider": "openai", **UNUSED, "openai": swapped}, by_deepgram),
    }


class AgentsServiceEmulator:
    """`agents` by their ids and `numbers` by the ids of their agents may be changed at any time."""

    def __init__(self, agents: dict[str, Record] | None = None) -> None:
        self.api_key = secrets.token_hex(16)
        self.agents = agents or {}
        self.numbers: dict[str, list[str]] = {}
        app = web.Application(middlewares=[self._keyed()])
        app.router.add_get("/agents/all", self._all)
        app.router.add_get("/agents/trunks", self._trunks)
        app.router.add_get("/agents/info/{agent}", self._info)
        app.router.add_get("/agents/by_phone/{number}", self._by_phone)
        self.emulator = Emulator(app)

    @property
    def url(self) -> str:
        return self.emulator.url

    async def __aenter__(self) -> Self:
        await self.emulator.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.emulator.stop()

    def _keyed(self) -> Any:
        @web.middleware
        async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
            given = request.headers.get("X-API-Key")
            if given is None:
                return web.json_response({"error": "X-API-Key header is required"}, status=401)
            if not secrets.compare_digest(given, self.api_key):
                return web.json_response({"error": "Invalid API key"}, status=403)
            answer: web.StreamResponse = await handler(request)
            return answer

        return middleware

    async def _all(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "success", "agents": self.agents})

    async def _trunks(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"trunks": [{"name": name, "numbers": numbers} for name, numbers in self.numbers.items()]}
        )

    async def _info(self, request: web.Request) -> web.Response:
        """What is not there is answered with 200, as it was."""
        name = request.match_info["agent"]
        return self._one(name if name in self.agents else None, name)

    async def _by_phone(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        return self._one(next((name for name, numbers in self.numbers.items() if number in numbers), None), number)

    def _one(self, name: str | None, asked: str) -> web.Response:
        if name is None:
            return web.json_response({"status": "error", "message": f"Agent {asked} not found"})
        return web.json_response({"status": "success", "agent": self.agents[name]})
