"""What may be booked, and what Google is told of it."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.clients.google_errors import EventNotFound
from switchboard.clients.google_events import read_event
from switchboard.connections.model import NotConnected
from switchboard.errors import Conflict, Forbidden, Invalid
from switchboard.event_times.model import Given, Times, moved, stored_times
from switchboard.events.model import CalendarEvent, Owner, Window, read_changes
from switchboard.spans.model import at, common, merged, moment, without
from switchboard.users.model import UserToken

# Either of these creates events (discovery document, events.insert).
WRITING_SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.events",
)
MARK: Final = "switchboardRequest"  # a private property of an event at Google: the request it was booked by
REMEMBERED: Final = timedelta(days=30)  # for so long an event's id is known after it is over
AROUND: Final = timedelta(days=1)  # what is in the way is named as a whole
MOST_NAMED: Final = 3
NO_TIME: Final = Given()
ALWAYS: Final = Window(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


class WritingNotGranted(Forbidden):
    code = "calendar_writing_not_granted"
    message = "Your consent at Google lets us read your calendar, but not create events. Connect it again."


class InvalidEvent(Invalid):
    code = "invalid_event"
    message = 'The start and the end of an event are objects such as {"dateTime": "2026-11-23T10:00:00"}.'


class TimeTaken(Conflict):
    code = "time_taken"
    message = "The person is busy then."


class IdReused(Conflict):
    code = "client_event_id_reused"
    message = "Another event was booked with this id. Use a new one for each event."


class BookingCancelled(Conflict):
    code = "booking_cancelled"
    message = "What was booked by this request is cancelled by now. Use a new id to book it anew."


class AttendeesUnknown(Conflict):
    code = "attendees_unknown"
    message = "Google does not say who else is invited to this event, so the list cannot be changed here."


class Booking(BaseModel):
    """An event that was written to from here, by its ids, for as long as it may be asked for by them."""

    event_id: Annotated[str, Reference("CalendarEvent", "keep")]
    user_id: Annotated[str, Reference("User", "cascade")]
    calendar_id: Annotated[str, Reference("Calendar", "keep")]
    google_event_id: str
    cancelled_at: datetime | None = None
    forget_at: datetime


@dataclass(frozen=True)
class Wish:
    """What an event is to be. `fields` are what is to be said of it: title, description, location, attendees,
    visibility, busy; None empties one. `allow`: whatever else there is then. `invite`: Google writes to the people
    invited. A new one is for one of the person's calendars, and however often it is wished for by the same
    `client_event_id`, there is one event.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    when: Given = NO_TIME
    allow: bool = False
    invite: bool = True
    calendar_id: str | None = None
    client_event_id: str | None = None

    @property
    def moves(self) -> bool:
        return self.when.start is not None or self.when.end is not None


@dataclass(frozen=True)
class Plan:
    """What is to be changed at Google, and what takes it back. `before` and `after` is the person's time it takes."""

    changes: dict[str, Any]
    back: dict[str, Any]
    before: Window | None
    after: Window | None

    @property
    def new_time(self) -> bool:
        """Whether it takes time that it did not take."""
        return self.after is not None and bool(_new_time(self.after, self.before))


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


def google_id(calendar_id: str, kind: str, name: str) -> str:
    """Google's id of an event that is booked by this name: the same one however often it is asked for.

    In letters and digits of base32hex, as Google wants them.
    """
    digest = hashlib.sha256("\n".join((calendar_id, kind, name)).encode()).digest()
    return base64.b32hexencode(digest).decode().rstrip("=").lower()


