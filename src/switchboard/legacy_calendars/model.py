"""What the older calendar backend promised: its refusals, its time zones, and where it sent people to sign in.

Decisions are those of facts/legacy.md section 9, its safe column.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from switchboard.calendars.model import Overview
from switchboard.errors import Forbidden, Gone, Malformed, Unauthenticated
from switchboard.events.model import CalendarEvent
from switchboard.users.model import TimezoneLocked, User, zone

MOST_EVENTS: Final = 10
AHEAD: Final = timedelta(days=365)
TIMEZONES: Final = (
    {"label": "IST", "value": "Asia/Kolkata", "description": "India Standard Time"},
    {"label": "EST", "value": "America/New_York", "description": "Eastern Standard Time"},
    {"label": "PST", "value": "America/Los_Angeles", "description": "Pacific Standard Time"},
)
SIGN_IN_SCOPES: Final = ("openid", "email", "profile")
# The older backend, where it still runs, takes access as granted with both of the last two only.
CALENDAR_SCOPES: Final = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.events",
)


class UnknownUser(Unauthenticated):
    code = "user_not_found"
    message = "User not found"


class AccessNotGranted(Forbidden):
    code = "calendar_access_not_granted"
    message = "Calendar access not granted"


class NameRequired(Malformed):
    code = "name_required"
    message = "First name is required"


class TimezoneRequired(Malformed):
    code = "timezone_required"
    message = "Timezone is required"


class NoAccessToken(Malformed):
    code = "no_access_token"
    message = "No access token provided."


class EventNotCreated(Malformed):
    code = "event_refused"
    message = "Failed to create event: Google did not accept it. Check its start, its end, and their time zone."


class NoLongerServed(Gone):
    code = "no_longer_served"
    message = "This told a person's data to anyone who asked, so it is gone. GET /v1/me tells people their own."


@dataclass(frozen=True)
class Shown:
    """Items as Google's API has them; the zone is the person's."""

    calendars: list[dict[str, Any]]
    events: list[dict[str, Any]]
    timezone: str


def sign_in_address(auth_url: str, scopes: tuple[str, ...]) -> str:
    """Where a person signs in with Google at PropelAuth, which asks Google for these scopes and a refresh token."""
    offline = {"external_param_access_type": "offline", "external_param_prompt": "consent"}
    return f"{auth_url}/google/login?{urlencode({'scope': ' '.join(scopes), **offline})}"


def check_access(user: User) -> None:
    """Raise `AccessNotGranted` unless the granted scopes open the calendar, whatever the stored flag says."""
    if not user.token.reads_calendar:
        raise AccessNotGranted


def check_lock(user: User) -> None:
    """Raise `TimezoneLocked` once access is granted: the older backend said so before it looked at the zone."""
    if user.token.reads_calendar:
        raise TimezoneLocked


def is_fresh(mirror: Overview) -> bool:
    """Whether the mirror can stand in for Google. The old page shows the person's own calendar alone."""
    pulled = mirror.calendar is not None and mirror.calendar.coverage is not None
    return pulled and not mirror.others and not mirror.stale


def primary_entry(user: User, mirror: Overview) -> dict[str, Any]:
    """A person's own calendar as Google's list of calendars names it: the page hides all events without an entry."""
    calendar = mirror.calendar
    google_id = (calendar.google_calendar_id if calendar else None) or "primary"
    shown = {"id": google_id, "summary": user.email if google_id == "primary" else google_id, "primary": True}
    zone = calendar.timezone if calendar else user.timezone_or_default
    return {"kind": "calendar#calendarListEntry", **shown, "timeZone": zone, "accessRole": "owner", "selected": True}


def google_item(event: CalendarEvent, timezone: str) -> dict[str, Any]:
    """An event of the mirror as Google's API shows it in a zone; what an event does not have is left out."""
    item = {
        "kind": "calendar#event",
        "id": event.google_event_id,
        "etag": event.etag,
        "status": event.status,
        "htmlLink": event.html_link,
        "created": _moment(event.created_at),
        "updated": _moment(event.updated_at),
        "summary": event.title,
        "description": event.description,
        "location": event.location,
        "organizer": {"email": event.organizer_email} if event.organizer_email else None,
        "start": _time(event.start_date, event.start_time, event.timezone, timezone),
        "end": _time(event.end_date, event.end_time, event.timezone, timezone),
        "recurringEventId": event.recurring_event_id,
        "transparency": None if event.busy else "transparent",
        "visibility": None if event.visibility == "default" else event.visibility,
        "iCalUID": event.ical_uid,
        "attendees": [{"email": email} for email in event.attendees] or None,
        "hangoutLink": event.meeting_link,
        "eventType": event.event_type,
    }
    return {name: value for name, value in item.items() if value is not None}


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _time(date: str | None, moment: datetime, made_in: str, shown_in: str) -> dict[str, str]:
    if date is not None:
        return {"date": date}
    return {"dateTime": moment.astimezone(zone(shown_in)).isoformat(timespec="seconds"), "timeZone": made_in}
