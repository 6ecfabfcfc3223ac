"""What Google's items mean. Where a test names a rule, it is one of facts/google-calendar.md section 2."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.events.model import CalendarEvent, Change, Owner, Window, event_id, read_changes

BERLIN = "Europe/Berlin"
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
DAYS = timedelta(days=2)
CALENDAR = Owner("u1", "c1", ["o1"])


def at(text: str, **more: Any) -> dict[str, Any]:
    return {"dateTime": text, **more}


def item(**fields: Any) -> dict[str, Any]:
    times = {"start": at("2026-03-02T09:00:00+01:00"), "end": at("2026-03-02T10:00:00+01:00")}
    return {"id": "e1", "status": "confirmed", **times, **fields}


def change(timezone: str = BERLIN, **fields: Any) -> Change:
    (found,) = read_changes(CALENDAR, [item(**fields)], timezone, WINDOW)
    return found


def read(timezone: str = BERLIN, **fields: Any) -> CalendarEvent:
    found = change(timezone, **fields)
    assert found.fields is not None
    return CalendarEvent.model_validate({"event_id": found.event_id, **found.fields})


def utc(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_rule_14_a_cancelled_event_needs_nothing_but_its_id() -> None:
    assert read_changes(CALENDAR, [{"id": "e1", "status": "cancelled"}], BERLIN, WINDOW) == [
        Change(event_id("c1", "e1"), None)
    ]


def test_rule_14_a_cancelled_event_goes_although_it_says_when_it_was() -> None:
    assert change(status="cancelled").fields is None


def test_rule_15_a_cancelled_instance_is_removed_by_its_own_id_and_not_its_series() -> None:
    gone = {"id": "e1_20260302", "status": "cancelled", "recurringEventId": "e1", "originalStartTime": {"date": "x"}}

    assert read_changes(CALENDAR, [gone], BERLIN, WINDOW) == [Change(event_id("c1", "e1_20260302"), None)]


def test_rule_18_an_event_is_known_by_calendar_and_google_id_never_by_its_icaluid() -> None:
    instances = [item(id=f"e1_{number}", iCalUID="same") for number in range(3)]

    assert len({found.event_id for found in read_changes(CALENDAR, instances, BERLIN, WINDOW)}) == 3


def test_rule_20_a_moved_instance_keeps_what_it_was_an_instance_of() -> None:
    moved = read(
        recurringEventId="e0",
        originalStartTime=at("2026-03-02T09:00:00+01:00"),
        start=at("2026-03-05T12:00:00+01:00"),
        end=at("2026-03-05T13:00:00+01:00"),
    )

    assert (moved.recurring_event_id, moved.original_start_time) == ("e0", utc(3, 2, 8))
    assert moved.start_time == utc(3, 5, 11)


def test_rule_20_an_all_day_original_start_is_that_days_midnight() -> None:
    assert read(originalStartTime={"date": "2026-03-02"}).original_start_time == utc(3, 1, 23)


@pytest.mark.parametrize("broken", ["x", 7, [], {"dateTime": "x"}, {"date": 5}, {}])
def test_an_original_start_no_one_can_read_costs_only_itself(broken: Any) -> None:
    assert read(originalStartTime=broken).original_start_time is None


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        (BERLIN, utc(3, 1, 23)),
        ("America/New_York", utc(3, 2, 5)),
        ("Pacific/Kiritimati", utc(3, 1, 10)),
        ("UTC", utc(3, 2)),
    ],
)
def test_rules_21_and_22_an_all_day_event_is_its_dates_and_begins_at_the_calendars_midnight(zone, start) -> None:
    event = read(zone, start={"date": "2026-03-02"}, end={"date": "2026-03-03"})

    assert (event.all_day, event.start_date, event.end_date) == (True, "2026-03-02", "2026-03-03")
    assert event.start_time == start
    assert (event.end_time - event.start_time).total_seconds() == 24 * 3600
    assert event.long is False


@pytest.mark.parametrize(("first", "last", "hours"), [("03-29", "03-30", 23), ("10-25", "10-26", 25)])
def test_rule_22_an_all_day_event_is_as_long_as_its_day_when_clocks_change(first, last, hours) -> None:
    event = read(start={"date": f"2026-{first}"}, end={"date": f"2026-{last}"})

    assert (event.end_time - event.start_time).total_seconds() == hours * 3600


@pytest.mark.parametrize("end", [None, {}, {"date": "2026-03-02"}, {"date": "2026-02-20"}, at("2026-03-02T12:00:00Z")])
def test_rule_26_an_all_day_event_is_at_least_a_day_long(end) -> None:
    event = read(start={"date": "2026-03-02"}, end=end)

    assert (event.start_date, event.end_date) == ("2026-03-02", "2026-03-03")
    assert event.end_time == utc(3, 2, 23)


def test_rule_23_the_offset_says_when_and_the_zone_is_kept_for_display() -> None:
    event = read(start=at("2026-03-02T09:00:00-05:00", timeZone="Asia/Kolkata"), end=at("2026-03-02T10:00:00-05:00"))

    assert (event.start_time, event.timezone) == (utc(3, 2, 14), "Asia/Kolkata")


@pytest.mark.parametrize("named", ["W. Europe Standard Time", "Nowhere/Land", "", "../etc", 7, None, {}])
def test_rule_23_an_unknown_zone_is_the_calendars_and_does_not_cost_the_event(named) -> None:
    without_offset = read(
        start=at("2026-03-02T09:00:00", timeZone=named), end=at("2026-03-02T10:00:00", timeZone=named)
    )

    assert (without_offset.start_time, without_offset.timezone) == (utc(3, 2, 8), BERLIN)


def test_rule_23_where_the_calendars_zone_is_unknown_too_it_is_utc() -> None:
    event = read("Pacific Standard Time", start={"date": "2026-03-02"}, end={"date": "2026-03-03"})

    assert (event.start_time, event.timezone) == (utc(3, 2), "UTC")


@pytest.mark.parametrize(
    ("local", "start"), [("2026-03-29T02:30:00", utc(3, 29, 1, 30)), ("2026-10-25T02:30:00", utc(10, 25, 0, 30))]
)
def test_rule_24_times_that_do_not_exist_or_exist_twice_are_read(local, start) -> None:
    assert read(start=at(local, timeZone=BERLIN), end=at(local, timeZone=BERLIN)).start_time == start


def test_rule_26_an_event_without_length_is_kept() -> None:
    moment = at("2026-03-02T09:00:00Z")

    event = read(start=moment, end=moment)

    assert event.start_time == event.end_time == utc(3, 2, 9)


@pytest.mark.parametrize("end", [None, {}, "x", 5, at("2026-03-01T09:00:00Z"), {"date": "2026-03-01"}])
def test_rule_26_an_end_that_is_missing_or_before_the_start_is_the_start(end) -> None:
    event = read(start=at("2026-03-02T09:00:00Z"), end=end)

    assert event.end_time == event.start_time


def test_rule_26_an_unspecified_end_is_the_one_google_sends() -> None:
    assert read(endTimeUnspecified=True).end_time == utc(3, 2, 9)


def test_rule_28_an_event_without_a_title_is_normal() -> None:
    assert read().title is None
    assert read(summary="").title is None


def test_rule_29_a_private_event_is_marked_so() -> None:
    assert read(visibility="private").visibility == "private"
    assert read().visibility == "default"


@pytest.mark.parametrize(
    ("response", "transparency", "busy"),
    [
        ("accepted", None, True),
        ("needsAction", "opaque", True),
        ("tentative", None, True),
        ("declined", None, False),
        ("accepted", "transparent", False),
    ],
)
def test_rules_30_and_33_what_is_declined_or_transparent_takes_no_time(response, transparency, busy) -> None:
    people = [{"email": "a@example.com"}, {"email": "b@example.com", "self": True, "responseStatus": response}]

    event = read(attendees=people, transparency=transparency)

    assert (event.my_response, event.busy) == (response, busy)


def test_rule_30_an_event_without_attendees_has_no_response_of_mine() -> None:
    assert (read().my_response, read().busy) == (None, True)


def test_rule_31_a_list_of_attendees_that_is_not_whole_is_marked_so() -> None:
    assert read(attendeesOmitted=True).attendees_omitted is True
    assert read().attendees_omitted is False


def test_rule_32_attendees_without_an_e_mail_are_left_out() -> None:
    people = [{"displayName": "Room", "resource": True}, {"email": None}, {"email": "a@example.com"}, {"email": 7}, 5]

    assert read(attendees=people).attendees == ["a@example.com"]


@pytest.mark.parametrize(
    "kind", ["workingLocation", "outOfOffice", "focusTime", "birthday", "fromGmail", "notInvented"]
)
def test_rule_34_every_type_of_event_is_kept(kind) -> None:
    assert read(eventType=kind).event_type == kind


MEET, ZOOM = "https://meet.google.com/abc-defg-hij", "https://example.zoom.us/j/123?pwd=x"
TEAMS = "https://teams.microsoft.com/l/meetup-join/19%3ameeting"


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({}, None),
        ({"hangoutLink": MEET}, MEET),
        ({"conferenceData": {"entryPoints": [{"entryPointType": "phone", "uri": "tel:+1"}]}}, None),
        (
            {
                "conferenceData": {
                    "entryPoints": [
                        {"entryPointType": "phone", "uri": "tel:+1"},
                        {"entryPointType": "video", "uri": ZOOM},
                    ]
                },
                "hangoutLink": MEET,
            },
            ZOOM,
        ),
        ({"conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": "javascript:x"}]}}, None),
        ({"location": f"Room 5 or {ZOOM}", "description": TEAMS}, ZOOM),
        ({"description": f'<a href="{TEAMS}">Join</a>'}, TEAMS),
        ({"description": "https://example.com/zoom.us/j/1"}, None),
        ({"conferenceData": [], "hangoutLink": 7, "location": 5, "description": {}}, None),
    ],
)
def test_rule_35_the_meeting_link_is_video_first_then_the_older_one_then_one_in_the_text(fields, link) -> None:
    assert read(**fields).meeting_link == link


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", 7])
def test_a_link_that_a_browser_must_not_open_is_none(link) -> None:
    assert read(htmlLink=link).html_link is None


def test_rule_38_the_same_google_id_in_another_calendar_is_another_event() -> None:
    assert event_id("c1", "e1") != event_id("c2", "e1")


@pytest.mark.parametrize(
    ("start", "end"),
    [("2025-12-31T10:00:00Z", "2026-01-01T00:00:00Z"), ("2027-01-01T00:00:00Z", "2027-01-01T01:00:00Z")],
)
def test_rule_39_an_event_outside_the_window_is_removed_both_ends_exclusive(start, end) -> None:
    assert change(start=at(start), end=at(end)).fields is None


def test_rule_39_an_event_that_reaches_into_the_window_is_kept() -> None:
    assert read(start=at("2025-12-01T00:00:00Z"), end=at("2026-01-01T00:00:01Z")).long is True


def test_rule_59_ids_of_1024_characters_stay_apart() -> None:
    ids = [f"{'v' * 1023}{last}" for last in "ab"]

    found = read_changes(CALENDAR, [item(id=google_id) for google_id in ids], BERLIN, WINDOW)

    assert len({change.event_id for change in found}) == 2
    assert [change.fields and change.fields["google_event_id"] for change in found] == ids


def test_an_item_without_an_id_is_no_event() -> None:
    broken = [{"status": "cancelled"}, {"id": None}, {"id": 7}, {"id": ["x"]}]

    assert read_changes(CALENDAR, broken, BERLIN, WINDOW) == []


def test_of_two_items_with_the_same_id_the_later_counts() -> None:
    (found,) = read_changes(CALENDAR, [item(summary="a"), item(summary="b")], BERLIN, WINDOW)

    assert found.fields is not None
    assert found.fields["title"] == "b"


@pytest.mark.parametrize(
    "start",
    [None, {}, [], "x", 5, {"date": "x"}, {"date": 7}, {"date": None}, at("x"), at("0001-01-01T00:00:00+14:00")],
)
def test_an_event_whose_start_no_one_can_read_is_removed(start) -> None:
    assert change(start=start).fields is None


def test_made_and_changed_are_googles_and_a_year_google_cannot_mean_is_none() -> None:
    event = read(created="0000-12-29T00:00:00.000Z", updated="2026-03-01T08:00:00.123Z")

    assert event.created_at is None
    assert event.updated_at == datetime(2026, 3, 1, 8, 0, 0, 123000, tzinfo=UTC)


NAMES = [
    "status",
    "iCalUID",
    "recurringEventId",
    "etag",
    "created",
    "updated",
    "start",
    "end",
    "originalStartTime",
    "summary",
    "description",
    "location",
    "visibility",
    "transparency",
    "eventType",
    "htmlLink",
    "conferenceData",
    "hangoutLink",
    "attendees",
    "attendeesOmitted",
    "organizer",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
MOMENTS = st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat())
BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "dateTime": MOMENTS | JSON,
        "date": st.dates().map(str) | JSON,
        "timeZone": st.sampled_from([BERLIN]) | JSON,
    },
)
PEOPLE = st.lists(
    st.dictionaries(st.sampled_from(["email", "self", "responseStatus"]), JSON, max_size=3) | JSON, max_size=3
)
ENTRIES = st.fixed_dictionaries(
    {
        "entryPoints": st.lists(
            st.fixed_dictionaries({"entryPointType": st.just("video"), "uri": JSON}) | JSON, max_size=2
        )
        | JSON
    }
)
SHAPES: dict[str, Any] = {
    "start": BOUNDS,
    "end": BOUNDS,
    "originalStartTime": BOUNDS,
    "attendees": PEOPLE,
    "conferenceData": ENTRIES,
}
ITEMS = st.fixed_dictionaries({"id": TEXTS | JSON}, optional={name: SHAPES.get(name, JSON) | JSON for name in NAMES})


@settings(max_examples=250, deadline=None)
@given(items=st.lists(ITEMS, max_size=4), timezone=st.sampled_from([BERLIN, "UTC"]) | TEXTS)
def test_whatever_json_google_sends_is_read_and_what_is_kept_can_be_shown(items, timezone) -> None:
    for found in read_changes(CALENDAR, items, timezone, WINDOW):
        if found.fields is None:
            continue
        event = CalendarEvent.model_validate({"event_id": found.event_id, **found.fields})
        assert WINDOW.holds(event.start_time, event.end_time)
        assert event.start_time <= event.end_time
        assert event.start_time.utcoffset() == event.end_time.utcoffset() == UTC.utcoffset(None)
        assert orjson.dumps(found.fields)


@settings(max_examples=200, deadline=None)
@given(ids=st.lists(TEXTS.filter(bool), unique=True, max_size=30))
def test_event_ids_are_stable_and_distinct(ids) -> None:
    first = [event_id("c1", google_id) for google_id in ids]

    assert first == [event_id("c1", google_id) for google_id in ids]
    assert len(set(first)) == len(ids)


@settings(max_examples=200, deadline=None)
@given(
    start=st.datetimes(WINDOW.start.replace(tzinfo=None) - DAYS, WINDOW.end.replace(tzinfo=None) + DAYS),
    minutes=st.integers(0, 3000),
)
def test_exactly_what_touches_the_window_is_kept(start, minutes) -> None:
    begin = start.replace(tzinfo=UTC)
    end = datetime.fromtimestamp(math.floor(begin.timestamp()) + minutes * 60, UTC)
    end = max(begin, end)

    kept = change(start=at(begin.isoformat()), end=at(end.isoformat())).fields is not None

    assert kept == (end > WINDOW.start and begin < WINDOW.end)
