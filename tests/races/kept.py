"""What is kept of agents, and what must hold of it at any moment."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient

Document = dict[str, Any]
LIVE = ("active", "inactive")


@dataclass(frozen=True)
class Agents:
    """All agents that some organizations own, and what belongs to them."""

    agents: list[Document]
    configurations: list[Document]
    links: list[Document]
    revisions: list[Document]
    changes: list[Document]

    def numbers_of(self, agent: Document) -> list[int]:
        """Of its revisions."""
        return sorted(each["number"] for each in _of(agent, self.revisions))

    def changes_of(self, agent: Document) -> list[Document]:
        return _of(agent, self.changes)


async def agents(mongo: AsyncMongoClient[Document], database: str, org_ids: Iterable[str]) -> Agents:
    """What one snapshot of MongoDB holds: no transaction is seen in half."""
    kept, owned = mongo[database], {"org_id": {"$in": list(org_ids)}}
    async with mongo.start_session(snapshot=True) as session:
        found = await kept["agents"].find(owned, session=session).to_list()
        theirs = {"agent_id": {"$in": [each["agent_id"] for each in found]}}
        lone = {"$or": [theirs, owned]}  # also what an agent that is not there has left
        configurations = await kept["agent_configurations"].find(lone, session=session).to_list()
        revisions = await kept["agent_revisions"].find(lone, session=session).to_list()
        links = await kept["organization_agents"].find(lone, session=session).to_list()
        told = {"$or": [theirs, {"org_ids": owned["org_id"]}]}
        changes = await kept["agent_changes"].find(told, session=session).to_list()
    return Agents(found, configurations, links, revisions, changes)


def rules(found: Agents) -> Iterator[str]:
    """A sentence for each rule that is broken."""
    known = Counter(agent["agent_id"] for agent in found.agents)
    for name in ("configurations", "links", "revisions", "changes"):
        if {each["agent_id"] for each in getattr(found, name)} - known.keys():
            yield f"there are {name} without an agent"
    if known and max(known.values()) > 1:
        yield "an agent is there twice"
    live = Counter(each["phone_number"] for each in found.agents if each["phone_number"] and each["status"] in LIVE)
    if live and max(live.values()) > 1:
        yield f"{max(live.values())} live agents have one number"
    for agent in found.agents:
        yield from _whole(found, agent)


def _whole(found: Agents, agent: Document) -> Iterator[str]:
    beside, links = _of(agent, found.configurations), _of(agent, found.links)
    if [(each["org_id"], each["revision"]) for each in beside] != [(agent["org_id"], agent["revision"])]:
        yield f"an agent of revision {agent['revision']} has configurations of {[each['revision'] for each in beside]}"
    if sorted(each["org_id"] for each in links) != sorted(agent["org_ids"]):
        yield f"an agent has {len(agent['org_ids'])} org_ids and {len(links)} links"
    if [each["org_id"] for each in links if each["access"] == "owner"] != [agent["org_id"]]:
        yield "an agent has not one owner"
    if found.numbers_of(agent) != list(range(1, agent["revision"] + 1)):
        yield f"an agent of revision {agent['revision']} has revisions {found.numbers_of(agent)}"
    etags = [each["etag"] for each in found.changes_of(agent)]
    if agent["etag"] not in etags or len(set(etags)) != len(etags):
        yield "an etag was told twice, or never"


def _of(agent: Document, documents: list[Document]) -> list[Document]:
    return [each for each in documents if each["agent_id"] == agent["agent_id"]]
