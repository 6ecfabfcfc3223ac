"""Calendars and events on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from switchboard.calendars.model import MOST_CHOSEN, Calendar, Choice, Events, Offered, Overview, Stage
from switchboard.events.model import Attendee, CalendarEvent, InvalidRange, Position, Window
from switchboard.http.paging import Cursor, Limit, decode_place, encode_place

State = Literal["disconnected", "waiting", "synced", "failing", "access_lost", "gone"]

Opaque = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$")]


class ConsentBegun(BaseModel):
    """Send the person's browser to `authorization_url` within ten minutes."""

    authorization_url: str


class ConsentConfirmed(BaseModel):
    """What Google's redirect brought to the front end, sent on by the person who began."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    state: Opaque
    code: Opaque


class Pull(BaseModel):
    """How the pull of one calendar stands.

    `state` is `waiting` before the first pull, `stage` what is being pulled right now, `reason` says in words why a
    pull fails or access is lost. `covered_from` and `covered_to` are the time its events are known for.
    """

    state: State
    stage: Stage | None
    reason: str | None
    synced_at: datetime | None
    next_sync_at: datetime | None
    failure_count: int
    covered_from: datetime | None
    covered_to: datetime | None
    watched_until: datetime | None

    @classmethod
    def of(cls, calendar: Calendar) -> "Pull":
        window = calendar.coverage
        return cls(
            state=_shown_state(calendar),
            synced_at=calendar.last_success_at,
            covered_from=window.start if window else None,
            covered_to=window.end if window else None,
            **calendar.model_dump(include={"stage", "reason", "next_sync_at", "failure_count", "watched_until"}),
        )


class ChosenCalendar(BaseModel):
    """A calendar that is here; the person's own one is `primary`, and `busy` says whether its events take time."""

    calendar_id: str
    google_calendar_id: str | None
    name: str | None
    primary: bool
    busy: bool
    timezone: str | None
    pull: Pull

    @classmethod
    def of(cls, calendar: Calendar) -> "ChosenCalendar":
        kept = calendar.model_dump(include={"calendar_id", "google_calendar_id", "name", "primary", "busy"})
        zone = calendar.timezone if calendar.last_success_at else None
        return cls(timezone=zone, pull=Pull.of(calendar), **kept)


class CalendarState(BaseModel):
    """How the person's own calendar stands, and in `calendars` each one that is here, this one first.

    `state` is `waiting` before the first pull; `reason` says in words why a pull fails or access is lost.
    """

    state: State
    connected: bool
    source: str | None
    google_email: str | None
    google_calendar_id: str | None
    timezone: str | None
    reason: str | None
    synced_at: datetime | None
    next_sync_at: datetime | None
    stale: bool
    calendars: list[ChosenCalendar]

    @classmethod
    def of(cls, overview: Overview) -> "CalendarState":
        connection, calendar = overview.connection, overview.calendar
        here = [calendar, *overview.others] if calendar else list(overview.others)
        return cls(
            state=_state(overview),
            connected=connection is not None,
            source=connection.source if connection else None,
            google_email=connection.google_email if connection else None,
            google_calendar_id=calendar.google_calendar_id if calendar else None,
            timezone=calendar.timezone if calendar and calendar.google_calendar_id else None,
            reason=calendar.reason if calendar else None,
            synced_at=calendar.last_success_at if calendar else None,
            next_sync_at=calendar.next_sync_at if calendar else None,
            stale=overview.stale,
            calendars=[ChosenCalendar.of(each) for each in here],
        )


def _state(overview: Overview) -> State:
    if overview.connection is None:
        return "disconnected"
    return _shown_state(overview.calendar) if overview.calendar else "waiting"


def _shown_state(calendar: Calendar) -> State:
    waits = calendar.status == "new" or calendar.status == "disconnected"
    return "waiting" if waits else calendar.status  # type: ignore[return-value]


