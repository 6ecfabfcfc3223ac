"""Calendars with their leases.

A lease is taken by one conditional update and counts up the calendar's `fence`; whoever writes for it does so in one
transaction with `keep`, which fails once the fence is another. So a worker that slept through its lease writes nothing
(facts/google-calendar.md section 6.4; docs/decisions/0016).
"""

import random
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument

from switchboard.calendars.model import Calendar, Lane, calendar_id_of
from switchboard.mongo import Session, collection, patiently, query, readable

LEASE_SECONDS = 60.0
CROWD = 4  # times as many candidates as are claimed, so that workers seldom want the same ones

_FREE = {"$expr": {"$lte": ["$lease_until", "$$NOW"]}}
_OVER: dict[str, Any] = {"sync_token": None, "watched_until": None, "lease_owner": None, "lease_until": None}
_THERE = {"status": {"$ne": "disconnected"}}


class CalendarDocument(Calendar, Document):
    lane: Lane | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    notified_at: datetime | None = None
    touched: int = 0

    class Settings:
        name: ClassVar[str] = "calendars"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("calendar_id", ASCENDING)], unique=True, name="calendar_id_unique"),
            IndexModel([("user_id", ASCENDING)], name="user_id"),
            IndexModel([("lane", ASCENDING), ("next_sync_at", ASCENDING)], name="lane_next_sync_at"),
            IndexModel([("google_calendar_id", ASCENDING)], name="google_calendar_id"),
            IndexModel([("status", ASCENDING), ("watch_at", ASCENDING)], name="status_watch_at"),
        ]

    @classmethod
    @query
    async def find(cls, calendar_id: str) -> Self | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"calendar_id": calendar_id})
        return None if stored is None else cls.model_validate(stored)

    @classmethod
    @query
    async def of_users(cls, user_ids: list[str]) -> list[Calendar]:
        """The calendars that these people have here, each person's own one first."""
        found = collection(cls).find({"user_id": {"$in": user_ids}, **_THERE})
        calendars = readable(Calendar, [stored async for stored in found])
        return sorted(calendars, key=lambda calendar: (not calendar.primary, calendar.name or "", calendar.calendar_id))

    @classmethod
    @query
    async def connect(cls, calendar_id: str, user_id: str, now: datetime) -> None:
        """Make sure there is one and that it is due now: a pull by an earlier grant loses its lease.

        The others that the person chose are due as well.
        """
        due = {"status": "new", "stage": None, "reason": None, "next_sync_at": now, "failure_count": 0, "lane": "whole"}
        unwatched = {"watch_at": None, "watched_until": None}
        anew = {"$set": {**due, **unwatched, "lease_owner": None, "lease_until": None}, "$inc": {"fence": 1}}
        own = {**anew, "$setOnInsert": {"user_id": user_id, "primary": True}}
        await collection(cls).update_one({"calendar_id": calendar_id}, own, upsert=True)
        await collection(cls).update_many({"user_id": user_id, "primary": False, **_THERE}, anew)

    @classmethod
    @query
    async def add(cls, calendar_id: str, user_id: str, now: datetime) -> None:
        """Make sure there is the person's own one; one that is there stays as it is."""
        new = {"user_id": user_id, "primary": True, **_new(now)}
        await collection(cls).update_one({"calendar_id": calendar_id}, {"$setOnInsert": new}, upsert=True)

    @classmethod
    @query
    async def choose(cls, user_id: str, google_id: str, chosen: dict[str, Any], now: datetime) -> None:
        """Make sure there is this one beside the person's own, with these fields, due now if it was not there."""
        calendar_id, found = calendar_id_of(user_id, google_id), collection(cls)
        fields, fixed = {**chosen, "google_calendar_id": google_id}, {"user_id": user_id, "primary": False}
        await found.update_one(
            {"calendar_id": calendar_id}, {"$set": fields, "$setOnInsert": {**fixed, **_new(now)}}, upsert=True
        )
        back = {"calendar_id": calendar_id, "status": "disconnected"}
        await found.update_one(back, {"$set": _new(now, fence=None), "$inc": {"fence": 1}})

    @classmethod
    @query
    async def set_busy(cls, calendar_id: str, *, busy: bool) -> None:
        await collection(cls).update_one({"calendar_id": calendar_id}, {"$set": {"busy": busy}})

    @classmethod
    @query
    async def hurry(cls, user_id: str, now: datetime) -> None:
        """Make the calendars due that a person has beside their own."""
        waiting = {"user_id": user_id, "primary": False, "next_sync_at": {"$gt": now}, **_THERE}
        await collection(cls).update_many(waiting, {"$set": {"next_sync_at": now}})

    @classmethod
    @query
    async def shared(cls, calendar_id: str) -> bool:
        """Whether another person's connected calendar is the same one at Google."""
        own = await collection(cls).find_one({"calendar_id": calendar_id}, {"google_calendar_id": 1})
        google_id = own.get("google_calendar_id") if own else None
        if google_id is None:
            return False
        same = {"google_calendar_id": google_id, "calendar_id": {"$ne": calendar_id}, "primary": {"$ne": False}}
        return await collection(cls).find_one(same, {"_id": 1}) is not None

    @classmethod
    @query
    async def disconnect(cls, calendar_id: str, look_again_at: datetime) -> None:
        """End its pulls: a running one loses its lease by the higher fence. It is due once more, to be emptied."""
        forgotten = dict.fromkeys(("google_calendar_id", "last_success_at", "window_set_at", "stage", "reason"))
        ended = {**_OVER, **forgotten, "status": "disconnected", "next_sync_at": look_again_at, "lane": "whole"}
        await collection(cls).update_one({"calendar_id": calendar_id}, {"$set": ended, "$inc": {"fence": 1}})

    @classmethod
    @query
    async def claim(cls, calendar_id: str, owner: str) -> Self | None:
        """Take the lease of this calendar, if it is free."""
        stored = await collection(cls).find_one_and_update(
            {"calendar_id": calendar_id, **_FREE}, _claimed_by(owner), return_document=ReturnDocument.AFTER
        )
        return None if stored is None else cls.model_validate(stored)

    @classmethod
    @query
    async def claim_due(cls, lane: Lane, now: datetime, owner: str, limit: int) -> list[Self]:
        """Take the leases of some of the calendars that have been due for longest."""
        found, lanes = collection(cls), [lane, None] if lane == "whole" else [lane]
        due = {"lane": {"$in": lanes}, "next_sync_at": {"$lte": now}, **_FREE}
        waiting = found.find(due, {"calendar_id": 1}, sort=[("next_sync_at", ASCENDING)], limit=CROWD * limit)
        ids = [stored["calendar_id"] async for stored in waiting]
        if not ids:
            return []
        chosen = {"calendar_id": {"$in": random.sample(ids, min(limit, len(ids)))}}
        await found.update_many({**chosen, **due}, _claimed_by(owner))
        return readable(cls, [stored async for stored in found.find({**chosen, "lease_owner": owner})])

    @query
    async def keep(self, fields: dict[str, Any] | None = None, session: Session | None = None) -> bool:
        """Lengthen the lease and set fields; False when it is no longer ours."""
        lengthened = [{"$set": {**_literal(fields or {}), "lease_until": _lease_end()}}]
        done = await collection(type(self)).update_one(self._mine(), lengthened, session=session)
        return done.matched_count == 1

    @query
    async def finish(self, fields: dict[str, Any]) -> bool:
        """Set fields and give the lease back in one write; False when it was no longer ours, and nothing is set.

        What Google told of meanwhile comes after the listing, so the calendar is due again at once.
        """
        ended = {**_literal(fields), "lease_owner": None, "lease_until": None}
        if fields.get("status") == "synced":
            told = {"$gt": ["$notified_at", None]}
            ended["next_sync_at"] = {"$cond": [told, "$notified_at", ended["next_sync_at"]]}
        done = await collection(type(self)).update_one(self._mine(), [{"$set": ended}])
        return done.matched_count == 1

    @query
    async def unpulled(self, session: Session) -> bool:
        """Whether nobody has pulled it since it was read, nor does now; a pull that begins waits for the session."""
        quiet = {**self._mine(), "status": {"$in": ["synced", "failing"]}, **_FREE}
        done = await collection(type(self)).update_one(quiet, {"$inc": {"touched": 1}}, session=session)
        return done.matched_count == 1

    @classmethod
    @query
    async def notify(cls, calendar_id: str, at: datetime) -> None:
        """Something changed at Google: due then, and after a pull that is under way once more.

        Where that is so already nothing is written. A pause after a failure stays as long as it is.
        """
        later = {"status": {"$in": ["new", "synced"]}, "next_sync_at": {"$gt": at}}
        under_way = {**_THERE, "lease_owner": {"$ne": None}, "notified_at": None}
        earlier = [{"$set": {"next_sync_at": {"$min": ["$next_sync_at", at]}, "notified_at": at}}]
        await collection(cls).update_one({"calendar_id": calendar_id, "$or": [later, under_way]}, earlier)

    @classmethod
    @query
    async def summed_up(cls, now: datetime) -> list[dict[str, Any]]:
        """For each status with its reason: how many there are, are leased, are watched, are due, and since when."""
        due = {"$lte": [{"$ifNull": ["$next_sync_at", now + timedelta(days=1)]}, now]}
        counted: dict[str, Any] = {
            "calendars": {"$sum": 1},
            "leased": {"$sum": {"$cond": [{"$gt": ["$lease_until", "$$NOW"]}, 1, 0]}},
            "watched": {"$sum": {"$cond": [{"$gt": ["$watched_until", now]}, 1, 0]}},
            "due": {"$sum": {"$cond": [due, 1, 0]}},
            "due_since": {"$min": {"$cond": [due, "$next_sync_at", None]}},
        }
        group = {"$group": {"_id": {"status": "$status", "reason": "$reason"}, **counted}}
        with patiently():
            return [row async for row in collection(cls).aggregate([group, {"$sort": {"calendars": -1, "_id": 1}}])]

    @classmethod
    @query
    async def claim_watch(cls, now: datetime, until: datetime) -> Self | None:
        """One that needs a push channel, which nobody else gets until then; or one that should have none any more."""
        needs = {"status": "synced", "watch_at": {"$not": {"$gt": now}}}
        over = {"status": {"$in": ["access_lost", "gone", "disconnected"]}, "watch_at": {"$ne": None}}
        synced = {"$eq": ["$status", "synced"]}
        watched = {"watched_until": {"$cond": [synced, "$watched_until", None]}}
        stored = await collection(cls).find_one_and_update(
            {"$or": [needs, over]},
            [{"$set": {"watch_at": {"$cond": [synced, until, None]}, **watched}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else cls.model_validate(stored)

    @query
    async def set_watch(self, fields: dict[str, Any]) -> bool:
        """Set fields about its push channel; False when it is not ours any more to see to it."""
        ours = {"calendar_id": self.calendar_id, "watch_at": self.watch_at, "status": {"$in": ["synced", "failing"]}}
        done = await collection(type(self)).update_one(ours, {"$set": fields})
        return done.matched_count == 1

    def _mine(self) -> dict[str, Any]:
        return {"calendar_id": self.calendar_id, "fence": self.fence}


def _new(now: datetime, fence: int | None = 0) -> dict[str, Any]:
    new = {"status": "new", "next_sync_at": now, "failure_count": 0, "lane": "whole"}
    return new if fence is None else {**new, "fence": fence}


def _claimed_by(owner: str) -> list[dict[str, Any]]:
    until, fence = _lease_end(), {"$add": ["$fence", 1]}
    return [{"$set": {"lease_owner": owner, "lease_until": until, "fence": fence, "notified_at": None}}]


def _literal(fields: dict[str, Any]) -> dict[str, Any]:
    """Values as they are: in a pipeline a text that begins with `$` would be read as a field."""
    return {name: {"$literal": value} for name, value in fields.items()}


def _lease_end() -> dict[str, Any]:
    """By the server's clock, which all workers share."""
    return {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}
