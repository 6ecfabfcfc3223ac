"""Events of several people in order, members and their names: read as little as an answer needs.

Two index walks as in `events.documents`. Both are in the order of an index, so nothing is sorted, and both end after
some number of documents: what was read then reaches to a place from which the next walk goes on.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING

from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import Calendar
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import LONG, CalendarEvent, Window
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.mongo import collection, query, readable
from switchboard.organization_calendars.model import OPEN, EntryKey, Reach
from switchboard.users.documents import UserDocument
from switchboard.users.model import User, UserToken

FEWEST: Final = 200  # documents a walk reads, where more are there
SEARCHED: Final = 10_000  # documents a walk looks into for a text
PEOPLE: Final = 100  # in one walk; each is a part of it, and MongoDB merges up to 200 of them

_SHOWN: Final = ("user_id", "email", "first_name", "last_name", "user_info")  # the last holds names of older documents
_KNOWN: Final = (
    *("calendar_id", "user_id", "primary", "busy", "org_ids", "status"),
    *("last_success_at", "pause_seconds", "window_start", "window_end"),
)
_NO_TOKEN: Final = UserToken()  # to look for one that is not there takes most of the time
_TEXTS: Final = ("title", "location", "description")
_MOMENT: Final = timedelta(milliseconds=1)  # the least that MongoDB tells apart
_LAST: Final = "\U0010ffff"

Stored = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Events that touch a time, from a place on, some `limit` entries of them.

    `text` only where it may be found: in events of the viewer, and in open ones of people who show details.
    """

    between: Window
    after: EntryKey | None
    limit: int
    text: str | None = None
    viewer_id: str | None = None
    open_ids: tuple[str, ...] = ()

    @property
    def enough(self) -> int:
        """Documents to read: a meeting may stand on several calendars."""
        return max(2 * self.limit, FEWEST) + 1

    def found(self) -> Stored:
        """The filter for the text, and for where it may be found."""
        if self.text is None:
            return {}
        part = re.compile(re.escape(self.text), re.IGNORECASE)
        seen: list[Stored] = [{"user_id": self.viewer_id}] if self.viewer_id else []
        seen += [{"user_id": {"$in": list(self.open_ids)}, "visibility": {"$in": [None, *OPEN]}}]
        return {"$and": [{"$or": seen}, {"$or": [{name: part} for name in _TEXTS]}]}


class _Way(NamedTuple):
    """Whose events, and the indexes that have them by start and by `second`."""

    whose: Stored
    second: str
    usual: str
    long: str

    @property
    def order(self) -> list[tuple[str, int]]:
        return [("start_time", ASCENDING), (self.second, ASCENDING)]

    def place(self, stored: Stored) -> EntryKey:
        """Where a document stands in the order, as far as the index knows; one without a meeting before all others."""
        second = stored.get(self.second) if self.second == "meeting_id" else None
        known = second if isinstance(second, str) else _LAST if isinstance(second, (dict, list, bytes)) else ""
        return EntryKey(stored["start_time"], known)


async def of_organization(org_id: str, wanted: Wanted) -> Reach:
    """Events whose calendars name this organization."""
    return await _reach(_Way({"org_ids": org_id}, "meeting_id", "org_start", "org_long_start"), wanted)


async def of_people(user_ids: list[str], wanted: Wanted) -> list[Reach]:
    """Events of these people, whatever organizations their calendars name."""
    some = [sorted(user_ids)[begin : begin + PEOPLE] for begin in range(0, len(user_ids), PEOPLE)]
    ways = [_Way({"user_id": {"$in": each}}, "_id", "user_start", "user_long_start") for each in some]
    return [await _reach(way, wanted) for way in ways]


@query
async def _reach(way: _Way, wanted: Wanted) -> Reach:
    """The usual events that touch a time, and the long ones that began more than a day before it and reach into it."""
    start, end = wanted.between
    from_day, ends, after = start - LONG, {"end_time": {"$gt": start}}, wanted.after
    first = from_day if after is None else max(after.start, from_day)
    until = await _horizon(way, Window(first, end)) if wanted.text is not None else None
    reaches = {} if first >= start else {"$or": [ends, {"start_time": {"$gte": start}}]}
    usual = {"start_time": {"$gte": first, "$lt": until or end}, **reaches}
    walks = [_walk(way, usual, wanted, way.usual)]
    if after is None or after.start < from_day:
        since = {} if after is None else {"$gte": after.start}
        walks.append(_walk(way, {"start_time": {**since, "$lt": from_day}, "long": True, **ends}, wanted, way.long))
    found = await asyncio.gather(*walks)
    places = [place for _, place in found if place is not None]
    if until is not None:
        places.append(EntryKey(until))
    events = readable(CalendarEvent, [stored for part, _ in found for stored in part])
    return Reach(events, min(places, default=None))


