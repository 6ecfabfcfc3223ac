"""What Google does with a booking whose answer never came: repeating it makes one event, and nobody books over it."""

import asyncio
from datetime import UTC, datetime

import pytest

from devstack.emulator import Fault
from switchboard.turns import documents, service
from tests.bookings.conftest import Booker, new_id, refused, span, wish
from tests.fail_points import failing
from tests.world import World

INSERT = {"path": r"/events$", "method": "POST"}
EVENT = r"/events/[^/]+$"
LOST = [{"drop": True}, {"status": 503}, {"truncate": True}]


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_one_lost_answer_is_not_even_noticed(world, ada: Booker, fault) -> None:
    world.google.fail(Fault(**INSERT, act_first=True, **fault))

    booked = await ada.book(*span("10:00", "11:00"))

    assert [body["id"] for body in ada.at_google()] == [booked["google_event_id"]]
    assert await ada.seen() == [booked]


@pytest.mark.parametrize("named", ["client_event_id", "Idempotency-Key"])
@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_a_booking_without_an_answer_is_the_same_event_when_it_is_repeated(
    world, ada: Booker, fault, named
) -> None:
    world.google.fail(Fault(**INSERT, act_first=True, times=None, **fault))
    world.google.fail(Fault(path=EVENT, times=None, status=503))
    body, name = wish(*span("10:00", "11:00")), new_id()
    headers = {"Idempotency-Key": name} if named == "Idempotency-Key" else {}
    body |= {} if headers else {"client_event_id": name}

    assert refused(await ada.ask(body, **headers)) == (503, "google_unavailable")
    (there,) = ada.at_google()
    world.google.emulator.forget()
    answers = [await ada.ask(body, **headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert {answer.json()["google_event_id"] for answer in answers} == {there["id"]}
    assert len(ada.at_google()) == len(await ada.seen()) == 1


async def test_a_booking_that_never_happened_happens_when_it_is_repeated(world, ada: Booker) -> None:
    world.google.fail(Fault(**INSERT, times=None, drop=True))
    body = wish(*span("10:00", "11:00"), client_event_id=new_id())
    assert (await ada.ask(body)).status_code == 503
    world.google.emulator.forget()

    assert (await ada.ask(body)).status_code == 201


async def test_while_a_booking_may_still_happen_nobody_else_books(world, ada: Booker, monkeypatch) -> None:
    """Google took what was sent and carries it out later than anybody waited for."""
    monkeypatch.setattr(service, "HOLD_SECONDS", 0.3)
    monkeypatch.setattr(service, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(documents, "TURN_SECONDS", 2.0)
    world.google.fail(Fault(**INSERT, latency=1.0, times=1))

    first = await ada.ask(wish(*span("10:00", "11:00"), title="Late"))
    second = await ada.ask(wish(*span("10:30", "11:30"), title="Early"))
    monkeypatch.setattr(service, "WAIT_SECONDS", 10.0)
    third = await ada.ask(wish(*span("10:30", "11:30"), title="Early"))

    assert refused(first) == (503, "google_unavailable")
    assert refused(second) == (503, "booking_under_way")
    assert [body["summary"] for body in ada.at_google()] in (["Late"], ["Early"])
    assert third.status_code == (409 if ada.at_google()[0]["summary"] == "Late" else 201)


async def test_a_question_without_an_answer_books_nothing_and_holds_up_nobody(world, ada: Booker) -> None:
    world.google.fail(Fault(path="/freeBusy", times=None, status=503))
    assert refused(await ada.ask(wish(*span("10:00", "11:00")))) == (503, "google_unavailable")
    assert world.database["turns"].count_documents({"user_id": ada.person.user_id}) == 0
    world.google.emulator.forget()

    await ada.book(*span("10:00", "11:00"))


async def test_a_refusal_holds_up_nobody(world, ada: Booker) -> None:
    world.google.fail(Fault(**INSERT, status=400, body="{}"))
    assert refused(await ada.ask(wish(*span("10:00", "11:00")))) == (422, "event_refused")

    assert world.database["turns"].count_documents({"user_id": ada.person.user_id}) == 0


async def test_what_may_have_happened_is_looked_for(world, ada: Booker) -> None:
    world.google.fail(Fault(**INSERT, act_first=True, times=None, drop=True))
    world.google.fail(Fault(path=EVENT, times=None, status=503))
    assert (await ada.ask(wish(*span("10:00", "11:00")))).status_code == 503

    calendar = world.database["calendars"].find_one({"user_id": ada.person.user_id})
    assert calendar["next_sync_at"] <= datetime.now(UTC)


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_a_change_whose_answer_was_lost_can_be_repeated(world, ada: Booker, fault, monkeypatch) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.5)
    world.google.fail(Fault(path=EVENT, method="PATCH", act_first=True, times=None, **fault))
    start, _ = span("14:00", "15:00")
    assert (await ada.change(booked["event_id"], start=start)).status_code == 503
    world.google.emulator.forget()

    again = await ada.change(booked["event_id"], start=start)

    assert (again.status_code, again.json()["start"]["date_time"]) == (200, start)
    assert await ada.seen() == [again.json()]


@pytest.mark.parametrize("fault", LOST[:2], ids=str)
async def test_a_cancellation_whose_answer_was_lost_can_be_repeated(world, ada: Booker, fault) -> None:
    booked = await ada.book(*span("10:00", "11:00"))
    world.google.fail(Fault(path=EVENT, method="DELETE", act_first=True, times=4, **fault))
    first = await ada.cancel(booked["event_id"])
    world.google.emulator.forget()

    again = await ada.cancel(booked["event_id"])

    assert (first.status_code in (204, 503), again.status_code) == (True, 204)
    assert (ada.at_google(), await ada.seen()) == ([], [])


async def test_a_token_that_is_refused_is_refreshed_once(world, ada: Booker) -> None:
    world.google.fail(Fault(path="/freeBusy", status=401, body='{"error": {"errors": [{"reason": "authError"}]}}'))

    await ada.book(*span("10:00", "11:00"))

    assert len(world.google.asked("/token")) == 1


async def test_access_that_is_lost_is_said_and_holds_up_nobody(world, ada: Booker) -> None:
    world.google.fail(Fault(path="/freeBusy", times=None, status=401))
    world.google.fail(Fault(path="/token", status=400, body='{"error": "invalid_grant"}'))

    assert refused(await ada.ask(wish(*span("10:00", "11:00")))) == (409, "calendar_access_lost")
    assert world.database["turns"].count_documents({"user_id": ada.person.user_id}) == 0


async def test_what_is_at_google_is_answered_though_it_cannot_be_kept_here(world: World, ada: Booker) -> None:
    with failing(world.mongo, "insert", "update", errorCode=2, namespace=f"{world.database.name}.calendar_events"):
        booked = await ada.book(*span("10:00", "11:00"))

    assert await ada.seen() == []
    assert [body["id"] for body in ada.at_google()] == [booked["google_event_id"]]
    await ada.pull()
    assert await ada.seen() == [booked]


async def test_a_caller_who_goes_away_leaves_one_event_or_none(world, ada: Booker) -> None:
    body = wish(*span("10:00", "11:00"), client_event_id=new_id())
    asking = asyncio.ensure_future(ada.ask(body))
    await asyncio.sleep(0.005)
    asking.cancel()

    answer = await ada.ask(body)

    assert answer.status_code == 201
    assert len(ada.at_google()) == 1
