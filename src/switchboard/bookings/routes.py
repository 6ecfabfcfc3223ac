from typing import Annotated

from fastapi import APIRouter, Query

from switchboard.bookings import service
from switchboard.bookings.model import AttendeesUnknown, BookingCancelled, IdReused, TimeTaken, WritingNotGranted
from switchboard.bookings.schemas import EventBooked, EventChanged
from switchboard.calendars.model import UnknownCalendar
from switchboard.clients.google_errors import (
    AccessLost,
    CalendarNotFound,
    CalendarReadOnly,
    EventNotFound,
    EventRefused,
    GoogleUnavailable,
    NotTheOrganizer,
)
from switchboard.connections.model import NotConnected
from switchboard.errors import Refusal, Unauthenticated
from switchboard.event_times.model import InvalidTime
from switchboard.events.schemas import Event
from switchboard.http.deps import Caller, EventId, Now, Running
from switchboard.http.errors import problems
from switchboard.turns.model import TurnTaken
from switchboard.users.model import UnknownTimezone

router = APIRouter(tags=["calendar"])

WRITING: tuple[type[Refusal], ...] = (
    *(NotConnected, WritingNotGranted, AccessLost, CalendarReadOnly, GoogleUnavailable),
    *(CalendarNotFound,),
)
BOOKING: tuple[type[Refusal], ...] = (
    *WRITING,
    *(TimeTaken, TurnTaken, IdReused, BookingCancelled, InvalidTime, UnknownTimezone, UnknownCalendar, EventRefused),
)
CHANGING: tuple[type[Refusal], ...] = (
    *WRITING,
    *(EventNotFound, TimeTaken, TurnTaken, NotTheOrganizer, AttendeesUnknown),
    *(InvalidTime, UnknownTimezone, EventRefused),
)
CANCELLING: tuple[type[Refusal], ...] = (*WRITING, EventNotFound, NotTheOrganizer)

Notify = Annotated[bool, Query(description="Whether Google writes to the people invited")]


@router.post(
    "/v1/me/events",
    summary="Book an event in a calendar of mine",
    status_code=201,
    responses=problems(Unauthenticated, *BOOKING),
)
async def book(caller: Caller, body: EventBooked, services: Running, now: Now) -> Event:
    return Event.of(await service.book(services, caller, body.wish(), now))


@router.patch(
    "/v1/me/events/{event_id}",
    summary="Change an event of mine, of a series this one alone",
    responses=problems(Unauthenticated, *CHANGING),
)
async def change(caller: Caller, event_id: EventId, body: EventChanged, services: Running, now: Now) -> Event:
    return Event.of(await service.change(services, caller, event_id, body.wish(), now))


@router.delete(
    "/v1/me/events/{event_id}",
    summary="Cancel an event of mine, of a series this one alone",
    status_code=204,
    responses=problems(Unauthenticated, *CANCELLING),
)
async def cancel(
    caller: Caller, event_id: EventId, services: Running, now: Now, notify_attendees: Notify = True
) -> None:
    await service.cancel(services, caller, event_id, notify_attendees, now)
