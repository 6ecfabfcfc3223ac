"""Working hours for tests, and what a clock on the wall says of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, Final

from hypothesis import strategies as st

from switchboard.working_hours.model import Schedule
from tests.spans.clocks import zones

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Pairs = list[tuple[str, str]]


def hours(pairs: Pairs) -> list[dict[str, str]]:
    return [{"from": begin, "to": end} for begin, end in pairs]


def sent(timezone: str | None = None, exceptions: Mapping[str, Pairs] | None = None, **days: Pairs) -> dict[str, Any]:
    """As it is sent."""
    dated = [{"date": day, "hours": hours(pairs)} for day, pairs in (exceptions or {}).items()]
    return {"timezone": timezone, "weekly": {day: hours(pairs) for day, pairs in days.items()}, "exceptions": dated}


def schedule(timezone: str | None = None, exceptions: Mapping[str, Pairs] | None = None, **days: Pairs) -> Schedule:
    return Schedule.model_validate(sent(timezone, exceptions, **days))


def always() -> Schedule:
    return schedule(**{day: [("00:00", "24:00")] for day in DAYS})


def at_work(kept: Schedule, wall: datetime) -> bool:
    """Whether this is a time of the hours of its day: the obvious way."""
    others = {each.day: each.hours for each in kept.exceptions}
    day = others.get(wall.date(), getattr(kept.weekly, DAYS[wall.weekday()]))
    return any(each.begin <= f"{wall:%H:%M}" < each.end for each in day)


def _wall(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _pairs(bounds: list[int]) -> Pairs:
    inside = sorted(set(bounds))
    return [(_wall(begin), _wall(end)) for begin, end in zip(inside[::2], inside[1::2], strict=False)]


days = st.lists(st.one_of(st.integers(0, 1440), st.sampled_from([0, 60, 120, 180, 1440])), max_size=5).map(_pairs)


def schedules(near: datetime) -> st.SearchStrategy[Schedule]:
    """Any that make sense: a few kinds of days in turn, and one of them on some dates around a day."""
    dates = st.sets(st.integers(-2, 3), max_size=2)

    def made(timezone: str | None, others: set[int], kinds: list[Pairs]) -> Schedule:
        exceptions = {str(near.date() + timedelta(days=number)): kinds[0] for number in others}
        return schedule(timezone, exceptions, **dict(zip(DAYS, cycle(kinds), strict=False)))

    return st.builds(made, st.one_of(st.none(), zones), dates, st.lists(days, min_size=1, max_size=4))
