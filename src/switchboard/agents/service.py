"""What happens to agents. Each change is one transaction: the agent, what is beside it, its history, what is told."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from switchboard.agents.documents import (
    AgentConfigurationDocument,
    AgentDocument,
    AgentRevisionDocument,
    AgentsAsked,
    OrganizationAgentDocument,
)
from switchboard.agents.model import (
    Access,
    Agent,
    AgentNotFound,
    EndpointMissing,
    Holding,
    OrganizationAgent,
    Step,
    configuration_of,
    renewed,
)
from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import SYSTEM, AuditEntry, Target, new_entry
from switchboard.changes.documents import AgentChangeDocument
from switchboard.changes.model import new_change
from switchboard.clients.endpoint_connections import Probe
from switchboard.clients.endpoints import EndpointRefused
from switchboard.configurations.model import Configuration, Safe
from switchboard.errors import Unavailable
from switchboard.memberships.documents import MarkDocument
from switchboard.mongo import Place, Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting, OrganizationNotFound
from switchboard.readiness.model import Endpoint, Report, report
from switchboard.services import Dependant, Principal, Services

Check = Callable[[Holding], object]


@dataclass(frozen=True)
class AgentRef:
    """An agent of an organization; `if_match` is the version its caller read (RFC 9110, 13.1.1)."""

    org_id: str
    agent_id: str
    if_match: str | None = None


async def holding(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Holding:
    """The agent as the caller's organization has it; raises `OrganizationNotFound`, `AgentNotFound`."""
    acting = await organizations.acting(services, caller, ref.org_id, now)
    agent, access, configuration = await found(ref.org_id, ref.agent_id)
    return Holding(acting, agent, configuration, access)


async def found(org_id: str, agent_id: str) -> tuple[Agent, Access, Configuration]:
    """An agent, what the organization may do with it, and its configuration, all of one moment.

    The agent is read first: whatever changes afterwards changes its etag, so no write goes by what is outdated.
    """
    agent = await AgentDocument.find(org_id, agent_id)
    link = await OrganizationAgentDocument.find(org_id, agent_id)
    if agent is None or link is None:
        raise AgentNotFound
    return agent, link.access, await configuration_at(agent)


async def configuration_at(agent: Agent) -> Configuration:
    """That of the revision the agent was read at: once it is replaced, the history has it."""
    beside = await AgentConfigurationDocument.find(agent.org_id, agent.agent_id)
    if beside is not None and beside.revision == agent.revision:
        return configuration_of(agent, beside)
    revision = await AgentRevisionDocument.find(agent, agent.revision)
    if revision is None:  # it goes with its organization
        raise Unavailable("This agent is being changed right now. Try again in a moment.")
    return revision.configuration


def safe_of(services: Services, agent_id: str) -> Safe:
    return Safe(services.key_ring, agent_id)


async def listed(
    services: Services, caller: Principal, org_id: str, asked: AgentsAsked, now: datetime
) -> tuple[list[tuple[Agent, Access]], Place | None]:
    """Agents that the organization has, with what it may do, the newest first; and where more begin."""
    acting = await organizations.acting(services, caller, org_id, now)
    acting.rights.check("agents.read")
    agents, more = await AgentDocument.page(org_id, asked)
    links = await OrganizationAgentDocument.these(org_id, [agent.agent_id for agent in agents])
    return [(agent, links[agent.agent_id].access) for agent in agents if agent.agent_id in links], more


async def called(org_ids: list[str], text: str) -> list[Agent]:
    """Agents of organizations by id, legacy id, name or number, for who was let in already; deleted ones left out."""
    return await AgentDocument.called(org_ids, text)


async def held(acting: Acting, asked: AgentsAsked) -> tuple[list[Holding], Place | None]:
    """Agents of an organization with their configurations, the newest first, and where more begin.

    For who was let in already; raises `MissingPermission`.
    """
    acting.rights.check("agents.read")
    agents, more = await AgentDocument.page(acting.org_id, asked)
    links = await OrganizationAgentDocument.these(acting.org_id, [agent.agent_id for agent in agents])
    beside = await AgentConfigurationDocument.these(agents)
    holdings = []
    for agent in agents:
        link, kept = links.get(agent.agent_id), beside.get(agent.agent_id)
        if link is not None and kept is not None and kept.revision == agent.revision:
            holdings.append(Holding(acting, agent, configuration_of(agent, kept), link.access))
            continue
        with suppress(AgentNotFound):  # changed in between
            now, access, configuration = await found(acting.org_id, agent.agent_id)
            holdings.append(Holding(acting, now, configuration, access))
    return holdings, more


