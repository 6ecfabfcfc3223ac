"""What a stack keeps between two starts, in one folder that only its owner can read."""

import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
DEFAULT = Path(__file__).resolve().parents[2] / ".data"
LOGS = ("api.log", "worker.log", "devstack.log")


class DataFolder:
    """`snapshot(name)` are the emulators', `description` says what runs, `choices` what must stay the same."""

    def __init__(self, path: Path = DEFAULT) -> None:
        self.path = path.resolve()
        self.mongod = self.path / "mongod"
        self.description = self.path / "devstack.json"
        self.choices = self.path / "choices.json"
        self.service_key = self.path / "service-key.json"
        self._pid = self.path / "devstack.pid"
        self._held: int | None = None

    def snapshot(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"

    def hold(self) -> bool:
        """Make the folder this process's own until `release` or its end; False while another stack has it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._pid, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locked(file, patience=0.5):
            os.close(file)
            return False
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._held = file
        return True

    def release(self) -> None:
        if self._held is not None:
            os.truncate(self._held, 0)  # not unlinked: who waits for the lock would get that of a file nobody sees
            os.close(self._held)
            self._held = None

    def holder(self) -> int | None:
        """The process id of the stack that has this folder. The lock proves that the id is not somebody else's."""
        if not self._pid.exists():
            return None
        with self._pid.open("r") as file:
            if _locked(file.fileno(), patience=0.0):
                return None
            text = file.read().strip()
        return int(text) if text.isdigit() else None

    def stop_holder(self, patience: float) -> bool:
        """End the stack that has this folder, in order, and wait until it is gone; False if it is still there."""
        pid = self.holder()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.holder() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.holder() is None

    def described(self) -> Json | None:
        """What the stack that has this folder says of itself, once it is ready."""
        description = read_json(self.description)
        return description if description and description.get("pid") == self.holder() else None

    def clear(self) -> None:
        """Remove what a stack has put here, and nothing else; the folder too if nothing else is in it."""
        shutil.rmtree(self.mongod, ignore_errors=True)
        for name in ("propelauth.json", "google.json", "choices.json", "service-key.json", "devstack.json", *LOGS):
            (self.path / name).unlink(missing_ok=True)
        self._pid.unlink(missing_ok=True)
        self.release()
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def read_json(path: Path) -> Json | None:
    """None when there is no such file; ValueError when it is no JSON object."""
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; nobody but its owner can read it, at no moment."""
    half = path.with_name(f".{path.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    half.replace(path)


def _locked(file: int, patience: float) -> bool:
    """Patience, because somebody who looks who holds a lock has it for a moment."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True
