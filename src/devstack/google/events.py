"""What may be done with events, and what Google answers when it may not."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devstack.google import invitations
from devstack.google.bodies import EVENT_ID, merged, stamped, written
from devstack.google.changes import Changes
from devstack.google.clock import rfc3339_milliseconds
from devstack.google.errors import ApiError, deleted, duplicate, forbidden, invalid, not_found, read_only
from devstack.google.expansion import find_instance, instance_body
from devstack.google.people import mark_self, organizer_of, organizes, person
from devstack.google.state import Account, Calendar, Entry, Json, Store

KEPT = ("kind", "id", "htmlLink", "created", "creator", "organizer", "iCalUID", "recurringEventId", "originalStartTime")


@dataclass(frozen=True)
class Place:
    """A calendar as one account sees it."""

    account: Account
    calendar: Calendar
    entry: Entry

    @property
    def writable(self) -> bool:
        return self.entry.access_role in ("owner", "writer")


class Events:
    """Reads and writes single events, as the methods `insert` to `move` of the API do."""

    def __init__(self, store: Store, changes: Changes) -> None:
        self.store = store
        self.changes = changes

    def place(self, email: str, calendar_id: str = "primary") -> Place:
        account = self.store.account(email)
        return Place(account, *self.store.calendar(account, calendar_id))

    def get(self, place: Place, event_id: str) -> Json:
        """The body of an event or an instance, tombstones included; 404 if it never was."""
        event = place.calendar.events.get(event_id)
        if event is not None:
            return event.body
        found = find_instance(place.calendar, event_id)
        if found is None:
            raise not_found()
        return instance_body(*found, place.calendar.zone)

    def alive(self, place: Place, event_id: str) -> Json:
        """Like `get`, for a change: 410 if it is deleted, 403 without the right to write."""
        if not place.writable:
            raise read_only()
        body = self.get(place, event_id)
        if body["status"] == "cancelled" and "start" not in body:
            raise deleted()
        return body

    def insert(self, place: Place, body: Mapping[str, Any]) -> Json:
        if not place.writable:
            raise read_only()
        new = self.new_body(place, body)
        if new["id"] in place.calendar.events:
            raise duplicate()
        return self._store(place, new)

    def new_body(self, place: Place, body: Mapping[str, Any]) -> Json:
        """A complete, checked body for an event that this calendar organizes."""
        event_id = body.get("id") or new_id()
        if not EVENT_ID.match(event_id):
            raise invalid("Invalid resource id value.", "id")
        calendar = place.calendar
        own = {
            "id": event_id,
            "iCalUID": body.get("iCalUID") or f"{event_id}@google.com",
            "creator": person(place.account.email, calendar),
            "organizer": organizer_of(calendar, self.store),
        }
        new = self._head(calendar, event_id) | own | written(body, calendar.zone)
        new.setdefault("sequence", 0)
        new.setdefault("reminders", {"useDefault": True})
        mark_self(new, calendar)
        return new

    def _head(self, calendar: Calendar, event_id: str) -> Json:
        link = base64.urlsafe_b64encode(f"{event_id} {calendar.id}".encode()).decode().rstrip("=")
        return {
            "kind": "calendar#event",
            "htmlLink": f"https://www.google.com/calendar/event?eid={link}",
            "created": rfc3339_milliseconds(self.store.clock.now())[:19] + ".000Z",
        }

    def import_event(self, place: Place, body: Mapping[str, Any]) -> Json:
        """A private copy of an event known elsewhere; the same iCalUID again updates it."""
        if not body.get("iCalUID"):
            raise ApiError(400, "global", "required", "Missing iCalUID.")
        if not place.writable:
            raise read_only()
        same = (e.body for e in place.calendar.events.values() if e.body.get("iCalUID") == body["iCalUID"])
        known = next((old for old in same if "recurringEventId" not in old), None)
        new = self.new_body(place, {**body, "id": known["id"] if known else body.get("id")})
        organizer = body.get("organizer", {}).get("email")
        if organizer:
            new["organizer"] = person(organizer, place.calendar, body["organizer"].get("displayName", ""))
            mark_self(new, place.calendar)
        return self.changes.write(place.calendar, new).body

    def patch(self, place: Place, event_id: str, patch: Mapping[str, Any]) -> Json:
        old = self.get(place, event_id)
        return self._change(place, old, merged(old, patch))

    def update(self, place: Place, event_id: str, body: Mapping[str, Any]) -> Json:
        return self._change(place, self.get(place, event_id), body)

    def _change(self, place: Place, old: Json, wanted: Mapping[str, Any]) -> Json:
        if not place.writable:
            raise read_only()
        if old["status"] == "cancelled" and wanted.get("status") == "cancelled":
            raise deleted()
        if wanted.get("status") == "cancelled":
            self.delete(place, old["id"])
            return self.get(place, old["id"])
        new = {name: old[name] for name in KEPT if name in old} | written(wanted, place.calendar.zone)
        if "recurringEventId" in old:
            new.pop("recurrence", None)
        _check_shared(old, new)
        new["sequence"] = _next_sequence(old, wanted, new)
        new.setdefault("reminders", {"useDefault": True})
        mark_self(new, place.calendar)
        return self._store(place, new)

    def _store(self, place: Place, body: Json) -> Json:
        before = place.calendar.events.get(body["id"])
        previous = before.body if before else None
        event = self.changes.write(place.calendar, body)
        invitations.spread(self.store, self.changes, place.calendar, event, previous)
        return event.body

    def delete(self, place: Place, event_id: str) -> None:
        """Leave a tombstone; a deleted instance becomes a cancelled exception of its series."""
        body = self.alive(place, event_id)
        if body["status"] == "cancelled":
            raise deleted()
        self.changes.cancel_id(place.calendar, event_id)
        invitations.withdraw(self.store, self.changes, place.calendar, body)

    def move(self, place: Place, event_id: str, destination: Place) -> Json:
        """To another calendar; the source keeps a stub with only the id."""
        body = self.alive(place, event_id)
        if not destination.writable:
            raise read_only()
        if "recurringEventId" in body or not organizes(body):
            raise forbidden(
                "Operation can only be performed by the organizer on a whole event.", "cannotChangeOrganizer"
            )
        if event_id in destination.calendar.events and not destination.calendar.events[event_id].cancelled:
            raise duplicate()
        family = [place.calendar.events[event_id], *place.calendar.exceptions_of(event_id).values()]
        bodies = [dict(event.body) for event in family]
        self.changes.cancel(place.calendar, family[0])
        for moved in bodies:
            self._land(destination.calendar, moved)
        return destination.calendar.events[event_id].body

    def _land(self, calendar: Calendar, body: Json) -> None:
        if body["status"] == "cancelled":
            self.changes.write(calendar, body)
            return
        body |= written(body, calendar.zone)
        body["organizer"] = organizer_of(calendar, self.store)
        mark_self(body, calendar)
        self.changes.write(calendar, body)

    def bulk_insert(self, place: Place, bodies: Iterable[Mapping[str, Any]]) -> int:
        """Many events at once: no copies to attendees, one notification at the end."""
        count = 0
        for body in bodies:
            new = self.new_body(place, body)
            stamp = self.store.clock.stamp()
            place.calendar.put(stamped(new, stamp), stamp)
            count += 1
        self.changes.tell(place.calendar)
        return count


def _check_shared(old: Json, new: Json) -> None:
    if organizes(old) or "organizer" not in old:
        return
    before = old.get("extendedProperties", {}).get("shared")
    if new.get("extendedProperties", {}).get("shared") != before:
        message = "Shared properties can only be changed by the organizer of the event."
        raise forbidden(message, "forbiddenForNonOrganizer", "calendar")


def _next_sequence(old: Json, wanted: Mapping[str, Any], new: Json) -> int:
    before = int(old.get("sequence", 0))
    if any(old.get(name) != new.get(name) for name in ("start", "end", "recurrence")):
        return max(before + 1, int(wanted.get("sequence") or 0))
    return max(before, int(wanted.get("sequence") or 0))


def new_id() -> str:
    """26 random characters of base32hex, as Google makes them."""
    return base64.b32hexencode(secrets.token_bytes(16)).decode().rstrip("=").lower()
