"""POST /v1/me/events: in Google's calendar and in ours at once, never over what is there."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.bookings.conftest import Booker, day, new_id, pulled, refused, span, wish
from tests.calendars.conftest import pull_due
from tests.organizations.conftest import Factory
from tests.world import World


async def test_an_event_is_booked_at_google_and_seen_here_at_once(world, ada: Booker) -> None:
    start, end = span("10:00", "11:00")
    said = {"description": "Bring <b>slides</b>", "location": "Hall", "visibility": "private"}

    booked = await ada.book(start, end, title="Talk", attendees=["bob@example.com"], **said)

    (there,) = ada.at_google()
    assert there["id"] == booked["google_event_id"]
    assert there["summary"] == "Talk"
    assert {name: there[name] for name in said} == said
    assert [each["email"] for each in there["attendees"]] == ["bob@example.com"]
    (here,) = await ada.seen()
    assert here == booked
    assert (booked["start"]["date_time"], booked["end"]["date_time"]) == (start, end)
    assert booked["attendees"] == ["bob@example.com"]
    assert world.google.asked(r"/events$", "GET") == []


async def test_what_was_booked_is_the_same_after_a_pull(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    await ada.pull()

    assert await ada.seen() == [booked]


async def test_an_organization_sees_it_at_once(world, organization: Factory) -> None:
    ours = await organization("Owner")
    ada = await pulled(world)
    ours.add("Member", ada.person)
    await ours.mirrored()
    await ada.pull()
    start, end = span("10:00", "11:00")

    booked = await ada.book(start, end)

    asked = {"from": start, "to": end}
    answer = await world.api.get(f"{ours.at}/events", headers=ours.owner.headers, params=asked)
    assert answer.status_code == 200, answer.text
    assert booked["event_id"] in answer.text


WALL = [
    ("2027-07-01T10:00:00", "Europe/Berlin", "2027-07-01T08:00:00Z"),
    ("2027-07-01T10:00", "America/New_York", "2027-07-01T14:00:00Z"),
    ("2027-07-01T10:00:00.250", "Asia/Kolkata", "2027-07-01T04:30:00Z"),
    ("2027-07-01T10:00:00", None, "2027-07-01T01:00:00Z"),
    ("2027-07-01T10:00:00+05:45", None, "2027-07-01T04:15:00Z"),
    ("2027-07-01T10:00:00Z", "Europe/Berlin", "2027-07-01T10:00:00Z"),
    ("2027-03-28T03:30:00", "Europe/Berlin", "2027-03-28T01:30:00Z"),
    ("2027-10-31T02:30:00", "Europe/Berlin", "2027-10-31T00:30:00Z"),
    ("2027-10-31T02:30:00+01:00", "Europe/Berlin", "2027-10-31T01:30:00Z"),
]


@pytest.mark.parametrize(("start", "timezone", "expected"), WALL)
async def test_times_are_where_they_say_and_else_where_the_person_is(world, start, timezone, expected) -> None:
    tokyo = await pulled(world, timezone="Asia/Tokyo")
    moment = datetime.fromisoformat(expected)
    end = (moment + timedelta(hours=1)).isoformat()

    booked = await tokyo.book(start, end, **({"timezone": timezone} if timezone else {}))

    (there,) = tokyo.at_google()
    assert datetime.fromisoformat(there["start"]["dateTime"]) == moment
    assert datetime.fromisoformat(booked["start"]["date_time"]) == moment
    wall = "+" not in start and "Z" not in start
    assert there["start"].get("timeZone") == (timezone or ("Asia/Tokyo" if wall else None))


async def test_an_hour_that_the_clocks_jump_over_is_no_time(ada: Booker) -> None:
    answer = await ada.ask(wish("2027-03-28T02:30:00", "2027-03-28T04:00:00"))

    assert refused(answer) == (422, "invalid_time")
    assert [each["field"] for each in answer.json()["errors"]] == ["start"]
    assert ada.at_google() == []


async def test_an_event_over_the_change_of_clocks_is_as_long_as_it_is(ada: Booker) -> None:
    booked = await ada.book("2027-03-28T01:00:00", "2027-03-28T04:00:00")

    times = [datetime.fromisoformat(booked[name]["date_time"]) for name in ("start", "end")]
    assert times[1] - times[0] == timedelta(hours=2)


async def test_whole_days_are_dates(ada: Booker) -> None:
    booked = await ada.book(day(3), day(5), timezone="America/New_York")

    assert (booked["all_day"], booked["start"]["date"], booked["end"]["date"]) == (True, day(3), day(5))
    assert booked["start"]["date_time"] is None
    (there,) = ada.at_google()
    assert (there["start"], there["end"]) == ({"date": day(3)}, {"date": day(5)})
    assert await ada.seen() == [booked]


@pytest.mark.parametrize(("begin", "status"), [("2027-07-04T22:30:00Z", 409), ("2027-07-05T22:30:00Z", 201)])
async def test_whole_days_begin_where_the_calendar_is(ada: Booker, begin, status) -> None:
    """The calendar is in Berlin: in summer its days begin two hours earlier than those of UTC."""
    ada.put(begin, (datetime.fromisoformat(begin) + timedelta(minutes=30)).isoformat())

    assert (await ada.ask(wish("2027-07-05", "2027-07-06"))).status_code == status


TIMES = [
    ({"start": "tomorrow"}, "invalid_time", ["start"]),
    ({"start": "2027-03-01 10:00:00"}, "invalid_time", ["start"]),
    ({"start": "20270301T100000"}, "invalid_time", ["start"]),
    ({"start": "2027-W09-1"}, "invalid_time", ["start"]),
    ({"start": "2027-02-30T10:00:00Z"}, "invalid_time", ["start"]),
    ({"start": "2027-03-01T25:00:00Z"}, "invalid_time", ["start"]),
    ({"start": "٢٠٢٧-03-01T10:00:00Z"}, "invalid_time", ["start"]),
    ({"start": ""}, "invalid_time", ["start"]),
    ({"start": "0001-01-01T00:00:00+14:00"}, "invalid_time", ["start"]),
    ({"end": "9999-12-31T23:59:59-12:00"}, "invalid_time", ["end"]),
    ({"end": "2027-03-01T10:00:00Z"}, "invalid_time", ["end"]),
    ({"end": "2027-03-01T09:00:00Z"}, "invalid_time", ["end"]),
    ({"end": "2028-06-01T09:00:00Z"}, "invalid_time", ["end"]),
    ({"end": "2027-03-02"}, "invalid_time", ["end"]),
    ({"start": "2027-03-02", "end": "2027-03-02"}, "invalid_time", ["end"]),
    ({"timezone": "Mars/Olympus"}, "unknown_timezone", ["timezone"]),
    ({"timezone": "localtime"}, "unknown_timezone", ["timezone"]),
    ({"timezone": ""}, "unknown_timezone", ["timezone"]),
]


@pytest.mark.parametrize(("changes", "code", "fields"), TIMES)
async def test_a_time_that_makes_no_sense_is_named(world, ada: Booker, changes, code, fields) -> None:
    answer = await ada.ask({**wish("2027-03-01T10:00:00Z", "2027-03-01T11:00:00Z"), **changes})

    assert refused(answer) == (422, code)
    assert [each["field"] for each in answer.json()["errors"]] == fields
    assert world.google.requests == []


BODIES: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "  "},
    {"title": None},
    {"title": "x" * 1025},
    {"start": None},
    {"start": 1800000000},
    {"attendees": ["nobody"]},
    {"attendees": [f"a{number}@example.com" for number in range(201)]},
    {"attendees": [{"email": "bob@example.com"}]},
    {"attendees": None},
    {"visibility": "secret"},
    {"busy": None},
    {"busy": "maybe"},
    {"on_conflict": "ask"},
    {"calendar_id": "x" * 65},
    {"client_event_id": ""},
    {"client_event_id": "a b"},
    {"client_event_id": "x" * 201},
    {"description": "x" * 8193},
    {"recurrence": ["RRULE:FREQ=DAILY"]},
    {"id": "mine"},
    {"user_id": "another"},
]


@pytest.mark.parametrize("changes", BODIES, ids=str)
async def test_a_body_that_makes_no_sense_is_refused(world, ada: Booker, changes) -> None:
    answer = await ada.ask({**wish(*span("10:00", "11:00")), **changes})

    assert refused(answer) == (422, "invalid")
    assert world.google.requests == []
    assert "nobody" not in answer.text


IN_THE_WAY = [("09:00", "10:30"), ("10:30", "12:00"), ("10:15", "10:45"), ("08:00", "13:00"), ("10:00", "11:00")]


@pytest.mark.parametrize(("begin", "end"), IN_THE_WAY)
async def test_a_time_that_is_taken_is_refused_and_said(ada: Booker, begin, end) -> None:
    ada.put(*span(begin, end), summary="Secret talk")

    answer = await ada.ask(wish(*span("10:00", "11:00"), timezone="UTC"))

    assert refused(answer) == (409, "time_taken")
    assert f"{day()} {begin} to {end} (UTC)" in answer.json()["detail"]
    assert "Secret" not in answer.text
    assert len(ada.at_google()) == 1


async def test_what_is_in_the_way_is_told_by_the_clocks_of_the_person(ada: Booker) -> None:
    ada.put("2027-07-01T08:00:00Z", "2027-07-01T22:30:00Z")

    answer = await ada.ask(wish("2027-07-01T12:00:00", "2027-07-01T13:00:00"))

    assert "2027-07-01 10:00 to 2027-07-02 00:30 (Europe/Berlin)" in answer.json()["detail"]


async def test_no_more_than_three_are_named(ada: Booker) -> None:
    for hour in range(8, 13):
        ada.put(*span(f"{hour:02}:00", f"{hour:02}:30"))

    answer = await ada.ask(wish(*span("07:00", "15:00")))

    assert answer.json()["detail"].count(" to ") == 3
    assert "and more" in answer.json()["detail"]


@pytest.mark.parametrize(("begin", "end"), [("09:00", "10:00"), ("11:00", "12:00")])
async def test_what_only_touches_is_not_in_the_way(ada: Booker, begin, end) -> None:
    ada.put(*span(begin, end))

    await ada.book(*span("10:00", "11:00"))


FREE: list[dict[str, Any]] = [
    {"transparency": "transparent"},
    {"status": "cancelled"},
    {"eventType": "workingLocation", "workingLocationProperties": {"type": "homeOffice"}},
]


@pytest.mark.parametrize("fields", FREE, ids=str)
async def test_what_takes_no_time_is_not_in_the_way(ada: Booker, fields) -> None:
    ada.put(*span("10:00", "11:00"), **fields)

    await ada.book(*span("10:00", "11:00"))


async def test_what_was_declined_is_not_in_the_way(ada: Booker, world: World) -> None:
    host = world.person()
    attendees = [{"email": ada.person.email, "responseStatus": "declined"}]
    times = {name: {"dateTime": time} for name, time in zip(("start", "end"), span("10:00", "11:00"), strict=True)}
    world.google.insert_event(host.email, {"summary": "No", **times, "attendees": attendees})

    await ada.book(*span("10:00", "11:00"))


async def test_who_allows_it_books_over_what_is_there(world, ada: Booker) -> None:
    ada.put(*span("10:00", "11:00"))

    await ada.book(*span("10:00", "11:00"), on_conflict="allow")

    assert len(ada.at_google()) == 2
    assert world.google.asked("/freeBusy") == []


async def test_an_event_that_takes_no_time_is_in_nobodys_way(world, ada: Booker) -> None:
    ada.put(*span("10:00", "11:00"))

    booked = await ada.book(*span("10:00", "11:00"), busy=False)

    assert booked["busy"] is False
    assert world.google.asked("/freeBusy") == []
    await ada.book(*span("11:00", "12:00"))


async def choose(ada: Booker, *others: str, busy: bool = True) -> dict[str, str]:
    """Have other calendars here as well; our ids by Google's."""
    choices = [{"google_calendar_id": each, "busy": busy} for each in others]
    headers = ada.person.headers
    answer = await ada.api.put("/v1/me/calendars", headers=headers, json={"calendars": choices})
    assert answer.status_code == 200, answer.text
    waiting = {"user_id": ada.person.user_id, "status": "new"}
    while ada.world.database["calendars"].count_documents(waiting):
        await pull_due(ada.world, datetime.now(UTC))
    shown = (await ada.api.get("/v1/me/calendar", headers=headers)).json()["calendars"]
    return {each["google_calendar_id"]: each["calendar_id"] for each in shown}


