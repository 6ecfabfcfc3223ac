"""Slots as they are found, against every minute tried: zones, changes of clocks, hours, events, groups, buffers."""

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.availability.model import Groups, Wish
from switchboard.spans.model import MINUTE, Spans, moment
from tests.availability.plain import Person, found, obvious
from tests.spans.clocks import moments, zones
from tests.working_hours.plain import always, schedules

NAMES = ("ada", "bob", "cyd", "dee")
minutes = st.one_of(st.sampled_from([0, 15, 30, 60]), st.integers(0, 200))


def events(near: datetime) -> st.SearchStrategy[Spans]:
    """Long and short ones, some without length, some that begin or end within a minute."""
    edges = st.integers(-24 * 60, 48 * 60).map(lambda number: moment(near) + number * MINUTE)
    lengths = st.one_of(st.just(0), st.just(1), st.integers(0, 600 * MINUTE), st.integers(0, 120).map(lambda m: m * MINUTE))
    return st.lists(st.tuples(edges, lengths).map(lambda pair: (pair[0], sum(pair))), max_size=6)


@st.composite
def persons(draw: st.DrawFn, near: datetime) -> Person:
    begin = moment(near) + draw(st.integers(-48 * 60, 12 * 60)) * MINUTE
    covered = (begin, begin + draw(st.integers(0, 96 * 60 * MINUTE)))
    coverage = draw(st.sampled_from([(0, 2**50), (0, 2**50), (0, 2**50), covered, covered, None]))
    hours = draw(st.one_of(st.builds(always), schedules(near)))
    return Person(draw(zones), hours, draw(events(near)), coverage)


@st.composite
def groups(draw: st.DrawFn) -> Groups:
    some = draw(st.frozensets(st.sampled_from(NAMES)))
    at_least = draw(st.integers(1, len(some))) if some else 0
    return Groups(
        draw(st.frozensets(st.sampled_from(NAMES), max_size=2)),
        draw(st.frozensets(st.sampled_from(NAMES), max_size=3)),
        some,
        at_least,
    )


@st.composite
def wishes(draw: st.DrawFn, near: datetime) -> Wish:
    return Wish(
        draw(groups()),
        draw(st.one_of(st.sampled_from([30, 60]), st.integers(1, 300))) * MINUTE,
        before=draw(minutes) * MINUTE,
        after=draw(minutes) * MINUTE,
        granularity=draw(st.one_of(st.sampled_from([15, 30, 60, 120]), st.integers(5, 1440))) * MINUTE,
        hours=draw(st.one_of(st.none(), st.none(), schedules(near))),
        at_work=draw(st.sampled_from([True, True, True, False])),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), zones, st.integers(1, 30 * 60))
def test_slots_are_those_of_every_minute_tried(data: st.DataObject, timezone: str, length: int) -> None:
    first = data.draw(moments(timezone))
    people = {name: data.draw(persons(first)) for name in NAMES[: data.draw(st.integers(1, 4))]}
    wish = data.draw(wishes(first))
    begin = moment(first) + data.draw(st.integers(0, 2 * MINUTE))
    between = (begin, begin + length * MINUTE)

    assert found(people, wish, timezone, between) == obvious(people, wish, timezone, between)
