"""Agents, what is kept beside them, who has them, and their revisions. What must hold is the filter of a write."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from switchboard.agents.model import (
    Agent,
    AgentConfiguration,
    AgentRevision,
    OrganizationAgent,
    PhoneNumberTaken,
    Status,
)
from switchboard.errors import Conflict, PreconditionFailed
from switchboard.mongo import Place, Session, collection, first_page, query, readable

LIVE: Final = {"$in": ["active", "inactive"]}


class LegacyIdTaken(Conflict):
    code = "legacy_id_taken"
    message = "Another agent of the organization goes by this id."


@dataclass(frozen=True)
class AgentsAsked:
    """Which agents: None is any that is not deleted; `name` is a part of it in any case."""

    status: Status | None = None
    name: str | None = None
    phone_number: str | None = None
    ready: bool | None = None
    after: Place | None = None
    limit: int = 100

    def filter(self, org_id: str) -> dict[str, Any]:
        has = {"org_id": org_id} if self.status == "deleted" else {"org_ids": org_id}
        equal = {"phone_number": self.phone_number, "ready": self.ready}
        known = {name: value for name, value in equal.items() if value is not None}
        named = {"name": {"$regex": re.escape(self.name), "$options": "i"}} if self.name else {}
        return {**has, "status": self.status or LIVE, **known, **named, **self._older()}

    def _older(self) -> dict[str, Any]:
        if self.after is None:
            return {}
        at, agent_id = self.after
        return {"$or": [{"created_at": {"$lt": at}}, {"created_at": at, "agent_id": {"$lt": agent_id}}]}


class AgentDocument(Agent, Document):
    class Settings:
        name: ClassVar[str] = "agents"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("agent_id", ASCENDING)], unique=True, name="agent_id_unique"),
            IndexModel(
                [("phone_number", ASCENDING)],
                unique=True,
                partialFilterExpression={"phone_number": {"$type": "string"}, "status": LIVE},
                name="one_live_agent_per_number",
            ),
            IndexModel(
                [("org_ids", ASCENDING), ("created_at", DESCENDING), ("agent_id", DESCENDING)],
                name="org_ids_created_at",
            ),
            IndexModel([("org_id", ASCENDING), ("status", ASCENDING)], name="org_id_status"),
            IndexModel(
                [("org_id", ASCENDING), ("legacy_id", ASCENDING)],
                unique=True,
                partialFilterExpression={"legacy_id": {"$type": "string"}},
                name="org_id_legacy_id_unique",
            ),
        ]

    @classmethod
    @query
    async def add(cls, agent: Agent, session: Session) -> None:
        """Raises `PhoneNumberTaken`, `LegacyIdTaken`."""
        try:
            await collection(cls).insert_one(agent.model_dump(), session=session)
        except DuplicateKeyError as error:
            raise _taken(error) from None

    @classmethod
    @query
    async def change(cls, before: Agent, after: Agent, session: Session) -> None:
        """Write what differs, if nobody was faster; raises `PreconditionFailed`, `PhoneNumberTaken`."""
        was, is_ = before.model_dump(), after.model_dump()
        fields = {name: value for name, value in is_.items() if value != was[name]}
        which = {"agent_id": before.agent_id, "org_id": before.org_id, "etag": before.etag}
        try:
            done = await collection(cls).update_one(which, {"$set": fields}, session=session)
        except DuplicateKeyError as error:
            raise _taken(error) from None
        if not done.matched_count:
            raise PreconditionFailed

    @classmethod
    @query
    async def find(cls, org_id: str | None, agent_id: str) -> Agent | None:  # type: ignore[override]
        """An agent that the organization has; None as organization is for services that are bound to none."""
        has = {} if org_id is None else {"org_ids": org_id}
        stored = await collection(cls).find_one({"agent_id": agent_id, **has})
        return None if stored is None else Agent.model_validate(stored)

    @classmethod
    @query
    async def of_number(cls, org_id: str | None, phone_number: str) -> Agent | None:
        has = {} if org_id is None else {"org_ids": org_id}
        stored = await collection(cls).find_one({"phone_number": phone_number, "status": LIVE, **has})
        return None if stored is None else Agent.model_validate(stored)

    @classmethod
    @query
    async def called(cls, org_ids: list[str], text: str) -> list[Agent]:
        """Those of these organizations that are not deleted and have this for their id, legacy id, name or number."""
        by = [{name: text} for name in ("agent_id", "legacy_id", "name", "phone_number")]
        found = collection(cls).find({"org_ids": {"$in": org_ids}, "status": LIVE, "$or": by})
        return readable(Agent, [each async for each in found])

    @classmethod
    @query
    async def page(cls, org_id: str, asked: AgentsAsked) -> tuple[list[Agent], Place | None]:
        """Agents that an organization has, the newest first, and where more begin."""
        order = [("created_at", -1), ("agent_id", -1)]
        found = collection(cls).find(asked.filter(org_id), sort=order, limit=asked.limit + 1)
        stored, more = first_page([each async for each in found], asked.limit, "created_at", "agent_id")
        return readable(Agent, stored), more

    @classmethod
    @query
    async def of_organization(cls, org_id: str, session: Session) -> list[Agent]:
        """All that it owns or was given, the deleted ones included."""
        found = collection(cls).find({"$or": [{"org_id": org_id}, {"org_ids": org_id}]}, session=session)
        return [Agent.model_validate(each) async for each in found]

    @classmethod
    @query
    async def count(cls, org_id: str) -> int:  # type: ignore[override]
        return await collection(cls).count_documents({"org_id": org_id})

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)


class AgentConfigurationDocument(AgentConfiguration, Document):
    class Settings:
        name: ClassVar[str] = "agent_configurations"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("agent_id", ASCENDING)], unique=True, name="agent_id_unique"),
        ]

    @classmethod
    @query
    async def put(cls, kept: AgentConfiguration, session: Session) -> None:
        fields = kept.model_dump(exclude={"agent_id", "org_id", "created_at"})
        new = {"created_at": kept.created_at}
        which = {"agent_id": kept.agent_id, "org_id": kept.org_id}
        await collection(cls).update_one(which, {"$set": fields, "$setOnInsert": new}, upsert=True, session=session)

    @classmethod
    @query
    async def find(cls, org_id: str, agent_id: str) -> AgentConfiguration | None:  # type: ignore[override]
        """Of an agent of this owner."""
        stored = await collection(cls).find_one({"agent_id": agent_id, "org_id": org_id})
        return None if stored is None else AgentConfiguration.model_validate(stored)

    @classmethod
    @query
    async def these(cls, agents: list[Agent]) -> Mapping[str, AgentConfiguration]:
        """Of these agents, by their ids."""
        which = [{"agent_id": agent.agent_id, "org_id": agent.org_id} for agent in agents]
        found = [each async for each in collection(cls).find({"$or": which})] if which else []
        return {each.agent_id: each for each in readable(AgentConfiguration, found)}

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)


class OrganizationAgentDocument(OrganizationAgent, Document):
    class Settings:
        name: ClassVar[str] = "organization_agents"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("org_id", ASCENDING), ("agent_id", ASCENDING)], unique=True, name="org_id_agent_id_unique"),
            IndexModel([("agent_id", ASCENDING), ("created_at", ASCENDING)], name="agent_id"),
        ]

    @classmethod
    @query
    async def put(cls, link: OrganizationAgent, session: Session) -> None:
        fields, new = {"access": link.access, "updated_at": link.updated_at}, {"created_at": link.created_at}
        which = {"org_id": link.org_id, "agent_id": link.agent_id}
        await collection(cls).update_one(which, {"$set": fields, "$setOnInsert": new}, upsert=True, session=session)

    @classmethod
    @query
    async def find(cls, org_id: str, agent_id: str) -> OrganizationAgent | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"org_id": org_id, "agent_id": agent_id})
        return None if stored is None else OrganizationAgent.model_validate(stored)

    @classmethod
    @query
    async def of_agent(cls, agent_id: str) -> list[OrganizationAgent]:
        """Every organization that has it, the one that had it first on top. The caller was found to own it."""
        found = collection(cls).find({"agent_id": agent_id}, sort=[("created_at", 1), ("org_id", 1)])
        return readable(OrganizationAgent, [each async for each in found])

    @classmethod
    @query
    async def these(cls, org_id: str, agent_ids: list[str]) -> Mapping[str, OrganizationAgent]:
        found = collection(cls).find({"org_id": org_id, "agent_id": {"$in": agent_ids}})
        return {each.agent_id: each for each in readable(OrganizationAgent, [each async for each in found])}

    @classmethod
    @query
    async def remove(cls, org_id: str, agent_id: str, session: Session) -> None:
        await collection(cls).delete_one({"org_id": org_id, "agent_id": agent_id}, session=session)

    @classmethod
    @query
    async def remove_all(cls, org_id: str, agent_ids: list[str], session: Session) -> None:
        """Those of an organization, and of these agents wherever they are."""
        which = {"$or": [{"org_id": org_id}, {"agent_id": {"$in": agent_ids}}]}
        await collection(cls).delete_many(which, session=session)


class AgentRevisionDocument(AgentRevision, Document):
    class Settings:
        name: ClassVar[str] = "agent_revisions"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("agent_id", ASCENDING), ("number", DESCENDING)], unique=True, name="agent_id_number_unique"),
            IndexModel([("agent_id", ASCENDING), ("at", DESCENDING)], name="agent_id_at"),
        ]

    @classmethod
    @query
    async def add(cls, revision: AgentRevision, session: Session) -> None:
        await collection(cls).insert_one(revision.model_dump(), session=session)

    @classmethod
    @query
    async def find(cls, agent: Agent, number: int) -> AgentRevision | None:  # type: ignore[override]
        stored = await collection(cls).find_one({**_of(agent), "number": number})
        return None if stored is None else AgentRevision.model_validate(stored)

    @classmethod
    @query
    async def as_of(cls, agent: Agent, at: datetime) -> AgentRevision | None:
        """The state it was in then."""
        then = {**_of(agent), "at": {"$lte": at}}
        stored = await collection(cls).find_one(then, sort=[("at", -1), ("number", -1)])
        return None if stored is None else AgentRevision.model_validate(stored)

    @classmethod
    @query
    async def page(cls, agent: Agent, before: int | None, limit: int) -> tuple[list[AgentRevision], int | None]:
        """The newest first, from those before a number on, and the number after which more begin."""
        older = {} if before is None else {"number": {"$lt": before}}
        found = collection(cls).find({**_of(agent), **older}, sort=[("number", -1)], limit=limit + 1)
        stored = [each async for each in found]
        more = int(stored[limit - 1]["number"]) if len(stored) > limit else None
        return readable(AgentRevision, stored[:limit]), more

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)


def _taken(error: DuplicateKeyError) -> PhoneNumberTaken | LegacyIdTaken:
    if "legacy_id" in (error.details or {}).get("keyPattern", {}):
        return LegacyIdTaken()
    return PhoneNumberTaken(fields={"phone_number": PhoneNumberTaken.message})


def _of(agent: Agent) -> dict[str, Any]:
    return {"agent_id": agent.agent_id, "org_id": agent.org_id}
