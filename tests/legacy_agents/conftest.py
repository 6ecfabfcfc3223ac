"""Organizations whose agents older front ends use: on a fresh database, and on one with documents of older programs."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.runtime import service as keys
from switchboard.runtime.service import Grant
from tests.agents.conftest import Team, key, names, number, team
from tests.users.variants import VARIANTS as USERS
from tests.variants.stored import RECOGNITION, SPEECH
from tests.world import World

__all__ = ["names", "team"]  # fixtures

Json = dict[str, Any]
Teams = Callable[[], Awaitable[Team]]
STORED = ("agents", "agent_configurations", "organization_agents", "agent_revisions")
LONG_AGO = datetime(2025, 9, 30, 12, 0, 0, 250_000, tzinfo=UTC)
MASKS = "••••"


def sent(**fields: Any) -> Json:
    """All that the older pages send of a new agent, in their last shape (facts/legacy.md 4.2, E)."""
    return {
        "chatbot_api": "https://bot.northwind.example/chat",
        "chatbot_key": key(),
        "tts_config": {
            "provider": "cartesian",
            "cartesian": {"voice_id": "anna", "tts_api_key": key(), "model": "sonic-2", "speed": 1.0, "language": "en"},
            "openai": None,
            "elevenlabs": None,
        },
        "stt_config": {
            "provider": "deepgram",
            "deepgram": {"api_key": key(), "model": "nova-3", "language": "en"},
            "openai": None,
        },
        "initial_message": "Hello!",
        "nudge_text": "Still there?",
        "nudge_interval": 15,
        "max_nudges": 3,
        "typing_volume": 0.8,
        "max_call_duration": 600,
        "system_prompt": "You answer the phone.",
        "model_provider": "acme",
        "model_name": "large",
        "model_live_url": "wss://live.northwind.example/",
        **fields,
    }


def new_name() -> str:
    """As the last pages make them, but for the characters that make trouble in addresses."""
    return f"Front desk +1_{uuid4()}".replace("-", "_")


@dataclass
class Old:
    """An organization, and the older paths as its people call them."""

    team: Team
    before: dict[str, list[Json]] = field(default_factory=dict)

    @property
    def org_id(self) -> str:
        return self.team.org_id

    @property
    def world(self) -> World:
        return self.team.world

    async def ask(self, method: str, path: str, role: str = "owner", **more: Any) -> httpx.Response:
        headers = more.pop("headers", self.team.people[role].headers)
        return await self.world.api.request(method, path, headers=headers, **more)

    async def ok(self, method: str, path: str, role: str = "owner", **more: Any) -> Json:
        """What it answers, and it must go well."""
        answer = await self.ask(method, path, role, **more)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def made(self, called: str | None = None, **fields: Any) -> str:
        """An agent made by the older path; what it is called."""
        called = called or new_name()
        await self.ok("POST", f"/agents/update/{called}", json=sent(**fields))
        return called

    async def working(self) -> tuple[str, str]:
        """One with a number, so that it takes calls; what it is called, and the number."""
        called, at = await self.made(), number()
        await self.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": at})
        return called, at

    def document(self, called: str) -> Json:
        found = self.team.stored("agents", legacy_id=called) or self.team.stored("agents", name=called)
        assert len(found) == 1
        return found[0]

    def configuration(self, called: str) -> Json:
        (found,) = self.team.stored("agent_configurations", agent_id=self.document(called)["agent_id"])
        return found

    def documents(self) -> dict[str, list[Json]]:
        """Of the agents that other programs stored, and of people."""
        agents = {name: self.team.stored(name, legacy_id=None, created_at=LONG_AGO) for name in STORED}
        return {**agents, "users": [self.world.stored(person) for person in self.team.people.values()]}

    async def key(self, role: str = "Admin", scope: str = "organizations") -> dict[str, str]:
        """The header of a service's key that is bound to the organization."""
        _, text = await keys.create("old pages", Grant([scope], self.org_id, role), datetime.now(UTC))
        return {"X-API-Key": text}


_homes: dict[str, Old] = {}


@pytest.fixture(params=[pytest.param("fresh", marks=pytest.mark.thorough), "filled"])
async def old(request: pytest.FixtureRequest, team: Teams) -> Any:
    """Both kinds of database; what other programs stored must be there afterwards as it was."""
    kind = request.param
    if kind not in _homes:
        _homes[kind] = Old(await team())
        if kind == "filled":
            fill(_homes[kind].team)
    here = _homes[kind]
    here.before = deepcopy(here.documents())
    yield here
    assert here.documents() == here.before


@pytest.fixture
async def home(team: Teams) -> Old:
    """One fresh organization for all tests that look at their own agents alone."""
    if "fresh" not in _homes:
        _homes["fresh"] = Old(await team())
    return _homes["fresh"]


@pytest.fixture
async def alone(team: Teams) -> Old:
    """An organization of one test alone."""
    return Old(await team())


def fill(team: Team) -> None:
    """Documents of other programs: every shape of configurations and of users, keys as plain texts."""
    for position, (speech, recognition) in enumerate(zip(SPEECH, cycle(RECOGNITION), strict=False)):
        stored(team, f"Old agent +{position}_x", speech.given, recognition.given)
    for person, make in zip(team.people.values(), cycle(USERS.values()), strict=False):
        team.world.database["users"].delete_one({"user_id": person.user_id})
        team.world.user_document(person, **{**make(person.user_id), "email": person.email})


def stored(team: Team, name: str, tts_config: Json, stt_config: Json) -> str:
    """An agent as a program that knows nothing of masks, readiness and seals would leave it; its id."""
    agent_id = uuid4().hex
    of_agent = {"agent_id": agent_id, "org_id": team.org_id, "created_at": LONG_AGO, "updated_at": LONG_AGO}
    chatbot = {"chatbot_api": "https://bot.northwind.example/", "chatbot_key": f"plain-{agent_id}"}
    state = {"org_ids": [team.org_id], "status": "inactive", "etag": uuid4().hex[:16], "phone_number": number()}
    configs = {"tts_config": tts_config, "stt_config": stt_config}
    documents: dict[str, Json] = {
        "agents": {**of_agent, "name": name, **chatbot, **state},
        "agent_configurations": {**of_agent, **configs},
        "organization_agents": {**of_agent, "access": "owner"},
    }
    for collection, document in documents.items():
        team.world.database[collection].insert_one(deepcopy(document))
    return agent_id


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the sentence in all three places where pages look for it."""
    problem = answer.json()
    assert problem["detail"] == problem["error"] == problem["message"] != ""
    assert problem["status"] == answer.status_code
    return answer.status_code, str(problem["detail"])
