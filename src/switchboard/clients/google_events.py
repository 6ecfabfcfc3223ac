"""What Google's events say, whatever they hold.

Rules are numbered as in facts/google-calendar.md section 2. A value of a wrong type reads as if it were absent.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

# Where the links of video meetings lead that people paste into the place or the description of an event.
_MEETING = re.compile(
    r"https://(?:[a-z0-9-]{1,63}\.){0,3}"
    r"(?:zoom\.us/[jwm]/|meet\.google\.com/|teams\.microsoft\.com/(?:l/meetup-join|meet)/|teams\.live\.com/meet/"
    r"|webex\.com/)[^\s\"'<>]{1,1000}",
    re.IGNORECASE,
)
_DAY: Final = timedelta(days=1)


class _Bounds(NamedTuple):
    """Begin and end in UTC; the dates of an all-day event."""

    start: datetime
    end: datetime
    start_date: str | None = None
    end_date: str | None = None


def read_event(item: dict[str, Any], timezone: str) -> dict[str, Any] | None:
    """What an event of a calendar in this zone says, by the names of our own; None for one that no one can read.

    The times are UTC. Those of all-day events are their dates' midnights in the calendar's zone (rules 21, 22).
    """
    try:
        bounds = _bounds(item, timezone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return {**_identity(item), **_times(item, bounds, timezone), **_content(item), **_people(item)}


def _identity(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "ical_uid": _text(item.get("iCalUID")),
        "recurring_event_id": _text(item.get("recurringEventId")),
        "etag": _text(item.get("etag")),
        "created_at": _instant_or_none(item.get("created")),
        "updated_at": _instant_or_none(item.get("updated")),
    }


def _bounds(item: dict[str, Any], timezone: str) -> _Bounds:
    """Without an end it is a day long, or has no length; an end before the start counts as none (rule 26)."""
    start, end = item["start"], _object(item.get("end"))
    if "date" in start:
        first = date.fromisoformat(start["date"])
        last = date.fromisoformat(end["date"]) if "date" in end else first
        last = max(last, first + _DAY)
        return _Bounds(_midnight(first, timezone), _midnight(last, timezone), str(first), str(last))
    start_time = _bound(start, timezone)
    return _Bounds(start_time, max(_bound(end, timezone), start_time) if end else start_time)


def _times(item: dict[str, Any], bounds: _Bounds, timezone: str) -> dict[str, Any]:
    return {
        "start_time": bounds.start,
        "end_time": bounds.end,
        "all_day": bounds.start_date is not None,
        "start_date": bounds.start_date,
        "end_date": bounds.end_date,
        "timezone": _zone_name(item["start"], timezone),
        "original_start_time": _bound_or_none(item.get("originalStartTime"), timezone),
    }


def _bound(bound: dict[str, Any], timezone: str) -> datetime:
    """A begin or an end in UTC: by its offset if it has one, else in its zone (rule 23)."""
    if "date" in bound:
        return _midnight(date.fromisoformat(bound["date"]), timezone)
    moment = datetime.fromisoformat(bound["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(_zone_name(bound, timezone)))
    return moment.astimezone(UTC)


def _bound_or_none(bound: Any, timezone: str) -> datetime | None:
    try:
        return _bound(_object(bound), timezone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _midnight(day: date, timezone: str) -> datetime:
    """Where an all-day event begins or ends: by the calendar's zone (rule 22)."""
    return datetime.combine(day, datetime.min.time(), ZoneInfo(_zone_name({}, timezone))).astimezone(UTC)


def _zone_name(bound: dict[str, Any], timezone: str) -> str:
    """The IANA name an event was made in; the calendar's where the name is none (rule 23: Windows names occur)."""
    named = _text(bound.get("timeZone"))
    return next((name for name in (named, timezone) if name in _zones()), "UTC")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _instant_or_none(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _content(item: dict[str, Any]) -> dict[str, Any]:
    """What it is about. Values that Google leaves out are its defaults (rules 28, 33, 34)."""
    return {
        "title": _text(item.get("summary")),
        "description": _text(item.get("description")),
        "location": _text(item.get("location")),
        "status": _text(item.get("status")) or "confirmed",
        "visibility": _text(item.get("visibility")) or "default",
        "event_type": _text(item.get("eventType")) or "default",
        "html_link": _link(item.get("htmlLink")),
        "meeting_link": _meeting_link(item),
    }


def _meeting_link(item: dict[str, Any]) -> str | None:
    """The video entry point, else the older link, else one that was written into the text (rule 35)."""
    entries = _objects(_object(item.get("conferenceData")).get("entryPoints"))
    videos = (_link(entry.get("uri")) for entry in entries if entry.get("entryPointType") == "video")
    named = next(filter(None, videos), None) or _link(item.get("hangoutLink"))
    return named or _written_link(item.get("location")) or _written_link(item.get("description"))


def _written_link(text: Any) -> str | None:
    """Most texts hold none: looking for `https` first costs a tenth."""
    found = _MEETING.search(text) if isinstance(text, str) and "https" in text.lower() else None
    return found[0] if found else None


def _people(item: dict[str, Any]) -> dict[str, Any]:
    """Who takes part. An attendee may have no e-mail (rule 32). A declined event takes no time (rule 30)."""
    attendees = _objects(item.get("attendees"))
    response = next((_text(attendee.get("responseStatus")) for attendee in attendees if attendee.get("self")), None)
    named = ((_text(attendee.get("email")), _text(attendee.get("responseStatus"))) for attendee in attendees)
    states = [{"email": email, "response": response} for email, response in named if email]
    return {
        "attendees": [state["email"] for state in states],
        "attendee_states": states,
        "attendees_omitted": item.get("attendeesOmitted") is True,
        "organizer_email": _text(_object(item.get("organizer")).get("email")),
        "my_response": response,
        "busy": item.get("transparency") != "transparent" and response != "declined",
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _link(value: Any) -> str | None:
    """An address a browser may open; `javascript:` and the like are none."""
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
