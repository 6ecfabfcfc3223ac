"""POST /v1/orgs/{org_id}/availability: slots in which enough members are free."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from switchboard.events.model import Window
from tests.availability.conftest import HOUR, Team, told, utc
from tests.organizations.conftest import Factory, refused
from tests.working_hours.plain import sent

DAY = 24 * HOUR
IDLE = {"respect_working_hours": False}
HOURLY = {"granularity_minutes": 60}


def day(first: datetime, *times: str) -> list[str]:
    """Times of a day, as `Team.starts` tells them."""
    return [f"{first:%d}T{time}" for time in times]


async def test_a_slot_is_told_with_its_people_and_what_is_known_of_each(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    team.busy(ada, monday + 9 * HOUR, 7)
    team.busy(bob, monday + 15 * HOUR)

    found = await team.slots([bob, ada], monday, monday + DAY)

    assert found["slots"] == [
        {"start": told(monday + 16 * HOUR), "end": told(monday + 17 * HOUR), "people": [bob.user_id, ada.user_id]}
    ]
    assert (found["more"], found["timezone"]) == (False, "UTC")
    assert [set(each) for each in found["people"]] == [
        {"user_id", "state", "reason", "synced_at", "stale", "coverage"}
    ] * 2
    assert [(each["user_id"], each["state"]) for each in found["people"]] == [
        *((bob.user_id, "known"), (ada.user_id, "known"))
    ]


# Working hours.


async def test_without_hours_of_their_own_people_work_nine_to_five_on_weekdays_where_they_are(
    team: Team, monday: datetime
) -> None:
    ada = await team.person(zone="Asia/Kolkata")

    found = await team.slots([ada], monday - 2 * DAY, monday + DAY, **HOURLY)

    assert [slot["start"] for slot in found["slots"]] == [
        told(monday + 3.5 * HOUR + number * HOUR) for number in range(8)
    ]
    assert found["timezone"] == "Asia/Kolkata"


async def test_hours_and_days_off_that_people_keep_are_respected(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    tuesday = f"{monday + DAY:%Y-%m-%d}"
    for person, body in (
        (ada, sent(monday=[("08:00", "12:00")], tuesday=[("08:00", "12:00")], exceptions={tuesday: []})),
        (bob, sent(monday=[("10:00", "18:00")], tuesday=[("10:00", "18:00")])),
    ):
        answer = await team.world.api.put("/v1/me/working-hours", headers=person.headers, json=body)
        assert answer.status_code == 200

    assert await team.starts([ada, bob], monday, monday + 7 * DAY, **HOURLY) == day(monday, "10:00", "11:00")


async def test_working_hours_can_be_left_aside(team: Team, monday: datetime) -> None:
    ada = await team.person()

    found = await team.starts([ada], monday - 6 * HOUR, monday + HOUR, **IDLE, **HOURLY)

    assert found == day(monday - DAY, "18:00", "19:00", "20:00", "21:00", "22:00", "23:00") + day(monday, "00:00")


async def test_hours_of_the_request_stand_in_for_those_of_everybody(team: Team, monday: datetime) -> None:
    ada, bob = await team.person(), await team.person(zone="Europe/Berlin")
    team.keeps(ada, weekly={}, exceptions=[{"date": f"{monday:%Y-%m-%d}", "hours": []}])
    hours = sent("UTC", monday=[("20:00", "22:00")])
    assert await team.starts([ada, bob], monday, monday + DAY, hours=hours, **HOURLY) == day(monday, "20:00", "21:00")

    each = sent(monday=[("20:00", "22:00")])
    assert await team.starts([ada, bob], monday, monday + DAY, hours=each, **HOURLY) == day(monday, "20:00")


async def test_hours_go_over_midnight(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.keeps(ada, **sent(monday=[("23:00", "24:00")], tuesday=[("00:00", "00:30")]))

    found = await team.starts([ada], monday, monday + 2 * DAY, granularity_minutes=30)

    assert found == [*day(monday, "23:00", "23:30")]


# Groups.


async def test_one_of_any_is_enough(team: Team, monday: datetime) -> None:
    ada, bob, cyd = await team.people(3)
    team.busy(ada, monday + 9 * HOUR, 2)
    team.busy(bob, monday + 10 * HOUR, 7)
    team.busy(cyd, monday + 9 * HOUR, 3)
    ids = [each.user_id for each in (ada, bob)]

    found = await team.slots([cyd], monday, monday + DAY, any_of=ids, **HOURLY)

    assert [slot["start"] for slot in found["slots"]] == [told(monday + number * HOUR) for number in range(12, 17)]
    assert all(slot["people"] == [cyd.user_id, ada.user_id] for slot in found["slots"])


async def test_so_many_of_some_are_the_same_ones_all_through_the_slot(team: Team, monday: datetime) -> None:
    ada, bob, cyd = people = await team.people(3)
    team.busy(ada, monday + 9 * HOUR, 0.5)
    team.busy(bob, monday + 9.5 * HOUR, 0.5)
    team.busy(cyd, monday + 11 * HOUR, 6)
    some = {"people": [each.user_id for each in people], "at_least": 2}

    found = await team.slots([], monday, monday + 12 * HOUR, some_of=some, **HOURLY)

    # At nine two of them are free at each moment, but only Cyd is all through the hour.
    assert [slot["start"] for slot in found["slots"]] == [told(monday + number * HOUR) for number in (10, 11)]
    assert [slot["people"] for slot in found["slots"]] == [
        [ada.user_id, bob.user_id, cyd.user_id],
        [ada.user_id, bob.user_id],
    ]


async def test_who_is_in_several_groups_counts_in_each(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    team.busy(bob, monday + 10 * HOUR, 7)
    some = {"people": [ada.user_id, bob.user_id], "at_least": 2}

    found = await team.slots([ada], monday, monday + DAY, any_of=[ada.user_id], some_of=some, **HOURLY)

    assert [slot["start"] for slot in found["slots"]] == [told(monday + 9 * HOUR)]
    assert len(found["people"]) == 2


# What is not known.


@pytest.mark.parametrize(
    ("fields", "state"),
    [({"status": "new"}, "not_pulled"), ({"status": "access_lost"}, "access_lost"), ({"org_ids": []}, "not_pulled")],
)
async def test_who_is_not_known_is_never_free_and_the_answer_says_why(
    team: Team, monday: datetime, fields: dict[str, Any], state: str
) -> None:
    ada, bob = await team.person(), await team.person(**fields)

    together = await team.slots([ada, bob], monday, monday + DAY)
    either = await team.slots([], monday, monday + DAY, any_of=[bob.user_id, ada.user_id])

    assert together["slots"] == []
    assert (together["people"][1]["state"], bool(together["people"][1]["reason"])) == (state, True)
    assert {tuple(slot["people"]) for slot in either["slots"]} == {(ada.user_id,)}


async def test_who_shows_nothing_is_never_free_and_who_shows_busy_times_alone_is(team: Team, monday: datetime) -> None:
    ada, bob = await team.people(2)
    await team.shows(ada, "nothing")
    await team.shows(bob, "busy")
    team.busy(bob, monday, 10)

    found = await team.slots([], monday, monday + DAY, any_of=[ada.user_id, bob.user_id], **HOURLY)

    assert {tuple(slot["people"]) for slot in found["slots"]} == {(bob.user_id,)}
    assert [f"{slot['start']:.16}"[8:] for slot in found["slots"]] == day(
        monday, *(f"{hour}:00" for hour in range(10, 17))
    )
    hidden = found["people"][0]
    assert (hidden["state"], hidden["coverage"], hidden["synced_at"]) == ("hidden", None, None)


async def test_time_that_is_not_covered_is_not_free_nor_is_a_buffer_that_reaches_into_it(
    team: Team, monday: datetime
) -> None:
    ada = await team.person(window_start=monday + 10 * HOUR, window_end=monday + 14 * HOUR)
    asked: dict[str, Any] = {**HOURLY, **IDLE}

    assert await team.starts([ada], monday, monday + DAY, **asked) == day(monday, "10:00", "11:00", "12:00", "13:00")
    assert await team.starts([ada], monday, monday + DAY, **asked, buffer_before_minutes=1) == day(
        monday, "11:00", "12:00", "13:00"
    )
    assert await team.starts([ada], monday, monday + DAY, **asked, buffer_after_minutes=60) == day(
        monday, "10:00", "11:00", "12:00"
    )
    shown = (await team.slots([ada], monday, monday + DAY, **asked))["people"][0]
    assert (shown["state"], shown["coverage"]) == (
        "partly_known",
        {"from": told(monday + 10 * HOUR), "to": told(monday + 14 * HOUR)},
    )


# Buffers, notice, marks, limits.


async def test_buffers_keep_away_from_events_and_not_from_the_ends_of_working_hours(
    team: Team, monday: datetime
) -> None:
    ada = await team.person()
    team.busy(ada, monday + 12 * HOUR)
    buffers = {"buffer_before_minutes": 30, "buffer_after_minutes": 60}

    found = await team.starts([ada], monday, monday + DAY, granularity_minutes=30, **buffers)

    assert found == day(monday, "09:00", "09:30", "10:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00")


async def test_a_buffer_reaches_events_outside_of_the_range(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.busy(ada, monday + 9 * HOUR)
    team.busy(ada, monday + 13 * HOUR)
    asked: dict[str, Any] = {"granularity_minutes": 60, "buffer_before_minutes": 30, "buffer_after_minutes": 30}

    assert await team.starts([ada], monday + 10 * HOUR, monday + 13 * HOUR, **asked) == day(monday, "11:00")


async def test_a_slot_begins_no_sooner_than_now_and_the_notice(team: Team) -> None:
    ada, now = await team.person(), datetime.now(UTC)

    async def first(**asked: Any) -> datetime:
        found = await team.slots([ada], now - DAY, now + 3 * DAY, granularity_minutes=1, limit=1, **IDLE, **asked)
        return datetime.fromisoformat(found["slots"][0]["start"])

    soon = timedelta(minutes=2)
    assert now <= await first() <= now + soon
    assert now + 1.5 * HOUR <= await first(minimum_notice_minutes=90) <= now + 1.5 * HOUR + soon
    assert (await team.slots([ada], now, now + DAY, minimum_notice_minutes=24 * 60, **IDLE))["slots"] == []
    assert (await team.slots([ada], now - 3 * DAY, now - DAY, **IDLE))["slots"] == []


async def test_slots_lie_in_the_range_to_the_minute(team: Team, monday: datetime) -> None:
    ada, minute = await team.person(), timedelta(minutes=1)
    asked: dict[str, Any] = {"granularity_minutes": 1, **IDLE}

    assert await team.starts([ada], monday, monday + HOUR, **asked) == day(monday, "00:00")
    assert await team.starts([ada], monday, monday + HOUR - minute, **asked) == []
    assert await team.starts([ada], monday + minute / 2, monday + HOUR + minute, **asked) == day(monday, "00:01")


async def test_marks_are_counted_on_a_clock_from_its_midnight(team: Team, monday: datetime) -> None:
    ada = await team.person()
    asked: dict[str, Any] = {**IDLE, "granularity_minutes": 120, "timezone": "Asia/Kathmandu"}

    assert await team.starts([ada], monday, monday + 5 * HOUR, **asked) == day(monday, "00:15", "02:15")


async def test_marks_begin_anew_at_each_midnight(team: Team, monday: datetime) -> None:
    ada = await team.person()

    found = await team.starts([ada], monday + 20 * HOUR, monday + 28 * HOUR, **IDLE, granularity_minutes=7 * 60)

    assert found == [*day(monday, "21:00"), *day(monday + DAY, "00:00")]


async def test_the_clock_is_that_of_the_first_person_or_of_the_hours_unless_it_is_named(
    team: Team, monday: datetime
) -> None:
    ada, bob = await team.person(zone="Asia/Kolkata"), await team.person(zone="Asia/Kathmandu")
    team.keeps(bob, **sent("America/New_York", monday=[("09:00", "17:00")]))

    async def clock(people: list[Any], **asked: Any) -> str:
        return str((await team.slots(people, monday, monday + DAY, **asked))["timezone"])

    assert await clock([ada, bob]) == "Asia/Kolkata"
    assert await clock([bob, ada]) == "America/New_York"
    assert await clock([bob], hours=sent("Asia/Tokyo")) == "Asia/Tokyo"
    assert await clock([bob], hours=sent()) == "Asia/Kathmandu"
    assert await clock([bob], timezone="UTC", hours=sent("Asia/Tokyo")) == "UTC"


async def test_the_earliest_slots_are_told_and_whether_there_are_more(team: Team, monday: datetime) -> None:
    ada = await team.person()
    every = await team.slots([ada], monday, monday + DAY, **HOURLY)
    assert (len(every["slots"]), every["more"]) == (8, False)
    for limit in (1, 7, 8, 9):
        some = await team.slots([ada], monday, monday + DAY, limit=limit, **HOURLY)
        assert (some["slots"], some["more"]) == (every["slots"][:limit], limit < 8)


# Changes of clocks.


async def test_a_working_day_keeps_its_place_on_the_wall_when_clocks_change(team: Team) -> None:
    ada = await team.person(zone="Europe/Berlin")
    asked: dict[str, Any] = {"duration_minutes": 480, "granularity_minutes": 60}

    spring = await team.starts_as_of(utc(2026, 1, 1), [ada], Window(utc(2026, 3, 27), utc(2026, 3, 31)), **asked)
    autumn = await team.starts_as_of(utc(2026, 1, 1), [ada], Window(utc(2026, 10, 23), utc(2026, 10, 27)), **asked)

    assert (spring, autumn) == (["27T08:00", "30T07:00"], ["23T07:00", "26T08:00"])


async def test_slots_follow_the_wall_through_the_night_of_a_change(team: Team) -> None:
    ada = await team.person(zone="Europe/Berlin")
    asked: dict[str, Any] = {**IDLE, "granularity_minutes": 120, "duration_minutes": 30}

    spring = Window(utc(2026, 3, 28, 23), utc(2026, 3, 29, 5))
    autumn = Window(utc(2026, 10, 24, 22), utc(2026, 10, 25, 6))

    # On the wall: 00, then 02 is not there, 04, 06; in autumn 00, 02 twice, 04, 06.
    assert await team.starts_as_of(utc(2026, 1, 1), [ada], spring, **asked) == ["28T23:00", "29T02:00", "29T04:00"]
    assert await team.starts_as_of(utc(2026, 1, 1), [ada], autumn, **asked) == [
        *("24T22:00", "25T00:00", "25T01:00", "25T03:00", "25T05:00")
    ]


# Who may be asked about, and what makes no sense.


async def test_whoever_is_no_member_is_named_by_their_place(
    team: Team, organization: Factory, monday: datetime
) -> None:
    ada, elsewhere = await team.person(), await organization("Owner")
    for user_id in (elsewhere.owner.user_id, str(uuid4())):
        some = {"people": [ada.user_id, user_id], "at_least": 1}
        asked = {"all_of": [ada.user_id], "some_of": some, "duration_minutes": 60}
        answer = await team.ask("availability", asked, monday, monday + DAY)
        assert refused(answer) == (404, "member_not_found")
        assert [each["field"] for each in answer.json()["errors"]] == ["some_of.people.1"]


async def test_a_stranger_learns_of_nobody(team: Team, organization: Factory, monday: datetime) -> None:
    ada, elsewhere = await team.person(), await organization("Owner")
    asked = {"all_of": [ada.user_id], "duration_minutes": 60, "from": told(monday), "to": told(monday + DAY)}

    answer = await team.world.api.post(f"{team.org.at}/availability", headers=elsewhere.owner.headers, json=asked)

    assert refused(answer) == (404, "organization_not_found")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "invalid_people"),
    ({"all_of": [], "any_of": []}, "invalid_people"),
    ({"all_of": ["x"] * 51}, "invalid"),
    ({"all_of": [str(n) for n in range(26)], "any_of": [str(n) for n in range(25, 51)]}, "invalid_people"),
    ({"some_of": {"people": ["x"], "at_least": 2}}, "invalid_people"),
    ({"some_of": {"people": ["x", "x"], "at_least": 2}}, "invalid_people"),
    ({"some_of": {"people": ["x"], "at_least": 0}}, "invalid"),
    ({"some_of": {"people": ["x"]}}, "invalid"),
    ({"all_of": ["x"], "duration_minutes": 0}, "invalid"),
    ({"all_of": ["x"], "duration_minutes": 1441}, "invalid"),
    ({"all_of": ["x"], "duration_minutes": 30.5}, "invalid"),
    ({"all_of": ["x"], "granularity_minutes": 0}, "invalid"),
    ({"all_of": ["x"], "buffer_before_minutes": -1}, "invalid"),
    ({"all_of": ["x"], "limit": 1001}, "invalid"),
    ({"all_of": ["x"], "timezone": "Mars/Olympus"}, "unknown_timezone"),
    ({"all_of": ["x"], "hours": sent("Mars/Olympus")}, "unknown_timezone"),
    ({"all_of": ["x"], "hours": sent(monday=[("10:00", "09:00")])}, "invalid_working_hours"),
    ({"all_of": ["x"], "hours": {"weekly": {"mondey": []}}}, "invalid"),
    ({"all_of": ["x"], "to": "2027-11-01T00:00:00Z"}, "invalid_range"),
    ({"all_of": ["x"], "from": "2027-03-02T00:00:00"}, "invalid"),
    ({"all_of": ["x"], "people": ["x"]}, "invalid"),
]


@pytest.mark.parametrize(("fields", "code"), WRONG)
async def test_a_question_that_makes_no_sense_is_refused(team: Team, fields: dict[str, Any], code: str) -> None:
    usual = {"from": "2027-03-01T00:00:00Z", "to": "2027-03-02T00:00:00Z", "duration_minutes": 30}

    answer = await team.world.api.post(f"{team.org.at}/availability", headers=team.headers, json={**usual, **fields})

    assert refused(answer) == (422, code)


async def test_the_answer_is_kept_nowhere(team: Team, monday: datetime) -> None:
    ada = await team.person()
    headers = {**team.headers, "Idempotency-Key": uuid4().hex}
    body = {"all_of": [ada.user_id], "duration_minutes": 60, "from": told(monday), "to": told(monday + DAY), "limit": 1}
    starts = []
    for _ in range(2):
        answer = await team.world.api.post(f"{team.org.at}/availability", headers=headers, json=body)
        assert answer.headers["cache-control"] == "no-store"
        starts.append(answer.json()["slots"][0]["start"])
        team.busy(ada, monday + 9 * HOUR)

    assert starts == [told(monday + 9 * HOUR), told(monday + 10 * HOUR)]
