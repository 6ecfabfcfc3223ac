"""Events. Every write of a pull belongs to a transaction that holds its calendar's lease (see `pulls`)."""

from collections.abc import AsyncIterator, Container
from datetime import UTC, datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, DeleteOne, IndexModel, InsertOne, UpdateOne

from switchboard.events.model import LONG, CalendarEvent, Change, Owner, Position, Window
from switchboard.mongo import Session, collection, query, readable

BATCH = 1000  # writes that end well within the deadline of one operation

Write = InsertOne[dict[str, Any]] | UpdateOne | DeleteOne

_FIRST = datetime(1, 1, 1, tzinfo=UTC)


class CalendarEventDocument(CalendarEvent, Document):
    """`run` is the fence of the pull that wrote it."""

    id: str  # type: ignore[assignment]  # the event_id itself, so that an upsert needs no second unique index
    run: int = 0

    class Settings:
        name: ClassVar[str] = "calendar_events"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING), ("start_time", ASCENDING), ("_id", ASCENDING)], name="user_start"),
            IndexModel(
                [("user_id", ASCENDING), ("start_time", ASCENDING), ("_id", ASCENDING), ("end_time", ASCENDING)],
                partialFilterExpression={"long": True},
                name="user_long_start",
            ),
            IndexModel(
                [("org_ids", ASCENDING), ("start_time", ASCENDING), ("meeting_id", ASCENDING)], name="org_start"
            ),
            IndexModel(
                [("org_ids", ASCENDING), ("start_time", ASCENDING), ("meeting_id", ASCENDING), ("end_time", ASCENDING)],
                partialFilterExpression={"long": True},
                name="org_long_start",
            ),
        ]

    @classmethod
    @query
    async def known(cls, event_ids: list[str], session: Session | None = None) -> dict[str, str | None]:
        """Which of these events are stored, with their etags."""
        found = collection(cls).find({"_id": {"$in": event_ids}}, {"etag": 1}, session=session)
        return {stored["_id"]: stored.get("etag") async for stored in found}

    @classmethod
    @query
    async def write(cls, changes: list[Change], known: Container[str], run: int, session: Session) -> None:
        """Insert, update and remove; `known` are those that are stored."""
        for begin in range(0, len(changes), BATCH):
            writes = [_write(change, known, run) for change in changes[begin : begin + BATCH]]
            await collection(cls).bulk_write(writes, ordered=False, session=session)

    @classmethod
    def all_of(cls, owner: Owner) -> AsyncIterator[list[str]]:
        """Ids of a calendar's events, batch by batch."""
        return cls._ids(owner, {})

    @classmethod
    def unseen(cls, owner: Owner, before: datetime, run: int) -> AsyncIterator[list[str]]:
        """Ids of a calendar's events that begin before then and were not written by this run, batch by batch."""
        return cls._ids(owner, {"run": {"$lt": run}, "start_time": {"$lt": before}})

    @classmethod
    def ended(cls, owner: Owner, before: datetime) -> AsyncIterator[list[str]]:
        """Ids of a calendar's events that were over by then, batch by batch."""
        return cls._ids(owner, {"end_time": {"$lte": before}, "start_time": {"$lte": before}})

    @classmethod
    def misplaced(cls, owner: Owner, org_ids: list[str]) -> AsyncIterator[list[str]]:
        """Ids of a calendar's events that do not name just these organizations, batch by batch."""
        return cls._ids(owner, {"org_ids": {"$ne": org_ids}})

    @classmethod
    @query
    async def remove(cls, event_ids: list[str], session: Session | None = None) -> None:
        await collection(cls).delete_many({"_id": {"$in": event_ids}}, session=session)

    @classmethod
    @query
    async def place(cls, event_ids: list[str], org_ids: list[str], session: Session) -> None:
        """Note on events the organizations of their owner."""
        placed = {"$set": {"org_ids": org_ids}}
        await collection(cls).update_many({"_id": {"$in": event_ids}}, placed, session=session)

    @classmethod
    async def _ids(cls, owner: Owner, which: dict[str, Any]) -> AsyncIterator[list[str]]:
        """In the order of the index that there is anyway: by start and id among all events of the person."""
        wanted = {"user_id": owner.user_id, "calendar_id": owner.calendar_id, **which}
        found = await cls._places(wanted)
        while found:
            yield [event_id for _, event_id in found]
            start, last = found[-1]
            further = [{"start_time": start, "_id": {"$gt": last}}, {"start_time": {"$gt": start}}]
            found = await cls._places({"$and": [wanted, {"$or": further}], "start_time": {"$gte": start}})

    @classmethod
    @query
    async def _places(cls, which: dict[str, Any]) -> list[Position]:
        order, shown = [("start_time", ASCENDING), ("_id", ASCENDING)], {"start_time": 1}
        found = collection(cls).find(which, shown, sort=order, limit=BATCH, hint="user_start")
        return [_position(stored) async for stored in found]

    @classmethod
    @query
    async def of_user(
        cls, user_id: str, between: Window, after: Position | None, limit: int
    ) -> tuple[list[CalendarEvent], Position | None]:
        """Events that touch a range, by start and id, after a position; and the position to go on from, if any.

        Two index walks instead of one bad plan (facts/google-calendar.md section 6.2): those that began at most a day
        before the range, and the long ones that began earlier and reach into it. An event without length counts where
        it starts.
        """
        from_day, ends = between.start - LONG, {"end_time": {"$gt": between.start}}
        reaches = {"$or": [ends, {"start_time": {"$gte": between.start}}]}
        first = _FIRST if after is None else after[0]
        found: list[dict[str, Any]] = []
        if first < from_day:
            earlier = {"start_time": {"$gte": first, "$lt": from_day}, "long": True, **ends}
            found += await cls._walk(user_id, earlier, after, limit + 1, "user_long_start")
        usual = {"start_time": {"$gte": max(first, from_day), "$lt": between.end}, **reaches}
        found += await cls._walk(user_id, usual, after, limit + 1, "user_start")
        found.sort(key=_position)
        more = _position(found[limit - 1]) if len(found) > limit else None
        return readable(CalendarEvent, found[:limit]), more

    @classmethod
    async def _walk(
        cls, user_id: str, which: dict[str, Any], after: Position | None, limit: int, index: str
    ) -> list[dict[str, Any]]:
        """By start and id. An `_id` that is no text is not ours, and could not be put in order with the others."""
        mine = {"user_id": user_id, "_id": {"$gte": ""}, **which}
        if after is not None:
            start, last_id = after
            mine = {"$and": [mine, {"$or": [{"start_time": {"$gt": start}}, {"_id": {"$gt": last_id}}]}]}
        order = [("start_time", ASCENDING), ("_id", ASCENDING)]
        return [stored async for stored in collection(cls).find(mine, limit=limit, sort=order, hint=index)]


def _position(stored: dict[str, Any]) -> Position:
    return stored["start_time"], stored["_id"]


def _write(change: Change, known: Container[str], run: int) -> Write:
    """By the id alone: the transaction it belongs to has seen that the lease is still ours."""
    which = {"_id": change.event_id}
    if change.fields is None:
        return DeleteOne(which)
    stored = {"event_id": change.event_id, **change.fields, "run": run}
    return UpdateOne(which, {"$set": stored}) if change.event_id in known else InsertOne({**which, **stored})
