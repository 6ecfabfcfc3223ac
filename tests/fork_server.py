"""Commands as processes of their own, forked from one that has loaded everything already.

A Python that starts anew takes a second of a core before it does anything, and the tests start hundreds. What is forked
is a process like any other: with its own id, folder, environment, signals, output and exit code. Tests of starting
itself start `python -m switchboard`.

Between the server and each process stands its guard, which tells the exit code, and kills the process when whoever
started it is gone.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from pymongo.asynchronous import monitor as asynchronous
from pymongo.synchronous import monitor as synchronous

ROOT: Final = Path(__file__).resolve().parents[1]
LOADED: Final = (
    *("switchboard.app", "switchboard.bootstrap", "switchboard.cli", "switchboard.worker"),
    *("uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl", "uvicorn.protocols.websockets.auto", "uvloop"),
    *("rich.markdown", "typer.rich_utils"),
)
NUMBER: Final = struct.Struct("!i")

Files = tuple[IO[bytes], IO[bytes]]  # standard output and standard error


class Forked:
    """A started process; what tests use of `subprocess.Popen`, and of asyncio's."""

    def __init__(self, pid: int, guard: socket.socket, said: Files | None) -> None:
        self.pid = pid
        self._guard = guard
        self._said = said
        self._code: int | None = None
        self._lock = threading.Lock()

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        """The exit code, or -N for a signal, once it has ended."""
        with self._lock:
            if self._code is None and select.select([self._guard], [], [], 0)[0]:
                with self._guard:
                    self._code = self._told()
            return self._code

    def _told(self) -> int:
        try:
            return _number(self._guard)
        except RuntimeError:  # nobody else would end it now
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            raise

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
            time.sleep(0.01)
        return code

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it said, once it has ended; nothing when there is a log, and when it was told already."""
        while self.poll() is None:  # noqa: ASYNC110  (the guard's socket may be read by one at a time)
            await asyncio.sleep(0.005)
        said, self._said = self._said, None
        return (b"", b"") if said is None else (_all_of(said[0]), _all_of(said[1]))

    def let_go(self) -> None:
        """Close the guard's socket; the guard then kills the process."""
        self._guard.close()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(program: list[str], *, variables: Mapping[str, str], folder: Path, log: Path | None = None) -> Forked:
    """Start a module with arguments, as `python -m` does; without a log, `communicate()` tells what it said."""
    if log is not None:
        with log.open("wb") as told:
            return Forked(*_server().fork(program, variables, folder, (told, told)), None)
    said = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
    return Forked(*_server().fork(program, variables, folder, said), said)


class _Server:
    """The process that forks, as seen from the one that asks it to."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        self._process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], process_group=0
        )
        theirs.close()
        self._owner = os.getpid()

    def fork(
        self, program: list[str], variables: Mapping[str, str], folder: Path, files: Files
    ) -> tuple[int, socket.socket]:
        """The id of the new process, and its guard's socket."""
        order = json.dumps([program, dict(variables), str(folder)]).encode()
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            socket.send_fds(
                self._ours, [NUMBER.pack(len(order))], [theirs.fileno(), *(each.fileno() for each in files)]
            )
            self._ours.sendall(order)
        return _number(ours), ours

    @property
    def is_ours(self) -> bool:
        """Whether it runs, and was not inherited by a fork of this process."""
        return self._owner == os.getpid() and self._process.poll() is None

    def end(self) -> None:
        self._ours.close()
        self._process.wait(20)


_started: list[_Server] = []
_starting = threading.Lock()


def _server() -> _Server:
    with _starting:
        if not _started or not _started[0].is_ours:
            _started[:] = [_Server()]
            atexit.register(_started[0].end)
        return _started[0]


def _number(told: socket.socket) -> int:
    got = told.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(got) < NUMBER.size:
        raise RuntimeError("the fork server or a guard ended unexpectedly; see the output above")
    number: int = NUMBER.unpack(got)[0]
    return number


def _all_of(file: IO[bytes]) -> bytes:
    with file:
        file.seek(0)
        return file.read()


def _served(orders: socket.socket) -> list[str]:
    """Fork until nobody can ask any more. Comes back in each process that was forked, with what it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guards
    while True:
        size, files, _, _ = socket.recv_fds(orders, NUMBER.size, 3)
        if not size:
            os._exit(0)
        program, variables, folder = json.loads(orders.recv(NUMBER.unpack(size)[0], socket.MSG_WAITALL))
        if os.fork() == 0:
            orders.close()
            _fork_and_guard(socket.socket(fileno=files[0]))
            _settle(variables, folder, *files[1:])
            return list(program)
        for each in files:
            os.close(each)


def _fork_and_guard(asking: socket.socket) -> None:
    """Comes back in the forked process; the other one stays here and guards it."""
    ended, tells = socket.socketpair()
    tells.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tells.fileno())
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for each in (ended, tells, asking):
            each.close()
        return
    with suppress(OSError):  # whichever of the two comes first
        os.setpgid(pid, pid)
    asking.sendall(NUMBER.pack(pid))
    while (status := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if asking in select.select([ended, asking], [], [])[0]:  # it never says more: it is gone
            os.killpg(pid, signal.SIGKILL)
            os._exit(0)
        ended.recv(64)
    with suppress(OSError):
        asking.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status[1])))
    os._exit(0)


def _settle(variables: dict[str, str], folder: str, out: int, err: int) -> None:
    """Make the forked process look freshly started: folder, environment, signals, output."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may have it ignored
    for given, number in ((out, 1), (err, 2)):
        os.dup2(given, number)
        os.close(given)
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.stderr.reconfigure(line_buffering=True)


def _load() -> None:
    gc.disable()
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    _load()
    module, *sys.argv[1:] = _served(socket.socket(fileno=int(sys.argv[1])))
    for monitor in (synchronous, asynchronous):  # half a second for daemon threads that sleep
        atexit.unregister(monitor._shutdown_resources)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
