"""POST /v1/orgs/{org_id}/free-busy: when members are busy, and how much of that is known."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.availability import documents
from switchboard.availability.model import MOST_PEOPLE, REASONS, Pulled
from switchboard.calendars import service as calendars
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.spans.model import at, merged, moment
from tests.availability.conftest import FIRST, HOUR, LAST, Team, told
from tests.organizations.conftest import Factory, refused
from tests.world import Person, World

DAY = 24 * HOUR


def blocks(shown: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["from"], each["to"]) for each in shown["busy"]]


async def busy(team: Team, person: Person, first: datetime, last: datetime) -> list[tuple[str, str]]:
    """When one person is busy."""
    ((shown),) = await team.free_busy([person], first, last)
    assert shown["state"] == "known", shown
    return blocks(shown)


async def state(team: Team, person: Person, first: datetime, last: datetime) -> str:
    """What is known of one person, of whom nothing is told if it is nothing."""
    ((shown),) = await team.free_busy([person], first, last)
    if shown["state"] not in ("known", "partly_known", "not_covered"):
        nothing: dict[str, Any] = {"synced_at": None, "stale": False, "coverage": None, "busy": []}
        assert {**shown, **nothing} == shown
    assert shown["reason"] == REASONS.get(shown["state"])
    return str(shown["state"])


async def test_busy_times_are_put_together_in_utc_and_tell_nothing_else(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    team.busy(ada, monday + 9 * HOUR)
    team.busy(ada, monday + 9.5 * HOUR, 2)
    team.busy(ada, monday + 11.5 * HOUR, 0.5)
    team.busy(ada, monday + 15 * HOUR)
    team.busy(bob, monday + 20 * HOUR)

    first, second = await team.free_busy([bob, ada], monday, monday + DAY)

    assert (first["user_id"], blocks(first)) == (bob.user_id, [(told(monday + 20 * HOUR), told(monday + 21 * HOUR))])
    assert second == {
        "user_id": ada.user_id,
        "state": "known",
        "reason": None,
        "synced_at": second["synced_at"],
        "stale": False,
        "coverage": {"from": told(FIRST), "to": told(LAST)},
        "busy": [
            {"from": told(monday + 9 * HOUR), "to": told(monday + 12 * HOUR)},
            {"from": told(monday + 15 * HOUR), "to": told(monday + 16 * HOUR)},
        ],
    }
    assert datetime.now(UTC) - datetime.fromisoformat(second["synced_at"]) < timedelta(minutes=1)


async def test_a_range_in_another_offset_is_the_same_range(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.busy(ada, monday)
    body = {"people": [ada.user_id], "from": f"{monday:%Y-%m-%d}T05:30:00+05:30", "to": told(monday + 0.5 * HOUR)}

    answer = await team.world.api.post(f"{team.org.at}/free-busy", headers=team.headers, json=body)

    assert blocks(answer.json()["people"][0]) == [(told(monday), told(monday + 0.5 * HOUR))]


async def test_busy_times_end_with_the_range(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.busy(ada, monday - HOUR, 2)
    team.busy(ada, monday + 23 * HOUR, 48)
    team.busy(ada, monday - 2 * HOUR, 2)
    team.busy(ada, monday + DAY)

    assert await busy(team, ada, monday, monday + DAY) == [
        (told(monday), told(monday + HOUR)),
        (told(monday + 23 * HOUR), told(monday + DAY)),
    ]


@pytest.mark.parametrize("hours", [0, 1, 23, 24, 25, 36, 48, 49, 40 * 24])
async def test_an_event_counts_however_long_ago_it_began(team: Team, monday: datetime, hours: int) -> None:
    ada = await team.person()
    team.busy(ada, monday - hours * HOUR, hours + 24)

    assert await busy(team, ada, monday, monday + 2 * DAY) == [(told(monday), told(monday + DAY))]


async def test_what_takes_no_time_is_not_busy(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    team.busy(ada, monday + 9 * HOUR, busy=False)
    team.busy(ada, monday + 10 * HOUR, 0)
    team.busy(ada, monday + 10 * HOUR, calendar_id=team.second_calendar(ada, busy=False))
    team.busy(ada, monday + 11 * HOUR, calendar_id="one that is here no longer")
    team.busy(bob, monday + 12 * HOUR, calendar_id=primary_calendar_id(ada.user_id))

    assert await busy(team, ada, monday, monday + DAY) == []


async def test_every_calendar_that_takes_time_counts(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.busy(ada, monday + 9 * HOUR)
    team.busy(ada, monday + 14 * HOUR, calendar_id=team.second_calendar(ada))

    assert [begin for begin, _ in await busy(team, ada, monday, monday + DAY)] == [
        *(told(monday + 9 * HOUR), told(monday + 14 * HOUR))
    ]


async def test_an_event_that_does_not_say_whether_it_takes_time_does(team: Team, monday: datetime) -> None:
    ada = await team.person()
    event = team.event(ada, monday, monday + HOUR)
    del event["busy"]
    team.put(event)

    assert len(await busy(team, ada, monday, monday + DAY)) == 1


# What is known.


async def test_who_shows_details_or_when_they_are_busy_is_known_and_who_shows_nothing_is_not(
    team: Team, monday: datetime
) -> None:
    ada = await team.person()
    team.busy(ada, monday)
    for shows in ("busy", "details"):
        await team.shows(ada, shows)
        assert await busy(team, ada, monday, monday + DAY) == [(told(monday), told(monday + HOUR))]
    await team.shows(ada, "nothing")
    assert await state(team, ada, monday, monday + DAY) == "hidden"


async def test_who_shows_nothing_shows_not_even_whether_they_are_connected(team: Team, monday: datetime) -> None:
    person = team.org.owner
    await team.shows(person, "nothing")

    assert await state(team, person, monday, monday + DAY) == "hidden"


async def test_a_choice_for_another_organization_hides_nothing_here(
    team: Team, organization: Factory, monday: datetime
) -> None:
    ada, other = await team.person(), await organization("Owner")
    other.add("Member", ada)
    await other.mirrored()
    await Team(team.world, other).shows(ada, "nothing")

    assert await state(team, ada, monday, monday + DAY) == "known"


async def test_who_has_connected_nothing_is_not_known(team: Team, monday: datetime) -> None:
    without, emptied, disconnected = team.org.owner, *await team.people(2)
    team.world.database["users"].update_one({"user_id": emptied.user_id}, {"$set": {"scope": []}})
    team.change(disconnected, status="disconnected")

    for person in (without, emptied, disconnected):
        assert await state(team, person, monday, monday + DAY) == "not_connected"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "new"}, "not_pulled"),
        ({"status": "access_lost"}, "access_lost"),
        ({"status": "gone"}, "gone"),
        ({"status": "failing"}, "known"),
        ({"status": "something newer"}, "not_pulled"),
        ({"window_start": None}, "not_pulled"),
        ({"org_ids": []}, "not_pulled"),
        ({"org_ids": ["another"]}, "not_pulled"),
    ],
)
async def test_a_calendar_is_known_once_it_is_pulled_and_as_long_as_it_can_be(
    team: Team, monday: datetime, fields: dict[str, Any], expected: str
) -> None:
    ada = await team.person(**fields)
    team.busy(ada, monday)

    assert await state(team, ada, monday, monday + DAY) == expected


async def test_one_calendar_that_is_not_known_is_enough(team: Team, monday: datetime) -> None:
    ada = await team.person()
    second = team.second_calendar(ada, status="new")
    found = [await state(team, ada, monday, monday + DAY)]
    for fields in ({"status": "access_lost"}, {"busy": False}):
        team.world.database["calendars"].update_one({"calendar_id": second}, {"$set": fields})
        found.append(await state(team, ada, monday, monday + DAY))

    assert found == ["not_pulled", "access_lost", "known"]


async def test_who_lets_no_calendar_take_their_time_is_known_by_their_own(team: Team, monday: datetime) -> None:
    ada = await team.person(busy=False)
    team.busy(ada, monday)
    team.second_calendar(ada, busy=False, status="gone")

    assert await busy(team, ada, monday, monday + DAY) == []
    team.change(ada, status="access_lost")
    assert await state(team, ada, monday, monday + DAY) == "access_lost"


async def test_time_outside_of_what_is_pulled_is_not_known(team: Team, monday: datetime) -> None:
    ada = await team.person(window_start=monday, window_end=monday + 2 * DAY)
    team.second_calendar(ada, window_start=monday + HOUR)
    team.busy(ada, monday, 2)

    (shown,) = await team.free_busy([ada], monday, monday + DAY)

    assert (shown["state"], shown["reason"]) == ("partly_known", REASONS["partly_known"])
    assert shown["coverage"] == {"from": told(monday + HOUR), "to": told(monday + 2 * DAY)}
    assert blocks(shown) == [(told(monday + HOUR), told(monday + 2 * HOUR))]
    assert await state(team, ada, monday + HOUR, monday + 2 * DAY) == "known"
    assert await state(team, ada, monday, monday + HOUR) == "not_covered"
    assert await state(team, ada, monday + 2 * DAY, monday + 3 * DAY) == "not_covered"


async def test_calendars_that_were_pulled_for_no_common_time_cover_nothing(team: Team, monday: datetime) -> None:
    ada = await team.person(window_end=monday)
    team.second_calendar(ada, window_start=monday)

    (shown,) = await team.free_busy([ada], monday - DAY, monday + DAY)

    assert (shown["state"], shown["coverage"], shown["busy"]) == ("not_covered", None, [])


async def test_the_pull_that_is_longest_ago_is_told(team: Team, monday: datetime) -> None:
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
    ada = await team.person(status="failing")
    team.second_calendar(ada, last_success_at=long_ago, pause_seconds=60)

    (shown,) = await team.free_busy([ada], monday, monday + DAY)

    assert (shown["synced_at"], shown["stale"], shown["state"]) == (told(long_ago), True, "known")


# What happens while it is read.


async def test_a_disconnect_while_events_are_read_makes_nobody_free(team: Team, monday: datetime, monkeypatch) -> None:
    ada = await team.person()
    team.busy(ada, monday)
    (calendar,), read = await CalendarDocument.of_users([ada.user_id]), documents.busy_times

    async def interrupted(*asked: Any) -> Any:
        await calendars.leave(calendar.owner, datetime.now(UTC))
        return await read(*asked)

    monkeypatch.setattr(documents, "busy_times", interrupted)

    assert await state(team, ada, monday, monday + DAY) == "not_connected"


async def test_a_first_pull_that_ends_while_events_are_read_makes_nobody_free(
    team: Team, monday: datetime, monkeypatch
) -> None:
    ada = await team.person(status="new")
    read = documents.busy_times

    async def interrupted(*asked: Any) -> Any:
        found = await read(*asked)
        team.busy(ada, monday)
        team.change(ada, status="synced")
        return found

    monkeypatch.setattr(documents, "busy_times", interrupted)

    assert await state(team, ada, monday, monday + DAY) == "not_pulled"
    monkeypatch.undo()
    assert len(await busy(team, ada, monday, monday + DAY)) == 1


async def test_a_calendar_that_begins_to_take_time_while_events_are_read_is_not_known(
    team: Team, monday: datetime
) -> None:
    ada = await team.person()
    (before,) = await CalendarDocument.of_users([ada.user_id])
    idle = Pulled.of(before.model_copy(update={"busy": False}), team.org.org_id)
    now = Pulled.of(before, team.org.org_id)

    assert now.since(now) == now
    assert now.since(idle).coverage is now.since(None).coverage is None
    assert idle.since(now).coverage == now.coverage


# Who may be asked about, and what makes no sense.


async def test_only_todays_members_may_be_asked_about(
    world: World, team: Team, organization: Factory, monday: datetime
) -> None:
    (ada, gone), elsewhere = await team.people(2), await organization("Owner")
    there = await Team(world, elsewhere).person()
    world.propelauth.remove_member(team.org.org_id, gone.user_id)
    await team.org.mirrored()
    problems = []
    for user_id in (there.user_id, gone.user_id, str(uuid4()), "x", elsewhere.org_id):
        answer = await team.ask("free-busy", {"people": [ada.user_id, user_id]}, monday, monday + DAY)
        assert refused(answer) == (404, "member_not_found")
        assert user_id not in answer.text
        problems.append({**answer.json(), "request_id": None})

    assert problems == [problems[0]] * len(problems)
    assert [each["field"] for each in problems[0]["errors"]] == ["people.1"]


async def test_a_stranger_learns_of_nobody(team: Team, organization: Factory, monday: datetime) -> None:
    ada, elsewhere = await team.person(), await organization()
    body = {"people": [ada.user_id], "from": told(monday), "to": told(monday + DAY)}

    answer = await team.world.api.post(f"{team.org.at}/free-busy", headers=elsewhere.owner.headers, json=body)

    assert refused(answer) == (404, "organization_not_found")


async def test_who_is_named_twice_is_told_once(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    found = await team.free_busy([bob, ada, bob], monday, monday + DAY)
    assert [each["user_id"] for each in found] == [bob.user_id, ada.user_id]


ONE = {"people": ["x"]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "invalid"),
    ({**ONE, "from": "2026-03-02T00:00:00", "to": "2026-03-03T00:00:00Z"}, "invalid"),
    ({**ONE, "from": "2026-03-02T00:00:00Z", "to": "2026-03-02T00:00:00Z"}, "invalid_range"),
    ({**ONE, "from": "2026-03-03T00:00:00Z", "to": "2026-03-02T00:00:00Z"}, "invalid_range"),
    ({**ONE, "from": "2026-03-02T00:00:00Z", "to": "2026-05-03T00:00:00.001Z"}, "invalid_range"),
    ({**ONE, "from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02T00:00:00Z"}, "invalid_range"),
    ({**ONE, "from": "1969-12-31T00:00:00Z", "to": "1970-01-02T00:00:00Z"}, "invalid_range"),
    ({**ONE, "from": "2100-12-31T00:00:00Z", "to": "2101-01-01T00:00:00Z"}, "invalid_range"),
    ({"people": [], "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}, "invalid_people"),
    ({"people": [""], "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}, "invalid"),
    ({"people": ["x" * 65], "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}, "invalid"),
    ({"people": ["x"] * 51, "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}, "invalid"),
    ({**ONE, "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z", "org_id": "y"}, "invalid"),
    ({"people": [{"$ne": 1}], "from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}, "invalid"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
async def test_a_question_that_makes_no_sense_is_refused(team: Team, body: dict[str, Any], code: str) -> None:
    answer = await team.world.api.post(f"{team.org.at}/free-busy", headers=team.headers, json=body)

    assert refused(answer) == (422, code)


async def test_sixty_two_days_of_fifty_people_are_told(team: Team, monday: datetime) -> None:
    people = await team.people(MOST_PEOPLE)
    for person in people:
        team.busy(person, monday + 61 * DAY)

    found = await team.free_busy(people, monday, monday + 62 * DAY)

    assert [blocks(each) for each in found] == [[(told(monday + 61 * DAY), told(monday + 61 * DAY + HOUR))]] * 50


async def test_more_events_than_can_be_read_are_refused_whole(team: Team, monday: datetime, monkeypatch) -> None:
    monkeypatch.setattr(documents, "MOST_EVENTS", 5)
    ada = await team.person()
    team.put(*(team.event(ada, monday + number * HOUR, monday + (number + 1) * HOUR) for number in range(4)))
    team.busy(ada, monday - 3 * DAY, 73)
    assert len(await busy(team, ada, monday, monday + DAY)) == 1
    team.busy(ada, monday - 3 * DAY, 73)

    answer = await team.ask("free-busy", {"people": [ada.user_id]}, monday, monday + DAY)

    assert refused(answer) == (422, "too_many_events")


async def test_the_answer_is_kept_nowhere(team: Team, monday: datetime) -> None:
    ada = await team.person()
    headers = {**team.headers, "Idempotency-Key": uuid4().hex}
    body = {"people": [ada.user_id], "from": told(monday), "to": told(monday + DAY)}

    async def asked() -> httpx.Response:
        return await team.world.api.post(f"{team.org.at}/free-busy", headers=headers, json=body)

    first = await asked()
    team.busy(ada, monday)
    second = await asked()

    assert first.headers["cache-control"] == "no-store"
    assert (blocks(first.json()["people"][0]), len(blocks(second.json()["people"][0]))) == ([], 1)


# What is read.


async def test_random_events_are_what_a_slow_obvious_search_finds(team: Team, monday: datetime) -> None:
    chosen = random.Random(20261124)
    people, lengths = await team.people(3), [0, 15, 60, 24 * 60, 24 * 60 + 1, 3 * 24 * 60, 30 * 24 * 60]
    events = []
    for _ in range(300):
        start = monday + timedelta(minutes=chosen.randint(-40 * 24 * 60, 20 * 24 * 60))
        length, takes = timedelta(minutes=chosen.choice(lengths[: chosen.randint(1, 7)])), chosen.random() < 0.7
        events.append(team.event(chosen.choice(people), start, start + length, busy=takes))
    team.put(*events)
    for _ in range(20):
        first = monday + timedelta(minutes=chosen.randint(-20 * 24 * 60, 20 * 24 * 60))
        last = first + timedelta(minutes=chosen.choice([1, 60, 24 * 60, 20 * 24 * 60]))
        for shown in await team.free_busy(people, first, last):
            mine = [each for each in events if each["user_id"] == shown["user_id"] and each["busy"]]
            cut = ((max(each["start_time"], first), min(each["end_time"], last)) for each in mine)
            expected = merged((moment(begin), moment(end)) for begin, end in cut)
            assert blocks(shown) == [(told(at(begin)), told(at(end))) for begin, end in expected]


async def examined(world: World, person: Person, ask: Any) -> list[dict[str, Any]]:
    """What MongoDB did for a question, by its profiler."""
    database = world.database
    database.command("profile", 2)
    try:
        await ask()
    finally:
        database.command("profile", 0)
    seen = list(database["system.profile"].find({"command.find": "calendar_events"}))
    database["system.profile"].drop()
    return [entry for entry in seen if person.user_id in str(entry["command"])]


async def test_only_the_events_of_the_time_are_read_by_two_walks_along_indexes(
    world: World, team: Team, monday: datetime
) -> None:
    people = await team.people(3)
    for person in people:
        hours = range(-1000, 1000, 2)
        team.put(*(team.event(person, monday + number * HOUR, monday + (number + 1) * HOUR) for number in hours))
        team.put(*(team.event(person, monday - day * DAY, monday - (day - 2) * DAY) for day in range(5, 40)))

    walks = await examined(world, people[0], lambda: team.free_busy(people, monday, monday + 2 * DAY))

    assert sorted(walk["planSummary"] for walk in walks) == [
        "IXSCAN { user_id: 1, start_time: 1, _id: 1 }",
        "IXSCAN { user_id: 1, start_time: 1, _id: 1, end_time: 1 }",
    ]
    assert sum(walk["docsExamined"] for walk in walks) <= 3 * (36 + 1)
    assert all(walk["command"]["filter"]["org_ids"] == team.org.org_id for walk in walks)
    assert all("title" not in walk["command"]["projection"] for walk in walks)


async def test_of_people_who_show_nothing_no_event_is_read(world: World, team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    await team.shows(ada, "nothing")
    team.busy(ada, monday)

    assert await examined(world, ada, lambda: team.free_busy([ada, bob], monday, monday + DAY)) == []
