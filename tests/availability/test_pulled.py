"""From Google to a slot: what is pulled is what takes time."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.availability.conftest import HOUR, Team, told
from tests.world import Person, World

DAY = 24 * HOUR


async def connected(world: World, team: Team) -> Person:
    """A member whose calendar is in New York."""
    person = world.person(google=False)
    world.google.add_account(person.email, name="Ada Lovelace", timezone="America/New_York")
    world.grant_tokens(person, timezone="America/New_York")
    team.org.add("Member", person)
    await team.org.mirrored()
    return person


async def sync(api: httpx.AsyncClient, person: Person) -> None:
    answer = await api.post("/v1/me/calendar/sync", headers=person.headers)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def monday(monday: datetime) -> datetime:
    """Its midnight in New York."""
    return datetime.combine(monday.date(), time(), ZoneInfo("America/New_York")).astimezone(UTC)


def event(start: datetime, hours: float = 1, **fields: Any) -> dict[str, Any]:
    times = {"start": start, "end": start + hours * HOUR}
    return {"summary": "Secret", **{name: {"dateTime": moment.isoformat()} for name, moment in times.items()}, **fields}


async def test_what_is_pulled_takes_time_by_googles_own_rules(world, api, team: Team, monday: datetime) -> None:
    ada = await connected(world, team)
    refused = [{"email": ada.email, "self": True, "responseStatus": "declined"}]
    day, after = f"{monday:%Y-%m-%d}", f"{monday + DAY:%Y-%m-%d}"
    for body in (
        event(monday + 40 * HOUR),
        event(monday + 42 * HOUR, transparency="transparent"),
        event(monday + 44 * HOUR, attendees=refused),
        event(monday + 46 * HOUR, status="tentative"),
        {"summary": "Holiday", "start": {"date": day}, "end": {"date": after}},
    ):
        world.google.insert_event(ada.email, body)
    (before,) = await team.free_busy([ada], monday, monday + 2 * DAY)
    await sync(api, ada)

    (shown,) = await team.free_busy([ada], monday, monday + 2 * DAY)

    assert before["state"] == "not_connected"
    blocks = [(0, 24), (40, 41), (46, 47)]
    assert shown["busy"] == [
        {"from": told(monday + begin * HOUR), "to": told(monday + end * HOUR)} for begin, end in blocks
    ]
    assert "Secret" not in str(shown)


async def test_slots_are_what_an_event_of_a_moment_ago_leaves(world, api, team: Team, monday: datetime) -> None:
    ada = await connected(world, team)
    await sync(api, ada)
    asked: dict[str, Any] = {"granularity_minutes": 60, "timezone": "America/New_York"}

    async def hours() -> list[float]:
        found = await team.slots([ada], monday, monday + DAY, **asked)
        return [(datetime.fromisoformat(slot["start"]) - monday) / HOUR for slot in found["slots"]]

    assert await hours() == [*range(9, 17)]
    world.google.insert_event(ada.email, event(monday + 10 * HOUR, 5))
    await sync(api, ada)
    assert await hours() == [9, 15, 16]


async def test_who_joins_later_is_known_once_their_events_are_placed(world, api, team: Team, monday: datetime) -> None:
    ada = world.person()
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event(monday + 9 * HOUR))
    await sync(api, ada)
    team.org.add("Member", ada)
    await team.org.mirrored()
    (before,) = await team.free_busy([ada], monday, monday + DAY)
    await sync(api, ada)
    (after,) = await team.free_busy([ada], monday, monday + DAY)

    assert (before["state"], before["busy"]) == ("not_pulled", [])
    assert (after["state"], len(after["busy"])) == ("known", 1)


async def test_leaving_ends_what_is_known_at_once(world, api, team: Team, monday: datetime) -> None:
    ada = await connected(world, team)
    await sync(api, ada)
    world.propelauth.remove_member(team.org.org_id, ada.user_id)
    await team.org.mirrored()

    answer = await team.ask("free-busy", {"people": [ada.user_id]}, monday, monday + timedelta(days=1))

    assert answer.status_code == 404
