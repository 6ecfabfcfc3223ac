"""A week of hours, and the dates that are otherwise.

A person works whenever the clock on their wall shows a time of their hours: an hour that the clock jumps over is not
there, and one that it shows twice counts twice.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from switchboard.annotations import Reference
from switchboard.errors import Invalid
from switchboard.spans.model import DAY, MINUTE, Span, Spans, Stretch, merged, stretches
from switchboard.users.model import UnknownTimezone, is_timezone

MOST_A_DAY: Final = 10
MOST_EXCEPTIONS: Final = 400

_WALL_TIME: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FIRST_DAY: Final = date(1970, 1, 1)
_FIRST_WEEKDAY: Final = _FIRST_DAY.weekday()
_STRICT: Final = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class InvalidWorkingHours(Invalid):
    code = "invalid_working_hours"
    message = "These hours make no sense: see errors."


def _wall_time(value: str) -> str:
    if not re.fullmatch(_WALL_TIME, value):
        raise ValueError("Give a time of the day such as 09:00; hours may end at 24:00")
    return value


def _date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(_DATE, value):
        return value
    raise ValueError("Give a date such as 2026-12-24")


WallTime = Annotated[
    str, AfterValidator(_wall_time), WithJsonSchema({"type": "string", "pattern": _WALL_TIME, "examples": ["09:00"]})
]


class Hours(BaseModel):
    """Hours of one day on the clock on the wall; `to` is not part of them."""

    model_config = _STRICT

    begin: WallTime = Field(alias="from")
    end: WallTime = Field(alias="to")

    @property
    def minutes(self) -> tuple[int, int]:
        """Begin and end, since midnight."""
        return _minutes(self.begin), _minutes(self.end)


def _minutes(wall_time: str) -> int:
    return 60 * int(wall_time[:2]) + int(wall_time[3:])


DayHours = Annotated[list[Hours], Field(max_length=MOST_A_DAY)]


class Week(BaseModel):
    """What is worked on each day of a week; nothing on a day without hours."""

    model_config = _STRICT

    monday: DayHours = []
    tuesday: DayHours = []
    wednesday: DayHours = []
    thursday: DayHours = []
    friday: DayHours = []
    saturday: DayHours = []
    sunday: DayHours = []

    @property
    def days(self) -> dict[str, list[Hours]]:
        """By name, from Monday on."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class DatedHours(BaseModel):
    """What is worked on one date in place of what its day of the week has; nothing on a day off."""

    model_config = _STRICT

    day: Annotated[date, BeforeValidator(_date)] = Field(alias="date")
    hours: DayHours = []


_WORKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")
_USUAL_WEEK: Final = Week.model_validate({day: [{"from": "09:00", "to": "17:00"}] for day in _WORKDAYS})


class Schedule(BaseModel):
    """Hours by a zone's clocks, None: by those of the person's own. Left out, it is what most people work."""

    timezone: str | None = None
    weekly: Week = _USUAL_WEEK
    exceptions: Annotated[list[DatedHours], Field(max_length=MOST_EXCEPTIONS)] = []

    def check(self, part: str = "") -> None:
        """Raise `UnknownTimezone` or `InvalidWorkingHours` unless it makes sense; `part` leads to it, as `hours.`."""
        if self.timezone is not None and not is_timezone(self.timezone):
            raise UnknownTimezone(fields={f"{part}timezone": UnknownTimezone.message})
        wrong = {f"{part}{place}": sentence for place, sentence in self._wrong() if sentence}
        if wrong:
            raise InvalidWorkingHours(fields=wrong)

    def _wrong(self) -> Iterator[tuple[str, str | None]]:
        for name, day in self.weekly.days.items():
            yield f"weekly.{name}", _wrong_day(day)
        seen: set[date] = set()
        for number, exception in enumerate(self.exceptions):
            again = "There is another exception for this date." if exception.day in seen else None
            yield f"exceptions.{number}", again or _wrong_day(exception.hours)
            seen.add(exception.day)

    def sorted(self) -> "Schedule":
        """The same, each day's hours and the dates in their order."""
        days = {name: _in_order(day) for name, day in self.weekly.days.items()}
        dated = [each.model_copy(update={"hours": _in_order(each.hours)}) for each in self.exceptions]
        in_order = sorted(dated, key=lambda each: each.day)
        return Schedule(timezone=self.timezone, weekly=Week(**days), exceptions=in_order)

    def zone_for(self, own: str) -> str:
        """The zone that it counts in for somebody whose own one this is."""
        return self.timezone or own

    def spans(self, own: str, during: Span) -> Spans:
        """The time of it during a span, for somebody whose own zone this is."""
        week = [[each.minutes for each in day] for day in self.weekly.days.values()]
        others = {(each.day - _FIRST_DAY).days: [hours.minutes for hours in each.hours] for each in self.exceptions}
        found = []
        for stretch in stretches(self.zone_for(own), during):
            for day in range((stretch.begin + stretch.ahead) // DAY, (stretch.end + stretch.ahead - 1) // DAY + 1):
                minutes = others.get(day, week[(day + _FIRST_WEEKDAY) % 7])
                found += [_span(stretch, day, each) for each in minutes]
        return merged(found)


def _span(stretch: Stretch, day: int, minutes: tuple[int, int]) -> Span:
    """Hours of a day as far as they lie in a stretch; what does not has no length."""
    begin, end = (day * DAY + minute * MINUTE - stretch.ahead for minute in minutes)
    return max(begin, stretch.begin), min(end, stretch.end)


def _in_order(day: Iterable[Hours]) -> list[Hours]:
    return sorted(day, key=lambda hours: hours.begin)


def _wrong_day(day: list[Hours]) -> str | None:
    if any(hours.begin >= hours.end for hours in day):
        return "Hours must begin before they end; those over midnight end at 24:00 and begin at 00:00 the next day."
    if any(earlier.end > later.begin for earlier, later in pairwise(_in_order(day))):
        return "Hours of one day must not overlap."
    return None


USUAL: Final = Schedule()


class WorkingHours(Schedule):
    """When a person works. `updated_at` is None for who has kept nothing."""

    user_id: Annotated[str, Reference("User", "cascade")]
    updated_at: datetime | None = None


class Shown(NamedTuple):
    """Working hours, and the zone of the person for where they name none."""

    working_hours: WorkingHours
    own_timezone: str
