"""A calendar, how its pull stands, and what is due for it.

Rules are numbered as in facts/google-calendar.md section 2.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field

from switchboard.annotations import SECRET, Reference
from switchboard.connections.model import Connection
from switchboard.errors import Conflict, Invalid
from switchboard.events.model import CalendarEvent, Owner, Position, Window, digest
from switchboard.settings import CalendarSettings
from switchboard.users.model import UserToken

QUERY_VERSION: Final = 3  # raised whenever the query or the shape of events changes: then everything is pulled anew
WHOLE_LIFETIME: Final = timedelta(days=7)  # after which everything is pulled once more, whatever tokens say
NIGHT: Final = (time(1), timedelta(hours=4))  # when windows are rolled: begin, in the calendar's zone, and length
LONGEST_BACKOFF_SECONDS: Final = 6 * 3600

Status = Literal["new", "synced", "failing", "access_lost", "gone", "disconnected"]
Stage = Literal["everything", "roll", "changes"]
Lane = Literal["whole", "changes"]


class SyncRunning(Conflict):
    code = "sync_running"
    message = "This calendar is being pulled right now. Look again in a moment."


class LeaseLost(Conflict):
    code = "lease_lost"
    message = "Another worker took over the pull of this calendar."


class UnknownCalendar(Invalid):
    code = "unknown_calendar"
    message = "Google does not show you one of these calendars. GET /v1/me/calendars lists those it does."


def _status(value: object) -> object:
    """One that a newer version knows and this one does not counts as not pulled yet."""
    return value if value in get_args(Status) else "new"


class Calendar(BaseModel):
    """A calendar that a person chose, and the state of its pull. `fence` grows with every lease.

    `primary` is the person's own. `busy` says whether its events take the person's time. `org_ids` are the
    organizations that its stored events are found under. `lane` keeps long pulls from holding up short ones.
    Google tells of changes until `watched_until`; at `watch_at` that is seen to.
    """

    calendar_id: str
    user_id: Annotated[str, Reference("User", "cascade")]
    primary: bool = True
    google_calendar_id: str | None = None
    name: str | None = None
    busy: bool = True
    org_ids: Annotated[list[str], Reference("Organization", "keep")] = []
    timezone: str = "UTC"
    status: Annotated[Status, BeforeValidator(_status)] = "new"
    stage: Stage | None = None
    reason: str | None = None
    sync_token: Annotated[str | None, SECRET] = Field(default=None, repr=False)
    query_version: int = 0
    window_start: datetime | None = None
    window_end: datetime | None = None
    window_set_at: datetime | None = None
    roll_at: datetime | None = None
    last_success_at: datetime | None = None
    next_sync_at: datetime | None = None
    pause_seconds: float = 0
    quiet_count: int = 0
    failure_count: int = 0
    watched_until: datetime | None = None
    watch_at: datetime | None = None
    fence: int = 0

    @property
    def owner(self) -> Owner:
        return Owner(self.user_id, self.calendar_id, self.org_ids)

    def due_stage(self, now: datetime, limits: CalendarSettings) -> Stage:
        """What to pull: everything where no token of this query is kept (rule 6), where that was a week ago, or where
        the window begins earlier than it did; what comes into the window at night; or only the changes.

        A token never brings unchanged instances that slide into the window (section 2, mode E).
        """
        window = self.window
        if window is None or not self.sync_token or self.query_version != QUERY_VERSION or self.window_set_at is None:
            return "everything"
        wanted = new_window(now, limits)
        if now - self.window_set_at >= WHOLE_LIFETIME or not window.start <= wanted.start < window.end:
            return "everything"
        early = self.roll_at is not None and now < self.roll_at
        return "changes" if early or wanted.end <= window.end else "roll"

    def needs_its_id(self) -> bool:
        """Whether to ask whose calendar the grant reads: at first, and where it may be another account's by now."""
        return self.primary and (self.google_calendar_id is None or self.status not in ("synced", "failing"))

    @property
    def window(self) -> Window | None:
        """The time that events are kept for; None before the first whole pull."""
        if self.window_start is None or self.window_end is None:
            return None
        return Window(self.window_start, self.window_end)

    @property
    def coverage(self) -> Window | None:
        """The time its events are known for: none before a pull brought them, or when something ended that."""
        return self.window if self.status in ("synced", "failing") else None

    def stale(self, now: datetime, after_seconds: int) -> bool:
        """Whether the last good pull is too long ago: longer than set, and than two of the pauses it was given."""
        trusted = timedelta(seconds=max(after_seconds, 2 * self.pause_seconds))
        return self.last_success_at is None or now - self.last_success_at > trusted

    def newly_granted(self, connection: Connection, token: UserToken) -> bool:
        """Whether access was lost with another grant than the person has now: a sign-in elsewhere brought it."""
        lost = self.status == "access_lost" and connection.lost_fingerprint is not None
        return lost and not connection.lost(token)

    def succeeded(self, *, changed: bool, now: datetime, limits: CalendarSettings) -> dict[str, Any]:
        """What a good pull sets. Without a change the pause doubles, up to the longest there is."""
        quiet = 0 if changed else self.quiet_count + 1
        pause = self._pause(quiet, now, limits)
        done = {"status": "synced", "stage": None, "reason": None, "lane": "changes"}
        counts = {"failure_count": 0, "quiet_count": quiet, "pause_seconds": pause}
        return {**done, **counts, "last_success_at": now, "next_sync_at": now + timedelta(seconds=pause)}

    def _pause(self, quiet: int, now: datetime, limits: CalendarSettings) -> float:
        """In seconds, never the same for all (rule 53). While Google tells of changes, asking is only the backstop."""
        watched = self.watched_until is not None and self.watched_until > now
        longest = limits.watched_poll_seconds if watched else limits.longest_poll_seconds
        pause = longest if watched else min(limits.poll_seconds * 2 ** min(quiet, 16), longest)
        return max(pause, limits.poll_seconds) * random.uniform(0.8, 1.2)  # noqa: S311

    def failed(self, reason: str, now: datetime) -> dict[str, Any]:
        """What a failed pull sets: the reason in words, and a pause that grows with every failure in a row."""
        again = now + self.pause_after_failure()
        counts = {"failure_count": self.failure_count + 1, "next_sync_at": again}
        return {"status": "failing", "stage": None, "reason": reason, **counts}

    def pause_after_failure(self) -> timedelta:
        """One minute doubled with every failure in a row, six hours at most, never the same for all (rule 53)."""
        seconds = min(60 * 2 ** min(self.failure_count, 16), LONGEST_BACKOFF_SECONDS)
        return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311


