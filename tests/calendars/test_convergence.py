"""Whatever happens to a calendar, and however the pulls fail in between: at the end MongoDB holds what Google shows."""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.emulator import Fault
from devstack.google import ApiError
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.clients.google import EventQuery
from switchboard.clients.google_events import read_event
from switchboard.errors import SwitchboardError
from switchboard.pulls import service
from tests.world import Person, World

RULES = (
    "RRULE:FREQ=DAILY;COUNT=6",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=8",
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4",
)
FAULTS: tuple[dict[str, Any], ...] = (
    {"drop": True},
    {"truncate": True},
    {"status": 503},
    {"status": 502, "body": "<html>", "content_type": "text/html"},
    {"status": 200, "body": "<html>"},
    {"status": 403, "body": '{"error": {"errors": [{"reason": "rateLimitExceeded"}]}}'},
    {"status": 401, "body": "{}"},
    {"status": 404, "body": "not Google's"},
)
SECONDS = 7.0


class History:
    """Random changes to one person's calendar, with pulls in between."""

    def __init__(self, world: World, person: Person, seed: int) -> None:
        self.world, self.google, self.person = world, world.google, person
        self.chosen = random.Random(seed)
        self.now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self.series: list[str] = []
        self.single: list[str] = []

    def times(self) -> dict[str, Any]:
        """Mostly inside the window of 30 days back and 365 ahead, sometimes outside or across its ends."""
        day = self.chosen.choice([*range(-28, 300, 9), -40, -31, -30, 364, 366, 367, 500])
        start = self.now + timedelta(days=day, hours=self.chosen.randint(0, 23))
        if self.chosen.random() < 0.3:
            days = self.chosen.choice([1, 1, 2, 40])
            return {"start": {"date": str(start.date())}, "end": {"date": str(start.date() + timedelta(days=days))}}
        end = start + timedelta(minutes=self.chosen.choice([0, 30, 60, 26 * 60, 60 * 24 * 20]))
        return {
            name: {"dateTime": at.isoformat(), "timeZone": "Europe/Berlin"}
            for name, at in (("start", start), ("end", end))
        }

    def body(self) -> dict[str, Any]:
        return {"summary": f"Event {self.chosen.randint(0, 9999)}", **self.times()}

    def step(self) -> None:
        steps = [
            "insert",
            "insert",
            "rename",
            "move",
            "delete",
            "repeat",
            "change_one",
            "drop_one",
            "delete_series",
            "forget",
        ]
        try:
            getattr(self, self.chosen.choice(steps))()
        except ApiError as error:
            assert error.code in (400, 403, 404, 409, 410)  # noqa: PT017

    def insert(self) -> None:
        status = self.chosen.choice(["confirmed", "tentative"])
        self.single.append(self.google.insert_event(self.person.email, {**self.body(), "status": status})["id"])

    def rename(self) -> None:
        self._patch(self.single + self.series, {"summary": f"Renamed {self.chosen.randint(0, 9999)}"})

    def move(self) -> None:
        self._patch(self.single, self.times())

    def _patch(self, ids: list[str], fields: dict[str, Any]) -> None:
        if ids:
            cleared = {
                name: {"date": None, "dateTime": None, **fields[name]} for name in ("start", "end") if name in fields
            }
            self.google.patch_event(self.person.email, self.chosen.choice(ids), {**fields, **cleared})

    def delete(self) -> None:
        if self.single:
            self.google.delete_event(self.person.email, self.chosen.choice(self.single))

    def repeat(self) -> None:
        body = {**self.body(), "recurrence": [self.chosen.choice(RULES)]}
        if self.chosen.random() < 0.7:
            start = self.now + timedelta(days=self.chosen.randint(-60, 200))
            times = {"dateTime": start.isoformat(), "timeZone": "Europe/Berlin"}
            body |= {"start": times, "end": {**times, "dateTime": (start + timedelta(hours=1)).isoformat()}}
        self.series.append(self.google.insert_event(self.person.email, body)["id"])

    def instance(self) -> str | None:
        events = self.google.store.calendars[self.person.email].events
        alive = [events[own_id] for own_id in self.series if events[own_id].recurring and not events[own_id].cancelled]
        if not alive:
            return None
        master = self.chosen.choice(alive)
        originals = master.expansion().up_to(0, 6)
        return f"{master.body['id']}_{master.expansion().suffix(self.chosen.choice(originals))}" if originals else None

    def change_one(self) -> None:
        own_id = self.instance()
        if own_id is not None:
            self.google.update_event(self.person.email, own_id, self.body())

    def drop_one(self) -> None:
        own_id = self.instance()
        if own_id is not None:
            self.google.delete_event(self.person.email, own_id)

    def delete_series(self) -> None:
        if self.series and self.chosen.random() < 0.5:
            self.google.delete_event(self.person.email, self.chosen.choice(self.series))

    def forget(self) -> None:
        self.google.invalidate_sync_tokens(self.person.email)

    async def pull(self, *, faults: bool) -> None:
        """One pull; with faults a tenth of the requests fail, and so may the pull."""
        switches = self.google.switches
        switches.short_pages, switches.empty_pages = self.chosen.choice([0, 2]), self.chosen.random() < 0.3
        if faults:
            for number in range(20):
                if self.chosen.random() < 0.1:
                    fault = self.chosen.choice(FAULTS)
                    self.google.fail(
                        Fault(path="/calendar/v3/", skip=number, times=self.chosen.choice([1, 1, 5]), **fault)
                    )
        calendar = await CalendarDocument.claim(primary_calendar_id(self.person.user_id), "history")
        assert calendar is not None
        try:
            await service.pull(self.world.services, calendar, datetime.now(UTC))
        except SwitchboardError:
            assert faults
        finally:
            self.google.emulator.faults.clear()
            switches.short_pages, switches.empty_pages = 0, False


