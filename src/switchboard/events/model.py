"""An event, and what Google's items mean for the stored ones.

Rules are numbered as in facts/google-calendar.md section 2.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.clients.google_events import read_event
from switchboard.errors import Invalid

LONG: Final = timedelta(hours=24)
LONGEST_RANGE: Final = timedelta(days=366)
FIRST_YEAR, LAST_YEAR = 1970, 2100
PRIVATE: Final = frozenset({"private", "confidential"})


class InvalidRange(Invalid):
    code = "invalid_range"
    message = "Ask for a range from 1970 to 2100 that ends after it begins and is at most 366 days long."


class Window(NamedTuple):
    """A time; both ends in UTC."""

    start: datetime
    end: datetime

    def holds(self, start: datetime, end: datetime) -> bool:
        """Google's own rule: it ends after the window begins and begins before the window ends."""
        return end > self.start and start < self.end


def check_range(start: datetime, end: datetime) -> None:
    """Raise `InvalidRange` unless events may be asked for by it."""
    years = start.year >= FIRST_YEAR and end.year <= LAST_YEAR
    if not years or not start < end or end - start > LONGEST_RANGE:
        raise InvalidRange


class Attendee(BaseModel):
    """Someone invited, and what they answered: `needsAction`, `accepted`, `tentative`, `declined`, or nothing known."""

    email: str
    response: str | None = None


class CalendarEvent(BaseModel):
    """An event of one calendar.

    `start_time` and `end_time` are UTC and never empty. All-day events are dates: `start_date` and `end_date`
    (exclusive) are what they are, and the times are those dates' midnights in the calendar's zone (rules 21, 22).
    `timezone` is the IANA name the event was made in. `created_at` and `updated_at` are Google's. `meeting_id` is the
    same on all calendars the meeting stands on (rule 19). `org_ids` are the organizations its owner belonged to when
    it was written: where to look, not who may see.
    """

    event_id: str
    user_id: Annotated[str, Reference("User", "cascade")]
    calendar_id: Annotated[str, Reference("Calendar", "cascade")]
    google_event_id: str
    org_ids: Annotated[list[str], Reference("Organization", "keep")] = []
    meeting_id: str | None = None
    title: str | None = None
    description: str | None = None
    start_time: datetime
    end_time: datetime
    timezone: str
    location: str | None = None
    attendees: list[str] = []
    attendee_states: list[Attendee] = []
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

    @property
    def private(self) -> bool:
        """Whether its owner keeps it from others; Google sends it whole to the owner (rule 29)."""
        return self.visibility in PRIVATE


Position = tuple[datetime, str]  # start and id of the last event of a page


class Owner(NamedTuple):
    """Whose events they are, and what their calendar is."""

    user_id: str
    calendar_id: str
    org_ids: list[str]


class Change(NamedTuple):
    """What an item of a pull means: `fields` to store, or None to remove the event."""

    event_id: str
    fields: dict[str, Any] | None


def event_id(calendar_id: str, google_event_id: str) -> str:
    """Our id of an event: the same event of the same calendar always has the same one (rules 18 and 38)."""
    return digest(calendar_id, google_event_id)


def digest(*parts: str) -> str:
    """An id made of others: always the same one, and it tells nothing of them."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def read_changes(owner: Owner, items: list[dict[str, Any]], timezone: str, window: Window) -> list[Change]:
    """What a page of Google's items means for the stored events, in Google's order.

    Cancelled events and those outside the window are removed (rules 14, 15, 39). An item no one can read is removed
    too: an event that is wrong is worse than one that is missing.
    """
    named = {item["id"]: item for item in items if isinstance(item.get("id"), str)}
    theirs = owner._asdict()
    return [
        Change(event_id(owner.calendar_id, google_id), _kept(theirs, item, timezone, window))
        for google_id, item in named.items()
    ]


def _kept(theirs: dict[str, Any], item: dict[str, Any], timezone: str, window: Window) -> dict[str, Any] | None:
    event = None if item.get("status") == "cancelled" else read_event(item, timezone)
    if event is None or not window.holds(event["start_time"], event["end_time"]):
        return None
    event.update(theirs)
    event["google_event_id"] = item["id"]
    event["meeting_id"] = _meeting_id(event, item)
    event["long"] = event["end_time"] - event["start_time"] > LONG
    return event


def _meeting_id(event: dict[str, Any], item: dict[str, Any]) -> str:
    """The same on every calendar a meeting stands on: one id and one original start for each instance (rules 19, 20).

    An instance that was moved keeps its original start, on the other calendars as well.
    """
    begin = event["original_start_time"] or event["start_time"]
    return digest(event["ical_uid"] or item["id"], begin.isoformat())


def changed(changes: list[Change], known: dict[str, str | None], *, anew: bool) -> list[Change]:
    """The changes that differ from what is stored, which is known by id and etag (rule 36); `anew`: whatever the etag.

    What is to be removed and is not there needs nothing (rule 14).
    """
    return [change for change in changes if _differs(change, known, anew=anew)]


def _differs(change: Change, known: dict[str, str | None], *, anew: bool) -> bool:
    if change.fields is None:
        return change.event_id in known
    etag = change.fields["etag"]
    return anew or etag is None or known.get(change.event_id) != etag
