"""Properties of a VEVENT as fields of an event of the Calendar API."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from icalendar import Calendar as IcsCalendar
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from devstack.google.series import Series
from devstack.google.state import Json, StoredEvent
from devstack.google.times import day_after, midnight, rfc3339, zone_named

RESPONSES = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
TEXTS = {
    "SUMMARY": "summary",
    "DESCRIPTION": "description",
    "LOCATION": "location",
    "X-GOOGLE-CONFERENCE": "hangoutLink",
}
STATUSES = {"CONFIRMED": "confirmed", "TENTATIVE": "tentative"}


class IcsReader:
    """`default_zone` is for times without a zone, unless the file names its own."""

    def __init__(self, default_zone: str) -> None:
        self.default_zone = default_zone
        self.locations: dict[str, str] = {}

    def learn_zones(self, head: str) -> None:
        """Take the zones a file defines (VTIMEZONE) and its default (X-WR-TIMEZONE) from everything but the events."""
        try:
            calendar = IcsCalendar.from_ical(head)
        except ValueError:
            return
        named = self._iana(text_of(calendar, "X-WR-TIMEZONE"))
        self.default_zone = named or self.default_zone
        for zone in calendar.walk("VTIMEZONE"):
            self.locations[text_of(zone, "TZID")] = text_of(zone, "X-LIC-LOCATION")

    def _iana(self, name: str) -> str:
        """The IANA name for a TZID: itself, Windows', the end of a path, or what its VTIMEZONE says; empty if none."""
        parts = name.strip('"').split("/")
        tails = ["/".join(parts[start:]) for start in range(len(parts))]
        for candidate in (*tails, WINDOWS_TO_OLSON.get(name.strip('"'), ""), self.locations.get(name, "")):
            if candidate and _known(candidate):
                return candidate
        return ""

    def fields(self, component: Any) -> Json:
        """What can be written of an event; `organizer` comes along for the importer."""
        start = self.time(component["DTSTART"])
        fields: Json = {"start": start, "end": self._end(component, start)}
        for name, field in TEXTS.items():
            if text_of(component, name):
                fields[field] = text_of(component, name)
        fields["status"] = STATUSES.get(text_of(component, "STATUS").upper(), "confirmed")
        if text_of(component, "TRANSP").upper() == "TRANSPARENT" or _free(component):
            fields["transparency"] = "transparent"
        if text_of(component, "CLASS").upper() in ("PRIVATE", "CONFIDENTIAL"):
            fields["visibility"] = text_of(component, "CLASS").lower()
        if "SEQUENCE" in component:
            fields["sequence"] = int(component["SEQUENCE"])
        attendees = [attendee for entry in _all(component, "ATTENDEE") if (attendee := _attendee(entry))]
        fields |= {"attendees": attendees} if attendees else {}
        fields |= {"organizer": organizer} if (organizer := _organizer(component)) else {}
        recurrence = self._recurrence(component, start)
        if recurrence:
            fields["recurrence"] = recurrence
        return fields

    def time(self, value: Any) -> Json:
        """A DTSTART, DTEND or RECURRENCE-ID."""
        moment = value.dt
        if not isinstance(moment, datetime):
            return {"date": moment.isoformat()}
        zone = self._zone_of(value)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone_named(zone))
        return {"dateTime": rfc3339(aware.timestamp(), zone_named(zone)), "timeZone": zone}

    def _zone_of(self, value: Any) -> str:
        name = str(value.params.get("TZID", ""))
        if name:
            return self._iana(name) or self.default_zone
        return "UTC" if value.dt.tzinfo is not None else self.default_zone

    def _end(self, component: Any, start: Json) -> Json:
        """DTEND, or DTSTART and DURATION, or what RFC 5545 says for neither: a day, or no time at all."""
        end = self.time(component["DTEND"]) if "DTEND" in component else self._after(component, start)
        if "date" in start and end.get("date") == start["date"]:
            return {"date": day_after(start["date"])}
        return end

    def _after(self, component: Any, start: Json) -> Json:
        length = component["DURATION"].dt if "DURATION" in component else timedelta(0)
        if "date" in start:
            return {"date": (date.fromisoformat(start["date"]) + max(length, timedelta(days=1))).isoformat()}
        end = datetime.fromisoformat(start["dateTime"]).timestamp() + length.total_seconds()
        return {**start, "dateTime": rfc3339(end, zone_named(start["timeZone"]))}

    def _recurrence(self, component: Any, start: Json) -> list[str]:
        lines = [f"RRULE:{rule.to_ical().decode()}" for rule in _all(component, "RRULE")]
        for name in ("RDATE", "EXDATE"):
            for listed in _all(component, name):
                lines += [self._listed(name, entry.dt, start) for entry in listed.dts]
        return lines if any(not line.startswith("EXDATE") for line in lines) else []

    def _listed(self, name: str, moment: Any, start: Json) -> str:
        if isinstance(moment, tuple):
            moment = moment[0]
        if not isinstance(moment, datetime):
            return f"{name};VALUE=DATE:{moment:%Y%m%d}"
        if moment.tzinfo is None:
            zone = start.get("timeZone", self.default_zone)
            return f"{name};TZID={zone}:{moment:%Y%m%dT%H%M%S}"
        return f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def original(self, component: Any, master: StoredEvent | None) -> tuple[Json, str]:
        """An exception's `originalStartTime` and the end of its id."""
        time = self.time(component["RECURRENCE-ID"])
        if master is not None and "date" in time and not master.expansion().all_day:
            time = self._occurrence_on(time["date"], master.expansion())
        if "date" in time:
            return time, time["date"].replace("-", "")
        moment = datetime.fromisoformat(time["dateTime"]).astimezone(UTC)
        return time, f"{moment:%Y%m%dT%H%M%SZ}"

    def _occurrence_on(self, day: str, series: Series) -> Json:
        """Some exporters name only the day of a timed occurrence."""
        begin = midnight(day, series.zone)
        originals = series.between(begin, midnight(day_after(day), series.zone) - 1)
        if not originals:
            raise ValueError("its series has no occurrence that day")
        return dict(series.original_time(originals[0], zone_named(self.default_zone)))


