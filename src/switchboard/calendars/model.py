"""A calendar and how its pull stands; an event, and what Google's items mean for the stored ones.

Rules are numbered as in facts/google-calendar.md section 2.
"""

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, Field

from switchboard.clients.google_events import read_event
from switchboard.connections.model import Connection, NotConnected
from switchboard.errors import Conflict, Forbidden, Invalid
from switchboard.users.model import UserToken

QUERY_VERSION: Final = 2  # raised whenever the query or the shape of events changes: then everything is pulled anew
WINDOW_LIFETIME: Final = timedelta(days=1)
LONG: Final = timedelta(hours=24)
LONGEST_RANGE: Final = timedelta(days=366)
FIRST_YEAR, LAST_YEAR = 1970, 2100
LONGEST_BACKOFF_SECONDS: Final = 6 * 3600

# Either of these creates events (discovery document, events.insert).
WRITING_SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.events",
)

Status = Literal["new", "synced", "failing", "access_lost", "gone", "disconnected"]


class SyncRunning(Conflict):
    code = "sync_running"
    message = "This calendar is being pulled right now. Look again in a moment."


class LeaseLost(Conflict):
    code = "lease_lost"
    message = "Another worker took over the pull of this calendar."


class InvalidRange(Invalid):
    code = "invalid_range"
    message = "Ask for a range from 1970 to 2100 that ends after it begins and is at most 366 days long."


class WritingNotGranted(Forbidden):
    code = "calendar_writing_not_granted"
    message = "Your consent at Google lets us read your calendar, but not create events. Connect it again."


class InvalidEvent(Invalid):
    code = "invalid_event"
    message = 'The start and the end of an event are objects such as {"dateTime": "2026-11-23T10:00:00"}.'


class Window(NamedTuple):
    """The time that events are kept for; both ends in UTC."""

    start: datetime
    end: datetime

    def holds(self, start: datetime, end: datetime) -> bool:
        """Google's own rule: it ends after the window begins and begins before the window ends."""
        return end > self.start and start < self.end


def _status(value: object) -> object:
    """One that a newer version knows and this one does not counts as not pulled yet."""
    return value if value in get_args(Status) else "new"


class Calendar(BaseModel):
    """A calendar of a person and the state of its pull. `fence` grows with every lease."""

    calendar_id: str
    user_id: str
    google_calendar_id: str | None = None
    timezone: str = "UTC"
    status: Annotated[Status, BeforeValidator(_status)] = "new"
    reason: str | None = None
    sync_token: str | None = Field(default=None, repr=False)
    query_version: int = 0
    window_start: datetime | None = None
    window_end: datetime | None = None
    window_set_at: datetime | None = None
    last_success_at: datetime | None = None
    next_sync_at: datetime | None = None
    failure_count: int = 0
    fence: int = 0

    def needs_everything(self, now: datetime) -> bool:
        """Whether to pull the whole window: there is no token for this query (rule 6), or the window is a day old.

        A token never brings unchanged instances that slide into the window (section 2, mode E).
        """
        known = self.sync_token and self.window_start and self.window_end and self.window_set_at
        if not known or self.query_version != QUERY_VERSION or self.window_set_at is None:
            return True
        return now - self.window_set_at >= WINDOW_LIFETIME

    def needs_its_id(self) -> bool:
        """Whether to ask whose calendar the grant reads: at first, and where it may be another account's by now."""
        return self.google_calendar_id is None or self.status not in ("synced", "failing")

    def window(self) -> Window:
        """The window of the last whole pull."""
        assert self.window_start is not None and self.window_end is not None  # noqa: S101, PT018
        return Window(self.window_start, self.window_end)

    def filled(self) -> bool:
        """Whether a pull brought its events and nothing has ended it since."""
        return self.status in ("synced", "failing") and self.window_start is not None and self.window_end is not None

    def stale(self, now: datetime, after_seconds: int) -> bool:
        return self.last_success_at is None or now - self.last_success_at > timedelta(seconds=after_seconds)

    def newly_granted(self, connection: Connection, token: UserToken) -> bool:
        """Whether access was lost with another grant than the person has now: a sign-in elsewhere brought it."""
        lost = self.status == "access_lost" and connection.lost_fingerprint is not None
        return lost and not connection.lost(token)

    def failed(self, reason: str, now: datetime) -> dict[str, Any]:
        """What a failed pull sets: the reason in words, and a pause that grows with every failure in a row."""
        again = now + self.pause_after_failure()
        return {"status": "failing", "reason": reason, "failure_count": self.failure_count + 1, "next_sync_at": again}

    def pause_after_failure(self) -> timedelta:
        """One minute doubled with every failure in a row, six hours at most, never the same for all (rule 53)."""
        seconds = min(60 * 2 ** min(self.failure_count, 16), LONGEST_BACKOFF_SECONDS)
        return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311


