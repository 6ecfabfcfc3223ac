"""Handing out effective configurations: two queries for who has it already, one more and an entry for who has not."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from switchboard.agents import service as agents
from switchboard.agents.documents import AgentDocument
from switchboard.agents.model import Agent, AgentNotFound
from switchboard.audit.documents import AuditEntryDocument
from switchboard.configurations.model import Safe, e164
from switchboard.delivery.model import Delivery, check_runs, content_of, etag_of, reading
from switchboard.http.etag import matches
from switchboard.organizations import service as organizations
from switchboard.services import Service, Services

SCOPE: Final = "agents.runtime"


async def by_id(services: Services, caller: Service, agent_id: str, has: str | None, now: datetime) -> Delivery:
    """The configuration of an agent, unless the caller has its version (If-None-Match).

    Raises `MissingScope`, `AgentNotFound`, `AgentDeleted`, `AgentInactive`.
    """
    return await _delivery(services, caller, lambda: AgentDocument.find(caller.org_id, agent_id), has, now)


async def by_number(services: Services, caller: Service, number: str, has: str | None, now: datetime) -> Delivery:
    """The same for the agent at a phone number. Raises `InvalidPhoneNumber` as well, and never `AgentDeleted`."""
    caller.check(SCOPE)
    at = e164(f"+{number.strip().removeprefix('+')}")
    return await _delivery(services, caller, lambda: AgentDocument.of_number(caller.org_id, at), has, now)


async def _delivery(
    services: Services, caller: Service, find: Callable[[], Awaitable[Agent | None]], has: str | None, now: datetime
) -> Delivery:
    caller.check(SCOPE)
    agent = await find()
    if agent is None:
        raise AgentNotFound
    check_runs(agent)
    if matches(has, etag_of(agent)):
        return Delivery(etag_of(agent), None)
    configuration = await agents.configuration_at(agent)
    content = content_of(agent, configuration, Safe(services.key_ring, agent.agent_id))
    for entry in reading(agent, caller, organizations.request_id(), now):  # before anything leaves
        await AuditEntryDocument.add(entry)
    return Delivery(etag_of(agent), content)
