"""The background face: any number of these share the work through leases in MongoDB."""

import asyncio
import signal
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter

from switchboard.bootstrap import running
from switchboard.calendars import service as calendars
from switchboard.errors import SwitchboardError
from switchboard.services import Services
from switchboard.settings import Settings

IDLE_SECONDS = 1.0
FAILURE_SECONDS = 5.0
GRACE_SECONDS = 5.0
AT_ONCE = 4
PULLS = Counter("switchboard_pulls", "Pulls of calendars by how they ended", ("outcome",))
log = structlog.get_logger()


async def work(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Pull what is due until `stop` is set, or until SIGTERM or SIGINT when there is none.

    A pull that runs then is finished, unless it takes longer than `GRACE_SECONDS`.
    """
    stop = stop or _stopped_by_signal()
    async with running(settings) as services:
        log.info("worker.started", at_once=AT_ONCE)
        async with asyncio.TaskGroup() as group:
            pulling = [group.create_task(_pull_until(stop, services)) for _ in range(AT_ONCE)]
            await stop.wait()
            await _give_up_late(pulling)
    log.info("worker.stopped")


async def _give_up_late(pulling: list[asyncio.Task[None]]) -> None:
    """Cancel what does not end soon: it gives its lease back, and the next pull starts over from the old token."""
    _, late = await asyncio.wait(pulling, timeout=GRACE_SECONDS)
    for task in late:
        task.cancel()


async def _pull_until(stop: asyncio.Event, services: Services) -> None:
    while not stop.is_set():
        pause = await _pull_one(services)
        if pause:
            await _wait(stop, pause)


async def _pull_one(services: Services) -> float:
    """Pull one calendar; how long to wait for the next, in seconds."""
    try:
        found = await calendars.sync_due(services, datetime.now(UTC))
    except SwitchboardError as error:
        PULLS.labels(error.code).inc()
        log.warning("calendar.pull_failed", code=error.code)
        return FAILURE_SECONDS if error.code in ("unavailable", "misconfigured", "error") else 0.0
    except Exception as error:  # the one broad catch: a bug in one calendar must not stop the others
        PULLS.labels("crash").inc()
        log.exception("calendar.pull_crashed", error=type(error).__name__)
        return FAILURE_SECONDS
    if not found:
        return IDLE_SECONDS
    PULLS.labels("ok").inc()
    return 0.0


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _stopped_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
