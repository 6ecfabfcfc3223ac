"""Worker processes that are killed and frozen now and then, and an API process beside them that is not."""

import asyncio
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired

import aiohttp

from devstack.processes import Child, start_child

READY_SECONDS, STOP_SECONDS = 60, 15
FREEZES = 4  # one in so many disturbances, the second first


@dataclass
class Workers:
    """Started with `start`, ended with `stop`; `program` is what `python -m` runs. Only these are ever signalled."""

    program: tuple[str, ...]
    variables: dict[str, str]
    folder: Path
    kills: int = 0
    freezes: int = 0
    fallen: list[str] = field(default_factory=list)
    running: list[Child] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    frozen: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, count: int) -> None:
        self.running = [self._started() for _ in range(count)]

    def _started(self) -> Child:
        log = self.folder / f"worker-{len(self.logs)}.log"
        self.logs.append(log)
        return start_child([sys.executable, "-m", *self.program], log=log, variables=self.variables)

    async def disturb(self, seconds: float, every: float, freeze: float, chosen: random.Random) -> None:
        """For so many seconds, about `every` so many kill one with SIGKILL and start another for it. One in four is
        stopped instead, for `freeze` seconds (0: never), which is longer than its leases last.
        """
        ends, turn = time.monotonic() + seconds, 0
        while (pause := every * chosen.uniform(0.5, 1.5)) < ends - time.monotonic():
            await asyncio.sleep(pause)
            turn, number = turn + 1, chosen.randrange(len(self.running))
            if number in self.frozen:
                continue
            if freeze and not self.frozen and turn % FREEZES == 2:
                self.frozen[number] = asyncio.create_task(self._freeze(number, freeze))
            else:
                await self._replace(number)

    async def _freeze(self, number: int, seconds: float) -> None:
        child = self.running[number]
        child.send_signal(signal.SIGSTOP)
        self.freezes += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            child.send_signal(signal.SIGCONT)
            self.frozen.pop(number, None)

    async def _replace(self, number: int) -> None:
        child = self.running[number]
        self._look(child)
        child.kill()
        self.kills += 1
        await asyncio.to_thread(child.wait, 10)
        self.running[number] = self._started()

    def _look(self, child: Child) -> None:
        """Note one that ended without being told to."""
        if child.poll() is not None:
            self.fallen.append(f"a worker ended with {child.returncode}")

    async def thaw(self) -> None:
        for task in list(self.frozen.values()):
            task.cancel()
            await asyncio.wait({task})

    async def stop(self) -> None:
        """End them as an operator does; one that does not listen is killed."""
        await self.thaw()
        for child in self.running:
            self._look(child)
            child.terminate()
        ended = [await _ended(child) for child in self.running]
        self.fallen += ["a worker did not end when told to"] * ended.count(False)
        self.running = []

    def crashes(self) -> list[str]:
        """What their logs tell of bugs, and who ended without being told to."""
        lines = [line for log in self.logs for line in log.read_text("utf-8", "replace").splitlines()]
        return self.fallen + [line for line in lines if "worker.chore_crashed" in line or "Traceback" in line]


async def _ended(child: Child) -> bool:
    """Whether one that was told to end did so; else it is killed."""
    try:
        await asyncio.to_thread(child.wait, STOP_SECONDS)
    except TimeoutExpired:
        child.kill()
        await asyncio.to_thread(child.wait, STOP_SECONDS)
        return False
    return True


@asynccontextmanager
async def serving(variables: dict[str, str], folder: Path) -> AsyncIterator[None]:
    """An API process at SERVER_PORT, once it answers."""
    program = [sys.executable, "-m", "switchboard", "serve"]
    child = start_child(program, log=folder / "api.log", variables=variables)
    try:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as http:
            while not await _answers(http, f"http://127.0.0.1:{variables['SERVER_PORT']}/health/live"):
                if child.poll() is not None:
                    raise RuntimeError(f"the API ended with {child.returncode}")
                await asyncio.sleep(0.1)
        yield
    finally:
        child.terminate()
        await _ended(child)


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as response:
            return response.status < 500
    except aiohttp.ClientError:
        return False
