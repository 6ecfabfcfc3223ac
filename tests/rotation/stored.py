"""Agents put into a database as they are stored, by the hundred: each with its keys, and with one revision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import SecretStr

from switchboard.agents.model import AgentRevision, OrganizationAgent, new_agent
from switchboard.audit.model import SYSTEM
from switchboard.configurations.model import SECRETS, Configuration, Safe
from switchboard.crypto import KeyRing, key_id_of

COLLECTIONS: Final = ("agents", "agent_configurations", "agent_revisions", "organization_agents")
VALUES: Final = 6  # of an agent: three keys, and the same in its revision
Secrets = dict[str, str]


@dataclass
class Stored:
    """A database with agents, and what their keys are."""

    database: Any
    org_id: str
    secrets: dict[str, Secrets] = field(default_factory=dict)

    def fill(self, ring: KeyRing, agents: int) -> None:
        """Put in so many, sealed by the newest key of the ring."""
        documents: dict[str, list[dict[str, Any]]] = {name: [] for name in COLLECTIONS}
        for _ in range(agents):
            self._add(documents, ring)
        for name, made in documents.items():
            self.database[name].insert_many(made)

    def _add(self, documents: Mapping[str, list[dict[str, Any]]], ring: KeyRing) -> None:
        now = datetime.now(UTC)
        agent = new_agent(self.org_id, now)
        secrets = {path: f"{path}-{uuid4().hex}" for path in SECRETS}
        fields = {"chatbot_api": "https://bot.northwind.example/", "chatbot_key": SecretStr(secrets["chatbot_key"])}
        speech = {"tts_api_key": SecretStr(secrets["tts_config.tts_api_key"])}
        recognition = {"api_key": SecretStr(secrets["stt_config.api_key"])}
        changes = {**fields, "tts_config": speech, "stt_config": recognition}
        configuration = Configuration(name="Reception").changed(changes, Safe(ring, agent.agent_id))
        agent = agent.configured(configuration, False)
        ids = {"agent_id": agent.agent_id, "org_id": self.org_id}
        times = {"created_at": now, "updated_at": now}
        link = OrganizationAgent(**ids, access="owner", **times)
        by = {"at": now, "author": SYSTEM, "author_org_id": self.org_id}
        revision = AgentRevision(**ids, number=1, **by, configuration=configuration)
        made = (agent, agent.beside(configuration), revision, link)
        for name, document in zip(COLLECTIONS, made, strict=True):
            documents[name].append(document.model_dump())
        self.secrets[agent.agent_id] = secrets

    def values(self) -> list[tuple[str, str, str]]:
        """Every stored secret: its agent, its path, and the text that is kept."""
        found = []
        for name in COLLECTIONS[:3]:
            for each in self.database[name].find():
                content = each.get("configuration", each)
                found += [(each["agent_id"], path, text) for path in SECRETS if (text := _at(content, path))]
        return found

    def sealed_by(self) -> set[str | None]:
        """The ids of keys that sealed something; None for what is plain."""
        return {key_id_of(text) for _, _, text in self.values()}

    def check(self, ring: KeyRing) -> int:
        """All current keys open to what they are, and all of revisions open; how many there are."""
        current = [(*each, _at(content, each[1])) for each, content in self._current()]
        for agent_id, path, text in self.values():
            assert Safe(ring, agent_id).open(path, text)
        for agent_id, path, text in current:
            assert Safe(ring, agent_id).open(path, text or "") == self.secrets[agent_id][path]
        return len(self.values())

    def _current(self) -> list[tuple[tuple[str, str], dict[str, Any]]]:
        return [
            ((each["agent_id"], path), each)
            for path, name in SECRETS.items()
            for each in self.database[name].find({"agent_id": {"$in": list(self.secrets)}})
        ]

    def checks(self) -> set[str]:
        """The ids of keys that processes have to have."""
        return {each["key_id"] for each in self.database["sealing_checks"].find()}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All documents, checks of sealing keys included."""
        names = (*COLLECTIONS, "sealing_checks")
        return {name: list(self.database[name].find({}, sort=[("_id", 1)])) for name in names}


def _at(content: Mapping[str, Any], path: str) -> str | None:
    found: Any = content
    for name in path.split("."):
        found = (found or {}).get(name)
    return found if isinstance(found, str) else None
