"""Event bodies: what a client may write, checked and put in the form in which Google gives it back."""

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from devstack.google.clock import rfc3339_milliseconds, seconds_of
from devstack.google.errors import ApiError, invalid, time_range_empty
from devstack.google.series import checked_series
from devstack.google.state import Json
from devstack.google.times import instant, instant_of, rfc3339, zone_named

EVENT_ID = re.compile(r"^[a-v0-9]{5,1024}$")
WRITABLE = [
    "status",
    "summary",
    "description",
    "location",
    "colorId",
    "start",
    "end",
    "endTimeUnspecified",
    "recurrence",
    "transparency",
    "visibility",
    "sequence",
    "attendees",
    "attendeesOmitted",
    "extendedProperties",
    "hangoutLink",
    "conferenceData",
    "gadget",
    "anyoneCanAddSelf",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "privateCopy",
    "reminders",
    "source",
    "attachments",
    "eventType",
    "workingLocationProperties",
    "outOfOfficeProperties",
    "focusTimeProperties",
    "birthdayProperties",
    "eventLabelId",
    "locked",
]
DEFAULTS: Mapping[str, object] = {
    "transparency": "opaque",
    "visibility": "default",
    "endTimeUnspecified": False,
    "attendeesOmitted": False,
    "anyoneCanAddSelf": False,
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "locked": False,
    "privateCopy": False,
    "attendees": [],
    "attachments": [],
    "recurrence": [],
    "summary": "",
    "description": "",
    "location": "",
}
ATTENDEE_DEFAULTS: Mapping[str, object] = {
    "additionalGuests": 0,
    "optional": False,
    "organizer": False,
    "resource": False,
    "self": False,
}
CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "eventType": ("default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"),
}
RESPONSES = ("needsAction", "declined", "tentative", "accepted")


def written(body: Mapping[str, Any], zone: tzinfo) -> Json:
    """The writable fields of a body, checked, without those that have their default value.

    Times are rewritten with the offset of `zone`, the calendar's; unknown and read-only fields are ignored.
    """
    kept: Json = {}
    for name in WRITABLE:
        value = body.get(name)
        if value is not None and DEFAULTS.get(name) != value:
            kept[name] = value
    for name, allowed in CHOICES.items():
        if name in kept and kept[name] not in allowed:
            raise invalid(f"Invalid value for: {kept[name]} is not a valid value", name)
    kept.setdefault("status", "confirmed")
    kept.setdefault("eventType", "default")
    _times(kept, zone)
    if "attendees" in kept:
        kept["attendees"] = [_attendee(attendee) for attendee in kept["attendees"]]
    if "recurrence" in kept:
        _recurrence(kept)
    return kept


def _times(kept: Json, zone: tzinfo) -> None:
    for name in ("start", "end"):
        if name not in kept:
            raise ApiError(400, "global", "required", f"Missing {name} time.")
        kept[name] = _time(kept[name], name, zone)
    start, end = kept["start"], kept["end"]
    if ("date" in start) != ("date" in end):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    if _end_is_first(start, end):
        raise time_range_empty()


def _end_is_first(start: Json, end: Json) -> bool:
    if "date" in start:
        return bool(end["date"] <= start["date"])
    if start["dateTime"][19:] == end["dateTime"][19:]:
        return bool(end["dateTime"] < start["dateTime"])
    return instant_of(end["dateTime"]) < instant_of(start["dateTime"])


def _time(time: object, name: str, zone: tzinfo) -> Json:
    if not isinstance(time, Mapping):
        raise invalid(f"Invalid {name} time.")
    day, moment, zone_name = time.get("date"), time.get("dateTime"), time.get("timeZone")
    if bool(day) == bool(moment):
        message = f"Invalid {name} time." if day else f"Missing {name} time."
        raise ApiError(400, "global", "invalid" if day else "required", message)
    try:
        own_zone = zone_named(zone_name) if zone_name else None
    except ValueError as error:
        raise invalid(f"Invalid time zone definition for {name} time.") from error
    try:
        if day:
            instant({"date": day}, zone)
            return {"date": day}
        shown = {"dateTime": rfc3339(instant_of(str(moment), own_zone), zone)}
    except ValueError as error:
        raise invalid("Bad Request", reason="badRequest") from error
    return shown | ({"timeZone": zone_name} if zone_name else {})


def _attendee(attendee: Mapping[str, Any]) -> Json:
    if not attendee.get("email") and not attendee.get("id"):
        raise ApiError(400, "global", "required", "Missing attendee email.")
    kept = {k: v for k, v in attendee.items() if v is not None and ATTENDEE_DEFAULTS.get(k, ...) != v}
    kept.pop("self", None)
    kept.setdefault("responseStatus", "needsAction")
    if kept["responseStatus"] not in RESPONSES:
        raise invalid("Invalid attendee response status.", "responseStatus")
    return kept


def _recurrence(kept: Json) -> None:
    for name in ("start", "end"):
        if "dateTime" in kept[name] and "timeZone" not in kept[name]:
            raise ApiError(400, "global", "required", f"Missing time zone definition for {name} time.")
    checked_series(kept["start"], kept["recurrence"])


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """Patch semantics: objects merge, arrays are replaced, null removes."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(old.get(name), Mapping):
            new[name] = merged(old[name], value)
        else:
            new[name] = value
    return new


def etag(stamp: int) -> str:
    return f'"{stamp}"'


def stamped(body: Json, stamp: int, previous: Mapping[str, Any] | None = None) -> Json:
    """Add etag and `updated`; a change of reminders only does not move `updated` (discovery document)."""
    body["etag"] = etag(stamp)
    if previous is not None and "updated" in previous and not _differs(previous, body):
        body["updated"] = previous["updated"]
    else:
        body["updated"] = rfc3339_milliseconds(seconds_of(stamp))
    return body


def _differs(previous: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether anything but the reminders changed; writing the same again counts as a change."""
    names = (previous.keys() | body.keys()) - {"etag", "updated", "reminders"}
    others = any(previous.get(name) != body.get(name) for name in names)
    return others or previous.get("reminders") == body.get("reminders")


def tombstone(body: Mapping[str, Any]) -> Json:
    """What remains visible of a deleted event; of an exception also which instance it was."""
    stone = {"kind": "calendar#event", "etag": body["etag"], "id": body["id"], "status": "cancelled"}
    return stone | {name: body[name] for name in ("recurringEventId", "originalStartTime") if name in body}
