"""What a pull has found, and what it has met."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from switchboard.errors import Conflict


class CalendarTooLarge(Conflict):
    code = "calendar_too_large"
    message = "Google lists more events of this calendar than are pulled. Choose another one, or tidy it up."


@dataclass
class Found:
    """What a pull sets on its calendar, and whether any event changed."""

    fields: dict[str, Any] = field(default_factory=dict)
    changed: bool = False


class Seen:
    """The ids of events that a whole pull met, in eight bytes each.

    Of a million ids two share theirs once in 37 million pulls; an event that is gone then stays for a week.
    """

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._sorted = True

    def add(self, event_ids: Iterable[str]) -> None:
        self._numbers.extend(map(_number, event_ids))
        self._sorted = False

    def missing(self, event_ids: list[str]) -> list[str]:
        """Those of the ids that were not met."""
        if not self._sorted:
            self._numbers, self._sorted = array("Q", sorted(self._numbers)), True
        return [event_id for event_id in event_ids if not self._holds(_number(event_id))]

    def _holds(self, number: int) -> bool:
        place = bisect_left(self._numbers, number)
        return place < len(self._numbers) and self._numbers[place] == number


def _number(event_id: str) -> int:
    """The first half of an id of ours; 0 for one that is not."""
    try:
        return int(event_id[:16], 16)
    except ValueError:
        return 0