async def read(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Holding:
    """Raises `AgentDeleted` for one that was."""
    held = await holding(services, caller, ref, now)
    held.check("agents.read")
    return held


async def readiness(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Report:
    """What is missing before it can take calls. Nothing is changed."""
    return await report_on(services, await read(services, caller, ref, now))


async def probe(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Probe:
    """Call the agent's chatbot once, without a key, and say what became of it; raises `EndpointMissing`."""
    held = await holding(services, caller, ref, now)
    held.check("agents.write")
    if held.configuration.chatbot_api is None:
        raise EndpointMissing
    return await services.endpoints.probe(held.configuration.chatbot_api)


async def carry_out(services: Services, step: Step, check: Check) -> Holding:
    """Write a change, if nobody was faster (`PreconditionFailed`) and the caller still may."""
    after = step.applied()

    async def write(session: Session) -> None:
        by = await organizations.still(step.holding.acting, session)
        check(replace(step.holding, acting=by))
        await AgentDocument.change(step.holding.agent, after, session)
        await note(step, after, session)

    await services.transactions.run(write)
    return replace(step.holding, agent=after, configuration=step.revised or step.holding.configuration)


async def note(step: Step, after: Agent, session: Session) -> None:
    """In the transaction of a change: its revision, what services and the audit log are told."""
    revision = step.revision(after.revision)
    if revision is not None:
        await AgentConfigurationDocument.put(after.beside(revision.configuration), session)
        await AgentRevisionDocument.add(revision, session)
    await AgentChangeDocument.add(step.change(after), session)
    for entry in step.entries(after):
        await AuditEntryDocument.add(entry, session)


async def put_new(step: Step, session: Session) -> None:
    """Keep the agent that this step creates, with all that belongs to it; raises `OrganizationNotFound`."""
    agent = step.holding.agent
    await AgentDocument.add(agent, session)
    await OrganizationAgentDocument.put(link(agent, agent.org_id, "owner", step.at), session)
    await note(step, agent, session)
    if not await there(agent.org_id, session):
        raise OrganizationNotFound


async def there(org_id: str, session: Session) -> bool:
    """Whether an organization is there, and stays until the transaction is over: its deletion writes the same mark.

    Last in a transaction, so that who is refused for another reason keeps nobody waiting.
    """
    await MarkDocument.touch(org_id, None, session)
    return await OrganizationDocument.find(org_id, session) is not None


def link(agent: Agent, org_id: str, access: Access, now: datetime) -> OrganizationAgent:
    return OrganizationAgent(org_id=org_id, agent_id=agent.agent_id, access=access, created_at=now, updated_at=now)


async def report_on(services: Services, held: Holding) -> Report:
    endpoint: Endpoint
    try:
        endpoint = await endpoint_of(services, held.configuration)
    except EndpointRefused:
        endpoint = "refused"
    return report(held.configuration, endpoint, safe_of(services, held.agent.agent_id))


async def endpoint_of(services: Services, configuration: Configuration) -> Endpoint:
    """What is known of the chatbot's address; raises `EndpointRefused`."""
    address = configuration.chatbot_api
    return "missing" if address is None else await services.endpoints.check(address)


async def _remove_all(org_id: str, now: datetime, session: Session) -> None:
    """What goes with an organization: its agents, and what it was given."""
    agents = await AgentDocument.of_organization(org_id, session)
    for agent in agents:
        change = new_change(agent.agent_id, agent.org_ids, ["removed"], None, now)
        if agent.org_id != org_id:
            left = [each for each in agent.org_ids if each != org_id]
            after = agent.model_copy(update={"org_ids": left, **renewed(max(now, agent.updated_at))})
            await AgentDocument.change(agent, after, session)
            change = new_change(agent.agent_id, agent.org_ids, ["sharing"], after.etag, now)
        await AgentChangeDocument.add(change, session)
        for entry in _without(agent, org_id, now):
            await AuditEntryDocument.add(entry, session)
    owned = [agent.agent_id for agent in agents if agent.org_id == org_id]
    await OrganizationAgentDocument.remove_all(org_id, owned, session)
    await AgentConfigurationDocument.remove_all(org_id, session)
    await AgentRevisionDocument.remove_all(org_id, session)
    await AgentDocument.remove_all(org_id, session)


def _without(agent: Agent, org_id: str, now: datetime) -> list[AuditEntry]:
    """What the logs say when this organization is deleted: of its own agent wherever it was, or else its owner's."""
    target = Target(kind="agent", id=agent.agent_id)
    if agent.org_id != org_id:
        return [new_entry("agent.share_revoked", agent.org_id, target, SYSTEM, now, before={"org_id": org_id})]
    before = {"name": agent.name, "phone_number": agent.phone_number}
    told = agent.org_ids if agent.status != "deleted" else []
    return [new_entry("agent.deleted", each, target, SYSTEM, now, before=before) for each in told]


DEPENDANT: Final = Dependant("agents", AgentDocument.count, _remove_all)
