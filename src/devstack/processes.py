"""Children that do not outlive this process, even when it is killed with SIGKILL."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

_WRAPPER = Path(__file__).with_name("die_with_parent.py")

Child = subprocess.Popen[bytes]


class _Forker:
    """A thread that starts processes and lives as long as this process.

    PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process: a child started from a worker thread
    (asyncio.to_thread, a test's thread) would die with that thread. Daemon, so that it never holds up the exit.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Callable[[], Child], Future[Child]]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="forker", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False in a process forked from ours: threads are not inherited."""
        return self._thread.is_alive()

    def run(self, start: Callable[[], Child]) -> Child:
        future: Future[Child] = Future()
        self._orders.put((start, future))
        return future.result()

    def _work(self) -> None:
        while True:
            start, future = self._orders.get()
            try:
                future.set_result(start())
            except (OSError, ValueError) as error:
                future.set_exception(error)


_forker: _Forker | None = None
_lock = threading.Lock()


def _the_forker() -> _Forker:
    global _forker
    with _lock:
        if _forker is None or not _forker.alive:
            _forker = _Forker()
        return _forker


def start_child(command: list[str], *, log: Path | None = None, variables: Mapping[str, str] | None = None) -> Child:
    """Start `command` with no input, in its own process group (Ctrl-C in the terminal does not reach it).

    What it says goes to `log`, which begins anew, or nowhere. With a `log` the child works in the log's folder, where
    no .env of the project reaches it. On Linux the kernel kills it when this process ends; elsewhere it has to be
    stopped.
    """
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", str(_WRAPPER), str(os.getpid()), *command]

    def start() -> Child:
        nothing = subprocess.DEVNULL
        if log is None:
            return subprocess.Popen(  # noqa: S603
                command, stdin=nothing, stdout=nothing, stderr=nothing, env=variables, process_group=0
            )
        with log.open("wb") as told:
            return subprocess.Popen(  # noqa: S603
                command, stdin=nothing, stdout=told, stderr=told, env=variables, cwd=log.parent, process_group=0
            )

    return _the_forker().run(start)