class CalendarOffered(BaseModel):
    """A calendar that Google shows; `pull` is null while it is not chosen. The `primary` one is always here."""

    google_calendar_id: str
    name: str
    primary: bool
    access_role: str
    timezone: str
    chosen: bool
    busy: bool | None
    pull: Pull | None

    @classmethod
    def of(cls, offered: Offered) -> "CalendarOffered":
        calendar = offered.chosen
        return cls(
            google_calendar_id=offered.google_calendar_id,
            name=offered.name,
            primary=offered.primary,
            access_role=offered.access_role,
            timezone=offered.timezone,
            chosen=calendar is not None,
            busy=calendar.busy if calendar else None,
            pull=Pull.of(calendar) if calendar else None,
        )


class CalendarList(BaseModel):
    calendars: list[CalendarOffered]

    @classmethod
    def of(cls, offered: list[Offered]) -> "CalendarList":
        return cls(calendars=[CalendarOffered.of(each) for each in offered])


class CalendarChoice(BaseModel):
    """`busy` false: its events are shown, but take none of the person's time."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    google_calendar_id: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    busy: bool = True


class CalendarChoices(BaseModel):
    """All the calendars to have here; one's own is here in any case."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    calendars: Annotated[list[CalendarChoice], Field(max_length=MOST_CHOSEN)]

    def choices(self) -> list[Choice]:
        return [Choice(each.google_calendar_id, each.busy) for each in self.calendars]


class EventTime(BaseModel):
    """One of the two: `date` (YYYY-MM-DD) of an all-day event, or `date_time` in UTC; `timezone` is for display."""

    date: str | None
    date_time: datetime | None
    timezone: str


class Event(BaseModel):
    """An event. `end` is exclusive; `my_response` is null for an event without attendees."""

    event_id: str
    calendar_id: str
    google_event_id: str
    title: str | None
    description: str | None
    location: str | None
    start: EventTime
    end: EventTime
    all_day: bool
    status: str
    visibility: str
    busy: bool
    event_type: str
    attendees: list[str]
    attendee_states: list[Attendee]
    attendees_omitted: bool
    my_response: str | None
    organizer_email: str | None
    recurring_event_id: str | None
    meeting_link: str | None
    html_link: str | None
    updated_at: datetime | None

    @classmethod
    def of(cls, event: CalendarEvent) -> "Event":
        kept = event.model_dump(include=set(cls.model_fields) - {"start", "end"})
        start = _time(event.start_date, event.start_time, event.timezone)
        return cls(start=start, end=_time(event.end_date, event.end_time, event.timezone), **kept)


def _time(date: str | None, moment: datetime, timezone: str) -> EventTime:
    return EventTime(date=date, date_time=None if date else moment, timezone=timezone)


class EventList(BaseModel):
    """`stale` when the last good pull is too long ago; `next_cursor` is null on the last page."""

    events: list[Event]
    next_cursor: str | None
    synced_at: datetime | None
    stale: bool
    state: State

    @classmethod
    def of(cls, found: Events) -> "EventList":
        calendar = found.overview.calendar
        return cls(
            events=[Event.of(event) for event in found.events],
            next_cursor=encode_place(*found.after) if found.after else None,
            synced_at=calendar.last_success_at if calendar else None,
            stale=found.overview.stale,
            state=_state(found.overview),
        )


class EventsAsked(BaseModel):
    """Events that end after `from` and begin before `to`; both RFC 3339 with an offset, at most 366 days apart."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    start: AwareDatetime = Field(alias="from", examples=["2026-11-23T00:00:00Z"])
    end: AwareDatetime = Field(alias="to", examples=["2026-11-30T00:00:00Z"])
    cursor: Cursor = None
    limit: Limit = 250

    def window(self) -> Window:
        """The range in UTC; raises `InvalidRange` where no UTC time can say it."""
        try:
            return Window(self.start.astimezone(UTC), self.end.astimezone(UTC))
        except OverflowError:
            raise InvalidRange from None

    def page(self) -> tuple[Position | None, int]:
        """Where to go on and how many at most; raises `InvalidCursor`."""
        return decode_place(self.cursor), self.limit


def front_end_return(front_end: str, outcome: dict[str, str]) -> str:
    """The one address that a consent may lead back to, whatever came with the redirect."""
    return f"{front_end}/calendar?{urlencode(outcome)}"