def new_window(now: datetime, limits: CalendarSettings) -> Window:
    """Whole days around now, so that the instants of one day ask for the same."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=limits.past_days), today + timedelta(days=limits.future_days + 1))


def next_night(now: datetime, timezone: str) -> datetime:
    """Some moment of the calendar's next night, in UTC: what is done then by all is spread over four hours."""
    begin, length = NIGHT
    local = now.astimezone(ZoneInfo(timezone))
    tonight = datetime.combine(local.date() + timedelta(days=1), begin, local.tzinfo)
    return (tonight + random.random() * length).astimezone(UTC)  # noqa: S311


def primary_calendar_id(user_id: str) -> str:
    """Our id of a person's own calendar."""
    return digest(user_id, "primary")


def calendar_id_of(user_id: str, google_calendar_id: str) -> str:
    """Our id of another calendar that a person chose."""
    return digest(user_id, "calendar", google_calendar_id)


@dataclass(frozen=True)
class Overview:
    """A connection with the state of its calendar; either may not be there yet. `others` were chosen beside it."""

    connection: Connection | None
    calendar: Calendar | None
    stale: bool
    others: tuple[Calendar, ...] = ()


@dataclass(frozen=True)
class Events:
    """A page of events with where to go on, and how far they can be trusted."""

    events: list[CalendarEvent]
    after: Position | None
    overview: Overview


class StatusLine(NamedTuple):
    """Calendars that stand the same: how many, and of them pulled right now, watched by push channels, and due."""

    status: str
    reason: str | None
    calendars: int
    leased: int
    watched: int
    due: int
    due_since: datetime | None


class Standing(NamedTuple):
    """How all calendars stand, and for how many seconds the one that waits longest has been due."""

    lines: list[StatusLine]
    late_seconds: float

    @classmethod
    def of(cls, lines: list[StatusLine], now: datetime) -> "Standing":
        late = [(now - line.due_since).total_seconds() for line in lines if line.due_since]
        return cls(lines, max(late, default=0.0))
