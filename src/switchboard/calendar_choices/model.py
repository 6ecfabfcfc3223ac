"""A calendar that may be chosen, and a choice."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from switchboard.calendars.model import Calendar

MOST_CHOSEN: Final = 25


class Choice(NamedTuple):
    """A calendar that a person wants to have here, by its real id at Google; whether its events take their time."""

    google_calendar_id: str
    busy: bool


@dataclass(frozen=True)
class Offered:
    """A calendar that Google shows a person, and ours of it where it was chosen."""

    google_calendar_id: str
    name: str
    primary: bool
    access_role: str
    timezone: str
    chosen: Calendar | None
