from fastapi import APIRouter, Response

from switchboard.agents.model import AgentNotFound, AgentNotReady, NotTheOwner, PhoneNumberTaken
from switchboard.agents.routes import MEMBER, THERE, VERSION, Ref
from switchboard.agents.schemas import AgentShown
from switchboard.http.deps import AnyCaller, Now, Running
from switchboard.http.errors import problems
from switchboard.http.etag import tagged
from switchboard.lifecycle import service
from switchboard.lifecycle.model import NotDeleted
from switchboard.lifecycle.schemas import AgentRestore

router = APIRouter(prefix="/v1/orgs/{org_id}/agents/{agent_id}", tags=["agents"])


@router.post(
    "/activate",
    summary="Let it take calls",
    response_model=AgentShown,
    responses=problems(*THERE, *VERSION, NotTheOwner, AgentNotReady),
)
async def activate(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> Response:
    held = await service.activate(services, caller, ref, now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag)


@router.post(
    "/deactivate",
    summary="Let it take no more calls",
    response_model=AgentShown,
    responses=problems(*THERE, *VERSION, NotTheOwner),
)
async def deactivate(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> Response:
    held = await service.deactivate(services, caller, ref, now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag)


@router.delete(
    "",
    summary="Delete it, which frees its number; it can be restored",
    status_code=204,
    responses=problems(*THERE, *VERSION, NotTheOwner),
)
async def delete(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> None:
    await service.delete(services, caller, ref, now)


@router.post(
    "/restore",
    summary="Bring a deleted agent back, inactive",
    response_model=AgentShown,
    responses=problems(*MEMBER, AgentNotFound, NotTheOwner, NotDeleted, PhoneNumberTaken),
)
async def restore(
    caller: AnyCaller, ref: Ref, services: Running, now: Now, body: AgentRestore | None = None
) -> Response:
    held = await service.restore(services, caller, ref, body is not None and body.without_number, now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag)
