from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from switchboard.agents.model import AgentNotReady, UseOnly
from switchboard.agents.routes import THERE, VERSION, Ref
from switchboard.agents.schemas import AgentShown
from switchboard.clients.endpoints import EndpointRefused
from switchboard.history import service
from switchboard.history.model import RevisionNotFound
from switchboard.history.schemas import (
    AsOf,
    Differences,
    Number,
    RevisionList,
    RevisionRestore,
    RevisionShown,
    RevisionsQuery,
)
from switchboard.http.deps import AnyCaller, Now, Running
from switchboard.http.errors import problems
from switchboard.http.etag import tagged
from switchboard.http.paging import InvalidCursor

router = APIRouter(prefix="/v1/orgs/{org_id}/agents/{agent_id}", tags=["agents"])
EDITORS = (*THERE, UseOnly)
RevisionNumber = Annotated[Number, Path(description="As the list of revisions says")]


@router.get("/revisions", summary="Its revisions", responses=problems(*EDITORS, InvalidCursor))
async def listed(
    caller: AnyCaller, ref: Ref, query: Annotated[RevisionsQuery, Query()], services: Running, now: Now
) -> RevisionList:
    return RevisionList.of(*await service.listed(services, caller, ref, query.page(), now))


@router.get("/revisions/in-force", summary="The revision as of a time", responses=problems(*EDITORS, RevisionNotFound))
async def as_of(
    caller: AnyCaller, ref: Ref, query: Annotated[AsOf, Query()], services: Running, now: Now
) -> RevisionShown:
    return RevisionShown.whole(await service.as_of(services, caller, ref, query.as_of, now), services.key_ring)


@router.get("/revisions/{number}", summary="One revision", responses=problems(*EDITORS, RevisionNotFound))
async def read(caller: AnyCaller, ref: Ref, number: RevisionNumber, services: Running, now: Now) -> RevisionShown:
    return RevisionShown.whole(await service.read(services, caller, ref, number, now), services.key_ring)


@router.get(
    "/revisions/{number}/differences",
    summary="What another revision has otherwise",
    responses=problems(*EDITORS, RevisionNotFound),
)
async def differences(  # noqa: PLR0913  (two revisions of an agent)
    caller: AnyCaller, ref: Ref, number: RevisionNumber, to: Annotated[Number, Query()], services: Running, now: Now
) -> Differences:
    return Differences.of(await service.compared(services, caller, ref, (number, to), now), services.key_ring)


@router.post(
    "/revisions/{number}/restore",
    summary="Make it the agent's configuration again, as a new revision",
    response_model=AgentShown,
    responses=problems(*EDITORS, *VERSION, RevisionNotFound, EndpointRefused, AgentNotReady),
)
async def restore(  # noqa: PLR0913  (a revision of an agent, and why)
    caller: AnyCaller,
    ref: Ref,
    number: RevisionNumber,
    services: Running,
    now: Now,
    body: RevisionRestore | None = None,
) -> Response:
    to = number, body.reason if body else None
    held = await service.restore(services, caller, ref, to, now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag)