@pytest.mark.parametrize("busy", [True, False])
async def test_other_calendars_count_as_their_person_says(world, ada: Booker, busy) -> None:
    other, unknown = f"other-{uuid4().hex}", f"unknown-{uuid4().hex}"
    for each in (other, unknown):
        world.google.add_calendar(ada.person.email, each, "Other")
    await choose(ada, other, busy=busy)
    times = {name: {"dateTime": time} for name, time in zip(("start", "end"), span("10:00", "11:00"), strict=True)}
    for each in (other, unknown):
        world.google.insert_event(ada.person.email, times, each)

    answer = await ada.ask(wish(*span("10:00", "11:00")))

    assert answer.status_code == (409 if busy else 201)


async def test_an_event_is_booked_in_the_calendar_that_is_named(world, ada: Booker) -> None:
    other = f"team/{uuid4().hex}"
    world.google.add_calendar(ada.person.email, other, "Team")
    ids = await choose(ada, other)

    booked = await ada.book(*span("10:00", "11:00"), calendar_id=ids[other])

    assert booked["calendar_id"] == ids[other]
    assert [each["id"] for each in ada.at_google(other)] == [booked["google_event_id"]]
    assert ada.at_google() == []
    assert booked in await ada.seen()


async def test_a_calendar_whose_events_take_no_time_takes_any(world, ada: Booker) -> None:
    other = f"team-{uuid4().hex}"
    world.google.add_calendar(ada.person.email, other, "Team")
    ids = await choose(ada, other, busy=False)
    ada.put(*span("10:00", "11:00"))

    await ada.book(*span("10:00", "11:00"), calendar_id=ids[other])


