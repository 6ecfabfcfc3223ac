"""Slots as they are found, against every minute tried: zones, changes of clocks, hours, events, groups, buffers."""

from datetime import datetime

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from switchboard.availability.model import Groups, Wish
from switchboard.spans.model import MINUTE, Spans, moment, stretches
from tests.availability.plain import Person, found, obvious
from tests.spans.clocks import moments, zones
from tests.working_hours.plain import always, schedules

NAMES = ("ada", "bob", "cyd", "dee")
minutes = st.one_of(st.sampled_from([0, 0, 0, 15, 60]), st.integers(0, 120))


def events(near: datetime) -> st.SearchStrategy[Spans]:
    """Some without length, some that begin or end within a minute, a long one now and then."""
    edges = st.integers(-12 * 60, 36 * 60).map(lambda number: moment(near) + number * MINUTE)
    lengths = st.one_of(st.sampled_from([0, 1, 30 * MINUTE, 1440 * MINUTE]), st.integers(0, 240 * MINUTE))
    return st.lists(st.tuples(edges, lengths).map(lambda pair: (pair[0], sum(pair))), max_size=3)


@st.composite
def persons(draw: st.DrawFn, near: datetime) -> Person:
    begin = moment(near) + draw(st.integers(-12 * 60, 4 * 60)) * MINUTE
    covered = (begin, begin + draw(st.integers(6 * 60 * MINUTE, 48 * 60 * MINUTE)))
    coverage = draw(st.sampled_from([(0, 2**50)] * 5 + [covered] * 4 + [None]))
    hours = draw(st.one_of(st.builds(always), st.builds(always), schedules(near)))
    return Person(draw(zones), hours, draw(events(near)), coverage)


@st.composite
def groups(draw: st.DrawFn, names: tuple[str, ...]) -> Groups:
    """One of them, two or three, with somebody in each."""
    some = st.frozensets(st.sampled_from(names), min_size=1, max_size=3)
    kinds = draw(st.sets(st.sampled_from(["all", "any", "some"]), min_size=1))
    all_of, any_of, some_of = (draw(some) if kind in kinds else frozenset[str]() for kind in ("all", "any", "some"))
    return Groups(all_of, any_of, some_of, draw(st.integers(1, len(some_of))) if some_of else 0)


@st.composite
def wishes(draw: st.DrawFn, near: datetime, names: tuple[str, ...]) -> Wish:
    return Wish(
        draw(groups(names)),
        draw(st.one_of(st.sampled_from([30, 60]), st.integers(1, 180))) * MINUTE,
        before=draw(minutes) * MINUTE,
        after=draw(minutes) * MINUTE,
        granularity=draw(st.one_of(st.sampled_from([15, 30, 60, 120]), st.integers(5, 600))) * MINUTE,
        hours=draw(st.one_of(st.none(), st.none(), st.none(), schedules(near))),
        at_work=draw(st.sampled_from([True, True, True, False])),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), zones, st.integers(0, 24 * 60))
def test_slots_are_those_of_every_minute_tried(data: st.DataObject, timezone: str, more: int) -> None:
    first = data.draw(moments(timezone))
    names = NAMES[: data.draw(st.integers(1, 4))]
    people = {name: data.draw(persons(first)) for name in names}
    wish = data.draw(wishes(first, names))
    begin = moment(first) + data.draw(st.integers(0, 2 * MINUTE))
    between = (begin, begin + (360 + more) * MINUTE)

    slots = obvious(people, wish, timezone, between)
    event("slots" if slots else "no slots")
    event(f"changes of clocks: {len(stretches(timezone, between)) - 1}")

    assert found(people, wish, timezone, between) == slots
