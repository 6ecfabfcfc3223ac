"""An agent's status: taking calls or not, deleted, restored."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from switchboard.agents import service as agents
from switchboard.agents.model import AgentNotReady, Holding, Step
from switchboard.agents.service import AgentRef, safe_of
from switchboard.http.etag import check_match
from switchboard.lifecycle.model import NotDeleted
from switchboard.services import Principal, Services

WITHOUT_NUMBER: Final = "Restored without its number"


async def activate(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Holding:
    """Let it take calls; raises `AgentNotReady` with what is missing."""
    held = await _checked(services, caller, ref, "agents.activate", now)
    found_out = await agents.report_on(services, held)
    if not found_out.ready:
        raise AgentNotReady(fields=found_out.errors)
    return await _become(services, held, "active", now)


async def deactivate(
    services: Services, caller: Principal, ref: AgentRef, now: datetime, *, for_now: bool = False
) -> Holding:
    """Let it take no more calls; `for_now`: until an older front end makes it ready again."""
    held = await _checked(services, caller, ref, "agents.activate", now)
    return await _become(services, held, "inactive", now, waits=for_now)


async def _become(services: Services, held: Holding, status: str, now: datetime, *, waits: bool = False) -> Holding:
    if (held.agent.status, held.agent.waits_to_be_ready) == (status, waits):
        return held
    action: Final = "agent.activated" if status == "active" else "agent.deactivated"
    fields = {"status": status, "waits_to_be_ready": waits, **({"ready": True} if status == "active" else {})}
    step = Step(held, action, ("status",), fields, now)
    return await agents.carry_out(services, step, lambda by: by.check("agents.activate"))


async def delete(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> None:
    """Delete it, so that its number and its legacy id are free; it can be restored."""
    held = await _checked(services, caller, ref, "agents.delete", now)
    fields = {"status": "deleted", "deleted_at": now, "legacy_id": None, "waits_to_be_ready": False}
    step = Step(held, "agent.deleted", ("deleted",), fields, now, before=held.summary)
    await agents.carry_out(services, step, lambda by: by.check("agents.delete"))


async def restore(services: Services, caller: Principal, ref: AgentRef, without_number: bool, now: datetime) -> Holding:
    """Bring a deleted agent back, inactive; raises `PhoneNumberTaken` if its number is, and `NotDeleted`."""
    held = await agents.holding(services, caller, ref, now)
    held.check_restore()
    if held.agent.status != "deleted":
        raise NotDeleted
    fields: dict[str, Any] = {"status": "inactive", "deleted_at": None}
    step = Step(held, "agent.restored", ("restored",), fields, now, after=held.summary)
    if without_number and held.agent.phone_number is not None:
        bare = held.configuration.model_copy(update={"phone_number": None}).renewed(safe_of(services, ref.agent_id))
        told = {**held.summary, "phone_number": None}
        step = replace(step, fields={**fields, "ready": False}, revised=bare, after=told, reason=WITHOUT_NUMBER)
    return await agents.carry_out(services, step, lambda by: by.check_restore())


async def _checked(services: Services, caller: Principal, ref: AgentRef, permission: str, now: datetime) -> Holding:
    held = await agents.holding(services, caller, ref, now)
    held.check(permission)
    check_match(ref.if_match, held.etag)
    return held