async def test_a_calendar_that_is_not_here_takes_nothing(world, ada: Booker) -> None:
    bob = await pulled(world)
    theirs = (await bob.api.get("/v1/me/calendar", headers=bob.person.headers)).json()["calendars"][0]["calendar_id"]
    for calendar_id in (theirs, "nothing", "$ne"):
        answer = await ada.ask(wish(*span("10:00", "11:00"), calendar_id=calendar_id))
        assert refused(answer) == (422, "unknown_calendar")
    assert (ada.at_google(), bob.at_google()) == ([], [])


async def test_a_calendar_one_may_only_read_says_so(world, ada: Booker) -> None:
    other = f"holidays-{uuid4().hex}"
    world.google.add_calendar(ada.person.email, other, "Holidays", access_role="reader")
    ids = await choose(ada, other)

    answer = await ada.ask(wish(*span("10:00", "11:00"), calendar_id=ids[other]))

    assert refused(answer) == (403, "calendar_read_only")


@pytest.mark.parametrize(("told", "expected"), [({}, "all"), ({"notify_attendees": False}, None)])
async def test_google_writes_to_who_is_invited_unless_it_is_not_to(world, ada: Booker, told, expected) -> None:
    await ada.book(*span("10:00", "11:00"), attendees=["bob@example.com"], **told)

    (asked,) = world.google.asked(r"/events$", "POST")
    assert asked.query.get("sendUpdates") == expected


