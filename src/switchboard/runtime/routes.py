from typing import Annotated

from fastapi import APIRouter, Depends, Response

from switchboard.bookings.routes import BOOKING, CANCELLING, CHANGING, Notify
from switchboard.bookings.schemas import EventBooked, EventChanged
from switchboard.clients.google_errors import AccessLost, GoogleUnavailable
from switchboard.connections.model import NotConnected
from switchboard.events.schemas import Event
from switchboard.http.deps import EventId, Now, Running, ServiceCaller, UserId
from switchboard.http.errors import problems
from switchboard.runtime import service
from switchboard.runtime.model import InvalidServiceKey, UserNotFound
from switchboard.runtime.schemas import CalendarTokenShown, ServiceSelf
from switchboard.runtime.service import Which
from switchboard.services import MissingScope


async def _event(user_id: UserId, event_id: EventId) -> Which:
    return Which(user_id, event_id)


EventPath = Annotated[Which, Depends(_event)]

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


@router.post(
    "/users/{user_id}/events",
    summary="Book an event in a person's calendar",
    status_code=201,
    responses=problems(InvalidServiceKey, MissingScope, UserNotFound, *BOOKING),
)
async def book(caller: ServiceCaller, user_id: UserId, body: EventBooked, services: Running, now: Now) -> Event:
    return Event.of(await service.book(services, caller, user_id, body.wish(), now))


@router.patch(
    "/users/{user_id}/events/{event_id}",
    summary="Change an event of a person, of a series this one alone",
    responses=problems(InvalidServiceKey, MissingScope, UserNotFound, *CHANGING),
)
async def change_event(
    caller: ServiceCaller, where: EventPath, body: EventChanged, services: Running, now: Now
) -> Event:
    return Event.of(await service.change_event(services, caller, where, body.wish(), now))


@router.delete(
    "/users/{user_id}/events/{event_id}",
    summary="Cancel an event of a person, of a series this one alone",
    status_code=204,
    responses=problems(InvalidServiceKey, MissingScope, UserNotFound, *CANCELLING),
)
async def cancel_event(
    caller: ServiceCaller, where: EventPath, services: Running, now: Now, notify_attendees: Notify = True
) -> None:
    await service.cancel_event(services, caller, where, notify_attendees, now)