async def shown_by_google(world: World, person: Person) -> dict[str, tuple[Any, ...]]:
    """The emulator's own expanded list of the window, by Google's ids."""
    calendar = world.database["calendars"].find_one({"user_id": person.user_id})
    ends = {"time_min": calendar["window_start"].isoformat(), "time_max": calendar["window_end"].isoformat()}
    page = await world.services.google.event_page(
        world.stored(person)["access_token"], person.email, EventQuery(**ends)
    )
    assert page.next_page_token is None
    found = {}
    for item in page.items:
        event = read_event(item, "Europe/Berlin")
        assert event is not None
        found[item["id"]] = tuple(event[name] for name in COMPARED)
    return found


COMPARED = ("title", "start_time", "end_time", "start_date", "end_date", "status", "recurring_event_id", "etag")


def kept(world: World, person: Person) -> dict[str, tuple[Any, ...]]:
    found = world.database["calendar_events"].find({"user_id": person.user_id})
    return {event["google_event_id"]: tuple(event[name] for name in COMPARED) for event in found}


@pytest.fixture
def manners(world: World):
    """Endless series of 60 instances, no quota; as before afterwards."""
    switches = world.google.switches
    before = vars(switches).copy()
    switches.quota_per_minute = switches.quota_per_minute_per_user = 10**9
    yield
    for name, value in before.items():
        setattr(switches, name, value)


async def test_random_histories_end_as_google_shows_them(world, manners, monkeypatch) -> None:
    settings = world.settings.calendar.model_copy(update={"page_size": 40})
    monkeypatch.setitem(vars(world.services.settings), "calendar", settings)
    monkeypatch.setattr(world.services.google.retries, "backoff", 0.001)
    ends, runs = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        seed = random.SystemRandom().randrange(10**6) if runs >= 3 else runs
        history = await lived(world, seed)
        assert kept(world, history.person) == await shown_by_google(world, history.person), f"seed {seed}"
        runs += 1
    assert runs >= 3


async def lived(world: World, seed: int) -> History:
    person = world.person()
    world.grant_tokens(person)
    await CalendarDocument.add(primary_calendar_id(person.user_id), person.user_id, datetime.now(UTC))
    history = History(world, person, seed)
    for _ in range(history.chosen.randint(5, 40)):
        history.step()
        if history.chosen.random() < 0.3:
            await history.pull(faults=True)
    await history.pull(faults=False)
    return history