async def test_somebody_is_invited_once_however_they_are_written(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"), attendees=["bob@example.com", " Bob@example.com "])

    assert len(booked["attendees"]) == 1


async def test_who_has_no_calendar_connected_books_nothing(world: World) -> None:
    nobody = Booker(world, world.person())

    assert refused(await nobody.ask(wish(*span("10:00", "11:00")))) == (404, "calendar_not_connected")
    assert world.google.requests == []


async def test_who_let_us_only_read_books_nothing(world: World) -> None:
    reading = ["https://www.googleapis.com/auth/calendar.readonly"]
    ada = await pulled(world, scope=reading)

    assert refused(await ada.ask(wish(*span("10:00", "11:00")))) == (403, "calendar_writing_not_granted")
    assert world.google.requests == []


async def test_a_calendar_that_was_not_pulled_yet_is_booked_all_the_same(world: World) -> None:
    person = world.person()
    world.grant_tokens(person, timezone="Europe/Berlin")
    ada = Booker(world, person)
    ada.put(*span("12:00", "13:00"))

    booked = await ada.book(*span("10:00", "11:00"))
    assert refused(await ada.ask(wish(*span("12:00", "13:00")))) == (409, "time_taken")
    await ada.pull()

    assert [each["event_id"] for each in await ada.seen() if each["title"] == "Call"] == [booked["event_id"]]


async def test_an_event_far_away_is_booked_though_it_is_not_kept_here_yet(ada: Booker) -> None:
    booked = await ada.book("2031-03-01T10:00:00Z", "2031-03-01T11:00:00Z")

    assert await ada.seen() == []
    assert (await ada.change(booked["event_id"], title="Later")).json()["title"] == "Later"
    assert (await ada.cancel(booked["event_id"])).status_code == 204
    assert ada.at_google() == []


async def test_a_pull_that_is_under_way_brings_what_was_booked_meanwhile(world, ada: Booker) -> None:
    """A pull may know of something later than what was answered, so it is asked for anew."""
    document = {"user_id": ada.person.user_id}
    leased = {"lease_owner": "somebody", "lease_until": datetime.now(UTC) + timedelta(hours=1)}
    world.database["calendars"].update_one(document, {"$set": leased})

    booked = await ada.book(*span("10:00", "11:00"))

    assert await ada.seen() == []
    assert world.database["calendars"].find_one(document)["notified_at"] is not None
    assert (await ada.change(booked["event_id"], title="Talk")).json()["title"] == "Talk"
    world.database["calendars"].update_one(document, {"$set": {"lease_until": datetime.now(UTC)}})
    await ada.pull()
    assert [each["title"] for each in await ada.seen()] == ["Talk"]


async def test_the_same_id_books_one_event_and_answers_the_same(ada: Booker) -> None:
    body = wish(*span("10:00", "11:00"), client_event_id=new_id())

    answers = [await ada.ask(body) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(ada.at_google()) == 1


async def test_the_same_key_books_one_event_and_answers_the_same(world, ada: Booker) -> None:
    body, key = wish(*span("10:00", "11:00")), new_id()

    answers = [await ada.ask(body, **{"Idempotency-Key": key}) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(world.google.asked(r"/events$", "POST")) == 1


async def test_without_an_id_every_request_books_its_own(ada: Booker) -> None:
    await ada.book(*span("10:00", "11:00"))
    await ada.book(*span("10:00", "11:00"), on_conflict="allow")

    assert len(ada.at_google()) == 2


async def test_an_id_is_for_one_event(ada: Booker) -> None:
    name = new_id()
    await ada.book(*span("10:00", "11:00"), client_event_id=name)

    answer = await ada.ask(wish(*span("12:00", "13:00"), client_event_id=name))

    assert refused(answer) == (409, "client_event_id_reused")
    assert len(ada.at_google()) == 1


async def test_an_id_is_its_persons_own(world, ada: Booker) -> None:
    bob, name = await pulled(world), new_id()

    first = await ada.book(*span("10:00", "11:00"), client_event_id=name)
    second = await bob.book(*span("10:00", "11:00"), client_event_id=name)

    assert first["google_event_id"] != second["google_event_id"]


async def test_what_was_booked_and_moved_since_is_answered_as_it_is(ada: Booker) -> None:
    body = wish(*span("10:00", "11:00"), client_event_id=new_id())
    booked = (await ada.ask(body)).json()
    start, _ = span("14:00", "15:00")
    assert (await ada.change(booked["event_id"], start=start)).status_code == 200
    ada.put(*span("10:00", "11:00"))

    answer = await ada.ask(body)

    assert (answer.status_code, answer.json()["start"]["date_time"]) == (201, start)


async def test_what_was_booked_and_cancelled_since_is_not_booked_again(ada: Booker) -> None:
    body = wish(*span("10:00", "11:00"), client_event_id=new_id())
    booked = (await ada.ask(body)).json()
    assert (await ada.cancel(booked["event_id"])).status_code == 204

    assert refused(await ada.ask(body)) == (409, "booking_cancelled")
    assert ada.at_google() == []


async def test_ids_at_google_are_as_google_wants_them(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"), client_event_id="~!'ü".encode().decode("latin-1")[:3])

    assert set(booked["google_event_id"]) <= set("0123456789abcdefghijklmnopqrstuv")
    assert len(booked["google_event_id"]) == 52
