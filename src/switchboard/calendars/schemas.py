"""Calendars and events on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, StringConstraints

from switchboard.calendars.model import Calendar, Events, Overview, Stage
from switchboard.events.schemas import Event
from switchboard.http.paging import encode_place

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
            state=shown_state(calendar),
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
    return shown_state(overview.calendar) if overview.calendar else "waiting"


def shown_state(calendar: Calendar) -> State:
    waits = calendar.status == "new" or calendar.status == "disconnected"
    return "waiting" if waits else calendar.status  # type: ignore[return-value]


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


def front_end_return(front_end: str, outcome: dict[str, str]) -> str:
    """The one address that a consent may lead back to, whatever came with the redirect."""
    return f"{front_end}/calendar?{urlencode(outcome)}"