async def _walk(way: _Way, which: Stored, wanted: Wanted, index: str) -> tuple[list[Stored], EntryKey | None]:
    """Documents in order, and the place that they reach to if there are more; what stands there may not be all of it.

    All documents of one place belong together: copies of one meeting, or for people what begins at one moment.
    """
    which = {**way.whose, **which, **wanted.found()}
    if way.second == "meeting_id" and wanted.after is not None and wanted.after.meeting_id:
        later = [{"start_time": {"$gt": wanted.after.start}}, {"meeting_id": {"$gte": wanted.after.meeting_id}}]
        which = {"$and": [which, {"$or": later}]}
    found = await _read(which, way.order, index, wanted.enough)
    proper = [stored for stored in found if isinstance(stored.get("start_time"), datetime)]
    if len(found) < wanted.enough or not proper:
        return proper, None
    first, last = way.place(proper[0]), way.place(proper[-1])
    if first < last:
        return proper, last
    return await _all_at(way, which, last, index, proper)


async def _all_at(
    way: _Way, which: Stored, place: EntryKey, index: str, known: list[Stored]
) -> tuple[list[Stored], EntryKey]:
    """All that stands at a place where more stands than a walk reads: of a meeting without the guests, once more."""
    there: Stored = {"start_time": place.start}
    slim, beyond = None, EntryKey(place.start + _MOMENT)
    if way.second == "meeting_id":
        there["meeting_id"] = place.meeting_id or None
        slim, beyond = dict.fromkeys(("attendees", "attendee_states"), 0), place._replace(meeting_id=f"{place[1]}\0")
    ids = [stored["_id"] for stored in known]
    others = {"$and": [which, there, {"_id": {"$nin": ids}}]}
    return [*known, *await _read(others, way.order, index, None, slim)], beyond


async def _horizon(way: _Way, during: Window) -> datetime | None:
    """How far a text is looked for; None: to the end. Only the index is read for it."""
    which = {**way.whose, "start_time": {"$gte": during.start, "$lt": during.end}}
    time_only = {"_id": 0, "start_time": 1}
    found = collection(CalendarEventDocument).find(
        which, time_only, sort=way.order, hint=way.usual, skip=SEARCHED, limit=1
    )
    times = [stored["start_time"] async for stored in found]
    return max(times[0], during.start + _MOMENT) if times and isinstance(times[0], datetime) else None


async def _read(
    which: Stored, order: list[tuple[str, int]], index: str, limit: int | None, slim: dict[str, int] | None = None
) -> list[Stored]:
    """In one batch where there is a limit."""
    most = limit or 0
    found = collection(CalendarEventDocument).find(
        which, slim, sort=order, hint=index, limit=most, batch_size=most + 1 if most else 0
    )
    return await found.to_list(limit)


@query
async def member_ids(org_id: str, these: frozenset[str] | None = None) -> list[str]:
    """Today's members in the order they joined: all, or those among these people."""
    which: Stored = {"org_id": org_id, **({} if these is None else {"user_id": {"$in": sorted(these)}})}
    order = [("joined_at", ASCENDING), ("user_id", ASCENDING)]
    found = collection(UserOrganizationDocument).find(which, {"_id": 0, "user_id": 1}, sort=order)
    return [str(stored["user_id"]) for stored in await found.to_list(None)]


@query
async def calendars(user_ids: list[str]) -> list[Calendar]:
    """As `CalendarDocument.of_users`, but no more of them than says what is seen and how far it is known."""
    known = {"_id": 0, **dict.fromkeys(_KNOWN, 1)}
    here = {"user_id": {"$in": user_ids}, "status": {"$ne": "disconnected"}}
    found = await collection(CalendarDocument).find(here, known).to_list(None)
    return sorted(readable(Calendar, found), key=lambda calendar: not calendar.primary)


@query
async def people(user_ids: list[str]) -> dict[str, User]:
    """What these people are called."""
    shown = {"_id": 0, **dict.fromkeys(_SHOWN, 1)}
    found = await collection(UserDocument).find({"user_id": {"$in": user_ids}}, shown).to_list(None)
    named = [stored if "user_info" in stored else {**stored, "token": _NO_TOKEN} for stored in found]
    return {user.user_id: user for user in readable(User, named)}
