"""An organization's events on the wire."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, Field, StringConstraints

from switchboard.calendar_sharing.model import Shows
from switchboard.calendars.schemas import State
from switchboard.crypto import CannotOpen, KeyRing, Place
from switchboard.events.model import Attendee
from switchboard.events.schemas import EventsAsked, EventTime
from switchboard.http.paging import InvalidCursor, decode_cursor, encode_cursor
from switchboard.organization_calendars.model import (
    Asked,
    Busy,
    Entry,
    EntryKey,
    Meeting,
    OrganizationEvents,
    Person,
)
from switchboard.users.model import User

MOST_MEMBERS: Final = 50
_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)

MemberId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class OrganizationEventsAsked(EventsAsked):
    """Events that end after `from` and begin before `to`, of each `member` named or of all.

    With `text` only those whose title, place or description holds it, whatever its case, and which are seen whole. A
    page may then be short, or empty, and still have a `next_cursor`.
    """

    member: list[MemberId] = Field(default=[], max_length=MOST_MEMBERS)
    text: str | None = Field(default=None, min_length=1, max_length=100, pattern=r"^[^\x00]*$")

    def asked(self, ring: KeyRing, org_id: str) -> Asked:
        """Raises `InvalidCursor`, `InvalidRange`."""
        after = None if self.cursor is None else _opened(self.cursor, ring, org_id)
        return Asked(self.window(), frozenset(self.member) or None, self.text, after, self.limit)


class HasIt(BaseModel):
    """A member on whose calendar an event stands: what they answered, and whether it takes their time.

    Of a member who is only known to be busy the ids are null.
    """

    user_id: str
    calendar_id: str | None
    event_id: str | None
    response: str | None
    busy: bool


class OrganizationEvent(BaseModel):
    """An event of members. One that stands on several calendars is told once, with all `members` who have it.

    `redacted`: all that is told is when, and which member is busy. `meeting_id` is the same on all calendars.
    """

    redacted: bool
    start: EventTime
    end: EventTime
    all_day: bool
    busy: bool
    members: list[HasIt]
    meeting_id: str | None = None
    google_event_id: str | None = None
    title: str | None = None
    description: str | None = None
    location: str | None = None
    status: str | None = None
    visibility: str | None = None
    event_type: str | None = None
    attendees: list[str] = []
    attendee_states: list[Attendee] = []
    attendees_omitted: bool = False
    organizer_email: str | None = None
    ical_uid: str | None = None
    recurring_event_id: str | None = None
    meeting_link: str | None = None
    html_link: str | None = None
    updated_at: datetime | None = None

    @classmethod
    def of(cls, entry: Entry) -> "OrganizationEvent":
        return cls._redacted(entry) if isinstance(entry, Busy) else cls._whole(entry)

    @classmethod
    def _redacted(cls, entry: Busy) -> "OrganizationEvent":
        first, last = entry.dates or (None, None)
        return cls(
            redacted=True,
            start=_time(first, entry.start, "UTC"),
            end=_time(last, entry.end, "UTC"),
            all_day=entry.dates is not None,
            busy=True,
            members=[HasIt(user_id=entry.user_id, calendar_id=None, event_id=None, response=None, busy=True)],
        )

    @classmethod
    def _whole(cls, entry: Meeting) -> "OrganizationEvent":
        told, own = entry.told, {"redacted", "start", "end", "members", "busy", "attendees", "attendee_states"}
        return cls(
            redacted=False,
            start=_time(told.start_date, told.start_time, told.timezone),
            end=_time(told.end_date, told.end_time, told.timezone),
            busy=any(copy.busy for copy in entry.copies),
            members=[HasIt(**copy._asdict()) for copy in entry.copies],
            attendees=[each.email for each in entry.attendees],
            attendee_states=list(entry.attendees),
            **told.model_dump(include=set(cls.model_fields) - own),
        )


def _time(date: str | None, moment: datetime, timezone: str) -> EventTime:
    return EventTime(date=date, date_time=None if date else moment, timezone=timezone)


class PersonShown(BaseModel):
    """A member whose calendar is looked at. Where they show nothing, others are not told how it stands.

    `covered_from` and `covered_to` are the time their events are known for. E-mail and names come with the first page.
    """

    user_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    shows: Shows
    state: State | None
    synced_at: datetime | None
    stale: bool | None
    covered_from: datetime | None
    covered_to: datetime | None

    @classmethod
    def of(cls, person: Person, users: Mapping[str, User]) -> "PersonShown":
        user, trust = users.get(person.user_id), person.trust
        return cls(
            user_id=person.user_id,
            email=user.email if user else None,
            first_name=user.first_name if user else None,
            last_name=user.last_name if user else None,
            shows=person.shows,
            state="waiting" if person.status == "new" else person.status,
            synced_at=trust.synced_at,
            stale=trust.stale if person.status else None,
            covered_from=trust.coverage.start if trust.coverage else None,
            covered_to=trust.coverage.end if trust.coverage else None,
        )


class OrganizationEventList(BaseModel):
    """By start. `synced_at` is the oldest of all connected people, `stale` whether any is, and `covered_from` to
    `covered_to` the time that all of them cover; null where one of them was never pulled. `next_cursor` is null on
    the last page.
    """

    events: list[OrganizationEvent]
    next_cursor: str | None
    synced_at: datetime | None
    stale: bool
    covered_from: datetime | None
    covered_to: datetime | None
    people: list[PersonShown]

    @classmethod
    def of(cls, found: OrganizationEvents, ring: KeyRing, org_id: str) -> "OrganizationEventList":
        trust, after = found.trust, found.page.after
        return cls(
            events=[OrganizationEvent.of(entry) for entry in found.page.entries],
            next_cursor=_sealed(after, ring, org_id) if after else None,
            synced_at=trust.synced_at,
            stale=trust.stale,
            covered_from=trust.coverage.start if trust.coverage else None,
            covered_to=trust.coverage.end if trust.coverage else None,
            people=[PersonShown.of(person, found.users) for person in found.people],
        )


def _sealed(key: EntryKey, ring: KeyRing, org_id: str) -> str:
    """A place as a cursor nobody can read or make: it may tell of an event that is redacted."""
    text = orjson.dumps([(key.start - _EPOCH) // _MILLISECOND, key.meeting_id, key.part]).decode()
    return encode_cursor(ring.seal(text, _cursor_of(org_id)))


def _opened(cursor: str, ring: KeyRing, org_id: str) -> EntryKey:
    """The place back; raises `InvalidCursor`."""
    try:
        milliseconds, meeting_id, part = orjson.loads(ring.open(str(decode_cursor(cursor, str)[0]), _cursor_of(org_id)))
    except CannotOpen:
        raise InvalidCursor from None
    return EntryKey(_EPOCH + milliseconds * _MILLISECOND, meeting_id, part)


def _cursor_of(org_id: str) -> Place:
    return Place("organization_calendars", org_id, "cursor")
