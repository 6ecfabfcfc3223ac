"""What one call of an older front end comes to: it need not name an organization, nor say what version it read.

So an agent is looked for wherever its caller belongs, and a change is made again if somebody else was faster.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from switchboard.agents import service as agents
from switchboard.agents.documents import AgentsAsked, LegacyIdTaken
from switchboard.agents.model import Agent, AgentNotReady, Holding
from switchboard.agents.service import AgentRef
from switchboard.clients.propelauth_facts import Identity
from switchboard.configurations.model import e164
from switchboard.editing import service as editing
from switchboard.errors import PreconditionFailed, Unavailable
from switchboard.legacy_agents.model import (
    NoSuchAgent,
    Sent,
    UnboundKey,
    acting_on,
    called,
    is_due,
    key,
    keys,
    meant,
    new_one,
    readable,
)
from switchboard.lifecycle import service as lifecycle
from switchboard.organizations import service as organizations
from switchboard.organizations.model import Acting
from switchboard.services import Principal, Services

Done = TypeVar("Done")

ANY_VERSION: Final = "*"
TRIES: Final = 20
MOST: Final = 500  # agents in a list
PAGE: Final = 100


@dataclass(frozen=True)
class Named:
    """An agent by what a front end calls it, in an organization if it names one."""

    text: str
    organization: str | None = None


async def listed(
    services: Services, caller: Principal, organization: str | None, now: datetime
) -> list[tuple[str, Holding]]:
    """Agents and what they are called: those of an organization, or of all that the caller belongs to. 500 at most.

    Raises `OrganizationNotFound`, `SeveralOrganizations`, `MissingPermission`, `MissingScope`, `UnboundKey`.
    """
    mine = readable(await _reached(services, caller, organization, now))
    found: dict[str, Holding] = {}
    for acting in mine:
        async for holding in _all(acting):
            if holding.access == "owner" or holding.agent.agent_id not in found:
                found[holding.agent.agent_id] = holding
            if len(found) >= MOST:
                break
    names = keys([holding.agent for holding in found.values()], mine)
    return [(names[agent_id], holding) for agent_id, holding in found.items()]


async def read(services: Services, caller: Principal, named: Named, now: datetime) -> Holding:
    """Raises `NoSuchAgent`, `SeveralAgents`, and what `listed` does."""
    return await agents.read(services, caller, await _found(services, caller, named, now), now)


async def at_number(services: Services, caller: Principal, number: str, now: datetime) -> tuple[str, Holding]:
    """What the agent at a phone number is called, and the agent; raises `NoSuchAgent`, `InvalidPhoneNumber`."""
    mine = await _reached(services, caller, None, now)
    at = e164(f"+{number.strip().lstrip('+')}")
    agent = next((each for each in await _going_by(mine, at) if each.phone_number == at), None)
    if agent is None:
        raise NoSuchAgent
    by_text = {text: await _going_by(mine, text) for text in (agent.legacy_id, agent.name) if text}
    return key(agent, by_text, mine), await agents.read(services, caller, _ref(agent, mine), now)


async def put(services: Services, caller: Principal, named: Named, sent: Sent, now: datetime) -> Holding:
    """Change the agent, or make it if there is none; raises what `editing.service` does, and `NoOrganization`."""

    async def once() -> Holding:
        mine = await _reached(services, caller, named.organization, now)
        agent = called(await _going_by(mine, named.text), named.text, mine)
        if agent is None:
            made = new_one(named.text, mine, now)
            return await editing.make(services, caller, made, sent.whole(named.text), now)
        return await editing.update(services, caller, _ref(agent, mine), (sent.changes(named.text), None), now)

    return await _repeated(lambda: _activated(services, caller, once, now))


async def bind(services: Services, caller: Principal, named: Named, number: str | None, now: datetime) -> Holding:
    """Give the agent this phone number, or none; without one it takes no calls until it has another."""

    async def once() -> Holding:
        ref = await _found(services, caller, named, now)
        if number is None and (await agents.read(services, caller, ref, now)).agent.status == "active":
            await lifecycle.deactivate(services, caller, ref, now, for_now=True)
        return await editing.update(services, caller, ref, ({"phone_number": number}, None), now)

    return await _repeated(lambda: _activated(services, caller, once, now))


async def delete(services: Services, caller: Principal, named: Named, now: datetime) -> None:
    async def once() -> None:
        await lifecycle.delete(services, caller, await _found(services, caller, named, now), now)

    await _repeated(once)


async def _activated(
    services: Services, caller: Principal, change: Callable[[], Awaitable[Holding]], now: datetime
) -> Holding:
    """Make a change, and let the agent take calls if it waited for that alone."""
    held = await change()
    if is_due(held):
        with suppress(AgentNotReady):
            ref = AgentRef(held.acting.org_id, held.agent.agent_id, ANY_VERSION)
            return await lifecycle.activate(services, caller, ref, now)
    return held


async def _repeated(change: Callable[[], Awaitable[Done]]) -> Done:
    for _ in range(TRIES):
        with suppress(PreconditionFailed, LegacyIdTaken):
            return await change()
    raise Unavailable("This agent is being changed right now. Try again in a moment.")


async def _found(services: Services, caller: Principal, named: Named, now: datetime) -> AgentRef:
    mine = await _reached(services, caller, named.organization, now)
    agent = called(await _going_by(mine, named.text), named.text, mine)
    if agent is None:
        raise NoSuchAgent
    return _ref(agent, mine)


def _ref(agent: Agent, mine: Sequence[Acting]) -> AgentRef:
    return AgentRef(acting_on(agent, mine).org_id, agent.agent_id, ANY_VERSION)


async def _going_by(mine: Sequence[Acting], text: str) -> list[Agent]:
    return await agents.called([acting.org_id for acting in mine], text)


async def _all(acting: Acting) -> AsyncIterator[Holding]:
    after = None
    while True:
        holdings, after = await agents.held(acting, AgentsAsked(after=after, limit=PAGE))
        for holding in holdings:
            yield holding
        if after is None:
            return


async def _reached(services: Services, caller: Principal, organization: str | None, now: datetime) -> Sequence[Acting]:
    """The caller in the organization that is meant, or in each of theirs, the one they joined first on top."""
    if isinstance(caller, Identity):
        return meant(await organizations.mine(services, caller, now), organization, caller.user_id)
    caller.check(organizations.SCOPE)
    if caller.org_id is None:
        raise UnboundKey
    return meant([await organizations.acting(services, caller, caller.org_id, now)], organization, caller.key_id)
