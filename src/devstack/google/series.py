"""Recurrence: the originals of a series, expanded in the zone of the event so that the wall clock stays (RFC 5545)."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from dateutil.rrule import rrule, rruleset, rrulestr

from devstack.google.errors import invalid
from devstack.google.times import instant_of, rfc3339, zone_named

INSTANCE_ID = re.compile(r"^(.+)_(\d{8}(?:T\d{6}Z)?)$")
UNTIL = re.compile(r"UNTIL=(\d{8})(T\d{6}Z?)?", re.IGNORECASE)
LINE = re.compile(r"^(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.+)$", re.IGNORECASE)


class Series:
    """The starts of all occurrences, exceptions included, lazily and in order.

    Local wall times are computed without a zone and then placed in it: a time that a change to summer time skips
    moves forward by the gap, one that occurs twice is the first.
    """

    def __init__(self, start: dict[str, Any], recurrence: Sequence[str]) -> None:
        self.all_day = "date" in start
        self.zone: tzinfo = UTC if self.all_day else zone_named(start.get("timeZone") or "UTC")
        self.first = self._first(start)
        self._known: list[float] = []
        self._rest: Iterator[datetime] = iter(self._rules(recurrence))

    def _first(self, start: dict[str, Any]) -> datetime:
        if self.all_day:
            return datetime.fromisoformat(start["date"])
        return self._local(instant_of(start["dateTime"], self.zone))

    def _local(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self.zone).replace(tzinfo=None)

    def _rules(self, recurrence: Sequence[str]) -> rruleset:
        rules = rruleset()
        for line in recurrence:
            self._add(rules, line)
        if not any(line.upper().startswith("RRULE") for line in recurrence):
            rules.rdate(self.first)
        return rules

    def _add(self, rules: rruleset, line: str) -> None:
        match = LINE.match(line.strip())
        if match is None:
            raise ValueError(f"not a recurrence line: {line}")
        kind, parameters, value = match[1].upper(), match[2], match[3]
        if kind in ("RRULE", "EXRULE"):
            rule = self._rule(value)
            (rules.rrule if kind == "RRULE" else rules.exrule)(rule)
            return
        for part in value.split(","):
            (rules.rdate if kind == "RDATE" else rules.exdate)(self._listed(part.split("/")[0], parameters))

    def _rule(self, value: str) -> rrule:
        rule = rrulestr(UNTIL.sub(self._until, value), dtstart=self.first)
        if not isinstance(rule, rrule):
            raise TypeError("one rule expected")
        return rule

    def _until(self, match: re.Match[str]) -> str:
        """UNTIL as a wall time; a bare date includes that whole day."""
        if not match[2]:
            return f"UNTIL={match[1]}T235959"
        if self.all_day:
            return f"UNTIL={match[1]}T000000"
        if match[2].endswith("Z"):
            moment = datetime.strptime(match[1] + match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return "UNTIL=" + self._local(moment.timestamp()).strftime("%Y%m%dT%H%M%S")
        return f"UNTIL={match[1]}{match[2]}"

    def _listed(self, text: str, parameters: str) -> datetime:
        if len(text) == 8:
            return datetime.combine(_stamp(text), time() if self.all_day else self.first.time())
        moment = _stamp(text.rstrip("Z"))
        if self.all_day:
            return datetime.combine(moment, time())
        zone = re.search(r"TZID=([^;:]+)", parameters, re.IGNORECASE)
        if text.endswith("Z"):
            return self._local(moment.replace(tzinfo=UTC).timestamp())
        return self._local(moment.replace(tzinfo=zone_named(zone[1]) if zone else self.zone).timestamp())

    def _grow(self) -> bool:
        """Compute one more occurrence; False when there is none."""
        moment = next(self._rest, None)
        if moment is None:
            return False
        seconds = moment.replace(tzinfo=self.zone).timestamp()
        if not self._known or seconds > self._known[-1]:
            self._known.append(seconds)
        return True

    def between(self, earliest: float, latest: float) -> list[float]:
        """Originals from `earliest` to `latest`, both included; all-day ones are midnights in UTC."""
        while (not self._known or self._known[-1] <= latest) and self._grow():
            pass
        start = bisect_left(self._known, earliest)
        stop = start
        while stop < len(self._known) and self._known[stop] <= latest:
            stop += 1
        return self._known[start:stop]

    def up_to(self, moment: float, more: int) -> list[float]:
        """All originals until `moment` and `more` after it."""
        wanted = len(self.between(float("-inf"), moment)) + more
        while len(self._known) < wanted and self._grow():
            pass
        return self._known[:wanted]

    def has(self, original: float) -> bool:
        return bool(self.between(original, original))

    def suffix(self, original: float) -> str:
        """What follows the `_` in an instance id: `20240301T090000Z` or, all day, `20240301`."""
        return datetime.fromtimestamp(original, UTC).strftime("%Y%m%d" if self.all_day else "%Y%m%dT%H%M%SZ")

    def original_time(self, original: float, shown_in: tzinfo) -> dict[str, str]:
        """An instance's `originalStartTime`."""
        if self.all_day:
            return {"date": datetime.fromtimestamp(original, UTC).date().isoformat()}
        name = "UTC" if self.zone is UTC else str(self.zone)
        return {"dateTime": rfc3339(original, shown_in), "timeZone": name}


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d" if len(text) == 8 else "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall time


def original_of(suffix: str) -> float:
    """The original start an instance id names; ValueError for a day or hour that does not exist."""
    return _stamp(suffix.rstrip("Z")).replace(tzinfo=UTC).timestamp()


def checked_series(start: dict[str, Any], recurrence: Sequence[str]) -> Series:
    """The series, or Google's refusal of a rule nobody can follow."""
    try:
        series = Series(start, recurrence)
        series.up_to(float("-inf"), 1)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise invalid("Invalid recurrence rule.", "recurrence") from error
    return series
