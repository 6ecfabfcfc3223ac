"""What people write of times, in UTC: against a slow obvious reading of every clock."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.event_times.model import Day, Given, InvalidTime, Moment, Times, moved, stored_times, times_of
from switchboard.users.model import UnknownTimezone

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)
FIRST, LAST = datetime.fromisoformat("2000-01-01T00:00"), datetime.fromisoformat("2098-12-30T00:00")
walls = st.datetimes(FIRST, LAST).map(lambda wall: wall.replace(microsecond=0))


def shown_at(zone: str, wall: datetime) -> list[datetime]:
    """The moments when clocks there show it, looked for minute by minute around it."""
    around = (wall.replace(tzinfo=UTC) + timedelta(minutes=minute) for minute in range(-15 * 60, 15 * 60 + 1, 5))
    offsets = {moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in around}
    moments = {wall.replace(tzinfo=UTC) - offset for offset in offsets if offset is not None}
    return sorted(each for each in moments if each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), walls)
def test_a_wall_time_is_the_first_moment_when_clocks_show_it(zone, wall) -> None:
    check(zone, wall)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), st.integers(2000, 2036), st.integers(0, 7 * 24 * 4), st.sampled_from([3, 4, 9, 10, 11]))
def test_a_wall_time_near_a_change_of_clocks_too(zone, year, quarters, month) -> None:
    begin = datetime.fromisoformat(f"{year}-{month:02}-{1 if month == 11 else 25:02}T00:00")
    check(zone, begin + timedelta(minutes=15 * quarters))


def check(zone: str, wall: datetime) -> None:
    moments = shown_at(zone, wall)
    asked = Given(wall.isoformat(), "2099-01-01T00:00:00Z", zone)
    if not moments:
        with pytest.raises(InvalidTime) as raised:
            times_of(asked, "UTC")
        assert list(raised.value.fields) == ["start"]
        return
    start = times_of(asked, "UTC").start
    assert start.at("UTC") == moments[0]
    assert start == Moment(moments[0].astimezone(ZoneInfo(zone)), zone)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), walls, st.integers(1, 60 * 48), walls)
def test_an_event_that_is_moved_lasts_as_long_as_before(zone, before, minutes, after) -> None:
    if not shown_at(zone, after):
        return

    keeps_its_length(zone, before, minutes, after)


def keeps_its_length(zone: str, before: datetime, minutes: int, after: datetime) -> None:
    start = before.replace(tzinfo=UTC)
    old = Times(Moment(start), Moment(start + timedelta(minutes=minutes)))

    new = moved(Given(start=after.isoformat(), timezone=zone), old, "UTC").window("UTC")

    assert new.start == shown_at(zone, after)[0]
    assert new.end - new.start == timedelta(minutes=minutes)


@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", "2027-03-27"), ("America/New_York", "2027-11-06")])
def test_an_event_that_is_moved_over_a_change_of_clocks_too(zone, day) -> None:
    before = datetime.fromisoformat("2027-01-11T10:00")

    keeps_its_length(zone, before, 12 * 60, datetime.fromisoformat(f"{day}T20:00"))


def test_what_is_sent_says_its_offset() -> None:
    times = times_of(Given("2027-07-01T10:00", "2027-07-01T11:00:00-04:00", "Europe/Berlin"), "UTC")

    assert times.start.sent() == {"date": None, "dateTime": "2027-07-01T10:00:00+02:00", "timeZone": "Europe/Berlin"}
    assert times.end.sent() == {"date": None, "dateTime": "2027-07-01T11:00:00-04:00", "timeZone": "Europe/Berlin"}
    assert times_of(Given("2027-07-01T10:00:00Z", "2027-07-01T11:00:00Z"), "UTC").start.sent() == {
        "date": None,
        "dateTime": "2027-07-01T10:00:00+00:00",
    }
    assert Day(date(2027, 7, 1)).sent() == {"date": "2027-07-01", "dateTime": None, "timeZone": None}


def test_the_persons_own_zone_is_for_what_names_none() -> None:
    times = times_of(Given("2027-07-01T10:00:00", "2027-07-01T10:00:00+01:00"), "Asia/Tokyo")

    assert times.start == Moment(datetime(2027, 7, 1, 10, tzinfo=ZoneInfo("Asia/Tokyo")), "Asia/Tokyo")
    assert isinstance(times.end, Moment)
    assert times.end.zone is None


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2027-06-30T22:00:00+00:00", "2027-07-01T22:00:00+00:00"),
        ("America/New_York", "2027-07-01T04:00:00+00:00", "2027-07-02T04:00:00+00:00"),
        ("Pacific/Kiritimati", "2027-06-30T10:00:00+00:00", "2027-07-01T10:00:00+00:00"),
    ],
)
def test_days_begin_where_the_calendar_is(zone, start, end) -> None:
    window = times_of(Given("2027-07-01", "2027-07-02"), "Asia/Tokyo").window(zone)

    assert [each.isoformat() for each in window] == [start, end]


def test_a_day_with_a_change_of_clocks_is_as_long_as_it_is() -> None:
    window = times_of(Given("2027-03-28", "2027-03-29"), "UTC").window("Europe/Berlin")

    assert window.end - window.start == timedelta(hours=23)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "Factory", "", "../etc/passwd", "posix/Europe/Berlin"])
def test_a_zone_that_is_none_is_refused(zone) -> None:
    with pytest.raises(UnknownTimezone):
        times_of(Given("2027-07-01T10:00:00Z", "2027-07-01T11:00:00Z", zone), "UTC")


DIGITS = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?)?"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20) | st.from_regex(re.compile(DIGITS, re.ASCII), fullmatch=True))
def test_any_text_is_a_time_or_refused(text) -> None:
    times, refusal = None, None
    try:
        times = times_of(Given(text, text), "Europe/Berlin")
    except InvalidTime as error:
        refusal = error
    if refusal is not None:
        assert set(refusal.fields) == {"start"}
        return
    assert times is not None
    assert 1970 < times.start.at("UTC").year < 2101
    with pytest.raises(InvalidTime):
        times.window("UTC")


ALL_DAY = {"all_day": True, "start_date": "2027-07-01", "end_date": "2027-07-03"}
TIMED = {
    "all_day": False,
    "start_time": datetime(2027, 7, 1, 10, tzinfo=UTC),
    "end_time": datetime(2027, 7, 1, 11, tzinfo=UTC),
}


def test_stored_times_are_days_or_moments() -> None:
    assert stored_times(ALL_DAY) == Times(Day(date(2027, 7, 1)), Day(date(2027, 7, 3)))
    assert stored_times(TIMED) == Times(Moment(TIMED["start_time"]), Moment(TIMED["end_time"]))


MOVES = [
    (ALL_DAY, Given(start="2027-08-01"), ("2027-08-01T00:00:00+00:00", "2027-08-03T00:00:00+00:00")),
    (ALL_DAY, Given(end="2027-07-02"), ("2027-07-01T00:00:00+00:00", "2027-07-02T00:00:00+00:00")),
    (TIMED, Given(start="2027-08-01T09:00:00Z"), ("2027-08-01T09:00:00+00:00", "2027-08-01T10:00:00+00:00")),
    (TIMED, Given(end="2027-07-01T10:30:00Z"), ("2027-07-01T10:00:00+00:00", "2027-07-01T10:30:00+00:00")),
    (TIMED, Given("2027-07-02", "2027-07-03"), ("2027-07-02T00:00:00+00:00", "2027-07-03T00:00:00+00:00")),
    (TIMED, Given(end="2027-07-02"), None),
    (TIMED, Given(start="2027-07-02"), None),
    (ALL_DAY, Given(start="2027-07-02T10:00:00Z"), None),
    (TIMED, Given(end="2027-07-01T10:00:00Z"), None),
]


@pytest.mark.parametrize(("event", "given_times", "expected"), MOVES)
def test_moves(event, given_times, expected) -> None:
    if expected is None:
        with pytest.raises(InvalidTime) as raised:
            moved(given_times, stored_times(event), "UTC").window("UTC")
        assert set(raised.value.fields) == {"end"}
    else:
        window = moved(given_times, stored_times(event), "UTC").window("UTC")
        assert tuple(each.isoformat() for each in window) == expected
