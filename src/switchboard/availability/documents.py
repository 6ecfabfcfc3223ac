"""Who is asked about, and when they are busy: no more of people and events than that takes."""

import asyncio
from collections import defaultdict
from typing import Any, Final

from switchboard.availability.model import MOST_EVENTS, TooManyEvents
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import LONG
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.mongo import collection, query, readable
from switchboard.spans.model import Span, at
from switchboard.users.documents import UserDocument
from switchboard.users.model import User

# In milliseconds since 1970: to make a date of each would take longer than to find them.
_TIMES: Final = {"_id": 0, "user_id": 1, "begin": {"$toLong": "$start_time"}, "end": {"$toLong": "$end_time"}}


@query
async def members(org_id: str, user_ids: list[str]) -> set[str]:
    """Those of these people who belong to an organization today."""
    which = {"org_id": org_id, "user_id": {"$in": user_ids}}
    found = collection(UserOrganizationDocument).find(which, {"_id": 0, "user_id": 1})
    return {stored["user_id"] async for stored in found}


@query
async def people(user_ids: list[str]) -> dict[str, User]:
    """These people, of whom nothing is read but their zone and their scopes."""
    shown = dict.fromkeys(("user_id", "timezone", "scope", "scopes"), 1)
    found = collection(UserDocument).find({"user_id": {"$in": user_ids}}, {"_id": 0, **shown})
    return {user.user_id: user for user in readable(User, [stored async for stored in found])}


async def busy_times(org_id: str, calendars: dict[str, str], during: Span) -> dict[str, list[Span]]:
    """When events of these calendars, named with their owners, take time that touches a span, by owner.

    Raises `TooManyEvents`. Two index walks, as in `events.documents`: those that began at most a day before, and the
    long ones that began earlier. What has no length takes no time.
    """
    first, until = at(during[0]), at(during[1])
    theirs = {"user_id": {"$in": sorted(set(calendars.values()))}, "calendar_id": {"$in": sorted(calendars)}}
    taken = {**theirs, "org_ids": org_id, "busy": {"$ne": False}, "end_time": {"$gt": first}}
    usual = {**taken, "start_time": {"$gte": first - LONG, "$lt": until}}
    earlier = {**taken, "start_time": {"$lt": first - LONG}, "long": True}
    walks = await asyncio.gather(_walk(usual, "user_start"), _walk(earlier, "user_long_start"))
    found = [stored for walk in walks for stored in walk]
    if len(found) > MOST_EVENTS:
        raise TooManyEvents
    times = defaultdict[str, list[Span]](list)
    for stored in found:
        times[stored["user_id"]].append((stored["begin"], stored["end"]))
    return times


@query
async def _walk(which: dict[str, Any], index: str) -> list[dict[str, Any]]:
    most = MOST_EVENTS + 1
    found = collection(CalendarEventDocument).find(which, _TIMES, hint=index, limit=most, batch_size=most)
    stored: list[dict[str, Any]] = await found.to_list(most)
    return stored
