"""Organizations with members, and what a call to an agent's route needs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpcore
import httpx
import pytest

from switchboard.clients.endpoint_connections import Endpoints
from switchboard.comparison import service as comparison
from switchboard.configurations.model import SECRETS, Safe
from tests.world import Person, World

Json = dict[str, Any]
ROLES: dict[str, tuple[str, list[str]]] = {
    "owner": ("Owner", []),
    "admin": ("Admin", []),
    "editor": ("Member", ["agent_editor"]),
    "member": ("Member", []),
}
TRUST = httpcore.default_ssl_context()  # takes longer to make than most tests


def number() -> str:
    """A phone number that no other test has."""
    return f"+4930{uuid4().int % 10**8:08d}"


def key() -> str:
    """A secret that is nowhere else."""
    return f"sk-{uuid4().hex}"


def keys_of(fields: Json) -> list[str | None]:
    """As they were sent, or their masks."""
    return [fields["chatbot_key"], fields["tts_config"]["tts_api_key"], fields["stt_config"]["api_key"]]


def complete(**fields: Any) -> Json:
    """All that an agent needs to be activated. The name of its endpoint's host has no address in tests."""
    return {
        "name": "Reception",
        "phone_number": number(),
        "chatbot_api": "https://bot.northwind.example/chat",
        "chatbot_key": key(),
        "initial_message": "Hello!",
        "tts_config": {"voice_id": "anna", "tts_api_key": key(), "model": "sonic-2"},
        "stt_config": {"api_key": key(), "model": "nova-3"},
        **fields,
    }


@dataclass
class Team:
    """An organization with an Owner, an Admin, an editor of agents and a Member, all known here."""

    world: World
    org_id: str
    people: dict[str, Person]

    async def ask(self, role: str, method: str, path: str = "", **more: Any) -> httpx.Response:
        """A call to its agents as one of them; `etag` becomes If-Match, `headers` are sent besides."""
        headers = {**self.people[role].headers, **more.pop("headers", {})}
        if "etag" in more:
            headers["If-Match"] = more.pop("etag")
        return await self.world.api.request(method, f"/v1/orgs/{self.org_id}/agents{path}", headers=headers, **more)

    async def made(self, **fields: Any) -> "Made":
        answer = await self.ask("owner", "POST", json=complete(**fields))
        assert answer.status_code == 201, answer.text
        return Made(self, answer.json(), answer.headers["etag"])

    def stored(self, collection: str, **which: Any) -> list[Json]:
        """Raw documents of this organization, the oldest first."""
        return list(self.world.database[collection].find({"org_id": self.org_id, **which}, sort=[("_id", 1)]))

    def entries(self, action: str = "agent") -> list[Json]:
        """Of its audit log, the oldest first, those whose action begins so."""
        return [each for each in self.stored("audit_log") if each["action"].startswith(action)]


@dataclass
class Made:
    """An agent, as last read."""

    team: Team
    shown: Json
    etag: str

    @property
    def agent_id(self) -> str:
        return str(self.shown["agent_id"])

    async def ask(self, role: str, method: str, path: str = "", **more: Any) -> httpx.Response:
        """A call about it with the version last read; what answers with an agent is kept as read."""
        answer = await self.team.ask(role, method, f"/{self.agent_id}{path}", **{"etag": self.etag, **more})
        if "etag" in answer.headers and answer.status_code == 200:
            self.shown, self.etag = answer.json(), answer.headers["etag"]
        return answer

    async def ok(self, role: str, method: str, path: str = "", **more: Any) -> "Made":
        """The same, and it must go well."""
        answer = await self.ask(role, method, path, **more)
        assert answer.status_code < 300, answer.text
        return self

    async def given(self, team: Team, access: str) -> "Made":
        """Share it with another organization; the agent as that one has it."""
        answer = await self.ask("owner", "POST", "/grants", json={"org_id": team.org_id, "access": access})
        assert answer.status_code == 201, answer.text
        read = await team.ask("owner", "GET", f"/{self.agent_id}")
        await self.ask("owner", "GET")
        return Made(team, read.json(), read.headers["etag"])

    def stored(self, collection: str = "agents") -> Json:
        """Its raw document."""
        [found] = self.team.world.database[collection].find({"agent_id": self.agent_id})
        return dict(found)

    def opened(self) -> list[str | None]:
        """Its keys, as a service that runs it gets them."""
        safe = Safe(self.team.world.services.key_ring, self.agent_id)
        beside = self.stored("agent_configurations")
        kept = (self.stored()["chatbot_key"], beside["tts_config"]["tts_api_key"], beside["stt_config"]["api_key"])
        return [each and safe.open(path, each) for path, each in zip(SECRETS, kept, strict=True)]

    def revisions(self) -> list[Json]:
        """Its raw revisions, the oldest first."""
        found = self.team.world.database["agent_revisions"].find({"agent_id": self.agent_id}, sort=[("number", 1)])
        return list(found)


class Names(dict[str, list[str]]):
    """What the names of hosts lead to: nothing, unless a test says otherwise."""

    async def resolve(self, host: str, _: int) -> list[str]:
        if host not in self:
            raise OSError
        return self[host]


@dataclass
class Teams:
    """Makes organizations; `names` stands in place of the machine's resolver, which asks the network."""

    world: World
    names: Names

    async def __call__(self) -> Team:
        vendor = self.world.propelauth
        org = vendor.add_org(f"Team {uuid4().hex[:12]}")
        people = {name: self.world.person(google=False) for name in ROLES}
        for name, (role, additional) in ROLES.items():
            vendor.add_member(org.org_id, people[name].user_id, role, additional)
        await comparison.compare(self.world.services, org.org_id, datetime.now(UTC))
        for person in people.values():
            person.token = vendor.access_token(person.user_id)
        return Team(self.world, org.org_id, people)


@pytest.fixture
def team(world: World) -> Iterator[Teams]:
    """Make an organization; while the test runs, PropelAuth's project has several roles a member."""
    settings, services, found = world.propelauth.settings, world.services, Names()
    roles, multi_role = settings.roles, settings.multi_role
    settings.roles, settings.multi_role = {**roles, "agent_editor": []}, True
    endpoints = Endpoints(world.settings.agent, resolve=found.resolve, trust=TRUST)
    world.app.state.services = replace(services, endpoints=endpoints)
    yield Teams(world, found)
    world.app.state.services = services
    settings.roles, settings.multi_role = roles, multi_role


@pytest.fixture
def names(team: Teams) -> Names:
    return team.names
