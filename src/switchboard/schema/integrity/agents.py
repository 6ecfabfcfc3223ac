"""Agents with what belongs to each: a configuration, a link of its owner, and links of all who have it.

Sharing writes links and `org_ids` in one transaction with the agent, so what is read at one moment fits together.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId

from switchboard.mongo import Session, patiently, query
from switchboard.runs.model import Image
from switchboard.schema.integrity.findings import Change, Examination, Fault, Kind
from switchboard.schema.integrity.walk import pieces, size_of

BATCH: Final = 500
LINKS: Final = "organization_agents"

NO_CONFIGURATION: Final = Kind(
    "agents.no_configuration",
    "agents",
    "It has no configuration, so it takes no calls.",
    advice="Write it anew, or restore one of its revisions.",
)
NO_OWNER: Final = Kind(
    "agents.no_owner_link",
    "agents",
    "The organization that owns it has no link to it that says so.",
    "makes the link",
)
ORG_IDS: Final = Kind(
    "agents.org_ids",
    "agents",
    "org_ids are not the organizations that have a link to it.",
    "sets org_ids by the links",
)


@dataclass(frozen=True)
class Kept:
    """An agent with what belongs to it, as it is stored."""

    agent: Mapping[str, Any]
    links: Sequence[Mapping[str, Any]]
    configured: bool

    @property
    def owner_link(self) -> Mapping[str, Any] | None:
        return next((link for link in self.links if link.get("org_id") == self.agent.get("org_id")), None)

    @property
    def owned(self) -> bool:
        return self.owner_link is not None and self.owner_link.get("access") == "owner"

    @property
    def org_ids(self) -> list[str]:
        """What they should be: those that are right stay in their order, the owner is always one."""
        linked = {link["org_id"] for link in self.links if isinstance(link.get("org_id"), str)}
        having = linked | {self.agent["org_id"]}
        stored = [each for each in dict.fromkeys(self.agent.get("org_ids", [])) if each in having]
        return [*stored, *sorted(having - set(stored))]

    @property
    def kinds(self) -> list[Kind]:
        placed = self.agent.get("org_ids") == self.org_ids
        wrong = {NO_CONFIGURATION: not self.configured, NO_OWNER: not self.owned, ORG_IDS: not placed}
        return [kind for kind, is_so in wrong.items() if is_so]

    def change(self, kind: Kind) -> Change:
        """What mends it."""
        if kind is ORG_IDS:
            known = {"org_ids": self.agent["org_ids"]} if "org_ids" in self.agent else {}
            return "agents", Image(self.agent["_id"], known, {"org_ids": self.org_ids})
        link, at = self.owner_link, self.agent["created_at"]
        if link is not None:
            before = {"access": link["access"]} if "access" in link else {}
            return LINKS, Image(link["_id"], before, {"access": "owner"})
        told = {"org_id": self.agent["org_id"], "agent_id": self.agent["agent_id"], "access": "owner"}
        made = {"_id": ObjectId(), **told, "created_at": at, "updated_at": at}
        return LINKS, Image(made["_id"], None, made)


async def size(examination: Examination) -> int:
    return await size_of(examination.database["agents"])


async def run(examination: Examination) -> AsyncIterator[Fault]:
    async for piece in pieces(examination.database["agents"], BATCH):
        async for batch in piece.find({}):
            with patiently():
                kept = await _kept(examination, batch)
            for suspect in kept:
                if suspect.kinds:
                    async for fault in _confirmed(examination, suspect.agent["agent_id"]):
                        yield fault
        examination.advance(piece.size)


async def _confirmed(examination: Examination, agent_id: str) -> AsyncIterator[Fault]:
    found: list[Kept] = []

    async def look(session: Session) -> None:
        found[:] = await _at_one_moment(examination, agent_id, session)

    await examination.transactions.run(look)
    for kept in found:
        for kind in kept.kinds:
            yield Fault(kind, (agent_id,), mend=_Mend(examination, agent_id, kind) if kind.fix else None)


@dataclass(frozen=True)
class _Mend:
    examination: Examination
    agent_id: str
    kind: Kind

    async def __call__(self, session: Session) -> list[Change]:
        found = await _at_one_moment(self.examination, self.agent_id, session)
        return [kept.change(self.kind) for kept in found if self.kind in kept.kinds]


@query
async def _at_one_moment(examination: Examination, agent_id: str, session: Session) -> list[Kept]:
    found = examination.database["agents"].find({"agent_id": agent_id}, session=session)
    return await _kept(examination, await found.to_list(1), session)


@query
async def _kept(
    examination: Examination, agents: Sequence[Mapping[str, Any]], session: Session | None = None
) -> list[Kept]:
    """Agents that can be told apart, with what belongs to them."""
    known = [agent for agent in agents if {"agent_id", "org_id", "created_at"} <= agent.keys()]
    these = {"agent_id": {"$in": [agent["agent_id"] for agent in known]}}
    links: dict[Any, list[Mapping[str, Any]]] = {}
    async for link in examination.database[LINKS].find(these, session=session):
        links.setdefault(link["agent_id"], []).append(link)
    found = examination.database["agent_configurations"].find(these, {"agent_id": 1}, session=session)
    configured = {each["agent_id"] async for each in found}
    return [Kept(each, links.get(each["agent_id"], []), each["agent_id"] in configured) for each in known]
