"""A calendar and how its pull stands; an event and how it is read from Google's.

Rules are numbered as in facts/google-calendar.md section 2.
"""

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, Field

from switchboard.connections.model import Connection
from switchboard.errors import Conflict, Invalid
from switchboard.users.model import zone

QUERY_VERSION: Final = 1  # raised whenever the query or the shape of events changes: then everything is pulled anew
WINDOW_LIFETIME: Final = timedelta(days=1)
LONG: Final = timedelta(hours=24)
LONGEST_RANGE: Final = timedelta(days=366)
FIRST_YEAR, LAST_YEAR = 1970, 2100
LONGEST_BACKOFF_SECONDS: Final = 6 * 3600

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


class Window(NamedTuple):
    """The time that events are kept for; both ends in UTC."""

    start: datetime
    end: datetime

    def holds(self, start: datetime, end: datetime) -> bool:
        """Google's own rule: it ends after the window begins and begins before the window ends."""
        return end > self.start and start < self.end


class Calendar(BaseModel):
    """A calendar of a person and the state of its pull. `fence` grows with every lease."""

    calendar_id: str
    user_id: str
    google_calendar_id: str | None = None
    timezone: str = "UTC"
    status: Status = "new"
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
        if not self.sync_token or self.query_version != QUERY_VERSION or self.window_set_at is None:
            return True
        return now - self.window_set_at >= WINDOW_LIFETIME

    def window(self) -> Window:
        """The window of the last whole pull."""
        assert self.window_start is not None and self.window_end is not None  # noqa: S101, PT018
        return Window(self.window_start, self.window_end)

    def stale(self, now: datetime, after_seconds: int) -> bool:
        return self.last_success_at is None or now - self.last_success_at > timedelta(seconds=after_seconds)

    def pause_after_failure(self) -> timedelta:
        """One minute doubled with every failure in a row, six hours at most, never the same for all (rule 53)."""
        seconds = min(60 * 2**self.failure_count, LONGEST_BACKOFF_SECONDS)
        return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311


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
    changes = {}
    for item in items:
        google_id = item.get("id")
        if isinstance(google_id, str):
            changes[google_id] = _read(calendar, item, timezone, window)
    return list(changes.values())


def _read(calendar: Calendar, item: dict[str, Any], timezone: str, window: Window) -> Change:
    own_id = event_id(calendar.calendar_id, item["id"])
    if item.get("status") == "cancelled":
        return Change(own_id, None)
    try:
        times = _times(item, timezone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return Change(own_id, None)
    if not window.holds(times["start_time"], times["end_time"]):
        return Change(own_id, None)
    return Change(own_id, {**_identity(calendar, item), **times, **_content(item), **_people(item)})


def _identity(calendar: Calendar, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "user_id": calendar.user_id,
        "calendar_id": calendar.calendar_id,
        "google_event_id": item["id"],
        "ical_uid": item.get("iCalUID"),
        "recurring_event_id": item.get("recurringEventId"),
        "etag": item.get("etag"),
        "created_at": _instant_or_none(item.get("created")),
        "updated_at": _instant_or_none(item.get("updated")),
    }


def _times(item: dict[str, Any], timezone: str) -> dict[str, Any]:
    start, end = item["start"], item.get("end") or item["start"]
    all_day = "date" in start
    start_time = _bound(start, timezone)
    end_time = max(_bound(end, timezone), start_time)  # an end before its start occurs (rule 26)
    original = item.get("originalStartTime")
    return {
        "start_time": start_time,
        "end_time": end_time,
        "all_day": all_day,
        "start_date": start["date"] if all_day else None,
        "end_date": end.get("date", start["date"]) if all_day else None,
        "timezone": start.get("timeZone") or timezone,
        "long": end_time - start_time > LONG,
        "original_start_time": _bound(original, timezone) if original else None,
    }


def _bound(bound: dict[str, Any], timezone: str) -> datetime:
    """An end of an event in UTC: by its offset if it has one, else in its zone (rule 23)."""
    if "date" in bound:
        midnight = datetime.combine(date.fromisoformat(bound["date"]), datetime.min.time())
        return midnight.replace(tzinfo=zone(timezone)).astimezone(UTC)
    moment = datetime.fromisoformat(bound["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(bound.get("timeZone") or timezone))
    return moment.astimezone(UTC)


def _instant_or_none(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _content(item: dict[str, Any]) -> dict[str, Any]:
    """What it is about. Values that Google leaves out are its defaults (rules 28, 33, 34)."""
    return {
        "title": item.get("summary"),
        "description": item.get("description"),
        "location": item.get("location"),
        "status": item.get("status", "confirmed"),
        "visibility": item.get("visibility", "default"),
        "busy": item.get("transparency") != "transparent",
        "event_type": item.get("eventType", "default"),
        "html_link": item.get("htmlLink"),
        "meeting_link": _meeting_link(item),
    }


def _meeting_link(item: dict[str, Any]) -> str | None:
    """The video entry point, else the older link (rule 35)."""
    entries = (item.get("conferenceData") or {}).get("entryPoints") or ()
    video = next((entry.get("uri") for entry in entries if entry.get("entryPointType") == "video"), None)
    return video or item.get("hangoutLink")


def _people(item: dict[str, Any]) -> dict[str, Any]:
    """Who takes part. An attendee may have no e-mail (rule 32)."""
    attendees = item.get("attendees") or ()
    return {
        "attendees": [attendee["email"] for attendee in attendees if attendee.get("email")],
        "my_response": next((attendee.get("responseStatus") for attendee in attendees if attendee.get("self")), None),
        "attendees_omitted": bool(item.get("attendeesOmitted")),
        "organizer_email": (item.get("organizer") or {}).get("email"),
    }
