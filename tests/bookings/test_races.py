"""Of many who want the same time, one gets it: in one process, in several, and when one of them slept or was killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from devstack.mongod import free_port
from switchboard.turns import documents, service
from tests import fork_server
from tests.bookings.conftest import Booker, new_id, pulled, refused, span, wish
from tests.fork_server import Forked
from tests.world import World, environment_of, eventually

INSERT = {"path": r"/events$", "method": "POST"}
EVENT = r"/events/[^/]+$"


def codes(answers: list[httpx.Response]) -> list[str]:
    return sorted(str(answer.status_code) + answer.json().get("code", "") for answer in answers)


async def test_of_twenty_who_book_one_time_one_gets_it(ada: Booker) -> None:
    answers = await asyncio.gather(*(ada.ask(wish(*span("10:00", "11:00"), title=str(n))) for n in range(20)))

    assert codes(answers) == ["201", *["409time_taken"] * 19]
    assert len(ada.at_google()) == len(await ada.seen()) == 1


async def test_of_twenty_who_book_times_that_overlap_no_two_get_them(ada: Booker) -> None:
    asked = [wish(*span(f"10:{n:02}", f"11:{n:02}")) for n in range(0, 40, 2)]

    answers = await asyncio.gather(*map(ada.ask, asked))

    assert codes(answers).count("201") == 1
    assert len(ada.at_google()) == 1


async def test_bookings_that_do_not_overlap_all_come_through(ada: Booker) -> None:
    hours = [span(f"{hour:02}:00", f"{hour:02}:30") for hour in range(8, 18)]

    answers = await asyncio.gather(*(ada.ask(wish(*hour)) for hour in hours))

    assert codes(answers) == ["201"] * 10
    assert len(await ada.seen()) == 10


async def test_of_two_events_moved_to_one_time_one_gets_there(ada: Booker) -> None:
    events = [await ada.book(*span(f"{hour:02}:00", f"{hour:02}:30")) for hour in range(8, 13)]
    start, _ = span("15:00", "15:30")

    answers = await asyncio.gather(*(ada.change(event["event_id"], start=start) for event in events))

    assert codes(answers) == ["200", *["409time_taken"] * 4]
    assert sum(event["start"]["date_time"] == start for event in await ada.seen()) == 1


@pytest.mark.parametrize("path", ["older", "allowing"])
async def test_who_found_the_time_free_is_there_before_who_books_over_anything(world, ada: Booker, path) -> None:
    """The older path, and who allows it, book whatever else there is, but not while somebody is about to book."""
    start, end = span("15:00", "16:00")
    world.google.fail(Fault(**INSERT, latency=0.5))
    careful = asyncio.ensure_future(ada.ask(wish(start, end, title="Careful")))
    await eventually(lambda: world.google.asked(**INSERT))
    if path == "older":
        older = {"summary": "Over", "start": {"dateTime": start}, "end": {"dateTime": end}}
        asked = ada.api.post("/calendar-api/calendar/events", headers=ada.person.headers, json=older)
    else:
        asked = ada.ask(wish(start, end, title="Over", on_conflict="allow"))

    answers = await asyncio.gather(careful, asked)

    assert all(answer.status_code < 300 for answer in answers)
    assert [body["summary"] for body in ada.at_google()] == ["Careful", "Over"]


async def test_nobody_waits_for_another_person(world, ada: Booker) -> None:
    bob = await pulled(world)
    hold(world, bob, seconds=60)

    await ada.book(*span("10:00", "11:00"))


def hold(world: World, booker: Booker, seconds: float) -> None:
    """Somebody has the turn of a person, and was killed."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    world.database["turns"].insert_one({"user_id": booker.person.user_id, "owner": "killed", "until": until})


async def test_the_turn_of_somebody_killed_ends_by_itself(world, ada: Booker) -> None:
    hold(world, ada, seconds=0.5)

    await ada.book(*span("10:00", "11:00"))

    assert world.database["turns"].count_documents({"user_id": ada.person.user_id}) == 0


async def test_who_waits_too_long_is_told_when_to_ask_again(world, ada: Booker, monkeypatch) -> None:
    monkeypatch.setattr(service, "WAIT_SECONDS", 0.2)
    hold(world, ada, seconds=60)
    ada.put(*span("12:00", "13:00"))
    await ada.pull()
    (seen,) = await ada.seen()

    refusals = [
        await ada.ask(wish(*span("10:00", "11:00"))),
        await ada.change(seen["event_id"], start=span("14:00", "15:00")[0]),
    ]

    for answer in refusals:
        assert refused(answer) == (503, "booking_under_way")
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await ada.change(seen["event_id"], title="Words need no turn")).status_code == 200
    assert (await ada.cancel(seen["event_id"])).status_code == 204


