"""Agents by the dozen: one is made through the API, and all others are copies of its documents."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from uuid import uuid4

from switchboard.configurations.model import SECRETS
from switchboard.crypto import Place
from tests.routes.row import Child
from tests.world import World

Documents = dict[str, list[dict[str, Any]]]

KEPT: Final = ("agents", "agent_configurations", "organization_agents", "agent_revisions", "agent_changes")
PLANTED: Final = "planted-key"  # begins every key of every agent here: what holds it tells a key
STATES: Final[Mapping[Child, dict[str, Any]]] = {
    "agent": {"status": "inactive"},
    "active agent": {"status": "active"},
    "deleted agent": {"status": "deleted", "deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
}
_numbers = count()


@dataclass(frozen=True)
class Planted:
    agent_id: str
    name: str
    number: str

    @property
    def told(self) -> tuple[str, ...]:
        """What in an answer tells of it."""
        return self.agent_id, self.name, self.number

    def key(self, path: str) -> str:
        return f"{PLANTED}-{self.agent_id}-{path}"


@dataclass(frozen=True)
class Owner:
    """Whose a new agent is: `given` are other organizations and their access."""

    org_id: str
    user_id: str
    email: str
    given: Mapping[str, str]


def new_number() -> str:
    return f"+4940{next(_numbers):07d}"


def fields() -> dict[str, Any]:
    """All that an agent needs to be ready, as it is sent."""
    return {
        "name": f"Agent {uuid4().hex[:12]}",
        "phone_number": new_number(),
        "chatbot_api": "https://bot.northwind.example/chat",
        "chatbot_key": f"{PLANTED}-first",
        "tts_config": {"voice_id": "anna", "tts_api_key": f"{PLANTED}-second", "model": "sonic-2"},
        "stt_config": {"api_key": f"{PLANTED}-third", "model": "nova-3"},
    }


def documents_of(world: World, agent_id: str) -> Documents:
    """All that is kept of an agent."""
    without_id = {"_id": False}
    return {name: list(world.database[name].find({"agent_id": agent_id}, without_id)) for name in KEPT}


def plant(world: World, pattern: Documents, kind: Child, owner: Owner) -> Planted:
    """Another agent like the one of the pattern, in the state that a row asks for."""
    made = Planted(uuid4().hex, f"Agent {uuid4().hex[:12]}", new_number())
    links = {owner.org_id: "owner", **owner.given}
    shared = {"agent_id": made.agent_id, "org_id": owner.org_id}
    named = {"name": made.name, "phone_number": made.number}
    copies = deepcopy(pattern)
    for agent in copies["agents"]:
        agent.update(shared, **named, **STATES[kind], org_ids=list(links), etag=uuid4().hex[:16])
        _seal(world, agent, made)
    for beside in copies["agent_configurations"]:
        beside.update(shared)
        _seal(world, beside, made)
    for revision in copies["agent_revisions"]:
        author = {"kind": "user", "id": owner.user_id, "name": owner.email}
        revision.update(shared, author=author, author_org_id=owner.org_id)
        revision["configuration"].update(named)
        _seal(world, revision["configuration"], made)
    copies["agent_changes"] = copies["agent_changes"][:1]
    copies["agent_changes"][0].update(agent_id=made.agent_id, change_id=uuid4().hex, org_ids=sorted(links))
    (link,) = copies["organization_agents"]
    copies["organization_agents"] = [{**link, **shared, "org_id": each, "access": links[each]} for each in links]
    for name, each in copies.items():
        world.database[name].insert_many(each)
    return made


def _seal(world: World, document: dict[str, Any], agent: Planted) -> None:
    """Give it keys of its own: those of the pattern open for that agent only."""
    for path, kept_in in SECRETS.items():
        group, _, name = path.rpartition(".")
        holder = document.get(group) if group else document
        if isinstance(holder, dict) and holder.get(name):
            place = Place(kept_in, agent.agent_id, path)
            holder[name] = world.services.key_ring.seal(agent.key(path), place)
