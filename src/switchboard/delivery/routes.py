from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from switchboard.agents.model import AgentDeleted, AgentNotFound
from switchboard.configurations.model import InvalidPhoneNumber
from switchboard.delivery import service
from switchboard.delivery.model import AgentInactive, Delivery
from switchboard.delivery.schemas import AgentRun, body_of
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AgentId, ServiceCaller, current_time, services_of
from switchboard.http.errors import problems
from switchboard.http.etag import JSON, NOT_MODIFIED
from switchboard.services import MissingScope

router = APIRouter(prefix="/internal/v1/agents", tags=["internal"])
REFUSED = (Unauthenticated, MissingScope, AgentNotFound, AgentInactive)
Number = Annotated[str, Path(max_length=40, description="E.164; the + may be encoded, or left out")]
# These answer at the moment a call comes in: they take services and time by hand, which saves a tenth of each request.
Has = Annotated[str | None, Header(alias="If-None-Match", description="The ETag of the version the service has")]


@router.get(
    "/{agent_id}/runtime",
    summary="An agent's effective configuration, keys included",
    response_model=AgentRun,
    responses={**problems(*REFUSED, AgentDeleted), **NOT_MODIFIED},
)
async def by_id(request: Request, caller: ServiceCaller, agent_id: AgentId, has: Has = None) -> Response:
    return _answer(await service.by_id(services_of(request), caller, agent_id, has, current_time()))


@router.get(
    "/by-phone/{number}/runtime",
    summary="The same for the agent at a phone number",
    response_model=AgentRun,
    responses={**problems(*REFUSED, InvalidPhoneNumber), **NOT_MODIFIED},
)
async def by_number(request: Request, caller: ServiceCaller, number: Number, has: Has = None) -> Response:
    return _answer(await service.by_number(services_of(request), caller, number, has, current_time()))


def _answer(delivery: Delivery) -> Response:
    headers = {"ETag": delivery.etag, "Cache-Control": "private, no-cache"}
    body = body_of(delivery)
    return Response(status_code=304, headers=headers) if body is None else Response(body, 200, headers, JSON)
