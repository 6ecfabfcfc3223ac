"""The emulator's own time: real time plus an offset that tests may move forward."""

import time
from datetime import UTC, datetime


class Clock:
    """All times the emulator speaks of come from here."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.last_stamp = 0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move time forward; tokens, channels and quotas age accordingly."""
        self.offset += seconds

    def stamp(self) -> int:
        """A number never given before, greater than all before: twice the microseconds since 1970, as in etags."""
        self.last_stamp = max(self.last_stamp + 2, int(self.now() * 1_000_000) * 2)
        return self.last_stamp


def seconds_of(stamp: int) -> float:
    """When a stamp was given, in seconds since 1970."""
    return stamp / 2_000_000


def rfc3339_milliseconds(seconds: float) -> str:
    """`2026-03-01T08:00:00.000Z`, the form of `created` and `updated`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
