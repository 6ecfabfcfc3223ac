"""What is known of people's time, and the slots in which enough of them are free."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from switchboard.calendars.model import Calendar
from switchboard.errors import Invalid
from switchboard.events.model import FIRST_YEAR, LAST_YEAR, InvalidRange, Window
from switchboard.spans.model import (
    DAY,
    MINUTE,
    Span,
    Spans,
    Stretch,
    common,
    merged,
    moment,
    stretches,
    widened,
    without,
)
from switchboard.working_hours.model import Schedule

MOST_PEOPLE: Final = 50
LONGEST_DAYS: Final = 62
MOST_EVENTS: Final = 30_000

State = Literal["known", "partly_known", "not_covered", "hidden", "not_connected", "not_pulled", "access_lost", "gone"]

REASONS: Final[dict[State, str]] = {
    "partly_known": "Their calendar is known for a part of this time alone.",
    "not_covered": "Their calendar is not known for this time: it is too long ago, or too far ahead.",
    "hidden": "They show this organization nothing of their calendar.",
    "not_connected": "They have connected no calendar.",
    "not_pulled": "One of their calendars has not been pulled for this organization yet.",
    "access_lost": "Google lets us read their calendar no longer. They have to connect it again.",
    "gone": "One of their calendars is not at Google any more. They have to choose their calendars again.",
}
_LACKS: Final[tuple[State, ...]] = ("access_lost", "gone", "not_pulled")  # the first of them is told


class InvalidTimes(InvalidRange):
    message = f"Ask for a range from 1970 to 2100 that ends after it begins and is at most {LONGEST_DAYS} days long."


class InvalidPeople(Invalid):
    code = "invalid_people"
    message = f"Ask about one person at least and {MOST_PEOPLE} at most, and for no more of them than you name."


class TooManyEvents(Invalid):
    code = "too_many_events"
    message = "There are too many events in this time. Ask for a shorter range, or about fewer people."


def checked_span(window: Window) -> Span:
    """A range that was asked for; raises `InvalidTimes`."""
    years = window.start.year >= FIRST_YEAR and window.end.year <= LAST_YEAR
    begin, end = moment(window.start), moment(window.end)
    if not years or not 0 < end - begin <= LONGEST_DAYS * DAY:
        raise InvalidTimes
    return begin, end


class Pulled(NamedTuple):
    """A calendar, and the time its events are known for where an organization looks for them."""

    calendar: Calendar
    coverage: Span | None

    @classmethod
    def of(cls, calendar: Calendar, org_id: str) -> "Pulled":
        """Those of somebody who has just joined are found there only once they have been placed."""
        window = calendar.coverage if org_id in calendar.org_ids else None
        return cls(calendar, (moment(window.start), moment(window.end)) if window else None)

    @property
    def takes_time(self) -> bool:
        """Whether its events say when its owner is busy, and are all here."""
        return self.calendar.busy and self.coverage is not None

    def since(self, before: "Pulled | None") -> "Pulled":
        """What was known before its events were read, and still is: a pull may have ended in between, or begun to
        remove them.
        """
        if before is None or (self.calendar.busy and not before.calendar.busy):
            return Pulled(self.calendar, None)
        return Pulled(self.calendar, _overlap(before.coverage, self.coverage))


def _overlap(this: Span | None, that: Span | None) -> Span | None:
    if this is None or that is None:
        return None
    begin, end = max(this[0], that[0]), min(this[1], that[1])
    return (begin, end) if begin < end else None


@dataclass(frozen=True)
class Known:
    """What an organization knows of a person's time: when they are busy, as far as `coverage` goes."""

    user_id: str
    state: State
    coverage: Span | None = None
    busy: Spans = field(default_factory=list)
    synced_at: datetime | None = None
    stale: bool = False

    @property
    def reason(self) -> str | None:
        """Why their time is not known, or not all of it."""
        return REASONS.get(self.state)


class Asked(NamedTuple):
    """When it was asked, about which time; and after how many seconds a pull counts as too long ago."""

    now: datetime
    during: Span
    stale_seconds: int


