"""Who sees what of whose events, the same meeting of several calendars as one, and where a page ends.

Rules are numbered as in facts/google-calendar.md section 2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from switchboard.calendar_sharing.model import Shows
from switchboard.calendars.model import Calendar, Status
from switchboard.events.model import Attendee, CalendarEvent, Window
from switchboard.users.model import User

OPEN: Final = ("default", "public")  # any other visibility keeps an event from others (rule 29)
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)

Sight = Literal["whole", "busy"]


class EntryKey(NamedTuple):
    """A place in the order of entries; `part` tells those of one meeting apart, and that of an entry is never empty."""

    start: datetime
    meeting_id: str = ""
    part: str = ""


@dataclass(frozen=True)
class View:
    """Who looks, what each of the people looked at shows them, and the calendars of those by id.

    `by_text`: only what is seen whole can be found.
    """

    viewer_id: str | None
    shows: Mapping[str, Shows]
    calendars: Mapping[str, Calendar]
    by_text: bool = False

    @property
    def looked_at(self) -> list[str]:
        """Those of the people of whom anything may be seen."""
        return [user_id for user_id, shows in self.shows.items() if shows != "nothing" or user_id == self.viewer_id]

    @property
    def open_ids(self) -> list[str]:
        """Those who show details."""
        return [user_id for user_id, shows in self.shows.items() if shows == "details"]

    def sees(self, event: CalendarEvent) -> Sight | None:
        """One's own events whole. Of what others keep for themselves, only that it takes their time, if it does."""
        calendar, shows = self.calendars.get(event.calendar_id), self.shows.get(event.user_id, "nothing")
        if calendar is None or calendar.user_id != event.user_id:
            return None
        if event.user_id == self.viewer_id or (shows == "details" and event.visibility in OPEN):
            return "whole"
        hidden = shows == "nothing" or self.by_text or not self.takes_time(event)
        return None if hidden else "busy"

    def takes_time(self, event: CalendarEvent) -> bool:
        """Whether its owner is busy then; not by one that they declined (rule 30)."""
        calendar = self.calendars.get(event.calendar_id)
        return event.busy and event.my_response != "declined" and calendar is not None and calendar.busy

    def entries(self, events: Iterable[CalendarEvent]) -> list["Entry"]:
        """What is seen of events, in order: a meeting once whatever the number of calendars it stands on (rule 19)."""
        meetings: dict[EntryKey, list[CalendarEvent]] = {}
        for event in events:
            alone = "" if event.meeting_id else event.event_id
            meetings.setdefault(EntryKey(event.start_time, event.meeting_id or "", alone), []).append(event)
        seen = [entry for key, copies in meetings.items() for entry in self._entries(key, copies)]
        return sorted(seen, key=lambda entry: entry.key)

    def _entries(self, key: EntryKey, copies: list[CalendarEvent]) -> list["Entry"]:
        """The whole copies as one, then a block for each person of whom no more is seen."""
        whole = [copy for copy in copies if self.sees(copy) == "whole"]
        told = {copy.user_id for copy in whole}
        blocks = {copy.user_id: copy for copy in copies if copy.user_id not in told and self.sees(copy) == "busy"}
        found: list[Entry] = [Busy.of(key, copy) for copy in blocks.values()]
        return [self._meeting(key, whole), *found] if whole else found

    def _meeting(self, key: EntryKey, copies: list[CalendarEvent]) -> "Meeting":
        ordered = sorted(copies, key=self._rank, reverse=True)
        return Meeting(
            key._replace(part=f"0{key.part}"),
            ordered[0],
            tuple(Copy.of(copy, busy=self.takes_time(copy)) for copy in ordered),
            tuple(_attendees(ordered)),
        )

    def _rank(self, event: CalendarEvent) -> tuple[bool, bool, int, datetime, str]:
        """The viewer's own tells most, then the one that knows most of its guests (rule 31), then the newest."""
        own, guests = event.user_id == self.viewer_id, len(event.attendees)
        return own, not event.attendees_omitted, guests, event.updated_at or _LONG_AGO, event.event_id


class Copy(NamedTuple):
    """A meeting on the calendar of one member, and what they answered themselves."""

    user_id: str
    calendar_id: str
    event_id: str
    response: str | None
    busy: bool

    @classmethod
    def of(cls, event: CalendarEvent, *, busy: bool) -> "Copy":
        return cls(event.user_id, event.calendar_id, event.event_id, event.my_response, busy)


@dataclass(frozen=True)
class Meeting:
    """A meeting as `told` by one of its copies, with all that may be seen whole, each on one calendar."""

    key: EntryKey
    told: CalendarEvent
    copies: tuple[Copy, ...]
    attendees: tuple[Attendee, ...]