async def test_who_slept_through_the_turn_takes_back_what_is_in_the_way(world, ada: Booker, monkeypatch) -> None:
    """As a process that is stopped and goes on later: its event reaches Google when another one is there."""
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.3)
    world.google.fail(Fault(**INSERT, latency=1.0))
    sleeper = asyncio.ensure_future(ada.ask(wish(*span("10:00", "11:00"), title="Late")))
    await eventually(lambda: world.google.asked(**INSERT))

    await ada.book(*span("10:30", "11:30"), title="Early")

    assert refused(await sleeper) == (409, "time_taken")
    assert [body["summary"] for body in ada.at_google()] == ["Early"]
    await ada.pull()
    assert [event["title"] for event in await ada.seen()] == ["Early"]


async def test_who_slept_and_is_alone_keeps_what_was_booked(world, ada: Booker, monkeypatch) -> None:
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.3)
    world.google.fail(Fault(**INSERT, latency=1.0))
    sleeper = asyncio.ensure_future(ada.ask(wish(*span("10:00", "11:00"), title="Late")))
    await eventually(lambda: world.google.asked(**INSERT))

    await ada.book(*span("11:00", "12:00"), title="Early")

    assert (await sleeper).status_code == 201
    assert sorted(event["title"] for event in await ada.seen()) == ["Early", "Late"]


async def test_a_move_that_slept_is_taken_back(world, ada: Booker, monkeypatch) -> None:
    event = await ada.book(*span("08:00", "09:00"), title="Moved")
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.3)
    world.google.fail(Fault(path=EVENT, method="PATCH", latency=1.0))
    sleeper = asyncio.ensure_future(ada.change(event["event_id"], start=span("10:00", "11:00")[0]))
    await eventually(lambda: world.google.asked(EVENT, "PATCH"))

    await ada.book(*span("10:30", "11:30"), title="Early")

    assert refused(await sleeper) == (409, "time_taken")
    await ada.pull()
    starts = {event["title"]: event["start"]["date_time"] for event in await ada.seen()}
    assert starts == {"Moved": span("08:00", "09:00")[0], "Early": span("10:30", "11:30")[0]}


@dataclass
class Process:
    """The API in a process of its own, on the parts of this one."""

    child: Forked
    api: httpx.AsyncClient

    async def ask(self, ada: Booker, body: dict[str, Any]) -> httpx.Response:
        return await self.api.post("/v1/me/events", headers=ada.person.headers, json=body)


@asynccontextmanager
async def processes(world: World, folder: Path, count: int) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        started = []
        for number in range(count):
            port = str(free_port())
            variables = {**environment_of(world.settings), "SERVER_PORT": port, "LOG_LEVEL": "warning"}
            log = folder / f"{number}.log"
            child = fork_server.start(["switchboard", "serve"], variables=variables, folder=folder, log=log)
            stack.push_async_callback(_ended, child)
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
            started.append(Process(child, await stack.enter_async_context(client)))
        await asyncio.gather(*map(_answering, started))
        yield started


async def _answering(process: Process) -> None:
    async with asyncio.timeout(60):
        while process.child.poll() is None:
            with suppress(httpx.TransportError):
                await process.api.get("/health/live")
                return
            await asyncio.sleep(0.1)
    raise RuntimeError("a process ended")


async def _ended(child: Forked) -> None:
    child.terminate()
    await asyncio.to_thread(child.wait, 20)


@pytest.mark.timeout(150)
async def test_of_twenty_in_four_processes_one_gets_the_time(world, ada: Booker, tmp_path) -> None:
    """Three and this one."""
    async with processes(world, tmp_path, 3) as others:
        asks = [ada.ask, *(partial(other.ask, ada) for other in others)]

        answers = await asyncio.gather(*(asks[n % 4](wish(*span("10:00", "11:00"), title=str(n))) for n in range(20)))
        assert codes(answers) == ["201", *["409time_taken"] * 19]

        body = wish(*span("12:00", "13:00"), client_event_id=new_id())
        answers = await asyncio.gather(*(asks[n % 4](body) for n in range(20)))
        assert codes(answers) == ["201"] * 20
        assert len({answer.json()["event_id"] for answer in answers}) == 1

        await _one_is_stopped_while_it_books(world, ada, others[0])
    assert len(ada.at_google()) == 3


async def _one_is_stopped_while_it_books(world: World, ada: Booker, stopped: Process) -> None:
    """It has the turn and asked Google; Google takes its time, and the turn ends before the process goes on."""
    world.google.emulator.forget()
    world.google.fail(Fault(**INSERT, latency=3.0))
    sleeper = asyncio.ensure_future(stopped.ask(ada, wish(*span("14:00", "15:00"), title="Late")))
    await eventually(lambda: world.google.asked(**INSERT))
    os.kill(stopped.child.pid, signal.SIGSTOP)
    try:
        turn = {"user_id": ada.person.user_id}
        assert world.database["turns"].update_one(turn, {"$set": {"until": datetime.now(UTC)}}).matched_count == 1
        await ada.book(*span("14:30", "15:30"), title="Early")
        await eventually(lambda: len(ada.at_google()) == 4)
    finally:
        os.kill(stopped.child.pid, signal.SIGCONT)
    assert refused(await sleeper) == (409, "time_taken")
