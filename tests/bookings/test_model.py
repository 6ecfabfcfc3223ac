"""What is in the way of what, who is invited, and ids, with plain objects."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.bookings.model import (
    MARK,
    AttendeesUnknown,
    BookingCancelled,
    IdReused,
    Wish,
    check_same,
    google_id,
    in_the_way,
    new_event,
    planned,
    said,
    takes_time,
    time_taken,
)
from switchboard.clients.google_errors import EventNotFound
from switchboard.event_times.model import Given, times_of
from switchboard.events.model import Window


def window(begin: int, end: int) -> Window:
    """Hours of one day."""
    return Window(*(datetime(2027, 3, 1, hour, tzinfo=UTC) for hour in (begin, end)))


ROWS = [
    ([(9, 10)], (10, 11), None, []),
    ([(11, 12)], (10, 11), None, []),
    ([(10, 11)], (10, 11), None, [(10, 11)]),
    ([(8, 14)], (10, 11), None, [(8, 14)]),
    ([(12, 13), (9, 11), (10, 11)], (10, 14), None, [(9, 11), (12, 13)]),
    ([(9, 10), (10, 11)], (9, 10), None, [(9, 11)]),
    ([(10, 11)], (10, 11), (10, 11), []),
    ([(10, 11)], (10, 12), (10, 11), []),
    ([(10, 13)], (10, 12), (10, 11), [(10, 13)]),
    ([(8, 11)], (9, 12), (10, 12), [(8, 11)]),
    ([(10, 11)], (9, 12), (10, 11), []),
    ([(10, 11), (11, 12)], (10, 11), (14, 15), [(10, 12)]),
    ([], (10, 11), None, []),
]


@pytest.mark.parametrize(("busy", "wanted", "old", "expected"), ROWS)
def test_what_is_in_the_way_is_busy_and_was_not_had_before(busy, wanted, old, expected) -> None:
    found = in_the_way([window(*each) for each in busy], window(*wanted), old and window(*old))

    assert found == [window(*each) for each in expected]


def item(**fields: Any) -> dict[str, Any]:
    times = {"start": {"dateTime": "2027-03-01T10:00:00Z"}, "end": {"dateTime": "2027-03-01T11:00:00Z"}}
    return {"id": "event", "status": "confirmed", **times, **fields}


TIMES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"status": "tentative"}, True),
    ({"status": "cancelled"}, False),
    ({"transparency": "transparent"}, False),
    ({"eventType": "workingLocation"}, False),
    ({"eventType": "outOfOffice"}, True),
    ({"attendees": [{"self": True, "responseStatus": "declined"}]}, False),
    ({"attendees": [{"self": True, "responseStatus": "needsAction"}]}, True),
    ({"start": {}}, False),
]


@pytest.mark.parametrize(("fields", "taken"), TIMES)
def test_what_takes_time(fields, taken) -> None:
    assert takes_time(item(**fields), "UTC") == (window(10, 11) if taken else None)


def test_what_is_in_the_way_is_told_by_clocks_and_without_names() -> None:
    told = time_taken([window(10, 11), window(22, 23)], "Asia/Tokyo").message

    assert "2027-03-01 19:00 to 20:00, 2027-03-02 07:00 to 08:00 (Asia/Tokyo)" in told
    assert "and more" not in told
    assert "and more" in time_taken([window(hour, hour + 1) for hour in range(0, 8, 2)], "UTC").message


def booked(**fields: Any) -> dict[str, Any]:
    wish = Wish(fields={"title": "Talk", **fields})
    times = times_of(Given("2027-03-01T10:00:00Z", "2027-03-01T11:00:00Z"), "UTC")
    return new_event("event", wish, times)


def test_an_event_is_what_was_wished_for_and_nothing_empty() -> None:
    event = booked(description=None, busy=False, attendees=["a@example.com"])

    mark = event.pop("extendedProperties")
    assert list(mark["private"]) == [MARK]
    assert event == {
        "id": "event",
        "summary": "Talk",
        "transparency": "transparent",
        "attendees": [{"email": "a@example.com"}],
        "start": {"dateTime": "2027-03-01T10:00:00+00:00"},
        "end": {"dateTime": "2027-03-01T11:00:00+00:00"},
    }


def test_the_same_request_is_known_again_and_another_is_not() -> None:
    there = booked()

    assert check_same(there, booked()) is there
    for other in (booked(title="Other"), booked(location="Hall"), {**booked(), "extendedProperties": None}):
        with pytest.raises(IdReused):
            check_same(other, booked())
    with pytest.raises(IdReused):
        check_same({"id": "event"}, {**booked(), "id": "event"})
    with pytest.raises(BookingCancelled):
        check_same({"id": "event", "status": "cancelled"}, booked())


def test_ids_belong_to_a_calendar_and_a_name() -> None:
    ids = [google_id("a", "client", "1"), google_id("b", "client", "1"), google_id("a", "request", "1")]

    assert len({*ids, google_id("a", "client", "2")}) == 4
    assert google_id("a", "client", "1") == ids[0]
    assert all(set(each) <= set("0123456789abcdefghijklmnopqrstuv") and len(each) == 52 for each in ids)


def test_who_is_invited_already_stays_as_they_are() -> None:
    there = {"attendees": [{"email": "A@Example.com", "responseStatus": "accepted"}, {"id": "no address"}]}

    told = said({"attendees": ["a@example.com", "b@example.com", "B@example.com"]}, there)["attendees"]

    assert told == [{"email": "A@Example.com", "responseStatus": "accepted"}, {"email": "B@example.com"}]
    with pytest.raises(AttendeesUnknown):
        said({"attendees": []}, {"attendeesOmitted": True})
    assert "attendees" not in said({"title": "x"}, {"attendeesOmitted": True})


def plan(wish: Wish, **fields: Any) -> Any:
    return planned(item(**fields), wish, "UTC", "UTC")


def test_a_plan_names_what_changes_and_what_takes_it_back() -> None:
    made = plan(Wish(when=Given(start="2027-03-01T12:00:00Z")), transparency="opaque")

    assert set(made.changes) == {"start", "end"}
    assert made.back["start"]["dateTime"] == "2027-03-01T10:00:00+00:00"
    assert (made.before, made.after, made.new_time) == (window(10, 11), window(12, 13), True)


@pytest.mark.parametrize(
    ("wish", "fields", "before", "after"),
    [
        (Wish({"title": "x"}), {}, (10, 11), (10, 11)),
        (Wish({"busy": False}), {}, (10, 11), None),
        (Wish({"busy": True}), {"transparency": "transparent"}, None, (10, 11)),
        (Wish({"title": "x"}), {"transparency": "transparent"}, None, None),
        (Wish(when=Given(end="2027-03-01T12:00:00Z")), {}, (10, 11), (10, 12)),
        (Wish(when=Given(end="2027-03-01T12:00:00Z")), {"transparency": "transparent"}, None, None),
    ],
)
def test_a_plan_knows_which_time_is_taken(wish, fields, before, after) -> None:
    made = plan(wish, **fields)

    assert (made.before, made.after) == (before and window(*before), after and window(*after))
    assert made.new_time == (after is not None and after != before)


def test_a_plan_with_an_end_alone_leaves_the_start_alone() -> None:
    assert set(plan(Wish(when=Given(end="2027-03-01T12:00:00Z"))).changes) == {"end"}


@pytest.mark.parametrize("fields", [{"status": "cancelled"}, {"start": {}}])
def test_there_is_no_plan_for_what_is_not_there(fields) -> None:
    with pytest.raises(EventNotFound):
        plan(Wish({"title": "x"}), **fields)
