"""Working hours by the clock on the wall, against one that looks at it every minute; and what cannot be kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.spans.model import MINUTE, Spans, at, moment
from switchboard.users.model import UnknownTimezone
from switchboard.working_hours.model import InvalidWorkingHours, Schedule
from tests.spans.clocks import moments, zones
from tests.working_hours.plain import DAYS, at_work, schedule, schedules


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def worked(hours: Schedule, first: datetime, days: float = 1, own: str = "Europe/Berlin") -> list[str]:
    """The time worked from a moment on, in UTC."""
    begin = moment(first)
    spans = hours.spans(own, (begin, begin + int(days * 24 * 60) * MINUTE))
    return [f"{at(begin):%d %H:%M}-{at(end):%d %H:%M}" for begin, end in spans]


@settings(max_examples=200, deadline=None)
@given(st.data(), zones, st.integers(1, 3 * 24 * 60))
def test_the_time_worked_is_what_the_wall_says_minute_by_minute(
    data: st.DataObject, timezone: str, minutes: int
) -> None:
    first = data.draw(moments(timezone))
    hours, begin = data.draw(schedules(first)), moment(first)

    spans = hours.spans(timezone, (begin, begin + minutes * MINUTE))

    zone = ZoneInfo(hours.timezone or timezone)
    obvious = [at_work(hours, (first + timedelta(minutes=number)).astimezone(zone)) for number in range(minutes)]
    assert minutes_of(spans) == [begin + number * MINUTE for number, works in enumerate(obvious) if works]


def minutes_of(spans: Spans) -> list[int]:
    return [minute for begin, end in spans for minute in range(begin, end, MINUTE)]


def test_who_keeps_nothing_works_nine_to_five_on_weekdays_in_their_own_zone() -> None:
    monday = utc(2026, 11, 23)
    assert worked(Schedule(), monday, 7) == [f"{day} 08:00-{day} 16:00" for day in range(23, 28)]
    assert worked(Schedule(), monday, own="Asia/Kolkata") == ["23 03:30-23 11:30"]


def test_hours_in_a_zone_of_their_own_do_not_follow_the_person() -> None:
    assert worked(Schedule(timezone="America/New_York"), utc(2026, 11, 23)) == ["23 14:00-23 22:00"]


def test_the_hour_that_a_clock_jumps_over_is_not_worked() -> None:
    """At 02:00 of March 29 the clocks of Berlin are put to 03:00."""
    night = schedule(sunday=[("00:00", "06:00")])
    assert worked(night, utc(2026, 3, 28, 12), 2) == ["28 23:00-29 04:00"]
    assert worked(schedule(sunday=[("02:00", "03:00")]), utc(2026, 3, 28, 12), 2) == []
    assert worked(schedule(sunday=[("02:30", "03:30")]), utc(2026, 3, 28, 12), 2) == ["29 01:00-29 01:30"]


def test_the_hour_that_a_clock_shows_twice_is_worked_twice() -> None:
    """At 03:00 of October 25 the clocks of Berlin are put back to 02:00."""
    night = schedule(sunday=[("00:00", "06:00")])
    assert worked(night, utc(2026, 10, 24, 12), 2) == ["24 22:00-25 05:00"]
    assert worked(schedule(sunday=[("02:00", "02:30")]), utc(2026, 10, 24, 12), 2) == [
        *("25 00:00-25 00:30", "25 01:00-25 01:30")
    ]


def test_hours_over_midnight_are_one_time() -> None:
    late = schedule(monday=[("22:00", "24:00")], tuesday=[("00:00", "06:00")])
    assert worked(late, utc(2026, 11, 23), 2) == ["23 21:00-24 05:00"]


def test_a_midnight_that_is_not_there_begins_the_day_later() -> None:
    """At 00:00 of October 15, 2017, the clocks of Sao Paulo were put to 01:00."""
    whole = schedule(sunday=[("00:00", "24:00")])
    assert worked(whole, utc(2017, 10, 14, 12), 3, "America/Sao_Paulo") == ["15 03:00-16 02:00"]


def test_a_day_that_is_not_there_has_no_hours() -> None:
    """There was no December 30, 2011, on Samoa."""
    hours = schedule(exceptions={"2011-12-30": [("00:00", "24:00")]})
    assert worked(hours, utc(2011, 12, 28), 4, "Pacific/Apia") == []


def test_a_date_has_its_own_hours_in_place_of_those_of_its_day() -> None:
    hours = schedule(
        monday=[("09:00", "12:00"), ("13:00", "17:00")],
        exceptions={"2026-11-23": [], "2026-11-29": [("10:00", "11:00")]},
    )
    assert worked(hours, utc(2026, 11, 23), 8) == ["29 09:00-29 10:00", "30 08:00-30 11:00", "30 12:00-30 16:00"]


def test_hours_that_touch_are_one_time() -> None:
    assert worked(schedule(monday=[("12:00", "17:00"), ("09:00", "12:00")]), utc(2026, 11, 23)) == ["23 08:00-23 16:00"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"monday": [("10:00", "09:00")]}, "weekly.monday"),
    ({"sunday": [("10:00", "10:00")]}, "weekly.sunday"),
    ({"sunday": [("24:00", "24:00")]}, "weekly.sunday"),
    ({"friday": [("12:00", "17:00"), ("09:00", "12:01")]}, "weekly.friday"),
    ({"friday": [("09:00", "10:00"), ("09:00", "10:00")]}, "weekly.friday"),
    ({"exceptions": {"2026-01-01": [("17:00", "09:00")]}}, "exceptions.0"),
]


@pytest.mark.parametrize(("parts", "place"), WRONG)
def test_hours_that_make_no_sense_are_named(parts: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidWorkingHours) as refused:
        schedule(**parts).check("hours.")
    assert list(refused.value.fields) == [f"hours.{place}"]


def test_a_date_can_be_otherwise_once() -> None:
    twice = Schedule.model_validate({"exceptions": [{"date": "2026-01-01"}, {"date": "2026-01-01"}]})
    with pytest.raises(InvalidWorkingHours) as refused:
        twice.check()
    assert list(refused.value.fields) == ["exceptions.1"]


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "posixrules", "../etc", "Europe"])
def test_a_zone_has_to_be_one_people_live_in(timezone: str) -> None:
    with pytest.raises(UnknownTimezone):
        Schedule(timezone=timezone).check()


@settings(max_examples=50, deadline=None)
@given(schedules(utc(2026, 11, 25)))
def test_what_makes_sense_stays_the_same_in_order(hours: Schedule) -> None:
    hours.check()
    in_order = hours.sorted()
    in_order.check()
    week = (moment(utc(2026, 11, 23)), moment(utc(2026, 11, 30)))
    assert in_order.spans("UTC", week) == hours.spans("UTC", week)
    assert all(day == sorted(day, key=lambda each: each.begin) for day in in_order.weekly.days.values())
    assert list(in_order.weekly.days) == list(DAYS)