def new_event(google_event_id: str, wish: Wish, times: Times) -> dict[str, Any]:
    """The event to be created, marked with what it was booked by."""
    start, end = (_without_none(bound.sent()) for bound in times)
    event = {**_without_none(said(wish.fields)), "start": start, "end": end}
    mark = hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {**event, "id": google_event_id, "extendedProperties": {"private": {MARK: mark}}}


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def check_same(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The event that has the wanted one's id, if the same request booked it.

    Raises `IdReused`, `BookingCancelled`.
    """
    if found.get("status") == "cancelled":  # of such a one only the id is sure to be told
        raise BookingCancelled
    if _mark(found) != _mark(wanted):
        raise IdReused
    return found


def _mark(event: dict[str, Any]) -> object:
    properties = event.get("extendedProperties")
    private = properties.get("private") if isinstance(properties, dict) else None
    return private.get(MARK) if isinstance(private, dict) else None


def said(fields: Mapping[str, Any], item: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is said of an event, by Google's names; `item` is the event as it is there. Raises `AttendeesUnknown`."""
    told = {name: fields[name] for name in ("description", "location", "visibility") if name in fields}
    if "title" in fields:
        told["summary"] = fields["title"]
    if "busy" in fields:
        told["transparency"] = "opaque" if fields["busy"] else "transparent"
    if "attendees" in fields:
        told["attendees"] = _attendees(fields["attendees"], item or {})
    return told


def _attendees(emails: Iterable[str], item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everybody once. Who is invited already keeps what they answered; a list that is not whole stays (rule 31)."""
    if item.get("attendeesOmitted"):
        raise AttendeesUnknown
    invited = {str(each["email"]).lower(): each for each in item.get("attendees") or [] if each.get("email")}
    wanted = {email.lower(): {"email": email} for email in emails}
    return [invited.get(email, new) for email, new in wanted.items()]


def takes_time(item: dict[str, Any], timezone: str) -> Window | None:
    """When an event of Google's takes its person's time: never while it is free, declined, or a place of work."""
    event = None if item.get("status") == "cancelled" else read_event(item, timezone)
    if event is None or not event["busy"] or event["event_type"] == "workingLocation":
        return None
    return Window(event["start_time"], event["end_time"])


def planned(item: dict[str, Any], wish: Wish, own_zone: str, calendar_zone: str) -> Plan:
    """What a wish means for an event as it is at Google.

    Raises `EventNotFound` for one that is cancelled, `InvalidTime`, `UnknownTimezone`, `AttendeesUnknown`.
    """
    event = None if item.get("status") == "cancelled" else read_event(item, calendar_zone)
    if event is None:
        raise EventNotFound
    old, before = stored_times(event), takes_time(item, calendar_zone)
    times = moved(wish.when, old, own_zone) if wish.moves else old
    window = times.window(calendar_zone) if wish.moves else Window(event["start_time"], event["end_time"])
    sent = {"start": times.start.sent(), "end": times.end.sent()} if wish.moves else {}
    if wish.when.start is None:
        sent.pop("start", None)
    back = {"start": old.start.sent(), "end": old.end.sent(), "transparency": item.get("transparency")}
    busy = wish.fields.get("busy", before is not None)
    return Plan({**said(wish.fields, item), **sent}, back, before, window if busy else None)


def in_the_way(busy: Iterable[Window], wanted: Window, old: Window | None = None) -> list[Window]:
    """What is busy of the time that is wanted and was not had before, each as long as it is."""
    new = _new_time(wanted, old)
    taken = [span for span in merged(map(_span, busy)) if common([span], new)]
    return [Window(at(begin), at(end)) for begin, end in taken]


def _new_time(wanted: Window, old: Window | None) -> list[tuple[int, int]]:
    return without([_span(wanted)], merged([_span(old)]) if old else [])


def _span(window: Window) -> tuple[int, int]:
    return moment(window.start), moment(window.end)


def time_taken(windows: list[Window], timezone: str) -> TimeTaken:
    """Says when the person is busy by the clocks of a zone, and never with what."""
    named = ", ".join(_told(window, ZoneInfo(timezone)) for window in windows[:MOST_NAMED])
    more = " and more" if len(windows) > MOST_NAMED else ""
    return TimeTaken(f"The person is busy then: {named}{more} ({timezone}).")


def _told(window: Window, zone: ZoneInfo) -> str:
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    day = "" if start.date() == end.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M} to {day}{end:%H:%M}"


def event_of(owner: Owner, item: dict[str, Any], timezone: str) -> CalendarEvent | None:
    """The event as it is kept here, whether its time is or not; None for one that nobody can read."""
    (change,) = read_changes(owner, [item], timezone, ALWAYS)
    return None if change.fields is None else CalendarEvent(event_id=change.event_id, **change.fields)
