"""Granting and revoking. Each is one transaction with the agent's document, so it shows in the next request."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from switchboard.agents import service as agents
from switchboard.agents.documents import AgentDocument, OrganizationAgentDocument
from switchboard.agents.model import Holding, OrganizationAgent
from switchboard.agents.service import AgentRef
from switchboard.errors import PreconditionFailed, Unavailable
from switchboard.mongo import Session
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.services import Principal, Services
from switchboard.sharing.model import Given, GranteeNotFound, Wanted, shared

PERMISSION: Final = "agents.share"
TRIES: Final = 30


async def listed(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> list[OrganizationAgent]:
    """Who has the agent besides its owner, the one that had it first on top."""
    await _checked(services, caller, ref, now)
    return shared(await OrganizationAgentDocument.of_agent(ref.agent_id))


async def grant(
    services: Services, caller: Principal, ref: AgentRef, to: tuple[str, Given], now: datetime
) -> OrganizationAgent:
    """Give an organization access, or another access than it has; raises `GranteeNotFound`, `OwnOrganization`."""
    return await _repeated(services, caller, ref, Wanted(*to, new=True), now)


async def change(
    services: Services, caller: Principal, ref: AgentRef, to: tuple[str, Given], now: datetime
) -> OrganizationAgent:
    """Give an organization that has access another one; raises `GrantNotFound`."""
    return await _repeated(services, caller, ref, Wanted(*to), now)


async def revoke(services: Services, caller: Principal, ref: AgentRef, org_id: str, now: datetime) -> None:
    """Take access away; raises `GrantNotFound`."""
    await _repeated(services, caller, ref, Wanted(org_id, None), now)


async def _repeated(
    services: Services, caller: Principal, ref: AgentRef, wanted: Wanted, now: datetime
) -> OrganizationAgent:
    """Changes of one agent go one after the other; who was slower reads it again."""
    for _ in range(TRIES):
        try:
            return await _give(services, await _checked(services, caller, ref, now), wanted, now)
        except PreconditionFailed:
            continue
    raise Unavailable("This agent is being changed right now. Try again in a moment.")


async def _give(services: Services, held: Holding, wanted: Wanted, now: datetime) -> OrganizationAgent:
    if wanted.new and await OrganizationDocument.find(wanted.org_id) is None:
        raise GranteeNotFound
    agent_id = held.agent.agent_id
    before = await OrganizationAgentDocument.find(wanted.org_id, agent_id)
    step = wanted.step(held, before.access if before else None, now)
    if before is not None and before.access == wanted.access:
        return before
    after = step.applied()
    made = agents.link(after, wanted.org_id, wanted.access or "use", step.when)

    async def write(session: Session) -> None:
        by = await organizations.still(held.acting, session)
        replace(held, acting=by).check(PERMISSION)
        await AgentDocument.change(held.agent, after, session)
        if wanted.access is None:
            await OrganizationAgentDocument.remove(wanted.org_id, agent_id, session)
        else:
            await OrganizationAgentDocument.put(made, session)
        await agents.note(step, after, session)
        if wanted.access is not None and not await agents.there(wanted.org_id, session):
            raise GranteeNotFound

    await services.transactions.run(write)
    return made.model_copy(update={"created_at": before.created_at}) if before else made


async def _checked(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Holding:
    held = await agents.holding(services, caller, ref, now)
    held.check(PERMISSION)
    return held
