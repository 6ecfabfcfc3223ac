"""Reading the history of an agent, and going back in it."""

from datetime import datetime

from switchboard.agents import service as agents
from switchboard.agents.documents import AgentRevisionDocument
from switchboard.agents.model import AgentRevision, Holding
from switchboard.agents.service import AgentRef
from switchboard.editing import service as editing
from switchboard.history.model import RevisionNotFound, brought_back
from switchboard.http.etag import check_match
from switchboard.services import Principal, Services


async def holding(services: Services, caller: Principal, ref: AgentRef, now: datetime) -> Holding:
    """An agent whose history the caller may read: who may only use it does not learn how it came about."""
    held = await agents.read(services, caller, ref, now)
    held.check_edits()
    return held


async def listed(
    services: Services, caller: Principal, ref: AgentRef, page: tuple[int | None, int], now: datetime
) -> tuple[Holding, list[AgentRevision], int | None]:
    """The newest first, and the number that the next page begins before."""
    held = await holding(services, caller, ref, now)
    return held, *await AgentRevisionDocument.page(held.agent, *page)


async def read(
    services: Services, caller: Principal, ref: AgentRef, number: int, now: datetime
) -> tuple[Holding, AgentRevision]:
    held = await holding(services, caller, ref, now)
    return held, await _revision(held, number)


async def as_of(
    services: Services, caller: Principal, ref: AgentRef, at: datetime, now: datetime
) -> tuple[Holding, AgentRevision]:
    """The revision that was in force then; raises `RevisionNotFound` for a time before the first."""
    held = await holding(services, caller, ref, now)
    found = await AgentRevisionDocument.as_of(held.agent, at)
    if found is None:
        raise RevisionNotFound
    return held, found


async def compared(
    services: Services, caller: Principal, ref: AgentRef, numbers: tuple[int, int], now: datetime
) -> tuple[Holding, AgentRevision, AgentRevision]:
    held = await holding(services, caller, ref, now)
    return held, await _revision(held, numbers[0]), await _revision(held, numbers[1])


async def restore(
    services: Services, caller: Principal, ref: AgentRef, to: tuple[int, str | None], now: datetime
) -> Holding:
    """Make the configuration of a revision, its keys included, the agent's own again; as a new revision.

    Number and status stay as they are. Raises `AgentNotReady` when an active agent would not be ready any more.
    """
    number, reason = to
    held = await agents.holding(services, caller, ref, now)
    held.check("agents.write")
    check_match(ref.if_match, held.etag)
    revised = brought_back(held, await _revision(held, number))
    why = reason or f"Back to revision {number}"
    return await editing.revise(services, held, (revised, why), lambda by: by.check("agents.write"), now)


async def _revision(held: Holding, number: int) -> AgentRevision:
    found = await AgentRevisionDocument.find(held.agent, number)
    if found is None:
        raise RevisionNotFound
    return found
