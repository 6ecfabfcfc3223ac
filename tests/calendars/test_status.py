"""`switchboard calendars status`: what operators see of all calendars."""

import json
from datetime import UTC, datetime, timedelta

from switchboard.calendars.model import Standing, StatusLine
from tests.runtime.test_keys import switchboard
from tests.world import World

NOW = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)


def line(due_since: datetime | None) -> StatusLine:
    return StatusLine("synced", None, 3, 0, 1, 2, due_since)


def test_the_calendar_that_waits_longest_says_how_late_the_workers_are() -> None:
    lines = [line(NOW - timedelta(seconds=10)), line(NOW - timedelta(seconds=70)), line(None)]
    assert Standing.of(lines, NOW).late_seconds == 70
    assert Standing.of([line(None)], NOW).late_seconds == 0
    assert Standing.of([], NOW).late_seconds == 0


async def test_calendars_are_counted_by_status_and_reason_and_lateness_is_an_exit_code(world: World) -> None:
    calendars, now = world.database["calendars"], datetime.now(UTC)
    calendars.delete_many({})
    ahead, waits = now + timedelta(hours=1), now - timedelta(seconds=1000)
    fine = {"status": "synced", "reason": None, "next_sync_at": ahead, "watched_until": ahead}
    late = {"status": "failing", "reason": "Google does not answer.", "next_sync_at": waits, "lease_until": ahead}
    calendars.insert_many([{"calendar_id": str(number), **fine} for number in range(3)])
    calendars.insert_one({"calendar_id": "late", **late})

    code, out, _ = await switchboard(world, "calendars", "status", "--json")
    patient, lines, _ = await switchboard(world, "calendars", "status", "--late", "5000")

    found = json.loads(out)
    assert (code, found["late"], patient) == (3, True, 0)
    assert 1000 <= found["late_seconds"] < 1100
    counts = {
        each["status"]: (each["calendars"], each["leased"], each["watched"], each["due"]) for each in found["calendars"]
    }
    assert counts == {"synced": (3, 0, 3, 0), "failing": (1, 1, 0, 1)}
    assert "failing\t1 calendars\t1 being pulled\t0 watched\t1 due\tGoogle does not answer." in lines
    assert "has been due for 10" in lines
    calendars.delete_many({})
