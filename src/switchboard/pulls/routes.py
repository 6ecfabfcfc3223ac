from fastapi import APIRouter

from switchboard.calendars.model import SyncRunning
from switchboard.calendars.schemas import CalendarState
from switchboard.clients.google_errors import AccessLost, CalendarNotFound
from switchboard.connections.model import NotConnected
from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems
from switchboard.pulls import service

router = APIRouter(tags=["calendar"])


@router.post(
    "/v1/me/calendar/sync",
    summary="Pull my calendar from Google now",
    responses=problems(Unauthenticated, NotConnected, SyncRunning, AccessLost, CalendarNotFound),
)
async def sync(caller: Caller, services: Running, now: Now) -> CalendarState:
    return CalendarState.of(await service.sync(services, caller, now))
