"""`switchboard worker` in a hurry: its leases and pauses last a second or two, where they last a minute otherwise.

It pulls all the time: whenever it is killed or frozen, it is in the middle of something.
"""

from datetime import timedelta
from typing import Any, Final

from switchboard import worker
from switchboard.calendars import documents as calendars
from switchboard.calendars.model import Calendar
from switchboard.cli import cli
from switchboard.clients import google
from switchboard.clients.google_errors import Retries
from switchboard.connections import documents as connections
from switchboard.connections import service

LEASE_SECONDS: Final = 2.0
QUICKER: Final = 60
pause_after_failure, after_success = Calendar.pause_after_failure, Calendar.succeeded


class Quicker(Retries):
    def __init__(self, backoff: float) -> None:
        super().__init__(backoff / QUICKER)


def succeeded(calendar: Calendar, **happened: Any) -> dict[str, Any]:
    return {**after_success(calendar, **happened), "next_sync_at": happened["now"]}


def pause(calendar: Calendar) -> timedelta:
    return min(pause_after_failure(calendar), timedelta(minutes=1)) / QUICKER


def hurry() -> None:
    calendars.LEASE_SECONDS = LEASE_SECONDS
    connections.LEASE_MILLISECONDS, service.REFRESH_SECONDS = int(LEASE_SECONDS * 1000), LEASE_SECONDS * 0.8
    worker.IDLE_SECONDS, worker.FAILURE_SECONDS = 0.1, 0.2
    Calendar.pause_after_failure, Calendar.succeeded = pause, succeeded  # type: ignore[method-assign]
    google.Retries = Quicker  # type: ignore[misc]


if __name__ == "__main__":
    hurry()
    cli(["worker"])
