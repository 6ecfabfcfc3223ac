"""What an import looks for among the agents of all organizations."""

from collections.abc import Collection
from typing import Any

from switchboard.agents.documents import LIVE, AgentDocument, AgentRevisionDocument
from switchboard.agents.model import Agent, AgentRevision
from switchboard.mongo import collection, patiently, query, readable


@query
async def find(org_id: str, legacy_id: str, agent_id: str) -> Agent | None:
    """The organization's agent that goes by this legacy id, or else by this id, deleted ones included."""
    for which in ({"legacy_id": legacy_id, "status": LIVE}, {"agent_id": agent_id}):
        stored = await collection(AgentDocument).find_one({"org_id": org_id, **which})
        if stored is not None:
            return Agent.model_validate(stored)
    return None


@query
async def revisions_for(reasons: Collection[str]) -> list[AgentRevision]:
    """Revisions made for one of these reasons, the last ones first."""
    which: dict[str, Any] = {"reason": {"$in": list(reasons)}}
    with patiently():
        found = collection(AgentRevisionDocument).find(which, sort=[("_id", -1)])
        return readable(AgentRevision, [stored async for stored in found])


@query
async def find_agent(org_id: str, agent_id: str) -> Agent | None:
    stored = await collection(AgentDocument).find_one({"org_id": org_id, "agent_id": agent_id})
    return None if stored is None else Agent.model_validate(stored)
