"""GET and PUT /v1/me/working-hours."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from switchboard.mongo import UNREADABLE
from switchboard.working_hours.documents import WorkingHoursDocument
from switchboard.working_hours.model import MOST_A_DAY, MOST_EXCEPTIONS
from tests.organizations.conftest import refused
from tests.working_hours.plain import DAYS, hours, sent
from tests.world import Person, World

PATH = "/v1/me/working-hours"


async def read(api: httpx.AsyncClient, person: Person) -> dict[str, Any]:
    answer = await api.get(PATH, headers=person.headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def keep(api: httpx.AsyncClient, person: Person, body: Any) -> httpx.Response:
    return await api.put(PATH, headers=person.headers, json=body)


def kept(world: World, person: Person) -> list[dict[str, Any]]:
    return list(world.database["working_hours"].find({"user_id": person.user_id}, {"_id": 0}))


def week(**days: list[tuple[str, str]]) -> dict[str, Any]:
    return {day: hours(days.get(day, [])) for day in DAYS}


async def test_who_has_kept_nothing_has_the_usual_hours_in_their_own_zone(world, api, ada) -> None:
    world.user_document(ada, timezone="Europe/Berlin")

    shown = await read(api, ada)

    assert shown == {
        "timezone": None,
        "effective_timezone": "Europe/Berlin",
        "weekly": week(**{day: [("09:00", "17:00")] for day in DAYS[:5]}),
        "exceptions": [],
        "usual": True,
        "updated_at": None,
    }
    assert kept(world, ada) == []


async def test_what_is_kept_is_shown_in_order(world, api, ada) -> None:
    body = sent(
        "America/New_York",
        {"2026-12-25": [], "2026-12-24": [("12:00", "13:00"), ("09:00", "10:00")]},
        monday=[("13:00", "24:00"), ("00:00", "12:30")],
    )

    answer = await keep(api, ada, body)

    assert answer.status_code == 200
    shown = answer.json()
    assert {name: shown[name] for name in ("timezone", "effective_timezone", "weekly", "exceptions", "usual")} == {
        "timezone": "America/New_York",
        "effective_timezone": "America/New_York",
        "weekly": week(monday=[("00:00", "12:30"), ("13:00", "24:00")]),
        "exceptions": [
            {"date": "2026-12-24", "hours": hours([("09:00", "10:00"), ("12:00", "13:00")])},
            {"date": "2026-12-25", "hours": []},
        ],
        "usual": False,
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(shown["updated_at"])).total_seconds()) < 60
    assert await read(api, ada) == shown


async def test_what_is_sent_takes_the_place_of_all_that_was(world, api, ada) -> None:
    await keep(api, ada, sent("Asia/Tokyo", {"2026-12-25": []}, monday=[("09:00", "10:00")]))

    await keep(api, ada, {"weekly": {"sunday": hours([("10:00", "11:00")])}})

    shown = await read(api, ada)
    assert (shown["timezone"], shown["exceptions"]) == (None, [])
    assert shown["weekly"] == week(sunday=[("10:00", "11:00")])
    assert len(kept(world, ada)) == 1


async def test_hours_without_a_zone_follow_the_zone_of_their_person(world, api, ada) -> None:
    await keep(api, ada, sent(monday=[("09:00", "10:00")]))
    await api.patch("/v1/me", headers=ada.headers, json={"timezone": "Asia/Tokyo"})

    assert (await read(api, ada))["effective_timezone"] == "Asia/Tokyo"


async def test_what_is_sent_is_what_is_stored(world, api, ada) -> None:
    body = sent("UTC", {"2026-12-25": []}, monday=[("09:00", "10:00")])

    await keep(api, ada, body)

    (stored,) = kept(world, ada)
    assert {name: stored[name] for name in ("timezone", "weekly", "exceptions")} == {
        **body,
        "weekly": week(monday=[("09:00", "10:00")]),
    }


async def test_first_hours_kept_many_times_at_once_are_one_document(world, api, ada) -> None:
    bodies = [sent(monday=[("09:00", f"1{number}:00")]) for number in range(8)]

    answers = await asyncio.gather(*(keep(api, ada, body) for body in bodies))

    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(kept(world, ada)) == 1


async def test_as_much_as_there_may_be_is_kept(world, api, ada) -> None:
    full = [(f"{number:02}:00", f"{number:02}:30") for number in range(MOST_A_DAY)]
    dates = [f"20{year}-{month:02}-{day:02}" for year in (26, 27) for month in range(1, 13) for day in range(1, 19)]
    body = sent(None, dict.fromkeys(dates[:MOST_EXCEPTIONS], full), **dict.fromkeys(DAYS, full))

    assert (await keep(api, ada, body)).status_code == 200
    assert len((await read(api, ada))["exceptions"]) == MOST_EXCEPTIONS

    many = sent(None, dict.fromkeys(dates[: MOST_EXCEPTIONS + 1], full))
    assert refused(await keep(api, ada, many)) == (422, "invalid")
    assert refused(await keep(api, ada, sent(monday=[*full, ("20:00", "21:00")]))) == (422, "invalid")


WRONG: list[tuple[Any, str, str]] = [
    ({}, "invalid", "body.weekly"),
    ({"weekly": None}, "invalid", "body.weekly"),
    ({"weekly": {}, "unknown": 1}, "invalid", "body.?"),
    ({"weekly": {"mondey": []}}, "invalid", "body.weekly.?"),
    (sent("Mars/Olympus"), "unknown_timezone", "timezone"),
    (sent(""), "invalid", "body.timezone"),
    (sent(monday=[("9:00", "10:00")]), "invalid", "body.weekly.monday.0.from"),
    (sent(monday=[("09:00", "24:01")]), "invalid", "body.weekly.monday.0.to"),
    (sent(monday=[("09:00", "10:60")]), "invalid", "body.weekly.monday.0.to"),
    (sent(monday=[("09:00\n", "10:00")]), "invalid", "body.weekly.monday.0.from"),
    (sent(monday=[("٠٩:٠٠", "10:00")]), "invalid", "body.weekly.monday.0.from"),
    (sent(monday=[("10:00", "09:00")]), "invalid_working_hours", "weekly.monday"),
    (sent(monday=[("09:00", "11:00"), ("10:00", "12:00")]), "invalid_working_hours", "weekly.monday"),
    (sent(None, {"2026-02-30": []}), "invalid", "body.exceptions.0.date"),
    (sent(None, {"20261225": []}), "invalid", "body.exceptions.0.date"),
    ({"weekly": {}, "exceptions": [{"date": 1}]}, "invalid", "body.exceptions.0.date"),
    ({"weekly": {}, "exceptions": [{"date": "2026-01-01"}] * 2}, "invalid_working_hours", "exceptions.1"),
]


@pytest.mark.parametrize(("body", "code", "field"), WRONG)
async def test_what_makes_no_sense_is_refused_with_its_place_and_a_sentence(world, api, ada, body, code, field) -> None:
    answer = await keep(api, ada, body)

    assert refused(answer) == (422, code)
    ((problem),) = answer.json()["errors"]
    assert problem["field"] == field
    assert problem["message"][0].isupper()
    assert problem["message"].endswith(".")
    assert kept(world, ada) == []


async def test_hours_that_no_one_can_read_are_left_out_and_counted(world, api, ada) -> None:
    world.database["working_hours"].insert_one({"user_id": ada.user_id, "weekly": {"monday": "all day"}})
    before = UNREADABLE.labels("WorkingHours")._value.get()

    assert (await read(api, ada))["usual"] is True

    assert UNREADABLE.labels("WorkingHours")._value.get() == before + 1
    assert (await keep(api, ada, sent())).status_code == 200
    assert (await read(api, ada))["usual"] is False


async def test_each_person_has_their_own(world, api, ada) -> None:
    bob = world.person(google=False)
    await keep(api, ada, sent(monday=[("09:00", "10:00")]))
    await keep(api, bob, sent(friday=[("09:00", "10:00")]))

    found = await WorkingHoursDocument.of_users([ada.user_id, bob.user_id, "nobody"])

    assert set(found) == {ada.user_id, bob.user_id}
    assert [len(found[each.user_id].weekly.monday) for each in (ada, bob)] == [1, 0]
