import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request

from switchboard.changes import service
from switchboard.changes.model import FeedExpired
from switchboard.changes.schemas import ChangeFeed, FeedQuery
from switchboard.errors import Unauthenticated
from switchboard.http.deps import ServiceCaller
from switchboard.http.errors import problems
from switchboard.http.paging import InvalidCursor
from switchboard.services import MissingScope


@asynccontextmanager
async def _told_when_it_ends(app: FastAPI) -> AsyncIterator[None]:
    """Note that the process is asked to end: the server tells the application only after the last answer."""
    app.state.ending = False
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, frame: FrameType | None) -> None:
        app.state.ending = True
        server = before[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    if threading.current_thread() is not threading.main_thread():
        before.clear()
    for number, server in before.items():
        if callable(server):
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, server in before.items():
            signal.signal(number, server)


router = APIRouter(prefix="/internal/v1", tags=["internal"], lifespan=_told_when_it_ends)


@router.get(
    "/changes",
    summary="Changes of agents; waits for the next one",
    responses=problems(Unauthenticated, MissingScope, InvalidCursor, FeedExpired),
)
async def read(caller: ServiceCaller, query: Annotated[FeedQuery, Query()], request: Request) -> ChangeFeed:
    async def gone() -> bool:
        return request.app.state.ending or await request.is_disconnected()

    return ChangeFeed.of(*await service.read(caller, query.asked(), gone))
