"""The one place where an event changes: storing, remembering what the expanded view lost, telling watchers."""

from collections.abc import Callable

from devstack.google.bodies import stamped, tombstone
from devstack.google.expansion import expanded_ids, find_instance, instance_body, original_start
from devstack.google.state import Calendar, Json, Store, StoredEvent
from devstack.google.switches import Switches

Listener = Callable[[Calendar], None]


class Changes:
    """Writes events."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.listeners: list[Listener] = []

    def write(self, calendar: Calendar, body: Json) -> StoredEvent:
        """Store a complete body under its id, stamp it, and cancel exceptions that its series no longer has."""
        before = calendar.events.get(body["id"])
        previous = before.body if before else None
        shown = self._shown(calendar, before)
        if before is not None and not before.recurring:
            shown[body["id"]] = None
        revived = before is not None and before.cancelled and body["status"] != "cancelled"
        stamp = self.store.clock.stamp()
        event = calendar.put(stamped(body, stamp, previous), stamp)
        self._follow(calendar, event, revived)
        self._remember(calendar, event, shown)
        self.tell(calendar)
        return event

    def cancel(self, calendar: Calendar, event: StoredEvent) -> None:
        """Leave a tombstone."""
        body = tombstone(event.body) | {"updated": event.body.get("updated", "")}
        kept = {name: event.body[name] for name in ("iCalUID", "organizer", "created") if name in event.body}
        self.write(calendar, body | kept)

    def cancel_id(self, calendar: Calendar, event_id: str) -> None:
        """Cancel the event or instance of that id if it is alive; an instance becomes a cancelled exception."""
        event = calendar.events.get(event_id)
        if event is None and (found := find_instance(calendar, event_id)) is not None:
            event = calendar.put(instance_body(*found, calendar.zone), self.store.clock.stamp())
        if event is not None and not event.cancelled:
            self.cancel(calendar, event)

    def tell(self, calendar: Calendar) -> None:
        for listener in self.listeners:
            listener(calendar)

    def _shown(self, calendar: Calendar, event: StoredEvent | None) -> dict[str, float | None]:
        if event is None:
            return {}
        return expanded_ids(calendar, event, self.store.clock.now(), self.switches.max_instances)

    def _remember(self, calendar: Calendar, event: StoredEvent, shown: dict[str, float | None]) -> None:
        if not shown and not event.dropped:
            return
        still = self._shown(calendar, event)
        alive = event.body["status"] != "cancelled"
        children = calendar.exceptions_of(event.body["id"]) if alive else {}
        for event_id, original in shown.items():
            if event_id not in still and event_id not in children and event_id != event.body["id"]:
                event.dropped[event_id] = (original, event.stamp)
        if event.body["id"] in shown and event.recurring:
            event.dropped[event.body["id"]] = (None, event.stamp)
        for event_id in still.keys() & event.dropped.keys():
            del event.dropped[event_id]

    def _follow(self, calendar: Calendar, master: StoredEvent, revived: bool) -> None:
        series = master.expansion() if master.recurring and not master.cancelled else None
        for exception in list(calendar.exceptions_of(master.body["id"]).values()):
            orphan = series is None or not series.has(original_start(exception))
            if orphan and not exception.cancelled:
                self.cancel(calendar, exception)
            elif revived:
                calendar.touch(exception, self.store.clock.stamp())
