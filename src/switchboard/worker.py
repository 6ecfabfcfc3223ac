"""The background face: any number of these share the work through leases in MongoDB."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from prometheus_client import Counter, start_http_server

from switchboard.bootstrap import running
from switchboard.channels import service as channels
from switchboard.comparison import service as comparison
from switchboard.errors import Misconfigured, SwitchboardError
from switchboard.invites import service as invites
from switchboard.members import service as members
from switchboard.pulls import service as pulls
from switchboard.services import Services
from switchboard.settings import Settings, WorkerSettings
from switchboard.webhooks import service as webhooks

IDLE_SECONDS = 1.0
FAILURE_SECONDS = 5.0
GRACE_SECONDS = 5.0
CHORES = Counter("switchboard_worker_chores", "Work in the background by how it ended", ("chore", "outcome"))
log = structlog.get_logger()

NOTHING_WORKS: Final = frozenset({"unavailable", "misconfigured", "error"})
WITHOUT_PROPELAUTH: Final = NOTHING_WORKS | {"propelauth_unavailable"}
WITHOUT_GOOGLE: Final = NOTHING_WORKS | {"google_unavailable", "budget_spent", "push_address_refused"}


@dataclass(frozen=True)
class Chore:
    """Something to do again and again. `step` does one piece of it and says whether there was one.

    `rests_after` are the codes of errors after which the next piece would fail as well.
    """

    name: str
    step: Callable[[Services, datetime], Awaitable[bool]]
    rests_after: frozenset[str]
    at_once: int = 1


CHORE_LIST: Final = (
    Chore("pull_changes", pulls.sync_changes, NOTHING_WORKS, at_once=4),
    Chore("pull_calendar", pulls.sync_whole, NOTHING_WORKS, at_once=2),
    Chore("hurry_new_members", pulls.hurry_new_members, NOTHING_WORKS),
    Chore("renew_channel", channels.renew_due, WITHOUT_GOOGLE),
    Chore("act_on_webhook", webhooks.act_on_waiting, WITHOUT_PROPELAUTH),
    Chore("end_change", members.resolve_left, WITHOUT_PROPELAUTH),
    Chore("expire_invite", invites.expire_due, NOTHING_WORKS),
    Chore("compare_organization", comparison.compare_next, WITHOUT_PROPELAUTH),
    Chore("find_organizations", comparison.find_unknown, WITHOUT_PROPELAUTH),
)


async def work(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Do what is due until `stop` is set, or until SIGTERM or SIGINT when there is none.

    What runs then is finished, unless it takes longer than `GRACE_SECONDS`.
    """
    stop = stop or _stopped_by_signal()
    async with running(settings) as services:
        with _numbers_shown(settings.worker):
            await _work(services, stop)


async def _work(services: Services, stop: asyncio.Event) -> None:
    log.info("worker.started")
    async with asyncio.TaskGroup() as group:
        each = [chore for chore in CHORE_LIST for _ in range(chore.at_once)]
        repeating = [group.create_task(_repeat(chore, stop, services)) for chore in each]
        await stop.wait()
        await _give_up_late(repeating)
    log.info("worker.stopped")


@contextmanager
def _numbers_shown(settings: WorkerSettings) -> Iterator[None]:
    """The process's metrics at its own port, as a scrape reads them; nothing without a port."""
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError:
        raise Misconfigured("WORKER_METRICS_PORT is taken, or WORKER_METRICS_HOST is not this machine's.") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _give_up_late(chores: list[asyncio.Task[None]]) -> None:
    """Cancel what does not end soon: it gives its lease back, and the next pull starts over from the old token."""
    _, late = await asyncio.wait(chores, timeout=GRACE_SECONDS)
    for task in late:
        task.cancel()


async def _repeat(chore: Chore, stop: asyncio.Event, services: Services) -> None:
    while not stop.is_set():
        pause = await _do(chore, services)
        if pause:
            await _wait(stop, pause)


async def _do(chore: Chore, services: Services) -> float:
    """Do it once; how long to wait for the next time, in seconds."""
    try:
        found = await chore.step(services, datetime.now(UTC))
    except SwitchboardError as error:
        CHORES.labels(chore.name, error.code).inc()
        log.warning("worker.chore_failed", chore=chore.name, code=error.code)
        return FAILURE_SECONDS if error.code in chore.rests_after else 0.0
    except Exception as error:  # the one broad catch: a bug in one thing must not stop the others
        CHORES.labels(chore.name, "crash").inc()
        log.exception("worker.chore_crashed", chore=chore.name, error=type(error).__name__)
        return FAILURE_SECONDS
    if not found:
        return IDLE_SECONDS
    CHORES.labels(chore.name, "ok").inc()
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
