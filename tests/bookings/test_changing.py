"""PATCH and DELETE /v1/me/events/{event_id}: what is named changes, of a series one event, and repeating is safe."""

import json
from datetime import datetime
from typing import Any

import pytest

from devstack.emulator import Fault
from switchboard.bookings.documents import BookingDocument
from tests.bookings.conftest import Booker, day, new_id, pulled, refused, span
from tests.world import World

EVENT = r"/events/[^/]+$"


async def test_only_what_is_named_changes(ada: Booker) -> None:
    said = {"description": "Bring slides", "location": "Hall", "attendees": ["bob@example.com"]}
    booked = await ada.book(*span("10:00", "11:00"), **said)

    changed = (await ada.change(booked["event_id"], title="Talk", description=None)).json()

    assert changed == {
        **booked,
        "title": "Talk",
        "description": None,
        "updated_at": changed["updated_at"],
    }
    assert await ada.seen() == [changed]
    (there,) = ada.at_google()
    assert (there["summary"], there["location"]) == ("Talk", "Hall")
    assert "description" not in there


CHANGES: list[tuple[dict[str, Any], str, Any]] = [
    ({"location": "Garden"}, "location", "Garden"),
    ({"location": None}, "location", None),
    ({"visibility": "private"}, "visibility", "private"),
    ({"busy": False}, "busy", False),
    ({"attendees": []}, "attendees", []),
    ({"attendees": ["eve@example.com", "bob@example.com"]}, "attendees", ["eve@example.com", "bob@example.com"]),
]


@pytest.mark.parametrize(("change", "name", "expected"), CHANGES)
async def test_each_thing_can_be_changed(ada: Booker, change, name, expected) -> None:
    booked = await ada.book(*span("10:00", "11:00"), location="Hall", attendees=["bob@example.com"])

    changed = (await ada.change(booked["event_id"], **change)).json()

    assert changed[name] == expected
    assert await ada.seen() == [changed]


MOVES: list[tuple[dict[str, Any], str, str]] = [
    ({"start": "14:00"}, "14:00", "15:00"),
    ({"start": "10:30"}, "10:30", "11:30"),
    ({"end": "12:00"}, "10:00", "12:00"),
    ({"end": "10:30"}, "10:00", "10:30"),
    ({"start": "09:00", "end": "09:15"}, "09:00", "09:15"),
]


@pytest.mark.parametrize(("change", "begin", "end"), MOVES)
async def test_an_event_is_moved_and_with_a_start_alone_keeps_its_length(ada: Booker, change, begin, end) -> None:
    booked = await ada.book(*span("10:00", "11:00"))

    moved = (await ada.change(booked["event_id"], **{name: f"{day()}T{at}:00Z" for name, at in change.items()})).json()

    assert (moved["start"]["date_time"], moved["end"]["date_time"]) == span(begin, end)
    assert await ada.seen() == [moved]


async def test_a_move_over_the_change_of_clocks_keeps_its_length(ada: Booker) -> None:
    booked = await ada.book("2027-03-27T12:30:00", "2027-03-27T14:30:00")

    moved = (await ada.change(booked["event_id"], start="2027-03-28T01:30:00")).json()

    assert moved["start"]["date_time"] == "2027-03-28T00:30:00Z"
    assert moved["end"]["date_time"] == "2027-03-28T02:30:00Z"


async def test_whole_days_are_moved_as_days(ada: Booker) -> None:
    booked = await ada.book(day(3), day(5))

    moved = (await ada.change(booked["event_id"], start=day(10))).json()

    assert (moved["start"]["date"], moved["end"]["date"]) == (day(10), day(12))


