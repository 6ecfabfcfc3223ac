"""Which events and instances a query finds, and in which stable order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from devstack.google.clock import seconds_of
from devstack.google.expansion import (
    bounds_of,
    dropped_stone,
    instance_id,
    length_of,
    open_originals,
    original_start,
)
from devstack.google.query import Query
from devstack.google.state import Calendar, Json, StoredEvent

DAY = 86400.0


class Found(NamedTuple):
    """One item of a listing: a stored event, an instance of it (`original`), or a bare tombstone (`stone`)."""

    key: tuple[float, float, str]
    event: StoredEvent
    original: float | None = None
    stone: Json | None = None


@dataclass(frozen=True)
class Selection:
    """`now` and `more` bound expansions without a `timeMax`: instances until now and `more` after it."""

    calendar: Calendar
    query: Query
    now: float
    more: int

    def full(self) -> list[Found]:
        """Everything the query finds, without a sync token."""
        found = [item for event in self.calendar.order if self._wanted(event) for item in self._of(event)]
        found.sort(key=lambda item: item.key)
        return found

    def since(self, stamp: int) -> list[Found]:
        """Everything that changed after `stamp`, tombstones included, at any time of the calendar."""
        changed = [event for event in self.calendar.changed_since(stamp) if self._type_wanted(event)]
        if self.query.single_events:
            found = self._expanded_since(changed, stamp)
        else:
            found = (self._item(event) for event in changed if not self._orphaned(event))
        return sorted(found, key=lambda item: item.key)

    def instances(self, master: StoredEvent) -> list[Found]:
        """The instances of one series, exceptions included."""
        found = [*self._instances(master)]
        for exception in self.calendar.exceptions_of(master.body["id"]).values():
            found += self._of(exception)
        return sorted(found, key=lambda item: (item.original or original_start(item.event), item.key))

    def _expanded_since(self, changed: list[StoredEvent], stamp: int) -> Iterator[Found]:
        seen: dict[str, StoredEvent] = {}
        for event in changed:
            yield from self._drops(event, stamp)
            if event.recurring and not event.cancelled:
                yield from self._instances(event)
                seen |= self.calendar.exceptions_of(event.body["id"])
            else:
                seen[event.body["id"]] = event
        for event in seen.values():
            yield self._item(event)

    def _orphaned(self, event: StoredEvent) -> bool:
        """Whether this is an exception of a deleted series; it disappeared with that."""
        master = self.calendar.master_of(event)
        return master is not None and master.cancelled

    def _drops(self, event: StoredEvent, stamp: int) -> Iterator[Found]:
        for event_id, (original, dropped) in event.dropped.items():
            if dropped > stamp:
                stone = dropped_stone(event, event_id, original, self.calendar.zone)
                yield Found((event.number, original or 0.0, event_id), event, original, stone)

    def _item(self, event: StoredEvent) -> Found:
        return Found((event.number, 0.0, event.body["id"]), event)

    def _of(self, event: StoredEvent) -> Iterator[Found]:
        if event.recurring and self.query.single_events:
            yield from () if event.cancelled else self._instances(event)
        elif self._visible(event) and (self._unbounded or self._in_window(event)):
            yield Found(self._key(event), event)

    @property
    def _unbounded(self) -> bool:
        return self.query.time_min == float("-inf") and self.query.time_max == float("inf")

    def _visible(self, event: StoredEvent) -> bool:
        if not event.cancelled:
            return True
        if self.query.show_deleted or self.query.updated_min:
            return True
        if self.query.single_events or not event.master_id:
            return False
        master = self.calendar.master_of(event)
        return master is not None and not master.cancelled

    def _in_window(self, event: StoredEvent) -> bool:
        if event.recurring:
            return any(True for _ in self._instances(event))
        if "start" not in event.body:
            return event.master_id is not None and self._original_in_window(event)
        start, end = event.times(self.calendar.zone)
        return self._overlaps(start, end)

    def _original_in_window(self, event: StoredEvent) -> bool:
        start = original_start(event)
        return self.query.time_min - DAY < start < self.query.time_max + DAY

    def _overlaps(self, start: float, end: float) -> bool:
        return end > self.query.time_min and start < self.query.time_max

    def _instances(self, master: StoredEvent) -> Iterator[Found]:
        series, zone, length = master.expansion(), self.calendar.zone, length_of(master)
        query = self.query
        if query.time_max == float("inf"):
            originals = series.up_to(max(self.now, query.time_min), self.more)
        else:
            originals = series.between(query.time_min - length - DAY, query.time_max + DAY)
        for original in open_originals(self.calendar, master, originals):
            start, end = bounds_of(series, original, length, zone)
            if self._overlaps(start, end):
                yield Found(self._instance_key(master, original, start), master, original)

    def _key(self, event: StoredEvent) -> tuple[float, float, str]:
        event_id = event.body["id"]
        if self.query.order_by == "startTime":
            start = event.times(self.calendar.zone)[0] if "start" in event.body else original_start_or_zero(event)
            return (start, 0.0, event_id)
        if self.query.order_by == "updated":
            return (seconds_of(event.stamp), 0.0, event_id)
        return (event.number, 0.0, event_id)

    def _instance_key(self, master: StoredEvent, original: float, start: float) -> tuple[float, float, str]:
        if self.query.order_by == "startTime":
            return (start, 0.0, instance_id(master, original))
        if self.query.order_by == "updated":
            return (seconds_of(master.stamp), original, "")
        return (master.number, original, "")

    def _wanted(self, event: StoredEvent) -> bool:
        query, body = self.query, event.body
        if query.updated_min and seconds_of(event.stamp) < query.updated_min:
            return False
        if query.ical_uid and body.get("iCalUID") != query.ical_uid:
            return False
        return self._type_wanted(event) and self._text_wanted(body) and self._properties_wanted(body)

    def _type_wanted(self, event: StoredEvent) -> bool:
        types = self.query.event_types
        return not types or event.cancelled or event.body.get("eventType") in types

    def _text_wanted(self, body: Json) -> bool:
        if not self.query.text:
            return True
        people = [body.get("organizer", {}), *body.get("attendees", [])]
        texts = [body.get(name, "") for name in ("summary", "description", "location")]
        texts += [person.get(name, "") for person in people for name in ("email", "displayName")]
        everything = " ".join(texts).lower()
        return all(word in everything for word in self.query.text.split())

    def _properties_wanted(self, body: Json) -> bool:
        properties = body.get("extendedProperties", {})
        return all(properties.get(kind, {}).get(name) == value for kind, name, value in self.query.properties)


def original_start_or_zero(event: StoredEvent) -> float:
    return original_start(event) if event.master_id else 0.0
