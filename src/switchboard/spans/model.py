"""Spans of time, and the stretches between changes of a clock.

A moment is a whole number of milliseconds since 1970 in UTC, as MongoDB keeps it: one answer compares thousands.
`Spans` are sorted, and none of them is empty, overlaps another or touches it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from switchboard.users.model import zone

MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE

Span = tuple[int, int]  # its begin, and its end, which is not part of it
Spans = list[Span]

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LOOK: Final = 2 * DAY  # since 1970 no zone has changed its offset twice within six days


def moment(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def at(moment: int) -> datetime:
    return _EPOCH + moment * _MILLISECOND


def merged(spans: Iterable[Span]) -> Spans:
    """The time that is in any of them, in whatever order they come."""
    found: Spans = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def common(these: Spans, those: Spans) -> Spans:
    """The time that is in both."""
    found: Spans = []
    here = there = 0
    while here < len(these) and there < len(those):
        begin = max(these[here][0], those[there][0])
        end = min(these[here][1], those[there][1])
        if begin < end:
            found.append((begin, end))
        if these[here][1] < those[there][1]:
            here += 1
        else:
            there += 1
    return found


def without(these: Spans, those: Spans) -> Spans:
    """The time that is in the first and not in the second."""
    return common(these, list(_between(those, these[0][0], these[-1][1]))) if these else []


def _between(spans: Spans, begin: int, end: int) -> Iterator[Span]:
    """What they leave open from a begin to an end."""
    for taken, free in spans:
        if begin < taken:
            yield begin, taken
        begin = free
    if begin < end:
        yield begin, end


def widened(spans: Spans, before: int, after: int) -> Spans:
    """Each with so many milliseconds more on its two sides."""
    return merged((begin - before, end + after) for begin, end in spans)


class Stretch(NamedTuple):
    """A time in which a zone's clocks are so many milliseconds ahead of UTC all along."""

    begin: int
    end: int
    ahead: int


@lru_cache(maxsize=1024)
def stretches(timezone: str, during: Span) -> tuple[Stretch, ...]:
    """The stretches that a time has in a zone, in order."""
    begin, end = during
    found, since, ahead = [], begin, _ahead(timezone, begin)
    for looked in range(begin, end, _LOOK):
        until = min(looked + _LOOK, end)
        if _ahead(timezone, until) != ahead:
            change = _change(timezone, looked, until)
            found.append(Stretch(since, change, ahead))
            since, ahead = change, _ahead(timezone, change)
    return (*found, Stretch(since, end, ahead)) if since < end else tuple(found)


def _change(timezone: str, before: int, after: int) -> int:
    """The first moment with another offset."""
    old = _ahead(timezone, before)
    return before + bisect_left(range(before, after), True, key=lambda each: _ahead(timezone, each) != old)


def _ahead(timezone: str, moment: int) -> int:
    offset = datetime.fromtimestamp(moment / 1000, zone(timezone)).utcoffset()
    return 0 if offset is None else offset // _MILLISECOND
