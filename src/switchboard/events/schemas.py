"""Events on the wire."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from switchboard.events.model import Attendee, CalendarEvent, InvalidRange, Position, Window
from switchboard.http.paging import Cursor, Limit, decode_place


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
