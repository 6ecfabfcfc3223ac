"""Running long work: who works is decided by one write, and whoever comes after a crash goes on where it stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import structlog

from switchboard.errors import SwitchboardError, Unavailable
from switchboard.runs.documents import BeforeImagesDocument, RunDocument, is_back, take_back, would_go_back
from switchboard.runs.model import (
    HEARTBEAT_SECONDS,
    LEASE,
    AlreadyOver,
    Clock,
    Image,
    NothingToUndo,
    Run,
    RunLost,
    RunNotFound,
    Undone,
    this_process,
)

POLL_SECONDS: Final = 0.25
log = structlog.get_logger()


@dataclass
class Work:
    """A run in the hands of this process."""

    run: Run
    clock: Clock

    async def keep(self, of: str, images: Sequence[Image]) -> None:
        """Keep before-images of documents of a collection: before they are changed."""
        number = await BeforeImagesDocument.add(self.run, of, images, self.clock())
        if number:
            await self.set(packs=self.run.packs + number)

    async def checkpoint(self, position: Any, **counted: int) -> None:
        """Everything up to this position is done, and these more were counted. Raises `RunLost`."""
        counts = {**self.run.counts}
        for name, number in counted.items():
            counts[name] = counts.get(name, 0) + number
        await self.set(position=position, counts=counts)

    async def beat(self) -> None:
        """Say that this process is alive. Raises `RunLost`."""
        await self.set()

    async def set(self, **fields: Any) -> None:
        """Set fields of the run. Raises `RunLost`."""
        now = self.clock()
        said = {"leased_until": now + LEASE, "updated_at": now, **fields}
        if not await RunDocument.set_by_holder(self.run, said):
            raise RunLost
        self.run = self.run.model_copy(update=said)


@asynccontextmanager
async def begun(name: str, arguments: Mapping[str, Any], clock: Clock, *, wait: float = 0) -> AsyncIterator[Work]:
    """Begin a run of this name, or go on with the one that was not finished; done once the block ends without an error.

    Whatever ends the block early leaves a run that the next start goes on with, unless nothing was done yet. Waits up
    to `wait` seconds for one that is under way. Raises `RunUnderWay`, `OtherOptions`, and `RunLost` in the middle of
    the block when another process took the run over.
    """
    await RunDocument.prepare()
    work = Work(await _taken(name, arguments, clock, wait), clock)
    heart = asyncio.create_task(_beat(work, asyncio.current_task()))
    finished = False
    try:
        yield work
        finished = True
    except asyncio.CancelledError:
        if heart.done():  # the cancelling was its own
            raise RunLost from None
        raise
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
        with suppress(RunLost, Unavailable):
            await _end(work, finished=finished)


async def undo(run_id: str, clock: Clock, progress: Callable[[int], None], *, dry_run: bool = False) -> Undone:
    """Put back what a run changed, the last change first; what others changed since stays. May be repeated.

    Raises `RunNotFound`, `RunUnderWay`, `NothingToUndo`, `StandsAgainst`.
    """
    run = await found(run_id)
    _check_idle(run, clock())
    if not await BeforeImagesDocument.count(run_id):
        raise NothingToUndo
    if run.open and not dry_run:  # from here on nobody goes on with it
        run = await abandon(run_id, clock)
        if run.open:  # somebody has just done so
            raise run.under_way()
    undone = Undone()
    async for of, images in BeforeImagesDocument.backwards(run_id):
        for image in images:
            restored = await (would_go_back(of, image) if dry_run else take_back(of, image))
            already = not restored and await is_back(of, image)
            undone.restored += restored
            undone.already_back += already
            undone.changed_since += not restored and not already
        progress(1)
    if not dry_run:
        await RunDocument.close(run_id, ("done", "abandoned"), "undone", clock())
    return undone


async def abandon(run_id: str, clock: Clock) -> Run:
    """Give up a run that was not finished. Raises `RunNotFound`, `AlreadyOver`, `RunUnderWay`."""
    run = await found(run_id)
    if not run.open:
        raise AlreadyOver(f"This run is {run.state} already: there is nothing to give up.")
    _check_idle(run, clock())
    await RunDocument.close(run_id, ("running", "stopped"), "abandoned", clock())
    return await found(run_id)


async def forget(run_id: str) -> None:
    """Remove the before-images of a run: it cannot be taken back any more. Raises `RunNotFound`."""
    await found(run_id)
    await BeforeImagesDocument.forget(run_id)


async def found(run_id: str) -> Run:
    """The run; raises `RunNotFound`."""
    run = await RunDocument.find(run_id)
    if run is None:
        raise RunNotFound
    return run


async def newest(limit: int = 50) -> list[Run]:
    """Runs, the newest first."""
    return await RunDocument.newest(limit)


def _check_idle(run: Run, now: datetime) -> None:
    if run.held(now):
        raise run.under_way()


async def _taken(name: str, arguments: Mapping[str, Any], clock: Clock, wait: float) -> Run:
    began = asyncio.get_running_loop().time()
    while True:
        now = clock()
        new = _new(name, arguments, now)
        if await RunDocument.add(new):
            return new
        open_one = await RunDocument.opened(name)
        if open_one is None:
            continue
        if not open_one.held(now):
            if open_one.untouched:
                await RunDocument.close(open_one.run_id, ("running", "stopped"), "abandoned", now)
                continue
            open_one.check_options(arguments)
            taken = await RunDocument.take(open_one, this_process(), now)
            if taken is not None:
                return taken
        elif asyncio.get_running_loop().time() - began >= wait:
            raise open_one.under_way()
        await asyncio.sleep(POLL_SECONDS)


def _new(name: str, arguments: Mapping[str, Any], now: datetime) -> Run:
    return Run(
        run_id=uuid4().hex,
        name=name,
        arguments=dict(arguments),
        holder=this_process(),
        leased_until=now + LEASE,
        begun_at=now,
        updated_at=now,
    )


async def _end(work: Work, *, finished: bool) -> None:
    now = work.clock()
    over: dict[str, Any] = {"state": "stopped"}
    if finished or work.run.untouched:
        over = {"state": "done" if finished else "abandoned", "open": False, "ended_at": now}
    await work.set(**over, leased_until=now)


async def _beat(work: Work, worker: "asyncio.Task[Any] | None") -> None:
    """Keep the lease; end the work when it is lost."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        try:
            await work.beat()
        except RunLost:
            log.warning("run.lost", name=work.run.name, run_id=work.run.run_id)
            if worker is not None:
                worker.cancel()
            return
        except SwitchboardError as error:  # the next beat may get through before the lease ends
            log.warning("run.heartbeat_missed", code=error.code)
