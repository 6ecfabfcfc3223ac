"""POST /v1/calendar/notifications: who is believed, what a notification leads to, and what it costs.

Rule 54 of facts/google-calendar.md section 2.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from switchboard.calendars.documents import CalendarDocument
from switchboard.channels.model import PATH
from tests.calendars.conftest import pull_due
from tests.channels.conftest import Connected, Wire, calendar, channels, counted, now, profiled, wire
from tests.world import Person, World

UNKNOWN = {"code": "not_found", "detail": "There is nothing here.", "status": 404}
HOUR = timedelta(hours=1)
SOON = timedelta(seconds=2)


def everything(world: World, person: Person) -> tuple[Any, Any]:
    return calendar(world, person), channels(world, person)


def due(line: Wire) -> datetime:
    found: datetime = line.stored["next_sync_at"]
    return found


@pytest.mark.parametrize("state", ["exists", "not_exists"])
async def test_a_change_makes_the_calendar_due_a_moment_later(line: Wire, state: str) -> None:
    before, told = now(), counted("notifications", state)

    answer = await line.world.api.post(PATH, headers=line.headers(state))

    assert (answer.status_code, answer.content) == (204, b"")
    assert before + timedelta(milliseconds=900) <= due(line) <= now() + SOON
    assert counted("notifications", state) == told + 1


@pytest.mark.parametrize("state", ["sync", "from_the_future", ""])
async def test_what_is_no_change_is_taken_and_does_nothing(line: Wire, state: str) -> None:
    before = everything(line.world, line.person)

    assert await line.tell(state) == 204

    assert everything(line.world, line.person) == before


async def test_rule_54_a_notification_may_come_before_google_has_answered(world: World, connected: Connected) -> None:
    line = await wire(world, await connected(), resource_id=None)
    line.set(next_sync_at=now() + HOUR)

    assert await line.tell("sync") == 204
    assert await line.tell("exists", **{"X-Goog-Resource-ID": "whatever it is"}) == 204

    assert due(line) <= now() + SOON


async def test_rule_54_several_channels_of_a_calendar_are_alive_at_once(line: Wire) -> None:
    other = await wire(line.world, line.person)

    assert (await line.tell(), await other.tell()) == (204, 204)
    line.set(next_sync_at=now() + HOUR)
    assert await other.tell() == 204

    assert due(line) <= now() + SOON


FORGED: dict[str, dict[str, str]] = {
    "unknown id": {"X-Goog-Channel-ID": "0" * 32},
    "id in capitals": {"X-Goog-Channel-ID": "A" * 32},
    "no id": {"X-Goog-Channel-ID": ""},
    "an operator for an id": {"X-Goog-Channel-ID": '{"$gt": ""}'},
    "a long id": {"X-Goog-Channel-ID": "a" * 20_000},
    "wrong token": {"X-Goog-Channel-Token": "x" * 43},
    "no token": {"X-Goog-Channel-Token": ""},
    "a long token": {"X-Goog-Channel-Token": "x" * 20_000},
    "wrong resource": {"X-Goog-Resource-ID": "another"},
    "no resource": {"X-Goog-Resource-ID": ""},
    "wrong token and sync": {"X-Goog-Channel-Token": "x", "X-Goog-Resource-State": "sync"},
}


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_notification_is_told_nothing_and_writes_nothing(line: Wire, case: str) -> None:
    before = everything(line.world, line.person)

    with profiled(line.world) as operations:
        answer = await line.world.api.post(PATH, headers=line.headers(**FORGED[case]))

    problem = answer.json()
    assert {name: problem[name] for name in UNKNOWN} == UNKNOWN
    assert answer.status_code == 404
    assert everything(line.world, line.person) == before
    assert [each["op"] for each in operations] == ([] if "id" in case and case != "unknown id" else ["query"])


@pytest.mark.parametrize("name", ["ID", "Token"])
async def test_the_hash_is_not_the_token(line: Wire, name: str) -> None:
    assert await line.tell(**{f"X-Goog-Channel-{name}": line.channel.token_hash}) == 404


async def test_a_stopped_channel_is_unknown(line: Wire) -> None:
    line.world.database["calendar_channels"].update_many({}, {"$set": {"stopped_at": now()}})

    assert await line.tell() == 404
    assert due(line) > now() + HOUR / 2


async def test_the_token_of_one_channel_opens_no_other(line: Wire) -> None:
    other = await wire(line.world, line.person)

    assert await line.tell(**{"X-Goog-Channel-Token": other.token}) == 404


NAMES = ["Channel-ID", "Channel-Token", "Resource-ID", "Resource-State", "Message-Number", "Channel-Expiration"]
ODD = [b"", b"x y", b"\xff\xfe", b"\xc3\xa9", b"a\tb", b"-1", b"1e999", b"\xed\xa0\x80", b"x" * 8000]


@pytest.mark.parametrize("name", NAMES)
async def test_odd_headers_are_never_a_crash(line: Wire, name: str) -> None:
    for odd in ODD:
        sent = [(key.encode(), value.encode()) for key, value in line.headers().items() if key != f"X-Goog-{name}"]
        answer = await line.world.api.post(PATH, headers=[*sent, (f"X-Goog-{name}".encode(), odd)])
        assert answer.status_code == (204 if name in NAMES[3:] else 404), odd
    without = {key: value for key, value in line.headers().items() if key != f"X-Goog-{name}"}
    assert (await line.world.api.post(PATH, headers=without)).status_code == (204 if name in NAMES[3:] else 404)
    twice = [*line.headers().items(), (f"X-Goog-{name}", "other")]
    assert (await line.world.api.post(PATH, headers=twice)).status_code in (204, 404)


async def test_the_names_of_headers_have_no_case(line: Wire) -> None:
    sent = {name.lower(): value for name, value in line.headers().items()}
    assert (await line.world.api.post(PATH, headers=sent)).status_code == 204


async def test_a_body_is_ignored_and_bounded(line: Wire) -> None:
    for body in (b"x", b"\xff" * 1000, b'{"id": "other"}'):
        answer = await line.world.api.post(PATH, headers=line.headers(), content=body)
        assert answer.status_code == 204
    huge = b"x" * (line.world.settings.server.body_limit + 1)
    line.set(next_sync_at=now() + HOUR)

    assert (await line.world.api.post(PATH, headers=line.headers(), content=huge)).status_code == 413
    assert due(line) > now() + HOUR / 2


async def test_nobody_may_read_here(api) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await api.request(method, PATH)).status_code == 405


async def test_neither_token_nor_key_of_a_caller_takes_the_place_of_the_secret(line: Wire) -> None:
    for headers in (line.person.headers, {"X-API-Key": "x"}):
        sent = {**line.headers(**{"X-Goog-Channel-Token": ""}), **headers}
        assert (await line.world.api.post(PATH, headers=sent)).status_code == 404


async def test_a_notification_costs_two_operations_and_those_after_it_write_nothing(line: Wire) -> None:
    with profiled(line.world) as operations:
        for _ in range(5):
            assert await line.tell() == 204

    assert [each["op"] for each in operations] == ["query", "update"] * 5
    assert [each["nModified"] for each in operations if each["op"] == "update"] == [1, 0, 0, 0, 0]
    assert all(each["docsExamined"] <= 1 for each in operations)


async def test_rule_54_a_burst_is_pulled_once(world: World, line: Wire, event) -> None:
    world.google.insert_event(line.person.email, event())
    world.google.emulator.forget()

    with profiled(world) as operations:
        answers = await asyncio.gather(*(line.tell() for _ in range(100)))

    assert set(answers) == {204}
    assert sum(each.get("nModified", 0) for each in operations) <= 10
    assert not await pull_due(world, now() - timedelta(seconds=1))
    assert await pull_due(world, now() + SOON)
    assert not await pull_due(world, now() + SOON)
    assert len(world.google.asked("/events$")) == 1


@pytest.mark.parametrize("hours", [-1, 1])
async def test_what_is_told_during_a_pull_leads_to_one_more(line: Wire, hours: int) -> None:
    """By a worker, when it was due, or by a person before that."""
    line.set(next_sync_at=now() + hours * HOUR)
    held = await CalendarDocument.claim(line.channel.calendar_id, "somebody")
    assert held is not None

    told = await asyncio.gather(*(line.tell() for _ in range(10)))
    await held.finish(held.succeeded(changed=True, now=now(), limits=line.world.settings.calendar))

    assert set(told) == {204}
    assert due(line) <= now() + SOON
    again = await CalendarDocument.claim(line.channel.calendar_id, "somebody")
    assert again is not None
    await again.finish(again.succeeded(changed=True, now=now(), limits=line.world.settings.calendar))
    assert due(line) > now() + timedelta(minutes=1)


async def test_a_change_does_not_shorten_the_pause_after_a_failure(line: Wire) -> None:
    line.set(status="failing", failure_count=3)
    assert await line.tell() == 204
    assert due(line) > now() + HOUR / 2

    held = await CalendarDocument.claim(line.channel.calendar_id, "somebody")
    assert held is not None
    assert await line.tell() == 204
    await held.finish(held.failed("Google does not answer.", now()))

    assert due(line) > now() + timedelta(minutes=3)


@pytest.mark.parametrize("status", ["access_lost", "gone", "disconnected"])
async def test_a_calendar_that_is_not_pulled_is_not_pulled_for_a_notification(line: Wire, status: str) -> None:
    line.set(status=status)
    before = line.stored

    assert await line.tell() == 204

    assert line.stored == before


async def test_a_calendar_that_is_due_earlier_stays_so(line: Wire) -> None:
    earlier = now() - timedelta(seconds=5)
    line.set(next_sync_at=earlier)

    assert await line.tell() == 204

    assert abs(due(line) - earlier) < timedelta(milliseconds=1)