def known(user_id: str, calendars: Collection[Pulled], busy: Iterable[Span], asked: Asked) -> Known:
    """What is known of somebody who shows when they are busy: each calendar that takes their time has to be known."""
    takes = [each for each in calendars if each.calendar.busy]
    counted = takes or [each for each in calendars if each.calendar.primary]
    if not counted:
        return Known(user_id, "not_connected")
    lacks = {_lack(each.calendar) for each in counted if each.coverage is None}
    if lacks:
        return Known(user_id, min(lacks, key=_LACKS.index))
    pulls = [each.calendar.last_success_at for each in counted]
    coverage = reduce(_overlap, (each.coverage for each in counted))
    seen = _overlap(coverage, asked.during)
    return Known(
        user_id,
        "not_covered" if seen is None else "known" if seen == asked.during else "partly_known",
        coverage,
        common(merged(busy), [seen]) if seen else [],
        synced_at=min((pulled for pulled in pulls if pulled), default=None),
        stale=any(each.calendar.stale(asked.now, asked.stale_seconds) for each in counted),
    )


def _lack(calendar: Calendar) -> State:
    return calendar.status if calendar.status in ("access_lost", "gone") else "not_pulled"


@dataclass(frozen=True)
class Groups:
    """Who has to be free at once: all of some, any of others, and so many of others again."""

    all_of: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    some_of: frozenset[str] = frozenset()
    at_least: int = 0

    def check(self) -> None:
        """Raise `InvalidPeople` for more people than there are."""
        if self.at_least > len(self.some_of):
            raise InvalidPeople(fields={"some_of.at_least": InvalidPeople.message})

    def met_by(self, free: Set[str]) -> bool:
        any_free = not self.any_of or not self.any_of.isdisjoint(free)
        return self.all_of <= free and any_free and len(self.some_of & free) >= self.at_least


@dataclass(frozen=True)
class Wish:
    """A slot as it is wanted; times in milliseconds.

    `before` and `after` are to be free of other events, inside working hours or not. `hours` stand in for everybody's
    own; None: their own count. With `at_work` false none count.
    """

    groups: Groups
    duration: int
    before: int = 0
    after: int = 0
    notice: int = 0
    granularity: int = MINUTE
    limit: int = 1
    timezone: str | None = None
    hours: Schedule | None = None
    at_work: bool = True

    def read_for(self, during: Span) -> Span:
        """The time that events are to be known for."""
        return during[0] - self.before, during[1] + self.after

    def left_of(self, during: Span, now: datetime) -> Span:
        """What may be taken of a range: what is not over, nor too soon."""
        return max(during[0], moment(now) + self.notice), during[1]


class Slot(NamedTuple):
    """A time, and those who are free all through it."""

    begin: int
    end: int
    people: frozenset[str]


def starts(person: Known, work: Spans, wish: Wish) -> Spans:
    """Where a slot may begin for a person: then they work all through it, and are busy neither in it nor around it."""
    if person.coverage is None:
        return []
    begin, end = person.coverage
    covered = common(work, [(begin + wish.before, end - wish.after)])
    free = without(covered, widened(person.busy, wish.after, wish.before))
    return [(begin, end - wish.duration + 1) for begin, end in free if end - begin >= wish.duration]


def slots(begins: Mapping[str, Spans], wish: Wish, timezone: str, between: Span) -> Iterator[Slot]:
    """The slots in their order, by where they may begin for each person.

    They begin at multiples of the granularity, counted on the zone's clock from each midnight that it shows.
    """
    clock = stretches(timezone, between)
    for opening, free in _openings(begins, wish.groups):
        for stretch in clock:
            for begin in _marks(opening, stretch, wish.granularity):
                yield Slot(begin, begin + wish.duration, free)


def _openings(begins: Mapping[str, Spans], groups: Groups) -> Iterator[tuple[Span, frozenset[str]]]:
    """Where slots may begin for enough people, and for whom: always the same ones from a begin to an end."""
    edges = sorted(edge for user_id, spans in begins.items() for span in spans for edge in _edges(user_id, span))
    free = set[str]()
    for (here, joins, user_id), (there, *_) in pairwise(edges):
        (free.add if joins else free.discard)(user_id)
        if here < there and groups.met_by(free):
            yield (here, there), frozenset(free)


def _edges(user_id: str, span: Span) -> tuple[tuple[int, bool, str], tuple[int, bool, str]]:
    return (span[0], True, user_id), (span[1], False, user_id)


def _marks(opening: Span, stretch: Stretch, granularity: int) -> Iterator[int]:
    """The multiples of the granularity in an opening, as far as it lies in a stretch."""
    place, end = max(opening[0], stretch.begin) + stretch.ahead, min(opening[1], stretch.end) + stretch.ahead
    while place < end:
        midnight = place - place % DAY
        place = min(midnight + -(-(place - midnight) // granularity) * granularity, midnight + DAY)
        if place < end:
            yield place - stretch.ahead
        place += 1
