"""What a service gets of an agent, and when it gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from switchboard.agents.model import Agent
from switchboard.audit.model import Actor, AuditEntry, Target, new_entry
from switchboard.configurations.model import Configuration, Safe
from switchboard.errors import Conflict
from switchboard.services import Service


class AgentInactive(Conflict):
    code = "agent_inactive"
    message = "This agent is not active, so it takes no calls. Someone of its organization can activate it."


@dataclass(frozen=True)
class Delivery:
    """`content` is the effective configuration with its secrets readable; None for who has this version already."""

    etag: str
    content: Mapping[str, Any] | None = field(repr=False)


def check_runs(agent: Agent) -> None:
    """Raise `AgentDeleted` or `AgentInactive` unless it takes calls: keys are for running it, and for nothing else."""
    agent.check_there()
    if agent.status != "active":
        raise AgentInactive


def etag_of(agent: Agent) -> str:
    """New after every change of the agent, its keys, its status or its sharing."""
    return f'"{agent.etag}"'


def content_of(agent: Agent, configuration: Configuration, safe: Safe) -> dict[str, Any]:
    """Raises `CannotOpen`."""
    content = configuration.opened(safe)
    return {"agent_id": agent.agent_id, "status": agent.status, "updated_at": agent.updated_at, **content}


def reading(agent: Agent, service: Service, request_id: str | None, now: datetime) -> list[AuditEntry]:
    """That a service read the keys: for the log of the owner, and of the organization that it acts for."""
    actor = Actor(kind="service", id=service.key_id, name=service.name)
    target = Target(kind="agent", id=agent.agent_id)
    org_ids = dict.fromkeys((agent.org_id, service.org_id or agent.org_id))
    return [new_entry("agent.secrets_read", each, target, actor, now, request_id=request_id) for each in org_ids]
