"""Who is `self`: organizer, creator and attendees as they read on one calendar's copy."""

from typing import Any

from devstack.google.state import Account, Calendar, Json, Store


def person(email: str, calendar: Calendar, name: str = "") -> Json:
    """An organizer or creator entry."""
    entry: Json = {"email": email}
    if name:
        entry["displayName"] = name
    if email.lower() == calendar.id.lower():
        entry["self"] = True
    return entry


def organizer_of(calendar: Calendar, store: Store) -> Json:
    """On a secondary calendar the calendar itself organizes."""
    primary = calendar.id == calendar.owner
    return person(calendar.id, calendar, store.account(calendar.owner).name if primary else calendar.summary)


def mark_self(body: Json, calendar: Calendar) -> None:
    """Set the flags `self` and `organizer` of the attendees for this calendar's copy."""
    if "attendees" not in body:
        return
    organizer = str(body.get("organizer", {}).get("email", "")).lower()
    body["attendees"] = [_marked(attendee, calendar, organizer) for attendee in body["attendees"]]


def _marked(attendee: dict[str, Any], calendar: Calendar, organizer: str) -> Json:
    email = str(attendee.get("email", "")).lower()
    marked = {key: value for key, value in attendee.items() if key not in ("self", "organizer")}
    if email == calendar.id.lower():
        marked["self"] = True
    if email and email == organizer:
        marked["organizer"] = True
    return marked


def organizes(body: Json) -> bool:
    """Whether this copy lies on the organizer's calendar."""
    return bool(body.get("organizer", {}).get("self"))


def guests(body: Json, calendar: Calendar, store: Store) -> list[Account]:
    """The attendees, other than this calendar, that have an account here."""
    emails = {str(attendee.get("email", "")).lower() for attendee in body.get("attendees", [])}
    return [store.accounts[email] for email in sorted(emails - {calendar.id.lower()}) if email in store.accounts]
