"""Events, and the organizations that they are found under: those of their owner, on the calendar and on its events.

The worker brings both up to date after somebody joined or left, so only what it will not come to any more is a fault.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from switchboard.mongo import Session, patiently, query
from switchboard.runs.model import Image
from switchboard.schema.integrity.findings import MOST_AT_ONCE, Change, Examination, Fault, Kind
from switchboard.schema.integrity.walk import batches, pieces, size_of

BATCH: Final = 500
LOOKING_SECONDS: Final = 20.0  # at all events of a person

EVENTS: Final = Kind(
    "events.org_ids",
    "calendar_events",
    "org_ids are not the organizations that its owner is a member of.",
    "sets them by the memberships",
)
CALENDARS: Final = Kind(
    "calendars.org_ids",
    "calendars",
    "org_ids are not the organizations that its owner is a member of, and no pull is due that would set them.",
    "sets them by the memberships",
)
OTHERS: Final = Kind(
    "events.other_owner",
    "calendar_events",
    "It belongs to somebody else than the calendar that it names.",
    advice="Remove them; the next whole pull brings the events of that calendar again.",
)


@dataclass(frozen=True)
class Placed:
    """A calendar and the organizations of its owner, sorted; `events` of its events name others."""

    calendar: Mapping[str, Any]
    org_ids: list[str]
    events: int = 0

    @property
    def is_right(self) -> bool:
        return bool(self.calendar.get("org_ids", []) == self.org_ids)

    def waits(self, now: datetime, settled: datetime) -> bool:
        """Whether the worker is at it, or will be: a pull that is due places a calendar and its events."""
        held, due = self.calendar.get("lease_until"), self.calendar.get("next_sync_at")
        if isinstance(held, datetime) and held.astimezone(UTC) > now:
            return True
        comes = isinstance(due, datetime) and due.astimezone(UTC) > settled
        return comes and (not self.is_right or self.calendar.get("status") == "disconnected")

    def kinds(self, now: datetime, settled: datetime) -> list[Kind]:
        if self.waits(now, settled):
            return []
        return [*([EVENTS] if self.events else []), *([] if self.is_right else [CALENDARS])]

    def change(self) -> Change:
        """What sets the calendar right, once its events are."""
        return "calendars", self._image(self.calendar)

    def event_change(self, event: Mapping[str, Any]) -> Change:
        return "calendar_events", self._image(event)

    def _image(self, stored: Mapping[str, Any]) -> Image:
        before = {"org_ids": stored["org_ids"]} if "org_ids" in stored else {}
        return Image(stored["_id"], before, {"org_ids": self.org_ids})


async def size(examination: Examination) -> int:
    return await size_of(examination.database["calendars"]) + await size_of(examination.database["calendar_events"])


async def run(examination: Examination) -> AsyncIterator[Fault]:
    """The calendars first, then what the events name: calendars, people, organizations."""
    suspects: set[str] = set()
    async for piece in pieces(examination.database["calendars"], BATCH):
        async for batch in piece.find({}):
            for placed in await _placed_all(examination, batch):
                if not placed.is_right:
                    suspects.add(placed.calendar["calendar_id"])
                    async for fault in _confirmed(examination, placed.calendar["calendar_id"]):
                        yield fault
        examination.advance(piece.size)
    async for rows in _rows(examination):
        async for fault in _of_rows(examination, rows, suspects):
            yield fault
        examination.advance(sum(row["events"] for row in rows))


async def _of_rows(
    examination: Examination, rows: Sequence[Mapping[str, Any]], suspects: set[str]
) -> AsyncIterator[Fault]:
    """Faults of the calendars that rows of events name, but of those that were looked at already."""
    named = {"calendar_id": {"$in": [row["_id"].get("calendar_id") for row in rows]}}
    with patiently():
        stored = await _find(examination, "calendars", named)
    known = {each.calendar["calendar_id"]: each for each in await _placed_all(examination, stored)}
    for row in rows:
        told = row["_id"]
        placed = known.get(told.get("calendar_id"))
        if placed is None:
            continue  # a reference to what is not there
        if placed.calendar.get("user_id") != told.get("user_id"):
            yield Fault(OTHERS, (row["first"],), row["events"])
        elif told.get("org_ids", []) != placed.org_ids and told["calendar_id"] not in suspects:
            suspects.add(told["calendar_id"])
            async for fault in _confirmed(examination, told["calendar_id"]):
                yield fault


async def _confirmed(examination: Examination, calendar_id: str) -> AsyncIterator[Fault]:
    """The faults of a calendar when everything is read at one moment."""
    found: list[Placed] = []

    async def look(session: Session) -> None:
        found[:] = await _at_one_moment(examination, calendar_id, session)

    await examination.transactions.run(look, LOOKING_SECONDS)
    for placed in found:
        for kind in placed.kinds(examination.now, examination.settled):
            count = placed.events if kind is EVENTS else 1
            yield Fault(kind, (calendar_id,), count, _Mend(examination, calendar_id, kind))


@dataclass(frozen=True)
class _Mend:
    """Events come before their calendar, which says only what is so of all of them."""

    examination: Examination
    calendar_id: str
    kind: Kind

    async def __call__(self, session: Session) -> list[Change]:
        for placed in await _at_one_moment(self.examination, self.calendar_id, session, most=1):
            if self.kind not in placed.kinds(datetime.now(UTC), self.examination.settled):
                continue
            if self.kind is EVENTS:
                stored = await _find(self.examination, "calendar_events", _misplaced(placed), session)
                return [placed.event_change(each) for each in stored]
            return [] if placed.events else [placed.change()]
        return []


@query
async def _at_one_moment(
    examination: Examination, calendar_id: str, session: Session, most: int = 100_000
) -> list[Placed]:
    """The calendar with how many of its events are wrong, counted up to `most`; nothing when it is gone."""
    stored = await _find(examination, "calendars", {"calendar_id": calendar_id}, session)
    found = await _placed(examination, stored[:1], session)
    events = examination.database["calendar_events"]
    counts = [await events.count_documents(_misplaced(each), limit=most, session=session) for each in found]
    return [Placed(each.calendar, each.org_ids, count) for each, count in zip(found, counts, strict=True)]


async def _placed_all(examination: Examination, calendars: Sequence[Mapping[str, Any]]) -> list[Placed]:
    with patiently():
        return await _placed(examination, calendars)


@query
async def _placed(
    examination: Examination, calendars: Sequence[Mapping[str, Any]], session: Session | None = None
) -> list[Placed]:
    known = [each for each in calendars if isinstance(each.get("calendar_id"), str)]
    these = {"user_id": {"$in": [each.get("user_id") for each in known]}}
    places: dict[str, list[str]] = {}
    found = examination.database["user_organizations"].find(these, {"user_id": 1, "org_id": 1}, session=session)
    async for membership in found:
        if isinstance(membership.get("user_id"), str) and isinstance(membership.get("org_id"), str):
            places.setdefault(membership["user_id"], []).append(membership["org_id"])
    return [Placed(each, sorted(places.get(str(each.get("user_id")), []))) for each in known]


@query
async def _find(
    examination: Examination, of: str, which: dict[str, Any], session: Session | None = None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await examination.database[of]
        .find(which, session=session)
        .to_list(MOST_AT_ONCE if of == "calendar_events" else None)
    )
    return found


async def _rows(examination: Examination) -> AsyncIterator[list[dict[str, Any]]]:
    """Which calendars, people and organizations events name together, how many events do, and one of them."""
    key = {name: f"${name}" for name in ("calendar_id", "user_id", "org_ids")}
    stages = [{"$group": {"_id": key, "events": {"$sum": 1}, "first": {"$first": "$_id"}}}]
    found = examination.database["calendar_events"].aggregate(stages, allowDiskUse=True, batchSize=BATCH)
    async for rows in batches(found, BATCH):
        yield rows


def _misplaced(placed: Placed) -> dict[str, Any]:
    owner = {"user_id": placed.calendar.get("user_id"), "calendar_id": placed.calendar["calendar_id"]}
    return {**owner, "org_ids": {"$ne": placed.org_ids}}
