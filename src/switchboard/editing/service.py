"""Agents made and changed: what is sent becomes a configuration, and a revision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from switchboard.agents import service as agents
from switchboard.agents.model import Agent, AgentNotFound, AgentNotReady, Holding, Step, new_agent
from switchboard.agents.service import AgentRef, Check, endpoint_of, safe_of
from switchboard.configurations.model import Configuration
from switchboard.editing.model import kinds_of, told
from switchboard.http.etag import check_match
from switchboard.idempotency.service import new_id
from switchboard.mongo import Session
from switchboard.organizations import service as organizations
from switchboard.organizations.model import Acting
from switchboard.readiness.model import Endpoint, report
from switchboard.services import Principal, Services


async def create(
    services: Services, caller: Principal, org_id: str, fields: Mapping[str, Any], now: datetime
) -> Holding:
    """A new agent, inactive, with its configuration and link: all or none.

    Raises `PhoneNumberTaken`, `EndpointRefused`, `MaskAsSecret`, `InvalidOptions`.
    """
    return await make(services, caller, new_agent(org_id, now, new_id()), fields, now)


async def make(
    services: Services, caller: Principal, agent: Agent, fields: Mapping[str, Any], now: datetime
) -> Holding:
    """The same for an agent whose ids are given; raises `LegacyIdTaken` as well."""
    acting = await organizations.acting(services, caller, agent.org_id, now)
    acting.rights.check("agents.write")
    if fields.get("phone_number") is not None:
        acting.rights.check("agents.bind_number")
    earlier = await _made_before(acting, agent.agent_id)
    if earlier is not None:
        return earlier
    safe = safe_of(services, agent.agent_id)
    configuration = Configuration(name=str(fields["name"])).changed(_spelled(services, fields), safe)
    ready = report(configuration, await endpoint_of(services, configuration), safe).ready
    return await _add(services, Holding(acting, agent.configured(configuration, ready), configuration, "owner"), now)


async def copy(services: Services, caller: Principal, ref: AgentRef, name: str | None, now: datetime) -> Holding:
    """A new agent of the caller's organization with the same configuration, inactive and without number.

    The keys come along where the organization owns the agent; who only was given it gets none of them.
    """
    held = await agents.read(services, caller, ref, now)
    held.acting.rights.check("agents.write")
    agent = new_agent(ref.org_id, now, new_id())
    earlier = await _made_before(held.acting, agent.agent_id)
    if earlier is not None:
        return earlier
    safe = safe_of(services, agent.agent_id)
    source = held.shared_content()
    if held.access == "owner":
        source = source.resealed(safe_of(services, ref.agent_id), safe)
    copied = source.model_copy(update={"name": name or held.agent.name, "phone_number": None})
    return await _add(services, Holding(held.acting, agent.configured(copied, False), copied, "owner"), now)


async def _made_before(acting: Acting, agent_id: str) -> Holding | None:
    """The agent that this same request made before, when its caller was not told so."""
    try:
        agent, access, configuration = await agents.found(acting.org_id, agent_id)
    except AgentNotFound:
        return None
    return Holding(acting, agent, configuration, access)


async def _add(services: Services, held: Holding, now: datetime) -> Holding:
    agent = held.agent
    step = Step(held, "agent.created", ("created",), {}, now, revised=held.configuration, after=held.summary)

    async def write(session: Session) -> None:
        by = await organizations.still(held.acting, session)
        by.rights.check("agents.write")
        if agent.phone_number is not None:
            by.rights.check("agents.bind_number")
        await agents.put_new(step, session)

    await services.transactions.run(write)
    return held


async def update(
    services: Services, caller: Principal, ref: AgentRef, changes: tuple[Mapping[str, Any], str | None], now: datetime
) -> Holding:
    """Set these fields, for this reason; raises what `create` does, `KeyNeededAgain`, and `AgentNotReady`.

    An agent that takes calls stays ready: a change that would end that is refused.
    """
    fields, reason = changes
    held = await agents.holding(services, caller, ref, now)
    held.check_update(fields)
    check_match(ref.if_match, held.etag)
    revised = held.configuration.changed(_spelled(services, fields), safe_of(services, ref.agent_id))
    return await revise(services, held, (revised, reason), lambda by: by.check_update(fields), now)


async def revise(
    services: Services, held: Holding, to: tuple[Configuration, str | None], check: Check, now: datetime
) -> Holding:
    """Give an agent this configuration, for this reason; nothing happens if it is the same."""
    safe = safe_of(services, held.agent.agent_id)
    revised, reason = to[0].renewed(safe), to[1]
    differences = held.configuration.differences(revised, safe)
    if not differences:
        return held
    moved = revised.chatbot_api != held.configuration.chatbot_api
    found_out = report(revised, await endpoint_of(services, revised) if moved else _assumed(revised), safe)
    if held.agent.status == "active" and held.agent.ready and not found_out.ready:
        raise AgentNotReady(fields=found_out.errors)
    kinds, (was, is_) = kinds_of(differences), told(differences)
    step = Step(held, "agent.updated", kinds, {"ready": found_out.ready}, now, revised, reason, was, is_)
    return await agents.carry_out(services, step, check)


def _spelled(services: Services, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with the chatbot's address in its one spelling; raises `EndpointRefused`."""
    address = fields.get("chatbot_api")
    return fields if address is None else {**fields, "chatbot_api": services.endpoints.parse(address).url}


def _assumed(configuration: Configuration) -> Endpoint:
    """An address that was looked at when it was entered is looked at again when the agent is activated."""
    return "missing" if configuration.chatbot_api is None else "public"