def text_of(component: Any, name: str) -> str:
    """A property as text, the first if there are several, empty if there is none."""
    values = _all(component, name)
    return str(values[0]) if values else ""


def uid_of(component: Any) -> str:
    """The UID; without one, something that stays the same for the same event."""
    start = component["DTSTART"].to_ical().decode()
    return text_of(component, "UID") or f"{text_of(component, 'SUMMARY')} {start}"


def _all(component: Any, name: str) -> list[Any]:
    value = component.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _known(name: str) -> bool:
    try:
        zone_named(name)
    except ValueError:
        return False
    return True


def _free(component: Any) -> bool:
    return text_of(component, "X-MICROSOFT-CDO-BUSYSTATUS").upper() == "FREE"


def _address(entry: Any) -> str:
    scheme, _, address = str(entry).partition(":")
    return address.strip().lower() if scheme.lower() == "mailto" and "@" in address else ""


def _attendee(entry: Any) -> Json | None:
    address = _address(entry)
    if not address:
        return None
    parameters = entry.params
    response = RESPONSES.get(str(parameters.get("PARTSTAT", "")).upper(), "needsAction")
    attendee: Json = {"email": address, "responseStatus": response}
    if parameters.get("CN"):
        attendee["displayName"] = str(parameters["CN"])
    if str(parameters.get("ROLE", "")).upper() == "OPT-PARTICIPANT":
        attendee["optional"] = True
    if str(parameters.get("CUTYPE", "")).upper() in ("RESOURCE", "ROOM"):
        attendee["resource"] = True
    return attendee


def _organizer(component: Any) -> Json | None:
    entries = _all(component, "ORGANIZER")
    if not entries or not _address(entries[0]):
        return None
    name = entries[0].params.get("CN")
    return {"email": _address(entries[0])} | ({"displayName": str(name)} if name else {})