async def test_an_event_becomes_one_of_whole_days_and_back(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"), timezone="Europe/Berlin")
    assert (await ada.change(booked["event_id"], start=day(4))).json()["errors"][0]["field"] == "end"

    whole = (await ada.change(booked["event_id"], start=day(4), end=day(5))).json()
    assert (whole["all_day"], whole["start"]["date"]) == (True, day(4))
    (there,) = ada.at_google()
    assert there["start"] == {"date": day(4)}

    start, end = span("12:00", "13:00")
    back = (await ada.change(booked["event_id"], start=start, end=end)).json()
    assert (back["all_day"], back["start"]["date_time"]) == (False, start)
    assert await ada.seen() == [back]


@pytest.mark.parametrize("body", [{}, {"timezone": "Europe/Berlin"}, {"on_conflict": "allow"}, {"start": None}])
async def test_a_change_of_nothing_is_none(world, ada: Booker, body) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    world.google.emulator.forget()

    assert refused(await ada.change(booked["event_id"], **body)) == (422, "invalid")
    assert world.google.requests == []


@pytest.mark.parametrize(
    "body", [{"title": None}, {"calendar_id": "x"}, {"attendees": ["x"]}, {"client_event_id": "x"}]
)
async def test_a_change_that_makes_no_sense_is_refused(ada: Booker, body) -> None:
    booked = await ada.book(*span("10:00", "11:00"))

    assert refused(await ada.change(booked["event_id"], **body)) == (422, "invalid")


async def test_a_move_to_a_time_that_is_taken_is_refused_and_changes_nothing(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    ada.put(*span("12:00", "13:00"))

    answer = await ada.change(booked["event_id"], start=f"{day()}T11:30:00Z", timezone="UTC")

    assert refused(answer) == (409, "time_taken")
    assert f"{day()} 12:00 to 13:00 (UTC)" in answer.json()["detail"]
    assert await ada.seen() == [booked]
    allowed = await ada.change(booked["event_id"], start=f"{day()}T11:30:00Z", on_conflict="allow")
    assert allowed.status_code == 200


async def test_an_event_is_never_in_its_own_way(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "12:00"))

    for begin, end in (("11:00", "13:00"), ("09:00", "14:00"), ("10:00", "11:00")):
        start, over = span(begin, end)
        assert (await ada.change(booked["event_id"], start=start, end=over)).status_code == 200


async def test_what_was_allowed_to_overlap_may_be_made_shorter(ada: Booker) -> None:
    ada.put(*span("10:30", "11:30"))
    booked = await ada.book(*span("10:00", "11:00"), on_conflict="allow")

    assert (await ada.change(booked["event_id"], end=f"{day()}T10:45:00Z")).status_code == 200
    longer = await ada.change(booked["event_id"], end=f"{day()}T11:15:00Z")
    assert refused(longer) == (409, "time_taken")


async def test_an_event_that_took_no_time_takes_it_only_if_it_is_free(ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"), busy=False)
    ada.put(*span("10:30", "10:40"))

    assert refused(await ada.change(booked["event_id"], busy=True)) == (409, "time_taken")
    assert (await ada.change(booked["event_id"], start=f"{day()}T10:20:00Z")).status_code == 200
    assert (await ada.change(booked["event_id"], start=f"{day()}T12:00:00Z", busy=True)).status_code == 200


async def test_words_change_whatever_else_is_at_that_time(world, ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    ada.put(*span("10:00", "11:00"))

    assert (await ada.change(booked["event_id"], title="Talk")).status_code == 200
    assert len(world.google.asked("/freeBusy")) == 1


async def test_who_has_answered_keeps_the_answer(world, ada: Booker) -> None:
    bob = world.person()
    booked = await ada.book(*span("10:00", "11:00"), attendees=[bob.email, "eve@example.com"])
    place = world.google.events.place(bob.email)
    accepted = [{"email": bob.email, "responseStatus": "accepted"}, {"email": "eve@example.com"}]
    world.google.events.patch(place, booked["google_event_id"], {"attendees": accepted})

    changed = (await ada.change(booked["event_id"], attendees=[bob.email.upper(), "new@example.com"])).json()

    assert changed["attendee_states"] == [
        {"email": bob.email, "response": "accepted"},
        {"email": "new@example.com", "response": "needsAction"},
    ]


async def test_a_list_that_is_not_whole_is_not_changed(world, ada: Booker) -> None:
    """Rule 31."""
    booked = await ada.book(*span("10:00", "11:00"), attendees=["bob@example.com"])
    there = world.google.events.place(ada.person.email).calendar.events[booked["google_event_id"]].body
    there["attendeesOmitted"] = True

    answer = await ada.change(booked["event_id"], attendees=["eve@example.com"])

    assert refused(answer) == (409, "attendees_unknown")
    assert world.google.asked(EVENT, "PATCH") == []


def series(ada: Booker, **fields: Any) -> dict[str, Any]:
    times = {
        name: {"dateTime": time, "timeZone": "Europe/Berlin"}
        for name, time in zip(("start", "end"), span("10:00", "11:00"), strict=True)
    }
    body = {"summary": "Series", **times, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"], **fields}
    return dict(ada.world.google.insert_event(ada.person.email, body))


async def test_of_a_series_one_event_alone_is_changed(ada: Booker) -> None:
    series(ada)
    await ada.pull()
    first, second, third = await ada.seen()

    changed = (await ada.change(second["event_id"], title="Other", start=f"{day(4)}T15:00:00Z")).json()

    assert changed["recurring_event_id"] == second["recurring_event_id"]
    assert await ada.seen() == [first, changed, third]
    await ada.pull()
    assert [each["title"] for each in await ada.seen()] == ["Series", "Other", "Series"]


async def test_of_a_series_one_event_alone_is_cancelled(ada: Booker) -> None:
    series(ada)
    await ada.pull()
    first, second, third = await ada.seen()

    assert (await ada.cancel(second["event_id"])).status_code == 204

    assert await ada.seen() == [first, third]
    await ada.pull()
    assert await ada.seen() == [first, third]


async def test_an_event_of_a_series_is_in_the_way_of_another(ada: Booker) -> None:
    series(ada)
    await ada.pull()
    first, _, _ = await ada.seen()

    assert refused(await ada.change(first["event_id"], start=f"{day(4)}T10:30:00Z")) == (409, "time_taken")


async def test_what_only_the_organizer_may_do_google_refuses_in_a_sentence(world, ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    body = {"error": {"errors": [{"domain": "calendar", "reason": "forbiddenForNonOrganizer"}], "code": 403}}
    world.google.fail(Fault(path=EVENT, method="PATCH", status=403, body=json.dumps(body)))

    answer = await ada.change(booked["event_id"], title="Mine")

    assert refused(answer) == (403, "not_the_organizer")
    assert "organizer" in answer.json()["detail"]
    assert await ada.seen() == [booked]


async def test_a_guest_takes_an_event_out_of_their_own_calendar_alone(world, ada: Booker) -> None:
    bob = await pulled(world)
    booked = await ada.book(*span("10:00", "11:00"), attendees=[bob.person.email])
    await bob.pull()
    (copy,) = await bob.seen()

    assert (await bob.cancel(copy["event_id"])).status_code == 204

    assert await bob.seen() == []
    assert [each["id"] for each in ada.at_google()] == [booked["google_event_id"]]


async def test_a_cancelled_event_is_gone_everywhere_and_stays_so(world, ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))

    first = [await ada.cancel(booked["event_id"]) for _ in range(3)]

    assert [answer.status_code for answer in first] == [204, 204, 204]
    assert (ada.at_google(), await ada.seen()) == ([], [])
    assert len(world.google.asked(EVENT, "DELETE")) == 1
    assert refused(await ada.change(booked["event_id"], title="Talk")) == (404, "event_not_found")
    await ada.pull()
    assert await ada.seen() == []


async def test_what_was_cancelled_at_google_is_cancelled_here_once_we_are_told(world, ada: Booker) -> None:
    one, other = [await ada.book(*span(begin, end)) for begin, end in (("10:00", "11:00"), ("12:00", "13:00"))]
    for each in (one, other):
        world.google.events.delete(world.google.events.place(ada.person.email), each["google_event_id"])

    assert refused(await ada.change(one["event_id"], title="Talk")) == (404, "event_not_found")
    assert (await ada.cancel(other["event_id"])).status_code == 204
    assert await ada.seen() == []


@pytest.mark.parametrize(("told", "expected"), [({}, "all"), ({"notify_attendees": False}, None)])
async def test_google_tells_who_is_invited_unless_it_is_not_to(world, ada: Booker, told, expected) -> None:
    booked = await ada.book(*span("10:00", "11:00"), attendees=["bob@example.com"])
    assert (await ada.change(booked["event_id"], title="Talk", **told)).status_code == 200
    assert (await ada.cancel(booked["event_id"], **told)).status_code == 204

    sent = [asked.query.get("sendUpdates") for asked in world.google.asked(EVENT) if asked.method != "GET"]
    assert sent == [expected, expected]


async def test_strangers_and_unknown_events_are_not_found(world, ada: Booker) -> None:
    bob = await pulled(world)
    booked = await ada.book(*span("10:00", "11:00"))
    cancelled = await ada.book(*span("12:00", "13:00"))
    await ada.cancel(cancelled["event_id"])
    world.google.emulator.forget()

    assert await BookingDocument.known(bob.person.user_id, booked["event_id"]) is None
    for event_id in (booked["event_id"], cancelled["event_id"], new_id(), "$ne", booked["google_event_id"]):
        for answer in (await bob.change(event_id, title="Mine"), await bob.cancel(event_id)):
            assert refused(answer) == (404, "event_not_found")
    assert world.google.requests == []
    assert await ada.seen() == [booked]


async def test_events_of_a_calendar_that_was_given_up_are_not_found(world, ada: Booker) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    assert (await ada.api.delete("/v1/me/calendar", headers=ada.person.headers)).status_code == 204

    assert refused(await ada.change(booked["event_id"], title="Talk")) == (404, "calendar_not_connected")
    assert refused(await ada.cancel(booked["event_id"])) == (404, "calendar_not_connected")
    assert len(ada.at_google()) == 1


async def test_an_event_that_leaves_the_time_that_is_kept_can_be_brought_back(ada: Booker) -> None:
    ada.put(*span("10:00", "11:00"))
    await ada.pull()
    (event,) = await ada.seen()

    assert (await ada.change(event["event_id"], start="2031-03-01T10:00:00Z")).status_code == 200
    assert await ada.seen() == []
    start, _ = span("15:00", "16:00")
    assert (await ada.change(event["event_id"], start=start)).status_code == 200
    assert [each["start"]["date_time"] for each in await ada.seen()] == [start]


async def test_ids_are_forgotten_a_month_after_an_event_is_over(world, ada: Booker) -> None:
    booked = await ada.book("2031-03-01T10:00:00Z", "2031-03-01T11:00:00Z")

    kept = world.database["bookings"].find_one({"event_id": booked["event_id"]})
    assert kept["forget_at"].isoformat() == "2031-03-31T11:00:00+00:00"
    indexes = world.database["bookings"].index_information()
    assert indexes["forget_at_ttl"]["expireAfterSeconds"] == 0
    assert set(kept) == {
        *("_id", "event_id", "user_id", "calendar_id", "google_event_id", "cancelled_at", "forget_at"),
    }
    assert isinstance(kept["forget_at"], datetime)


async def test_a_sentence_about_a_refused_event_names_no_cause_of_ours(world: World, ada: Booker) -> None:
    body = {"error": {"errors": [{"reason": "invalid", "message": "secret-detail"}], "code": 400}}
    world.google.fail(Fault(path=r"/events$", method="POST", status=400, body=json.dumps(body)))

    answer = await ada.ask({"title": "Call", "start": day(3), "end": day(4)})

    assert refused(answer) == (422, "event_refused")
    assert "secret-detail" not in answer.text
