"""Reading the parameters of `events.list` and refusing combinations that Google refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack.google.errors import invalid, time_range_empty, updated_min_too_long_ago
from devstack.google.times import timestamp_parameter, zone_named
from devstack.google.tokens import fingerprint

NOT_WITH_SYNC_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "sharedExtendedProperty",
    "q",
    "timeMin",
    "timeMax",
    "updatedMin",
)
NO_SYNC_TOKEN_AFTER = ("iCalUID", "orderBy", "privateExtendedProperty", "sharedExtendedProperty", "q", "updatedMin")
OLDEST_UPDATED_MIN = 28 * 86400
Parameters = Mapping[str, list[str]]


@dataclass(frozen=True)
class Query:
    """`time_min` and `time_max` in seconds since 1970. `scope` identifies queries that may share a sync token."""

    single_events: bool = False
    show_deleted: bool = False
    order_by: str = ""
    time_min: float = float("-inf")
    time_max: float = float("inf")
    updated_min: float = 0.0
    text: str = ""
    ical_uid: str = ""
    event_types: tuple[str, ...] = ()
    properties: tuple[tuple[str, str, str], ...] = ()
    gives_sync_token: bool = True
    max_results: int = 250
    zone: str = ""
    max_attendees: int = 0
    sync_token: str = ""
    page_token: str = ""
    scope: str = field(default="", compare=False)


def flag(parameters: Parameters, name: str) -> bool:
    """A boolean in any capitalisation, as clients write it."""
    value = parameters.get(name, ["false"])[-1].lower()
    if value not in ("true", "false", "1", "0"):
        raise invalid(f"Invalid boolean value: '{value}'", name, "invalidParameter")
    return value in ("true", "1")


def number(parameters: Parameters, name: str, default: int, most: int) -> int:
    """A positive integer, clamped to `most`."""
    text = parameters.get(name, [str(default)])[-1]
    if not text.isdigit() or int(text) < (0 if default == 0 else 1):
        raise invalid(f"Invalid integer value: '{text}'.", name, "invalidParameter")
    return min(int(text), most)


def parse(parameters: Parameters, now: float) -> Query:
    """The query, or the 400 that Google would answer."""
    _check_sync_token(parameters)
    single_events = flag(parameters, "singleEvents")
    event_types = tuple(sorted(parameters.get("eventTypes", [])))
    query = Query(
        single_events=single_events,
        show_deleted=flag(parameters, "showDeleted"),
        order_by=_order(parameters, single_events),
        time_min=_moment(parameters, "timeMin", float("-inf")),
        time_max=_moment(parameters, "timeMax", float("inf")),
        updated_min=_updated_min(parameters, now),
        text=_last(parameters, "q").lower(),
        ical_uid=_last(parameters, "iCalUID"),
        event_types=event_types,
        properties=_properties(parameters),
        gives_sync_token=not any(name in parameters for name in NO_SYNC_TOKEN_AFTER),
        max_results=number(parameters, "maxResults", 250, 2500),
        zone=_zone(parameters),
        max_attendees=number(parameters, "maxAttendees", 0, 10_000),
        sync_token=_last(parameters, "syncToken"),
        page_token=_last(parameters, "pageToken"),
        scope=fingerprint(single_events, event_types),
    )
    if query.time_min >= query.time_max:
        raise time_range_empty()
    return query


def _check_sync_token(parameters: Parameters) -> None:
    if "syncToken" not in parameters:
        return
    for name in NOT_WITH_SYNC_TOKEN:
        if name in parameters:
            raise invalid("Sync token cannot be used with this parameter.", name, "badRequest")
    if "showDeleted" in parameters and not flag(parameters, "showDeleted"):
        raise invalid("Deleted entries cannot be excluded when a sync token is used.", "showDeleted", "badRequest")


def _last(parameters: Parameters, name: str) -> str:
    return parameters.get(name, [""])[-1]


def _moment(parameters: Parameters, name: str, default: float) -> float:
    return timestamp_parameter(name, parameters[name][-1]) if name in parameters else default


def _updated_min(parameters: Parameters, now: float) -> float:
    moment = _moment(parameters, "updatedMin", 0.0)
    if "updatedMin" in parameters and moment < now - OLDEST_UPDATED_MIN:
        raise updated_min_too_long_ago()
    return moment


def _order(parameters: Parameters, single_events: bool) -> str:
    order = _last(parameters, "orderBy")
    if order not in ("", "startTime", "updated"):
        raise invalid(f"Invalid value '{order}'.", "orderBy", "invalidParameter")
    if order == "startTime" and not single_events:
        raise invalid("The requested ordering is not available for the particular query.", "orderBy")
    return order


def _zone(parameters: Parameters) -> str:
    name = _last(parameters, "timeZone")
    try:
        if name:
            zone_named(name)
    except ValueError as error:
        raise invalid("Invalid time zone.", "timeZone") from error
    return name


def _properties(parameters: Parameters) -> tuple[tuple[str, str, str], ...]:
    wanted = []
    for kind in ("private", "shared"):
        for text in parameters.get(f"{kind}ExtendedProperty", []):
            name, equals, value = text.partition("=")
            if not equals:
                raise invalid("Invalid extended property constraint.", f"{kind}ExtendedProperty")
            wanted.append((kind, name, value))
    return tuple(wanted)
