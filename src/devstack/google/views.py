"""How one caller sees events: zone of the offsets, hidden details, limited attendees, field mask; rendered to JSON."""

from dataclasses import dataclass
from typing import Any

import orjson

from devstack.google.bodies import tombstone
from devstack.google.expansion import PER_INSTANCE, instance_head, instance_times
from devstack.google.mask import applied, parsed
from devstack.google.state import Calendar, Json, StoredEvent
from devstack.google.times import shifted, zone_named

PUBLIC = [
    "kind",
    "etag",
    "id",
    "status",
    "start",
    "end",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "transparency",
    "eventType",
]


@dataclass(frozen=True)
class View:
    """`role` is the caller's access role, `zone` empty for the calendar's own, `fields` the mask of one event."""

    role: str = "owner"
    zone: str = ""
    max_attendees: int = 0
    fields: str = ""

    def body(self, body: Json, calendar: Calendar) -> Json:
        """One event's body as this caller sees it."""
        return self._masked(self._seen(body, calendar))

    def _masked(self, body: Json) -> Json:
        return dict(applied(parsed(self.fields), body)) if self.fields else body

    def _seen(self, body: Json, calendar: Calendar) -> Json:
        if body.get("status") == "cancelled":
            body = tombstone(body)
        body = self._disclosed(body)
        if self.max_attendees and len(body.get("attendees", ())) > self.max_attendees:
            mine = [attendee for attendee in body["attendees"] if attendee.get("self")]
            body = {**body, "attendees": mine, "attendeesOmitted": True}
        if self.zone and self.zone != calendar.timezone:
            zone = zone_named(self.zone)
            times: Json = {n: shifted(body[n], zone) for n in ("start", "end", "originalStartTime") if n in body}
            body = {**body, **times}
        return body

    def _hides(self, body: Json) -> bool:
        """Whether details are withheld: of private events from readers, of all from freeBusyReaders."""
        if body["status"] == "cancelled" or self.role in ("owner", "writer"):
            return False
        return self.role != "reader" or body.get("visibility") in ("private", "confidential")

    def _disclosed(self, body: Json) -> Json:
        if not self._hides(body):
            return body
        shown: dict[str, Any] = {name: body[name] for name in PUBLIC if name in body}
        return shown | {"visibility": "private"}

    def render(self, event: StoredEvent, calendar: Calendar) -> bytes:
        """One event as JSON; remembered until the event changes."""
        known = event.rendered.get(self)
        if known is None:
            known = event.rendered[self] = orjson.dumps(self.body(event.body, calendar))
        return known

    def render_instance(self, master: StoredEvent, original: float, calendar: Calendar) -> bytes:
        """One unmodified instance as JSON: the part all instances share is rendered once."""
        key = (self, original)
        known = master.rendered.get(key)
        if known is None:
            own = instance_head(master, original)
            if self._hides(master.body):
                own.pop("htmlLink", None)
            own |= instance_times(master, original, zone_named(self.zone or calendar.timezone))
            known = master.rendered[key] = _joined(orjson.dumps(self._masked(own)), self._shared(master, calendar))
        return known

    def _shared(self, master: StoredEvent, calendar: Calendar) -> bytes:
        known = master.rendered.get((self, "shared"))
        if known is None:
            seen = self._seen(master.body, calendar)
            rest = self._masked({name: value for name, value in seen.items() if name not in PER_INSTANCE})
            known = master.rendered[self, "shared"] = orjson.dumps(rest)
        return known


def _joined(first: bytes, second: bytes) -> bytes:
    if first == b"{}" or second == b"{}":
        return second if first == b"{}" else first
    return first[:-1] + b"," + second[1:]
