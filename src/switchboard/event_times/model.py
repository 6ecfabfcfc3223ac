"""The begin and the end of an event, as they are given and as Google is told of them."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from switchboard.errors import Invalid
from switchboard.events.model import FIRST_YEAR, LAST_YEAR, LONGEST_RANGE, Window
from switchboard.users.model import UnknownTimezone, is_timezone

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECONDS: Final = r"(:[0-9]{2}(\.[0-9]+)?)?"
_TIME: Final = re.compile(rf"{_DATE.pattern}T[0-9]{{2}}:[0-9]{{2}}{_SECONDS}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?")


class InvalidTime(Invalid):
    code = "invalid_time"
    message = "This event has no possible time: see errors."


class Given(NamedTuple):
    """What was said of a time. `start` and `end` are texts: a date; a time with an offset; or what clocks show.

    They are the clocks of `timezone`, or else those where the person is.
    """

    start: str | None = None
    end: str | None = None
    timezone: str | None = None


class Day(NamedTuple):
    """Where an all-day event begins or ends."""

    date: date

    def at(self, calendar_zone: str) -> datetime:
        """In UTC: midnight where the calendar is (rule 22)."""
        return datetime.combine(self.date, time(), ZoneInfo(calendar_zone)).astimezone(UTC)

    def sent(self) -> dict[str, str | None]:
        """For Google; what it is not is emptied."""
        return {"date": str(self.date), "dateTime": None, "timeZone": None}


class Moment(NamedTuple):
    """Where any other event begins or ends, with the IANA name it was given in, if any."""

    time: datetime
    zone: str | None = None

    def at(self, _: str) -> datetime:
        return self.time.astimezone(UTC)

    def sent(self) -> dict[str, str | None]:
        """For Google, with its offset: the zone is only for display."""
        return {"date": None, "dateTime": self.time.isoformat(), **({"timeZone": self.zone} if self.zone else {})}


Bound = Day | Moment


class Times(NamedTuple):
    """When an event is; an end that is a day is not part of it."""

    start: Bound
    end: Bound

    def window(self, calendar_zone: str) -> Window:
        """In UTC; raises `InvalidTime`."""
        if type(self.start) is not type(self.end):
            raise _wrong("end", "Start and end are both dates, or both times.")
        window = Window(self.start.at(calendar_zone), self.end.at(calendar_zone))
        if window.end <= window.start:
            raise _wrong("end", "The end comes after the start. An all-day event of one day ends on the next day.")
        if window.end - window.start > LONGEST_RANGE:
            raise _wrong("end", f"An event lasts {LONGEST_RANGE.days} days at most.")
        return window


def times_of(given: Given, own_zone: str) -> Times:
    """Raises `InvalidTime`, `UnknownTimezone`."""
    return Times(_read("start", given, own_zone), _read("end", given, own_zone))


def stored_times(event: Mapping[str, Any]) -> Times:
    """Those of an event as it was read from Google."""
    if event["all_day"]:
        return Times(*(Day(date.fromisoformat(event[name])) for name in ("start_date", "end_date")))
    return Times(Moment(event["start_time"]), Moment(event["end_time"]))


def moved(given: Given, old: Times, own_zone: str) -> Times:
    """With a start alone it keeps its length; raises `InvalidTime`, `UnknownTimezone`."""
    start = old.start if given.start is None else _read("start", given, own_zone)
    if given.end is not None:
        return Times(start, _read("end", given, own_zone))
    if isinstance(start, Day) and isinstance(old.start, Day) and isinstance(old.end, Day):
        return Times(start, Day(start.date + (old.end.date - old.start.date)))
    if isinstance(start, Moment) and isinstance(old.start, Moment) and isinstance(old.end, Moment):
        end = start.time.astimezone(UTC) + (old.end.time - old.start.time)  # as long, whatever the clocks do meanwhile
        return Times(start, Moment(end.astimezone(start.time.tzinfo), start.zone))
    raise _wrong("end", "Give the end as well: the event becomes one of whole days, or is one no more.")


def _read(name: str, given: Given, own_zone: str) -> Bound:
    text, timezone = getattr(given, name) or "", given.timezone
    if timezone is not None and not is_timezone(timezone):
        raise UnknownTimezone(fields={"timezone": UnknownTimezone.message})
    shown = _parsed(name, text)
    if _DATE.fullmatch(text):
        return Day(shown.date())
    if shown.tzinfo is not None:
        return Moment(shown, timezone)
    zone = timezone or own_zone
    return Moment(_on_the_wall(name, shown, ZoneInfo(zone)), zone)


def _parsed(name: str, text: str) -> datetime:
    shown = None
    if _DATE.fullmatch(text) or _TIME.fullmatch(text):
        with suppress(ValueError):
            shown = datetime.fromisoformat(text).replace(microsecond=0)
    if shown is None:
        raise _wrong(name, "Give a date such as 2026-11-23, or a time such as 2026-11-23T10:00:00+01:00.")
    if not FIRST_YEAR < shown.year < LAST_YEAR:
        raise _wrong(name, f"Give a time between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return shown


def _on_the_wall(name: str, shown: datetime, zone: ZoneInfo) -> datetime:
    """The moment when clocks show this; the first one where they show it twice."""
    moment = shown.replace(tzinfo=zone)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != shown:
        raise _wrong(name, "The clocks there jump over this time on that day.")
    return moment


def _wrong(name: str, sentence: str) -> InvalidTime:
    return InvalidTime(fields={name: sentence})
