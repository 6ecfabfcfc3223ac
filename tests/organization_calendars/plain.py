"""Plain events, calendars and views for the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from switchboard.calendar_sharing.model import Shows
from switchboard.calendars.model import Calendar
from switchboard.events.model import CalendarEvent
from switchboard.organization_calendars.model import View

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(hour: float) -> datetime:
    return MONDAY + timedelta(hours=hour)


def event(user_id: str, hour: float = 10, meeting_id: str | None = None, **fields: Any) -> CalendarEvent:
    """An event of an hour; of a meeting of its own where none is named."""
    unique = uuid4().hex
    told = {"title": f"Title {unique}", "timezone": "Europe/Berlin", "google_event_id": f"g{unique}"}
    times = {"start_time": at(hour), "end_time": at(hour + 1)}
    named = {"event_id": unique, "user_id": user_id, "calendar_id": f"calendar of {user_id}"}
    return CalendarEvent(**{**named, **told, **times, "meeting_id": meeting_id or unique, **fields})


def calendar(user_id: str, **fields: Any) -> Calendar:
    return Calendar(**{"calendar_id": f"calendar of {user_id}", "user_id": user_id, "status": "synced", **fields})


def view(viewer_id: str | None = "viewer", *, by_text: bool = False, **shows: Shows) -> View:
    """Of the viewer, who shows details, and of these people."""
    people: dict[str, Shows] = {"viewer": "details", **shows}
    calendars = {f"calendar of {user_id}": calendar(user_id) for user_id in people}
    return View(viewer_id, people, calendars, by_text)