@dataclass(frozen=True)
class Busy:
    """Somebody is busy: when and who, and nothing else. The key is for order alone, and tells what the meeting is."""

    key: EntryKey
    user_id: str
    start: datetime
    end: datetime
    dates: tuple[str, str] | None

    @classmethod
    def of(cls, key: EntryKey, event: CalendarEvent) -> "Busy":
        dates = (event.start_date, event.end_date) if event.start_date and event.end_date else None
        key = key._replace(part=f"1{key.part}{event.user_id}")
        return cls(key, event.user_id, event.start_time, event.end_time, dates)


Entry = Meeting | Busy


def _attendees(copies: Sequence[CalendarEvent]) -> Iterable[Attendee]:
    """Everybody whom one of the copies names, each as the copy that changed last has them."""
    last: dict[str, Attendee] = {}
    for copy in sorted(copies, key=lambda copy: copy.updated_at or _LONG_AGO):
        for state in copy.attendee_states:
            known = last.get(state.email.casefold())
            last[state.email.casefold()] = state if known is None or state.response else known
    names = [state.email.casefold() for copy in copies for state in copy.attendee_states]
    return [last[name] for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class Asked:
    """Events that touch a time: of these members (None: of all), with a text, after a place, so many at most."""

    between: Window
    member_ids: frozenset[str] | None = None
    text: str | None = None
    after: EntryKey | None = None
    limit: int = 250


class Reach(NamedTuple):
    """What was read of a time: every event before `until`, and None of that when all of it was."""

    events: list[CalendarEvent]
    until: EntryKey | None


def joined(reaches: Iterable[Reach]) -> Reach:
    """As far as all of them reach, each event once."""
    all_of_them = list(reaches)
    until = min((reach.until for reach in all_of_them if reach.until is not None), default=None)
    events = {event.event_id: event for reach in all_of_them for event in reach.events}
    return Reach([event for event in events.values() if until is None or _place(event) < until], until)


def _place(event: CalendarEvent) -> EntryKey:
    return EntryKey(event.start_time, event.meeting_id or "")


@dataclass(frozen=True)
class Page:
    """Entries, and where to go on."""

    entries: list[Entry]
    after: EntryKey | None

    @classmethod
    def cut(cls, entries: list[Entry], until: EntryKey | None, limit: int) -> "Page":
        """The first of what was read up to there."""
        return cls(entries[:limit], entries[limit - 1].key if len(entries) > limit else until)


class Trust(NamedTuple):
    """How far events can be trusted: as of when, whether that is too long ago, and the time they are known for."""

    synced_at: datetime | None = None
    stale: bool = False
    coverage: Window | None = None

    @classmethod
    def together(cls, parts: Sequence["Trust"]) -> "Trust":
        """As far as the least of them: the oldest pull, and the time that all of them cover."""
        if len(parts) == 1:
            return parts[0]
        synced = [part.synced_at for part in parts if part.synced_at is not None]
        covered = [part.coverage for part in parts if part.coverage is not None]
        whole = bool(parts) and len(covered) == len(parts)
        common = Window(max(c.start for c in covered), min(c.end for c in covered)) if whole else None
        return cls(
            min(synced) if synced and len(synced) == len(parts) else None,
            any(part.stale for part in parts),
            common if common and common.start < common.end else None,
        )


NOTHING_KNOWN: Final = Trust()


@dataclass(frozen=True)
class Person:
    """A member, what they show, and how their calendars stand; nothing of that where they show nothing."""

    user_id: str
    shows: Shows
    status: Status | None = None
    trust: Trust = NOTHING_KNOWN

    @classmethod
    def of(
        cls, user_id: str, shows: Shows, calendars: Sequence[Calendar], stale: Callable[[Calendar], bool]
    ) -> "Person":
        """`calendars` are those they have here, their own one first; another that is gone counts no more."""
        counted = [each for each in calendars if each.primary or each.status != "gone"] or calendars[:1]
        trust = Trust.together([Trust(each.last_success_at, stale(each), each.coverage) for each in counted])
        return cls(user_id, shows, calendars[0].status if calendars else "disconnected", trust)

    @property
    def counts(self) -> bool:
        """Whether any events of theirs are to be expected."""
        return self.status not in (None, "disconnected")


@dataclass(frozen=True)
class OrganizationEvents:
    """A page of what an organization sees, with the people looked at; the first with what they are called."""

    page: Page
    people: list[Person]
    users: Mapping[str, User]

    @property
    def trust(self) -> Trust:
        return Trust.together([person.trust for person in self.people if person.counts])
