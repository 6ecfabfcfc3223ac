from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Path, Request, Response
from starlette.routing import Route

from switchboard.agents.model import AgentDeleted, AgentNotFound
from switchboard.configurations.model import InvalidPhoneNumber
from switchboard.delivery import service
from switchboard.delivery.model import AgentInactive, Delivery
from switchboard.delivery.schemas import AgentRun, body_of
from switchboard.errors import Unauthenticated
from switchboard.http.deps import AgentId, current_time, service_of, services_of
from switchboard.http.errors import problems
from switchboard.http.etag import JSON, NOT_MODIFIED
from switchboard.services import MissingScope

router = APIRouter(prefix="/internal/v1/agents", tags=["internal"])
REFUSED = (Unauthenticated, MissingScope, AgentNotFound, AgentInactive)
Number = Annotated[str, Path(max_length=40, description="E.164; the + may be encoded, or left out")]
# These answer at the moment a call comes in, and take by hand what others are given by the framework (see the end).
BY_HAND: Final = {
    "security": [{"ServiceKey": []}],
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The ETag of the version the service has",
        }
    ],
}


@router.get(
    "/{agent_id}/runtime",
    summary="An agent's effective configuration, keys included",
    response_model=AgentRun,
    responses={**problems(*REFUSED, AgentDeleted), **NOT_MODIFIED},
    openapi_extra=BY_HAND,
)
async def by_id(request: Request, agent_id: AgentId) -> Response:
    caller, has = await service_of(request), request.headers.get("if-none-match")
    return _answer(await service.by_id(services_of(request), caller, agent_id, has, current_time()))


@router.get(
    "/by-phone/{number}/runtime",
    summary="The same for the agent at a phone number",
    response_model=AgentRun,
    responses={**problems(*REFUSED, InvalidPhoneNumber), **NOT_MODIFIED},
    openapi_extra=BY_HAND,
)
async def by_number(request: Request, number: Number) -> Response:
    caller, has = await service_of(request), request.headers.get("if-none-match")
    return _answer(await service.by_number(services_of(request), caller, number, has, current_time()))


def _answer(delivery: Delivery) -> Response:
    headers = {"ETag": delivery.etag, "Cache-Control": "private, no-cache"}
    body = body_of(delivery)
    return Response(status_code=304, headers=headers) if body is None else Response(body, 200, headers, JSON)


def _stand_first(path: str, answer: Callable[..., Awaitable[Response]]) -> None:
    """Answer a path by a bare route, found before the one above that describes it.

    Beside two queries, the framework's own part would be a third of the time of an answer (`scripts/bench runtime`).
    """

    async def endpoint(request: Request) -> Response:
        request.scope["route"] = route  # for the metrics
        if request.method != "GET":  # a bare route takes HEAD along
            raise HTTPException(405)
        return await answer(request, **request.path_params)

    route = Route(router.prefix + path, endpoint, include_in_schema=False)
    router.routes.insert(0, route)


_stand_first("/{agent_id}/runtime", by_id)
_stand_first("/by-phone/{number}/runtime", by_number)
