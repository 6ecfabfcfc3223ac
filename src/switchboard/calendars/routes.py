from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse

from switchboard.calendars import service
from switchboard.calendars.schemas import (
    CalendarState,
    ConsentBegun,
    ConsentConfirmed,
    EventList,
    front_end_return,
)
from switchboard.clients.google_errors import InvalidConsent, ScopeMissing
from switchboard.clients.propelauth_errors import NoGoogleTokens
from switchboard.connections.model import ConsentExpired, NotConnected, OtherAccount
from switchboard.errors import Unauthenticated
from switchboard.events.model import InvalidRange
from switchboard.events.schemas import EventsAsked
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor

router = APIRouter(tags=["calendar"])


@router.post(
    "/v1/me/calendar/connect", summary="Begin to connect my Google calendar", responses=problems(Unauthenticated)
)
async def begin(caller: Caller, services: Running, now: Now) -> ConsentBegun:
    return ConsentBegun(authorization_url=await service.begin(services, caller, now))


@router.get(
    "/v1/calendar/callback",
    summary="Where Google's consent page leads back: on to the front end",
    status_code=303,
    response_class=RedirectResponse,
    responses={303: {"description": "To the front end, which confirms with the person's own token"}},
)
async def callback(
    services: Running,
    state: Annotated[str, Query(max_length=2048)] = "",
    code: Annotated[str, Query(max_length=2048)] = "",
    error: Annotated[str, Query(max_length=2048)] = "",
) -> RedirectResponse:
    if error or not code or not state:
        outcome = {"calendar": "denied" if error == "access_denied" else "failed"}
    else:
        outcome = {"calendar": "confirm", "state": state, "code": code}
    return RedirectResponse(front_end_return(services.settings.server.front_end_address, outcome), 303)


@router.post(
    "/v1/me/calendar/confirm",
    summary="Finish connecting with what the consent page brought back",
    responses=problems(Unauthenticated, ConsentExpired, InvalidConsent, ScopeMissing, OtherAccount),
)
async def confirm(caller: Caller, body: ConsentConfirmed, services: Running, now: Now) -> CalendarState:
    return CalendarState.of(await service.confirm(services, caller, body.state, body.code, now))


@router.post(
    "/v1/me/calendar/connect/propelauth",
    summary="Connect by the Google tokens my sign-in left at PropelAuth",
    responses=problems(Unauthenticated, NoGoogleTokens, ScopeMissing, OtherAccount),
)
async def adopt(caller: Caller, services: Running, now: Now) -> CalendarState:
    return CalendarState.of(await service.adopt(services, caller, now))


@router.get("/v1/me/calendar", summary="How my calendar stands", responses=problems(Unauthenticated))
async def read(caller: Caller, services: Running, now: Now) -> CalendarState:
    return CalendarState.of(await service.overview(services, caller, now))


@router.delete(
    "/v1/me/calendar",
    summary="Disconnect my calendar and forget its events",
    status_code=204,
    responses=problems(Unauthenticated, NotConnected),
)
async def disconnect(caller: Caller, services: Running, now: Now) -> None:
    await service.disconnect(services, caller, now)


@router.get(
    "/v1/me/events",
    summary="My events in a range",
    responses=problems(Unauthenticated, InvalidRange, InvalidCursor),
)
async def events(caller: Caller, services: Running, now: Now, asked: Annotated[EventsAsked, Query()]) -> EventList:
    return EventList.of(await service.events(services, caller, asked.window(), asked.page(), now))
