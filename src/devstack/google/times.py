"""Instants, zones and the two forms of an event's time: `{"dateTime", "timeZone"}` and `{"date"}`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devstack.google.errors import invalid

FRACTION = re.compile(r"\.\d+")


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo:
    """The zone of an IANA name; ValueError for a name nobody knows."""
    if name in ("UTC", "Etc/UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown zone {name!r}") from error


def instant_of(text: str, zone: tzinfo | None = None) -> float:
    """Seconds since 1970 of an RFC 3339 time; `zone` is for a time without an offset, ValueError if both lack."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if zone is None or len(text) < 11:
            raise ValueError("no offset")
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp()


def timestamp_parameter(name: str, text: str) -> float:
    """`timeMin`, `timeMax`, `updatedMin`: an offset is mandatory, fractions are ignored (discovery document)."""
    try:
        return instant_of(FRACTION.sub("", text))
    except ValueError as error:
        raise invalid("Bad Request", name, "badRequest") from error


def rfc3339(seconds: float, zone: tzinfo) -> str:
    """`2026-03-01T09:00:00+01:00`, with Z for offset zero in UTC."""
    text = datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")
    return text[:-6] + "Z" if zone is UTC else text


def midnight(day: str, zone: tzinfo) -> float:
    """When a day begins in a zone, in seconds since 1970."""
    return datetime.fromisoformat(day).replace(tzinfo=zone).timestamp()


def instant(time: Mapping[str, Any], zone: tzinfo) -> float:
    """The instant of an event's `start` or `end`; a date begins at midnight in `zone`, the calendar's."""
    if "date" in time:
        return midnight(time["date"], zone)
    return instant_of(time["dateTime"], zone)


def shifted(time: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """The same time written with the offset of another zone; dates stay as they are."""
    if "dateTime" not in time:
        return dict(time)
    return {**time, "dateTime": rfc3339(instant_of(time["dateTime"]), zone)}


def day_after(day: str, days: int = 1) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days
