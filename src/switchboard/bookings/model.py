"""What may be booked, and what an event to be booked has to say."""

from typing import Any, Final
from uuid import uuid4

from switchboard.connections.model import NotConnected
from switchboard.errors import Forbidden, Invalid
from switchboard.users.model import UserToken

# Either of these creates events (discovery document, events.insert).
WRITING_SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.events",
)


class WritingNotGranted(Forbidden):
    code = "calendar_writing_not_granted"
    message = "Your consent at Google lets us read your calendar, but not create events. Connect it again."


class InvalidEvent(Invalid):
    code = "invalid_event"
    message = 'The start and the end of an event are objects such as {"dateTime": "2026-11-23T10:00:00"}.'


def check_writing(token: UserToken) -> None:
    """Raise `NotConnected` or `WritingNotGranted` unless events may be created with it."""
    if not token.reads_calendar:
        raise NotConnected
    if set(WRITING_SCOPES).isdisjoint(token.scope):
        raise WritingNotGranted


def completed_event(event: dict[str, Any], timezone: str) -> dict[str, Any]:
    """An event to be created at Google, with an id and with a zone for each time that names none.

    A wall time without a zone is meant where the person is, never where a server stands. Raises `InvalidEvent`.
    """
    times: dict[str, Any] = {name: event[name] for name in ("start", "end") if name in event}
    wrong = {name: InvalidEvent.message for name, time in times.items() if not isinstance(time, dict)}
    if wrong:
        raise InvalidEvent(fields=wrong)
    zoned = {name: {**time, "timeZone": time.get("timeZone") or timezone} for name, time in times.items()}
    return {**event, **zoned, "id": event.get("id") or uuid4().hex}
