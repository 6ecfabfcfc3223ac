"""The emulators' state on disk, so that a restarted stack goes on with the tokens, people and events it had."""

import zlib
from collections.abc import Callable
from typing import Protocol

import orjson

from devstack.data_folder import DataFolder, Json, read_json, write_private
from devstack.emulator import RecordedRequest
from devstack.google import GoogleEmulator
from devstack.propelauth import PropelAuthEmulator

REMEMBERED_REQUESTS = 2000


class StateUnreadable(Exception):
    """A snapshot cannot be used; the message says what to do."""


class Emulated(Protocol):
    def snapshot(self) -> Json: ...

    def restore(self, state: Json, /) -> None: ...


class Memory:
    """`restore()` before the emulators start, `save()` whenever something may have changed."""

    def __init__(self, data: DataFolder, google: GoogleEmulator, propelauth: PropelAuthEmulator) -> None:
        self._data = data
        self._parts: dict[str, Emulated] = {"google": google, "propelauth": propelauth}
        self._forget: list[Callable[[], None]] = [
            lambda: _trim(google.emulator.requests),
            lambda: _trim(propelauth.emulator.requests),
        ]
        self._saved: dict[str, int] = {}

    def restore(self) -> bool:
        """Whether there was a state; both emulators have it then. Raises `StateUnreadable`."""
        states = {name: self._read(name) for name in self._parts}
        if not all(states.values()):
            return False
        for name, part in self._parts.items():
            try:
                part.restore(states[name] or {})
            except (KeyError, TypeError, ValueError) as error:
                raise StateUnreadable(self._sentence(name)) from error
        return True

    def save(self) -> None:
        """Write what changed. Also forgets all but the latest requests, which a long-lived stack would pile up."""
        for forget in self._forget:
            forget()
        for name, part in self._parts.items():
            content = orjson.dumps(part.snapshot())
            if self._saved.get(name) != zlib.crc32(content):
                write_private(self._data.snapshot(name), content)
                self._saved[name] = zlib.crc32(content)

    def _read(self, name: str) -> Json | None:
        try:
            return read_json(self._data.snapshot(name))
        except ValueError as error:
            raise StateUnreadable(self._sentence(name)) from error

    def _sentence(self, name: str) -> str:
        return f"{self._data.snapshot(name)} cannot be read by this version. 'scripts/dev --reset' begins anew."


def _trim(requests: list[RecordedRequest]) -> None:
    del requests[:-REMEMBERED_REQUESTS]
