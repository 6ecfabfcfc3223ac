"""What Google's answers say: anything that is not as described counts as no answer."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from switchboard.clients.google_errors import GoogleUnavailable

Span = tuple[datetime, datetime]
LONGEST_BUSY: Final = timedelta(days=60)  # a longer time Google may refuse in one question


def page_of(answer: dict[str, Any], page_token: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Items and the token of the next page; one that names itself as the next would never end."""
    following = text_of(answer, "nextPageToken")
    items = answer.get("items") or []
    if not isinstance(items, list) or (following is not None and following == page_token):
        raise GoogleUnavailable
    return [item for item in items if isinstance(item, dict)], following


def text_of(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def expiry_of(answer: dict[str, Any], otherwise: datetime) -> datetime:
    """When a channel ends, in UTC: milliseconds as a text, or as a number (facts section 5.6)."""
    try:
        return datetime.fromtimestamp(int(answer["expiration"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return otherwise


def busy_of(answer: dict[str, Any]) -> dict[str, list[Span]]:
    """Busy times in UTC by calendar, without those that Google does not know or no longer shows."""
    calendars = answer.get("calendars")
    if not isinstance(calendars, dict):
        raise GoogleUnavailable
    try:
        return {each: _spans(found["busy"]) for each, found in calendars.items() if not _unknown(found)}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise GoogleUnavailable from None


def _unknown(found: dict[str, Any]) -> bool:
    """Whether there is no such calendar; any other error may pass, and says nothing about its times."""
    reasons = {error.get("reason") for error in found.get("errors") or []}
    if reasons - {"notFound"}:
        raise GoogleUnavailable
    return bool(reasons)


def _spans(busy: list[dict[str, str]]) -> list[Span]:
    return [(_moment(each["start"]), _moment(each["end"])) for each in busy]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise GoogleUnavailable
    return moment.astimezone(UTC)


def parts_of(start: datetime, end: datetime) -> list[Span]:
    """A time in parts that Google answers about in one question."""
    parts = []
    while end - start > LONGEST_BUSY:
        parts.append((start, start + LONGEST_BUSY))
        start += LONGEST_BUSY
    return [*parts, (start, end)]
