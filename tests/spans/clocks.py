"""Zones and times for tests: those around changes of clocks above all."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

# Changes of half an hour, of two hours, at midnight, by a whole day; offsets of three quarters of an hour; none at all.
ODD: Final = (
    *("Australia/Lord_Howe", "Antarctica/Troll", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Asia/Kathmandu"),
    *("America/St_Johns", "Africa/Casablanca", "Asia/Gaza", "Africa/Cairo", "Pacific/Chatham", "UTC", "Asia/Kolkata"),
)
USUAL: Final = ("Europe/Berlin", "America/New_York", "Europe/London")
ALL: Final = sorted(name for name in available_timezones() if name[0].isupper() and name != "Factory")

zones = st.one_of(st.sampled_from(USUAL), st.sampled_from(ODD), st.sampled_from(ALL))


@lru_cache
def days_of_change(timezone: str) -> tuple[datetime, ...]:
    """The days in UTC, from 1996 on, on which the clocks of a zone are changed."""
    zone, first = ZoneInfo(timezone), datetime(1996, 1, 1, tzinfo=UTC)
    days = [first + timedelta(days=number) for number in range(365 * 35)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return tuple(day for day, *two in zip(days, offsets, offsets[1:], strict=False) if two[0] != two[1])


@st.composite
def moments(draw: st.DrawFn, timezone: str) -> datetime:
    """A minute in UTC, mostly within a day of a change of the zone's clocks."""
    days = days_of_change(timezone)
    near = draw(st.sampled_from(days)) if days and draw(st.integers(0, 9)) else None
    day = near or datetime(1996, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 365 * 35)))
    return day + timedelta(minutes=draw(st.integers(-26 * 60, 26 * 60)))
