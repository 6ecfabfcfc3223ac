"""Copies of an event on its guests' calendars: same id, same iCalUID, own `self` flags and response."""

from collections.abc import Mapping
from typing import Any

from devstack.google.bodies import written
from devstack.google.changes import Changes
from devstack.google.people import guests, mark_self, organizes
from devstack.google.state import Calendar, Json, Store, StoredEvent

OWN = ("reminders", "colorId", "transparency", "visibility")


def spread(
    store: Store, changes: Changes, calendar: Calendar, event: StoredEvent, previous: Mapping[str, Any] | None
) -> None:
    """After a write on one calendar: the organizer's version goes to all guests, a guest's answer to everybody."""
    if organizes(event.body):
        _send(store, changes, calendar, event.body)
        _uninvite(store, changes, calendar, event.body, dict(previous or {}))
    else:
        _answer(store, changes, calendar, event.body)


def withdraw(store: Store, changes: Changes, calendar: Calendar, body: Json) -> None:
    """After a deletion: the organizer's takes the copies along, a guest's counts as declining."""
    if organizes(body):
        for guest in guests(body, calendar, store):
            changes.cancel_id(store.calendars[guest.email], body["id"])
        return
    attendees = [
        {**attendee, "responseStatus": "declined"} if attendee.get("self") else attendee
        for attendee in body.get("attendees", [])
    ]
    _answer(store, changes, calendar, {**body, "attendees": attendees})


def _send(store: Store, changes: Changes, calendar: Calendar, body: Json) -> None:
    for guest in guests(body, calendar, store):
        theirs = store.calendars[guest.email]
        known = theirs.events.get(body["id"])
        own = {name: known.body[name] for name in OWN if known and name in known.body}
        copy = {name: value for name, value in body.items() if name not in ("etag", "updated", *OWN)}
        copy |= {"reminders": {"useDefault": True}} | own
        _write_copy(changes, theirs, copy, known)


def _write_copy(changes: Changes, theirs: Calendar, copy: Json, known: StoredEvent | None) -> None:
    copy |= {name: person for name in ("organizer", "creator") if (person := _theirs(copy.get(name), theirs))}
    copy |= written(copy, theirs.zone)
    mark_self(copy, theirs)
    if known is None or {**known.body, "etag": "", "updated": ""} != {**copy, "etag": "", "updated": ""}:
        changes.write(theirs, copy)


def _theirs(person: Json | None, theirs: Calendar) -> Json:
    kept = {name: value for name, value in (person or {}).items() if name != "self"}
    return kept | ({"self": True} if str(kept.get("email", "")).lower() == theirs.id.lower() else {})


def _uninvite(store: Store, changes: Changes, calendar: Calendar, body: Json, previous: Json) -> None:
    still = {guest.email for guest in guests(body, calendar, store)}
    for guest in guests(previous, calendar, store):
        if guest.email not in still:
            changes.cancel_id(store.calendars[guest.email], body["id"])


def _answer(store: Store, changes: Changes, calendar: Calendar, body: Json) -> None:
    mine = next((attendee for attendee in body.get("attendees", []) if attendee.get("self")), None)
    organizer = store.accounts.get(str(body.get("organizer", {}).get("email", "")).lower())
    original = store.calendars[organizer.email].events.get(body["id"]) if organizer else None
    if mine is None or original is None or organizer is None or original.cancelled:
        return
    host = store.calendars[organizer.email]
    answer = {name: mine[name] for name in ("responseStatus", "comment", "additionalGuests") if name in mine}
    attendees = [
        {**attendee, **answer} if str(attendee.get("email", "")).lower() == calendar.id.lower() else attendee
        for attendee in original.body.get("attendees", [])
    ]
    if attendees != original.body.get("attendees"):
        event = changes.write(host, {**original.body, "attendees": attendees})
        _send(store, changes, host, event.body)
