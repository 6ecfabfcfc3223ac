"""`freeBusy.query`: merged busy times, without what does not make busy."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo

from aiohttp import web

from devstack.google.errors import ApiError, invalid, time_range_empty
from devstack.google.expansion import bounds_of, length_of
from devstack.google.gateway import Call, Gateway
from devstack.google.query import Query
from devstack.google.selection import Found, Selection
from devstack.google.state import Account, Calendar, Json, Store
from devstack.google.times import rfc3339, timestamp_parameter, zone_named

MOST_CALENDARS = 50
Span = tuple[float, float]


class FreeBusyRoutes:
    def __init__(self, store: Store) -> None:
        self.store = store

    def add_to(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "calendar.freebusy.query", self.query)

    async def query(self, call: Call) -> Json:
        body = await call.json()
        begin, end = _range(body)
        zone = _zone(str(body.get("timeZone") or "UTC"))
        items = [str(item.get("id", "")) for item in body.get("items", [])]
        found = {item: self._calendar(call.account, item, (begin, end), zone) for item in items[:MOST_CALENDARS]}
        found |= {item: _error("tooManyCalendarsRequested") for item in items[MOST_CALENDARS:]}
        times = {"timeMin": _milliseconds(begin), "timeMax": _milliseconds(end)}
        return {"kind": "calendar#freeBusy", **times, "calendars": found}

    def _calendar(self, account: Account, calendar_id: str, span: Span, zone: tzinfo) -> Json:
        try:
            calendar, _ = self.store.calendar(account, calendar_id)
        except ApiError:
            return _error("notFound")
        busy = merged_spans(clipped(self._busy(calendar, span), span))
        return {"busy": [{"start": rfc3339(start, zone), "end": rfc3339(end, zone)} for start, end in busy]}

    def _busy(self, calendar: Calendar, span: Span) -> Iterator[Span]:
        query = Query(single_events=True, time_min=span[0], time_max=span[1])
        for item in Selection(calendar, query, self.store.clock.now(), 0).full():
            if makes_busy(item):
                yield _span(calendar, item)


def _span(calendar: Calendar, item: Found) -> Span:
    if item.original is None:
        return item.event.times(calendar.zone)
    return bounds_of(item.event.expansion(), item.original, length_of(item.event), calendar.zone)


def makes_busy(item: Found) -> bool:
    """Not transparent, not cancelled, not declined by the calendar's owner, not a place of work."""
    body = item.event.body
    if body.get("transparency") == "transparent" or body.get("eventType") == "workingLocation":
        return False
    declined = any(a.get("self") and a.get("responseStatus") == "declined" for a in body.get("attendees", []))
    return body["status"] != "cancelled" and not declined


def clipped(spans: Iterable[Span], limits: Span) -> list[Span]:
    return [(max(start, limits[0]), min(end, limits[1])) for start, end in spans]


def merged_spans(spans: Iterable[Span]) -> list[Span]:
    """Sorted, with touching and overlapping ones joined; empty ones dropped."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _range(body: Json) -> Span:
    for name in ("timeMin", "timeMax"):
        if not body.get(name):
            raise ApiError(400, "global", "required", f"Missing {name} parameter.")
    begin, end = (timestamp_parameter(name, str(body[name])) for name in ("timeMin", "timeMax"))
    if end <= begin:
        raise time_range_empty()
    return begin, end


def _zone(name: str) -> tzinfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise invalid("Invalid time zone.", "timeZone") from error


def _milliseconds(seconds: float) -> str:
    return rfc3339(seconds, zone_named("UTC")).replace("Z", ".000Z")


def _error(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}
