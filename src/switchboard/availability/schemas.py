"""Free time on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from switchboard.availability.model import MOST_PEOPLE, Groups, InvalidPeople, InvalidTimes, Known, State, Wish
from switchboard.availability.service import Found, Times
from switchboard.events.model import Window
from switchboard.spans.model import MINUTE, Span, at
from switchboard.users.model import UnknownTimezone, is_timezone
from switchboard.working_hours.schemas import ScheduleSent, Timezone

STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
A_DAY = 24 * 60
A_YEAR = 366 * A_DAY

People = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MOST_PEOPLE)]
Minutes = Annotated[int, Field(ge=0, le=A_DAY)]


class Range(BaseModel):
    """A time from a begin to an end that is not part of it; in answers UTC."""

    model_config = ConfigDict(populate_by_name=True)

    begin: datetime = Field(alias="from")
    end: datetime = Field(alias="to")

    @classmethod
    def of(cls, span: Span) -> "Range":
        return cls(begin=at(span[0]), end=at(span[1]))


class TimesAsked(BaseModel):
    """Both RFC 3339 with an offset, at most 62 days apart."""

    model_config = STRICT

    begin: AwareDatetime = Field(alias="from", examples=["2026-11-23T00:00:00Z"])
    end: AwareDatetime = Field(alias="to", examples=["2026-11-30T00:00:00Z"])

    def window(self) -> Window:
        """The range in UTC; raises `InvalidTimes` where no UTC time can say it."""
        try:
            return Window(self.begin.astimezone(UTC), self.end.astimezone(UTC))
        except OverflowError:
            raise InvalidTimes from None


class FreeBusyAsked(TimesAsked):
    """Members by their ids, 50 at most."""

    people: People

    def asked(self) -> Times:
        """Raises `InvalidTimes`, `InvalidPeople`."""
        return _places({"people": self.people}), self.window()


class SomeOf(BaseModel):
    """So many of these people are to be free."""

    model_config = STRICT

    people: People
    at_least: Annotated[int, Field(ge=1, le=MOST_PEOPLE)]


class AvailabilityAsked(TimesAsked):
    """A slot that all of some members have free, and one of others, and so many of others again; 50 people in all.

    It lies in the range, begins no sooner than now and `minimum_notice_minutes`, and at a multiple of
    `granularity_minutes`, counted on the clock of `timezone` from each midnight (null: the clock that the first person
    works by). It lies in the working hours of each of them; `hours` stand in for those of everybody, days off
    included, and `respect_working_hours` false takes any time. The buffers around it are free of events, but may lie
    outside of working hours.
    """

    all_of: People = []
    any_of: People = []
    some_of: SomeOf | None = None
    duration_minutes: Annotated[int, Field(ge=1, le=A_DAY)]
    buffer_before_minutes: Minutes = 0
    buffer_after_minutes: Minutes = 0
    minimum_notice_minutes: Annotated[int, Field(ge=0, le=A_YEAR)] = 0
    granularity_minutes: Annotated[int, Field(ge=1, le=A_DAY)] = 15
    limit: Annotated[int, Field(ge=1, le=1000, description="How many slots at most, the earliest first")] = 100
    timezone: Timezone | None = None
    respect_working_hours: bool = True
    hours: ScheduleSent | None = None

    def asked(self) -> tuple[Times, Wish]:
        """Raises `InvalidTimes`, `InvalidPeople`, `UnknownTimezone`, `InvalidWorkingHours`."""
        some, at_least = (self.some_of.people, self.some_of.at_least) if self.some_of else ([], 0)
        places = _places({"all_of": self.all_of, "any_of": self.any_of, "some_of.people": some})
        groups = Groups(frozenset(self.all_of), frozenset(self.any_of), frozenset(some), at_least)
        groups.check()
        return (places, self.window()), self._wish(groups)

    def _wish(self, groups: Groups) -> Wish:
        hours = self.hours.schedule() if self.hours else None
        if hours is not None:
            hours.check("hours.")
        if self.timezone is not None and not is_timezone(self.timezone):
            raise UnknownTimezone(fields={"timezone": UnknownTimezone.message})
        return Wish(
            groups,
            self.duration_minutes * MINUTE,
            before=self.buffer_before_minutes * MINUTE,
            after=self.buffer_after_minutes * MINUTE,
            notice=self.minimum_notice_minutes * MINUTE,
            granularity=self.granularity_minutes * MINUTE,
            limit=self.limit,
            timezone=self.timezone,
            hours=hours,
            at_work=self.respect_working_hours,
        )


class ServiceAvailabilityAsked(AvailabilityAsked):
    org_id: Annotated[str, Field(max_length=64)]


def _places(groups: dict[str, list[str]]) -> dict[str, str]:
    """People in the order they are named first, with where; raises `InvalidPeople`."""
    places: dict[str, str] = {}
    for group, people in groups.items():
        for number, user_id in enumerate(people):
            places.setdefault(user_id, f"{group}.{number}")
    if not 0 < len(places) <= MOST_PEOPLE:
        raise InvalidPeople
    return places


class KnownShown(BaseModel):
    """What is known of a person's time.

    `coverage` is the time that their calendars were pulled for, and `synced_at` when that was, the longest ago of
    them; `stale`: too long ago. `reason` says why their time is not known, or not all of it: it is never taken for
    free.
    """

    user_id: str
    state: State
    reason: str | None
    synced_at: datetime | None
    stale: bool
    coverage: Range | None

    @classmethod
    def of(cls, person: Known) -> Self:
        facts = {name: getattr(person, name) for name in cls.model_fields}
        coverage, busy = Range.of(person.coverage) if person.coverage else None, map(Range.of, person.busy)
        return cls.model_validate({**facts, "coverage": coverage, "busy": [*busy]})


class BusyShown(KnownShown):
    """`busy` are the times that events take, put together, as far as they are known."""

    busy: list[Range]


class FreeBusyShown(BaseModel):
    """In the order they were asked for."""

    people: list[BusyShown]

    @classmethod
    def of(cls, people: list[Known]) -> "FreeBusyShown":
        return cls(people=[BusyShown.of(person) for person in people])


class SlotShown(BaseModel):
    """`people` are those of all that were named who are free all through it."""

    start: datetime
    end: datetime
    people: list[str]


class AvailabilityShown(BaseModel):
    """`more`: there are more slots than `limit`. `timezone` is the clock that their starts were counted on."""

    slots: list[SlotShown]
    more: bool
    timezone: str
    people: list[KnownShown]

    @classmethod
    def of(cls, found: Found) -> "AvailabilityShown":
        ids = [person.user_id for person in found.people]
        slots = [
            SlotShown(start=at(slot.begin), end=at(slot.end), people=[each for each in ids if each in slot.people])
            for slot in found.slots
        ]
        people = [KnownShown.of(person) for person in found.people]
        return cls(slots=slots, more=found.more, timezone=found.timezone, people=people)
