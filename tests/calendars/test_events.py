"""GET /v1/me/events: what a range holds, page by page, and what it costs."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.calendars.model import primary_calendar_id
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import LONG, Window
from switchboard.http.paging import encode_cursor
from switchboard.mongo import UNREADABLE
from tests.world import Person, World

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


def stored(person: Person, start: datetime, end: datetime, **fields: Any) -> dict[str, Any]:
    own_id = fields.pop("_id", uuid4().hex)
    names = {"event_id": own_id, "google_event_id": own_id, "title": own_id, "timezone": "UTC"}
    owner = {"user_id": person.user_id, "calendar_id": primary_calendar_id(person.user_id), "run": 1}
    return {"_id": own_id, **names, **owner, "start_time": start, "end_time": end, "long": end - start > LONG, **fields}


@pytest.fixture
def grace(world: World) -> Person:
    """Someone connected, whose events the tests write themselves."""
    person = world.person()
    world.grant_tokens(person)
    return person


@pytest.fixture
def put(world: World, grace: Person):
    def events(*bodies: dict[str, Any]) -> None:
        world.database["calendar_events"].insert_many(bodies)

    return events


async def asked(api: httpx.AsyncClient, person: Person, start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
    query = {"from": start.isoformat(), "to": end.isoformat(), **more}
    answer = await api.get("/v1/me/events", headers=person.headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ids(api: httpx.AsyncClient, person: Person, start: datetime, end: datetime) -> list[str]:
    return [event["event_id"] for event in (await asked(api, person, start, end))["events"]]


async def paged(api: httpx.AsyncClient, person: Person, limit: int, between: Iterable[Any] = ()) -> list[str]:
    """All pages of March the second; `between` is called after each page."""
    found, cursor, interruptions = [], None, iter(between)
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = await asked(api, person, DAY, DAY + 24 * HOUR, limit=limit, **more)
        assert len(page["events"]) <= limit
        found += [event["event_id"] for event in page["events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        assert page["events"]
        next(interruptions, lambda: None)()


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (-HOUR, timedelta(0), False),
        (-HOUR, MILLISECOND, True),
        (24 * HOUR, 25 * HOUR, False),
        (24 * HOUR - MILLISECOND, 25 * HOUR, True),
        (timedelta(0), timedelta(0), True),
        (24 * HOUR, 24 * HOUR, False),
        (-MILLISECOND, -MILLISECOND, False),
        (5 * HOUR, 5 * HOUR, True),
        (-24 * HOUR, MILLISECOND, True),
        (-24 * HOUR, timedelta(0), False),
        (-300 * 24 * HOUR, MILLISECOND, True),
        (-300 * 24 * HOUR, timedelta(0), False),
        (-300 * 24 * HOUR, 300 * 24 * HOUR, True),
    ],
)
async def test_a_range_holds_what_ends_after_it_begins_and_begins_before_it_ends(
    api, grace, put, start, end, inside
) -> None:
    put(stored(grace, DAY + start, DAY + end, _id=(own_id := uuid4().hex)))

    assert (own_id in await ids(api, grace, DAY, DAY + 24 * HOUR)) == inside


@pytest.mark.parametrize(("hour", "inside"), [(4, False), (5, True), (28, True), (29, False)])
async def test_an_all_day_event_counts_by_the_midnights_of_its_calendars_zone(api, grace, put, hour, inside) -> None:
    midnights = {"start_date": "2026-03-02", "end_date": "2026-03-03", "all_day": True, "timezone": "America/New_York"}
    put(stored(grace, DAY + 5 * HOUR, DAY + 29 * HOUR, **midnights))

    found = await asked(api, grace, DAY + hour * HOUR, DAY + hour * HOUR + MILLISECOND)

    assert bool(found["events"]) == inside
    for event in found["events"]:
        assert event["start"] == {"date": "2026-03-02", "date_time": None, "timezone": "America/New_York"}


async def test_a_range_in_another_offset_is_the_same_range(api, grace, put) -> None:
    put(stored(grace, DAY, DAY + HOUR))
    query = {"from": "2026-03-02T05:30:00+05:30", "to": "2026-03-02T05:31:00+05:30"}

    answer = await api.get("/v1/me/events", headers=grace.headers, params=query)

    assert len(answer.json()["events"]) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 24, 25, 1000])
async def test_pages_of_every_size_are_the_one_page(api, grace, put, limit) -> None:
    chosen = random.Random(limit)
    starts = [DAY + chosen.choice([-200, -30, -1, 0, 0, 5, 5.000277777]) * HOUR for _ in range(24)]
    put(*(stored(grace, start, DAY + (5 + number) * HOUR) for number, start in enumerate(starts)))
    whole = await ids(api, grace, DAY, DAY + 24 * HOUR)

    assert len(whole) == 24
    assert await paged(api, grace, limit) == whole


async def test_starts_within_a_millisecond_of_each_other_are_neither_lost_nor_doubled(api, grace, put) -> None:
    put(*(stored(grace, DAY + number * MILLISECOND, DAY + HOUR) for number in range(40)))

    found = await paged(api, grace, 1)

    assert len(found) == len(set(found)) == 40


@pytest.mark.parametrize("milliseconds", [1_080_390_243_988, 68_333_077_740])
async def test_a_start_that_a_float_cannot_say_exactly_is_not_given_twice(api, grace, put, milliseconds) -> None:
    start = datetime.fromtimestamp(0, UTC) + milliseconds * MILLISECOND
    put(*(stored(grace, start, start + HOUR) for _ in range(3)))
    found, cursor = [], None
    while cursor is not None or not found:
        more = {"cursor": cursor} if cursor else {}
        page = await asked(api, grace, start - HOUR, start + HOUR, limit=1, **more)
        found += [event["event_id"] for event in page["events"]]
        cursor = page["next_cursor"]
        assert len(found) == len(set(found)) <= 3

    assert len(found) == 3


async def test_what_comes_and_goes_between_pages_loses_and_doubles_nothing_else(world, api, grace, put) -> None:
    events = world.database["calendar_events"]
    kept = [f"b{number:02}" for number in range(20)]
    put(*(stored(grace, DAY + number // 4 * HOUR, DAY + 9 * HOUR, _id=own_id) for number, own_id in enumerate(kept)))
    doomed = [f"a{number:02}" for number in range(20)]
    put(*(stored(grace, DAY + number // 4 * HOUR, DAY + 9 * HOUR, _id=own_id) for number, own_id in enumerate(doomed)))

    def change(number: int) -> Any:
        def changed() -> None:
            events.delete_one({"_id": doomed[number]})
            events.insert_one(stored(grace, DAY + number * HOUR, DAY + 23 * HOUR, _id=f"c{number:02}"))

        return changed

    try:
        found = await paged(api, grace, 3, [change(number) for number in range(12)])
    finally:
        events.delete_many({"user_id": grace.user_id})

    assert len(found) == len(set(found))
    assert [own_id for own_id in found if own_id in kept] == kept


GARBAGE = [
    "x", "====", "e30", "bnVsbA", "W10", encode_cursor(1), encode_cursor("1", "a"), encode_cursor(1, 2),
    encode_cursor(1, "a", "b"), encode_cursor(10**18, "a"), encode_cursor(-(10**18), "a"), "%00", "ü", "W1sxXSwiYSJd",
]  # fmt: skip


@pytest.mark.parametrize("cursor", GARBAGE)
async def test_a_cursor_we_did_not_give_out_is_refused(api, grace, cursor) -> None:
    query = {"from": DAY.isoformat(), "to": (DAY + HOUR).isoformat(), "cursor": cursor}

    answer = await api.get("/v1/me/events", headers=grace.headers, params=query)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-03-02T00:00:00Z"},
        {"from": "2026-03-02T00:00:00", "to": "2026-03-03T00:00:00Z"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T00:00:00Z"},
        {"from": "2026-03-03T00:00:00Z", "to": "2026-03-02T00:00:00Z"},
        {"from": "2026-03-02T00:00:00Z", "to": "2027-03-04T00:00:00Z"},
        {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02T00:00:00Z"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z", "limit": "0"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z", "limit": "1001"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z", "user_id": "someone"},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(api, grace, query) -> None:
    answer = await api.get("/v1/me/events", headers=grace.headers, params=query)

    assert answer.status_code == 422


async def test_random_ranges_hold_what_a_slow_obvious_search_finds(world, grace, put) -> None:
    chosen = random.Random(20261124)
    bodies = []
    for number in range(400):
        start = DAY + timedelta(minutes=chosen.randint(-60 * 24 * 20, 60 * 24 * 20))
        length = chosen.choice([0, 0, 15, 60, 24 * 60, 24 * 60 + 1, 3 * 24 * 60, 30 * 24 * 60])
        bodies.append(stored(grace, start, start + timedelta(minutes=length), _id=f"{chosen.random()}-{number}"))
    put(*bodies)
    for _ in range(60):
        begin = DAY + timedelta(minutes=chosen.randint(-60 * 24 * 25, 60 * 24 * 25))
        between = Window(begin, begin + timedelta(minutes=chosen.choice([1, 30, 60 * 24, 60 * 24 * 40])))
        expected = sorted((body["start_time"], body["_id"]) for body in bodies if _touches(body, between))
        found, after = [], None
        while True:
            page, after = await CalendarEventDocument.of_user(grace.user_id, between, after, chosen.randint(1, 200))
            found += [(event.start_time, event.event_id) for event in page]
            if after is None:
                break
        assert found == expected, between


def _touches(body: dict[str, Any], between: Window) -> bool:
    if body["start_time"] == body["end_time"]:
        return bool(between.start <= body["start_time"] < between.end)
    return bool(body["start_time"] < between.end and body["end_time"] > between.start)


async def test_a_page_reads_little_more_than_it_returns_wherever_it_is(world, grace, put) -> None:
    bodies = [stored(grace, DAY + number * HOUR / 4, DAY + (number + 1) * HOUR / 4) for number in range(-4000, 4000)]
    bodies += [stored(grace, DAY - day * 24 * HOUR, DAY - (day - 3) * 24 * HOUR) for day in range(5, 200)]
    bodies.append(stored(grace, DAY - 100 * 24 * HOUR, DAY + 100 * 24 * HOUR))
    put(*bodies)
    between = Window(DAY, DAY + 20 * 24 * HOUR)
    middle = bodies[5000]
    for after in (None, (middle["start_time"], middle["_id"])):
        examined, plans = await _examined(
            world, grace, partial(CalendarEventDocument.of_user, grace.user_id, between, after, 50)
        )
        assert "COLLSCAN" not in plans
        assert examined <= 50 + 24 * 4 + 20 + 195, (after, examined)  # keys of long ones that are over are passed by


async def _examined(world: World, person: Person, ask: Any) -> tuple[int, str]:
    """Index keys that MongoDB looked at for a question, by its profiler."""
    database = world.database
    database.command("profile", 2)
    try:
        await ask()
    finally:
        database.command("profile", 0)
    seen = list(database["system.profile"].find({"command.filter": {"$exists": True}}))
    mine = [entry for entry in seen if person.user_id in str(entry["command"])]
    database["system.profile"].drop()
    return sum(entry["keysExamined"] for entry in mine), " ".join(entry["planSummary"] for entry in mine)


async def test_the_two_walks_use_their_indexes(world, grace, put) -> None:
    put(stored(grace, DAY, DAY + HOUR))

    _, plans = await _examined(
        world, grace, lambda: CalendarEventDocument.of_user(grace.user_id, Window(DAY, DAY + HOUR), None, 10)
    )

    assert "IXSCAN { user_id: 1, start_time: 1, _id: 1 }" in plans
    assert "IXSCAN { user_id: 1, start_time: 1, _id: 1, end_time: 1 }" in plans


async def test_another_persons_events_never_appear(world, api, grace, put) -> None:
    other = world.person()
    put(
        stored(other, DAY, DAY + HOUR),
        stored(other, DAY - 90 * HOUR, DAY + HOUR),
        stored(grace, DAY, DAY + HOUR, _id="mine"),
    )

    assert await ids(api, grace, DAY, DAY + HOUR) == ["mine"]
    world.database["calendar_events"].delete_one({"_id": "mine"})


POISON: list[dict[str, Any]] = [
    {"attendees": 7},
    {"title": {"a": 1}},
    {"timezone": None},
    {"end_time": None, "start_time": DAY + HOUR},
    {"end_time": "late"},
    {"google_event_id": None},
]


@pytest.mark.parametrize("poison", POISON)
async def test_a_document_no_one_can_read_is_left_out_and_counted(api, grace, put, poison) -> None:
    bad = {**stored(grace, DAY + HOUR, DAY + 2 * HOUR), **poison}
    put(
        bad,
        *(stored(grace, DAY, DAY + number * HOUR) for number in range(1, 4)),
        stored(grace, DAY + 5 * HOUR, DAY + 6 * HOUR),
    )
    before = UNREADABLE.labels("CalendarEvent")._value.get()

    found = await ids(api, grace, DAY, DAY + 24 * HOUR)

    assert len(found) == 4
    assert UNREADABLE.labels("CalendarEvent")._value.get() == before + 1


async def test_a_date_that_no_clock_can_say_does_not_break_the_list(world, api, grace, put) -> None:
    from bson.datetime_ms import DatetimeMS

    far = {**stored(grace, DAY, DAY + HOUR), "long": True, "start_time": DatetimeMS(-(2**58)), "end_time": DAY + HOUR}
    put(far, {**stored(grace, DAY, DAY + HOUR), "_id": 7}, stored(grace, DAY, DAY + HOUR, _id="readable"))
    try:
        assert await ids(api, grace, DAY, DAY + 24 * HOUR) == ["readable"]
    finally:
        world.database["calendar_events"].delete_many({"user_id": grace.user_id})


async def test_pages_go_on_past_documents_no_one_can_read(api, grace, put) -> None:
    put(
        *(
            {**stored(grace, DAY + number * HOUR, DAY + 9 * HOUR), "attendees": 7 if number % 2 else []}
            for number in range(8)
        )
    )
    found, cursor = [], None
    while True:
        page = await asked(api, grace, DAY, DAY + 24 * HOUR, limit=1, **({"cursor": cursor} if cursor else {}))
        found += page["events"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(found) == 4


async def test_the_answer_says_how_far_it_can_be_trusted(world, api, grace) -> None:
    first = await asked(api, grace, DAY, DAY + HOUR)
    synced = await api.post("/v1/me/calendar/sync", headers=grace.headers)
    second = await asked(api, grace, DAY, DAY + HOUR)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    world.database["calendars"].update_one({"user_id": grace.user_id}, {"$set": {"last_success_at": long_ago}})
    third = await asked(api, grace, DAY, DAY + HOUR)

    assert (first["state"], first["stale"], first["synced_at"]) == ("waiting", True, None)
    assert (second["state"], second["stale"], second["synced_at"]) == ("synced", False, synced.json()["synced_at"])
    assert (third["state"], third["stale"]) == ("synced", True)


async def test_what_is_only_for_us_is_not_in_the_answer(api, grace, put) -> None:
    put(stored(grace, DAY, DAY + HOUR, etag="etag-of-google", ical_uid="uid", run=7))

    (event,) = (await asked(api, grace, DAY, DAY + HOUR))["events"]

    assert not {"etag", "ical_uid", "run", "user_id", "org_ids", "meeting_id", "_id", "long"} & set(event)
