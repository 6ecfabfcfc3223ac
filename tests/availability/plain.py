"""People's time for tests, with plain objects; and slots found the slow and obvious way, minute by minute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from switchboard.availability.model import Groups, Known, Slot, Wish, slots, starts
from switchboard.spans.model import MINUTE, Span, Spans, at, merged, moment
from switchboard.working_hours.model import Schedule
from tests.working_hours.plain import always, at_work

HOUR: Final = 60 * MINUTE


@dataclass
class Person:
    """Somebody's time. `coverage` None: it is not known."""

    zone: str = "UTC"
    hours: Schedule = field(default_factory=always)
    busy: Spans = field(default_factory=list)
    coverage: Span | None = (0, 2**50)

    def known(self, user_id: str) -> Known:
        return Known(user_id, "known", self.coverage, merged(self.busy))

    def works(self, minute: int, wish: Wish) -> bool:
        """Whether the wall says so at this minute."""
        hours = wish.hours or self.hours
        return not wish.at_work or at_work(hours, at(minute).astimezone(ZoneInfo(hours.timezone or self.zone)))

    def is_open(self, minute: int) -> bool:
        """Whether all of this minute is known to be free of events."""
        if self.coverage is None or not self.coverage[0] <= minute <= minute + MINUTE <= self.coverage[1]:
            return False
        return not any(begin < minute + MINUTE and end > minute and begin < end for begin, end in self.busy)


People = Mapping[str, Person]


def found(people: People, wish: Wish, timezone: str, between: Span) -> list[Slot]:
    """As the service finds them."""
    begins = {}
    for user_id, person in people.items():
        work = (wish.hours or person.hours).spans(person.zone, between) if wish.at_work else merged([between])
        begins[user_id] = starts(person.known(user_id), work, wish)
    return list(slots(begins, wish, timezone, between))


def obvious(people: People, wish: Wish, timezone: str, between: Span) -> list[Slot]:
    """Every minute tried; each person looked at minute by minute."""
    first, last = -(-between[0] // MINUTE) * MINUTE, between[1] - wish.duration
    looked = range(first - wish.before, between[1] + wish.after, MINUTE)
    works = {user_id: {each for each in looked if person.works(each, wish)} for user_id, person in people.items()}
    is_open = {user_id: {each for each in looked if person.is_open(each)} for user_id, person in people.items()}
    slots = []
    for begin in range(first, last + 1, MINUTE):
        within = range(begin, begin + wish.duration, MINUTE)
        around = range(begin - wish.before, begin + wish.duration + wish.after, MINUTE)
        if _marked(begin, wish, timezone):
            free = {each for each in people if works[each].issuperset(within) and is_open[each].issuperset(around)}
            if _enough(wish.groups, free):
                slots.append(Slot(begin, begin + wish.duration, frozenset(free)))
    return slots


def _marked(minute: int, wish: Wish, timezone: str) -> bool:
    wall = at(minute).astimezone(ZoneInfo(timezone))
    return wall.second == 0 and (60 * wall.hour + wall.minute) * MINUTE % wish.granularity == 0


def _enough(groups: Groups, free: set[str]) -> bool:
    some = sum(user_id in free for user_id in groups.some_of)
    any_free = any(user_id in free for user_id in groups.any_of) if groups.any_of else True
    return all(user_id in free for user_id in groups.all_of) and any_free and some >= groups.at_least


def span(first: datetime, minutes: float) -> Span:
    """A time of so many minutes."""
    return moment(first), moment(first + timedelta(minutes=minutes))
