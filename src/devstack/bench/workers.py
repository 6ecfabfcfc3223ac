"""Worker processes that are killed and frozen now and then."""

import asyncio
import random
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from devstack.processes import Child, start_child

FREEZES = 0.25  # of the disturbances, where freezing is wanted
LAST_LINES = 5


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

    async def disturb(self, every: float, freeze: float, chosen: random.Random) -> None:
        """Without end: about every so many seconds kill one with SIGKILL and start another for it. Later on some are
        stopped instead, for `freeze` seconds (0: never), which is longer than their leases last.
        """
        while True:
            await asyncio.sleep(every * chosen.uniform(0.5, 1.5))
            number = chosen.randrange(len(self.running))
            if number in self.frozen:
                continue
            if freeze and self.kills and not self.frozen and chosen.random() < FREEZES:
                self.frozen[number] = asyncio.create_task(self._freeze(number, freeze))
            else:
                await self._replace(number, chosen.uniform(0, 1))

    async def _freeze(self, number: int, seconds: float) -> None:
        child = self.running[number]
        child.send_signal(signal.SIGSTOP)
        self.freezes += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            child.send_signal(signal.SIGCONT)
            self.frozen.pop(number, None)

    async def _replace(self, number: int, pause: float) -> None:
        child = self.running[number]
        self._look(child)
        child.kill()
        self.kills += 1
        await asyncio.to_thread(child.wait, 10)
        await asyncio.sleep(pause)
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
        for child in self.running:
            try:
                await asyncio.to_thread(child.wait, 15)
            except TimeoutError:
                child.kill()

    def crashes(self) -> list[str]:
        """What their logs tell of bugs, and who ended without being told to."""
        lines = [line for log in self.logs for line in log.read_text("utf-8", "replace").splitlines()]
        return self.fallen + [line for line in lines if "worker.chore_crashed" in line or "Traceback" in line]
