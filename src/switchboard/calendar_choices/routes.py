from fastapi import APIRouter

from switchboard.calendar_choices import service
from switchboard.calendar_choices.schemas import CalendarChoices, CalendarList
from switchboard.calendars.model import UnknownCalendar
from switchboard.clients.google_errors import AccessLost
from switchboard.connections.model import NotConnected
from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems

router = APIRouter(tags=["calendar"])


@router.get(
    "/v1/me/calendars",
    summary="The calendars Google shows me, and which of them are here",
    responses=problems(Unauthenticated, NotConnected, AccessLost),
)
async def offered(caller: Caller, services: Running, now: Now) -> CalendarList:
    return CalendarList.of(await service.offered(services, caller, now))


@router.put(
    "/v1/me/calendars",
    summary="Choose which calendars to have here beside my own",
    responses=problems(Unauthenticated, NotConnected, AccessLost, UnknownCalendar),
)
async def choose(caller: Caller, body: CalendarChoices, services: Running, now: Now) -> CalendarList:
    return CalendarList.of(await service.choose(services, caller, body.choices(), now))
