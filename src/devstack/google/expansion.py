"""The expanded view: instances of series, made when asked for."""

from datetime import UTC, datetime, timedelta, tzinfo

from devstack.google.bodies import tombstone
from devstack.google.series import INSTANCE_ID, Series, original_of
from devstack.google.state import Calendar, Json, StoredEvent
from devstack.google.times import day_after, days_between, instant, rfc3339

PER_INSTANCE = ("id", "recurrence", "start", "end", "htmlLink")


def original_start(exception: StoredEvent) -> float:
    """The occurrence an exception stands for, in the coordinates of `Series`."""
    return instant(exception.body["originalStartTime"], UTC)


def instance_id(master: StoredEvent, original: float) -> str:
    return f"{master.body['id']}_{master.expansion().suffix(original)}"


def open_originals(calendar: Calendar, master: StoredEvent, originals: list[float]) -> list[float]:
    """Without those that an exception replaces."""
    exceptions = calendar.exceptions_of(master.body["id"])
    if not exceptions:
        return originals
    replaced = {original_start(exception) for exception in exceptions.values()}
    return [original for original in originals if original not in replaced]


def expanded_ids(calendar: Calendar, event: StoredEvent, now: float, more: int) -> dict[str, float | None]:
    """The ids under which the expanded view shows an event, with their original starts."""
    if event.cancelled:
        return {}
    if not event.recurring:
        return {event.body["id"]: None}
    series = event.expansion()
    originals = series.up_to(now, more)
    if calendar.expanded_until:
        later = series.between(float("-inf"), calendar.expanded_until + 86400)
        originals = max(originals, later, key=len)
    ids: dict[str, float | None] = {instance_id(event, o): o for o in open_originals(calendar, event, originals)}
    for exception_id, exception in calendar.exceptions_of(event.body["id"]).items():
        if not exception.cancelled:
            ids[exception_id] = original_start(exception)
    return ids


def instance_times(master: StoredEvent, original: float, shown_in: tzinfo) -> Json:
    """`start`, `end` and `originalStartTime` of one instance; the length of the series' first event is kept."""
    series = master.expansion()
    start = series.original_time(original, shown_in)
    first, last = master.body["start"], master.body["end"]
    if series.all_day:
        end = {"date": day_after(start["date"], days_between(first["date"], last["date"]))}
    else:
        length = instant(last, UTC) - instant(first, UTC)
        end = {**last, "dateTime": rfc3339(original + length, shown_in)}
    return {"start": start, "end": end, "originalStartTime": start}


def instance_head(master: StoredEvent, original: float) -> Json:
    """What names one instance."""
    event_id = instance_id(master, original)
    own = {"id": event_id, "recurringEventId": master.body["id"]}
    return own | ({"htmlLink": f"{master.body['htmlLink']}&instance={event_id}"} if "htmlLink" in master.body else {})


def instance_body(master: StoredEvent, original: float, shown_in: tzinfo) -> Json:
    """The complete body of an unmodified instance."""
    shared = {name: value for name, value in master.body.items() if name not in PER_INSTANCE}
    return shared | instance_head(master, original) | instance_times(master, original, shown_in)


def dropped_stone(master: StoredEvent, event_id: str, original: float | None, zone: tzinfo) -> Json:
    """The tombstone of an instance that its series no longer has."""
    body: Json = {"etag": master.body["etag"], "id": event_id}
    if original is not None:
        body["recurringEventId"] = master.body["id"]
        body["originalStartTime"] = {"dateTime": rfc3339(original, zone)}
        if len(event_id.rsplit("_", 1)[-1]) == 8:
            body["originalStartTime"] = {"date": datetime.fromtimestamp(original, UTC).date().isoformat()}
    return tombstone(body)


def bounds_of(series: Series, original: float, length: float, zone: tzinfo) -> tuple[float, float]:
    """Start and end of an instance in seconds since 1970; all-day ones begin at midnight in the calendar's zone."""
    if not series.all_day:
        return original, original + length
    day = datetime.fromtimestamp(original, UTC).replace(tzinfo=zone)
    return day.timestamp(), (day + timedelta(seconds=length)).timestamp()


def length_of(master: StoredEvent) -> float:
    return instant(master.body["end"], UTC) - instant(master.body["start"], UTC)


def find_instance(calendar: Calendar, event_id: str) -> tuple[StoredEvent, float] | None:
    """The series and original start an instance id names, if there is such an occurrence."""
    match = INSTANCE_ID.match(event_id)
    master = calendar.events.get(match[1]) if match else None
    if match is None or master is None or master.cancelled or not master.recurring:
        return None
    try:
        original = original_of(match[2])
    except ValueError:
        return None
    same_kind = master.expansion().all_day == (len(match[2]) == 8)
    return (master, original) if same_kind and master.expansion().has(original) else None