def pause_after_success(poll_seconds: float) -> timedelta:
    """About as long as was set, never the same for all (rule 53)."""
    return timedelta(seconds=poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311


def new_window(now: datetime, past_days: int, future_days: int) -> Window:
    """Whole days around now, so that the instants of one day ask for the same."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=past_days), today + timedelta(days=future_days + 1))


def primary_calendar_id(user_id: str) -> str:
    """Our id of a person's own calendar."""
    return _digest(user_id, "primary")


def event_id(calendar_id: str, google_event_id: str) -> str:
    """Our id of an event: the same event of the same calendar always has the same one (rules 18 and 38)."""
    return _digest(calendar_id, google_event_id)


def check_writing(token: UserToken) -> None:
    """Raise `NotConnected` or `WritingNotGranted` unless events may be created with it."""
    if not token.reads_calendar:
        raise NotConnected
    if set(WRITING_SCOPES).isdisjoint(token.scope):
        raise WritingNotGranted


def completed_event(event: dict[str, Any], timezone: str) -> dict[str, Any]:
    """An event to be created at Google, with an id and with a zone for each time that names none.

    A wall time without a zone is meant where the person is, never where a server stands. Raises `InvalidEvent`.
    """
    times: dict[str, Any] = {name: event[name] for name in ("start", "end") if name in event}
    wrong = {name: InvalidEvent.message for name, time in times.items() if not isinstance(time, dict)}
    if wrong:
        raise InvalidEvent(fields=wrong)
    zoned = {name: {**time, "timeZone": time.get("timeZone") or timezone} for name, time in times.items()}
    return {**event, **zoned, "id": event.get("id") or uuid4().hex}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def check_range(start: datetime, end: datetime) -> None:
    """Raise `InvalidRange` unless events may be asked for by it."""
    years = start.year >= FIRST_YEAR and end.year <= LAST_YEAR
    if not years or not start < end or end - start > LONGEST_RANGE:
        raise InvalidRange


class CalendarEvent(BaseModel):
    """An event of one calendar.

    `start_time` and `end_time` are UTC and never empty. All-day events are dates: `start_date` and `end_date`
    (exclusive) are what they are, and the times are those dates' midnights in the calendar's zone (rules 21, 22).
    `timezone` is the IANA name the event was made in. `created_at` and `updated_at` are Google's.
    """

    event_id: str
    user_id: str
    calendar_id: str
    google_event_id: str
    title: str | None = None
    description: str | None = None
    start_time: datetime
    end_time: datetime
    timezone: str
    location: str | None = None
    attendees: list[str] = []
    created_at: datetime | None = None
    updated_at: datetime | None = None
    all_day: bool = False
    start_date: str | None = None
    end_date: str | None = None
    long: bool = False
    status: str = "confirmed"
    visibility: str = "default"
    busy: bool = True
    event_type: str = "default"
    my_response: str | None = None
    organizer_email: str | None = None
    ical_uid: str | None = None
    recurring_event_id: str | None = None
    original_start_time: datetime | None = None
    meeting_link: str | None = None
    html_link: str | None = None
    attendees_omitted: bool = False
    etag: str | None = None


Position = tuple[datetime, str]  # start and id of the last event of a page


@dataclass(frozen=True)
class Overview:
    """A connection with the state of its calendar; either may not be there yet."""

    connection: Connection | None
    calendar: Calendar | None
    stale: bool


@dataclass(frozen=True)
class Events:
    """A page of events with where to go on, and how far they can be trusted."""

    events: list[CalendarEvent]
    after: Position | None
    overview: Overview


class Change(NamedTuple):
    """What an item of a pull means: `fields` to store, or None to remove the event."""

    event_id: str
    fields: dict[str, Any] | None


def read_changes(calendar: Calendar, items: list[dict[str, Any]], timezone: str, window: Window) -> list[Change]:
    """What a page of Google's items means for the stored events, in Google's order.

    Cancelled events and those outside the window are removed (rules 14, 15, 39). An item no one can read is removed
    too: an event that is wrong is worse than one that is missing.
    """
    named = {item["id"]: item for item in items if isinstance(item.get("id"), str)}
    return [
        Change(event_id(calendar.calendar_id, google_id), _kept(calendar, item, timezone, window))
        for google_id, item in named.items()
    ]


def read_change(calendar: Calendar, item: dict[str, Any]) -> list[Change]:
    """The same for one item that came by itself; nothing where no pull has brought the others."""
    return read_changes(calendar, [item], calendar.timezone, calendar.window()) if calendar.filled() else []


def _kept(calendar: Calendar, item: dict[str, Any], timezone: str, window: Window) -> dict[str, Any] | None:
    event = None if item.get("status") == "cancelled" else read_event(item, timezone)
    if event is None or not window.holds(event["start_time"], event["end_time"]):
        return None
    owner = {"user_id": calendar.user_id, "calendar_id": calendar.calendar_id, "google_event_id": item["id"]}
    return {**owner, **event, "long": event["end_time"] - event["start_time"] > LONG}
