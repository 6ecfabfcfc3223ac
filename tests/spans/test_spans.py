"""What is done with times, against sets of single moments."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.spans.model import DAY, MINUTE, Spans, at, common, merged, moment, stretches, widened, without
from tests.spans.clocks import ALL, moments, zones

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)
lists = pairs.map(merged)


def moments_of(spans: Spans) -> set[int]:
    return {each for begin, end in spans for each in range(begin, end)}


def is_in_order(spans: Spans) -> bool:
    bounds = [bound for span in spans for bound in span]
    return bounds == sorted(set(bounds))


@given(pairs)
def test_merged_is_the_time_that_is_in_any(given_pairs: Spans) -> None:
    assert moments_of(merged(given_pairs)) == moments_of(given_pairs)
    assert is_in_order(merged(given_pairs))


@given(lists, lists)
def test_common_is_the_time_that_is_in_both(these: Spans, those: Spans) -> None:
    assert moments_of(common(these, those)) == moments_of(these) & moments_of(those)
    assert is_in_order(common(these, those))


@given(lists, lists)
def test_without_is_the_time_that_is_not_in_the_second(these: Spans, those: Spans) -> None:
    assert moments_of(without(these, those)) == moments_of(these) - moments_of(those)
    assert is_in_order(without(these, those))


@given(lists, st.integers(0, 9), st.integers(0, 9))
def test_widened_has_what_is_near(spans: Spans, before: int, after: int) -> None:
    near = {each + by for each in moments_of(spans) for by in range(-before, after + 1)}
    assert moments_of(widened(spans, before, after)) == near
    assert is_in_order(widened(spans, before, after))


@given(st.integers(-(2**31), 2**33), st.integers(0, 999_999))
def test_a_moment_is_what_mongodb_keeps(seconds: int, microseconds: int) -> None:
    time = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
    kept = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert at(moment(time)) == kept
    assert moment(kept) == moment(time)


@settings(max_examples=300, deadline=None)
@given(st.data(), zones, st.integers(1, 5 * 24 * 60))
def test_stretches_are_the_offsets_minute_by_minute(data: st.DataObject, timezone: str, minutes: int) -> None:
    first = data.draw(moments(timezone))
    times = [first + timedelta(minutes=number) for number in range(minutes)]

    found = stretches(timezone, (moment(first), moment(first) + minutes * MINUTE))

    ahead = [each.ahead for each in found for _ in range(each.begin, each.end, MINUTE)]
    zone = ZoneInfo(timezone)
    assert ahead == [(time.astimezone(zone).utcoffset() or timedelta()) // timedelta(milliseconds=1) for time in times]
    assert (found[0].begin, found[-1].end) == (moment(first), moment(first) + minutes * MINUTE)
    assert all(one.end == other.begin and one.ahead != other.ahead for one, other in pairwise(found))


def test_a_year_has_a_stretch_for_each_change_in_every_zone() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(366)]
    year = moment(days[0]), moment(days[-1])
    for timezone in ALL:
        offsets = [day.astimezone(ZoneInfo(timezone)).utcoffset() for day in days]
        changes = sum(one != other for one, other in pairwise(offsets))
        assert len(stretches(timezone, year)) == changes + 1, timezone


@pytest.mark.parametrize("length", [0, -1, -DAY])
def test_no_time_has_no_stretches(length: int) -> None:
    assert stretches("Europe/Berlin", (0, length)) == ()
