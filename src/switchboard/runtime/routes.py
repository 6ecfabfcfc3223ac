from fastapi import APIRouter, Response

from switchboard.clients.google_errors import AccessLost, GoogleUnavailable
from switchboard.connections.model import NotConnected
from switchboard.http.deps import Now, Running, ServiceCaller, UserId
from switchboard.http.errors import problems
from switchboard.runtime import service
from switchboard.runtime.model import InvalidServiceKey, UserNotFound
from switchboard.runtime.schemas import CalendarTokenShown, ServiceSelf
from switchboard.services import MissingScope

router = APIRouter(prefix="/internal/v1", tags=["internal"])


@router.get("/self", summary="Which service I am", responses=problems(InvalidServiceKey))
async def read(caller: ServiceCaller) -> ServiceSelf:
    return ServiceSelf.of(caller)


@router.post(
    "/users/{user_id}/calendar-token",
    summary="An access token to a person's Google calendar that works for two minutes and more",
    responses=problems(InvalidServiceKey, MissingScope, UserNotFound, NotConnected, AccessLost, GoogleUnavailable),
)
async def calendar_token(
    caller: ServiceCaller, user_id: UserId, services: Running, now: Now, response: Response
) -> CalendarTokenShown:
    response.headers["Cache-Control"] = "no-store"  # an Idempotency-Key keeps no copy of it either
    return CalendarTokenShown.of(await service.calendar_token(services, caller, user_id, now))
