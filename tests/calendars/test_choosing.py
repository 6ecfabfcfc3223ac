"""Which calendars a person has here beside their own, and how each of them stands."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.calendars.model import calendar_id_of, primary_calendar_id
from tests.calendars.conftest import pull_due
from tests.world import Person, World

TEAM = "team@group.calendar.google.com"
HOLIDAYS = "en.german#holiday@group.v.calendar.google.com"


@pytest.fixture
async def eve(world: World, api: httpx.AsyncClient) -> Person:
    """Somebody with a team's calendar and one of holidays beside their own."""
    person = world.person()
    world.grant_tokens(person)
    world.google.add_calendar(person.email, f"{person.user_id}-{TEAM}", "Team", "Europe/Berlin")
    world.google.add_calendar(person.email, f"{person.user_id}-{HOLIDAYS}", "Holidays", access_role="reader")
    await api.post("/v1/me/calendar/sync", headers=person.headers)
    return person


def named(person: Person, name: str) -> str:
    return f"{person.user_id}-{name}"


async def put(api: httpx.AsyncClient, person: Person, *choices: dict[str, Any]) -> httpx.Response:
    return await api.put("/v1/me/calendars", headers=person.headers, json={"calendars": list(choices)})


async def test_all_that_google_shows_is_offered_and_ones_own_is_here_already(api, eve) -> None:
    found = (await api.get("/v1/me/calendars", headers=eve.headers)).json()["calendars"]

    shown = {each["google_calendar_id"]: (each["name"], each["primary"], each["chosen"]) for each in found}
    assert shown == {
        eve.email: (eve.email, True, True),
        named(eve, TEAM): ("Team", False, False),
        named(eve, HOLIDAYS): ("Holidays", False, False),
    }
    own = next(each for each in found if each["primary"])
    assert (own["pull"]["state"], own["busy"], own["access_role"]) == ("synced", True, "owner")


async def test_a_chosen_calendar_is_pulled_and_its_events_stand_beside_the_others(world, api, eve, event) -> None:
    world.google.insert_event(eve.email, event("Mine"))
    world.google.insert_event(eve.email, event("Ours", 1), calendar_id=named(eve, TEAM))

    answer = await put(api, eve, {"google_calendar_id": named(eve, TEAM), "busy": False})
    await api.post("/v1/me/calendar/sync", headers=eve.headers)
    world.database["calendars"].update_many({"user_id": {"$ne": eve.user_id}}, {"$set": {"next_sync_at": None}})
    while await pull_due(world, datetime.now(UTC)):
        pass

    assert answer.status_code == 200
    query = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
    found = (await api.get("/v1/me/events", headers=eve.headers, params=query)).json()["events"]
    ours = calendar_id_of(eve.user_id, named(eve, TEAM))
    assert {(each["title"], each["calendar_id"]) for each in found} == {
        ("Mine", primary_calendar_id(eve.user_id)),
        ("Ours", ours),
    }
    state = (await api.get("/v1/me/calendar", headers=eve.headers)).json()
    own, team = state["calendars"]
    assert (own["primary"], team["calendar_id"], team["name"], team["busy"]) == (True, ours, "Team", False)
    assert team["pull"]["state"] == "synced"
    assert team["pull"]["covered_from"] < team["pull"]["synced_at"] < team["pull"]["covered_to"]


async def test_a_calendar_that_is_not_chosen_any_more_goes_with_its_events_and_may_come_back(
    world, api, eve, event
) -> None:
    world.google.insert_event(eve.email, event("Ours"), calendar_id=named(eve, TEAM))
    chosen = {"google_calendar_id": named(eve, TEAM)}
    await put(api, eve, chosen)
    await pull_all(world, eve)
    assert titles(world, eve) == ["Ours"]

    left = await put(api, eve)

    assert titles(world, eve) == []
    assert [each["chosen"] for each in left.json()["calendars"] if each["name"] == "Team"] == [False]
    await put(api, eve, chosen)
    await pull_all(world, eve)
    assert titles(world, eve) == ["Ours"]


async def test_choosing_the_same_again_changes_no_pull_that_is_under_way(world, api, eve) -> None:
    chosen = {"google_calendar_id": named(eve, TEAM)}
    await put(api, eve, chosen)
    await pull_all(world, eve)
    before = kept(world, eve, TEAM)

    await put(api, eve, {**chosen, "busy": False})

    after = kept(world, eve, TEAM)
    assert {**after, "busy": True} == before
    assert after["busy"] is False


async def test_a_calendar_that_google_does_not_show_is_refused_and_nothing_changes(world, api, eve) -> None:
    answer = await put(
        api, eve, {"google_calendar_id": named(eve, TEAM)}, {"google_calendar_id": "someone@else.example"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_calendar")
    assert kept(world, eve, TEAM) is None


async def test_ones_own_calendar_can_be_told_not_to_take_time_and_stays(world, api, eve) -> None:
    answer = await put(api, eve, {"google_calendar_id": eve.email, "busy": False})

    assert [each["busy"] for each in answer.json()["calendars"] if each["primary"]] == [False]
    await put(api, eve)
    assert world.database["calendars"].count_documents({"user_id": eve.user_id, "status": "synced"}) == 1


async def test_disconnecting_ends_all_of_them_and_connecting_again_brings_ones_own(world, api, eve, event) -> None:
    world.google.insert_event(eve.email, event("Mine"))
    world.google.insert_event(eve.email, event("Ours"), calendar_id=named(eve, TEAM))
    await put(api, eve, {"google_calendar_id": named(eve, TEAM)})
    await pull_all(world, eve)

    await api.delete("/v1/me/calendar", headers=eve.headers)

    assert titles(world, eve) == []
    stored = world.database["calendars"].find({"user_id": eve.user_id})
    assert {calendar["status"] for calendar in stored} == {"disconnected"}


async def test_connecting_anew_makes_the_others_due_as_well(world, api, eve, connect) -> None:
    await put(api, eve, {"google_calendar_id": named(eve, TEAM)})
    await pull_all(world, eve)
    fence = kept(world, eve, TEAM)["fence"]

    await connect(eve)

    again = kept(world, eve, TEAM)
    assert (again["status"], again["fence"]) == ("new", fence + 1)
    assert again["next_sync_at"] <= datetime.now(UTC)


async def test_one_calendar_that_is_gone_costs_the_others_nothing(world, api, eve, event) -> None:
    world.google.insert_event(eve.email, event("Mine"))
    world.google.insert_event(eve.email, event("Ours"), calendar_id=named(eve, TEAM))
    await put(api, eve, {"google_calendar_id": named(eve, TEAM)})
    await pull_all(world, eve)
    body = '{"error": {"errors": [{"reason": "notFound"}]}}'
    world.google.fail(Fault(path=rf".*{TEAM}/events$", times=None, status=404, body=body))

    await pull_all(world, eve)

    own, team = (await api.get("/v1/me/calendar", headers=eve.headers)).json()["calendars"]
    assert (own["pull"]["state"], team["pull"]["state"]) == ("synced", "gone")
    assert titles(world, eve) == ["Mine"]


async def test_nothing_connected_offers_nothing(api, ada) -> None:
    answers = [await api.get("/v1/me/calendars", headers=ada.headers), await put(api, ada)]

    assert [answer.json()["code"] for answer in answers] == ["calendar_not_connected"] * 2


async def pull_all(world: World, person: Person) -> None:
    now = datetime.now(UTC)
    calendars = world.database["calendars"]
    calendars.update_many({"user_id": {"$ne": person.user_id}}, {"$set": {"next_sync_at": None}})
    calendars.update_many(
        {"user_id": person.user_id, "status": {"$ne": "disconnected"}}, {"$set": {"next_sync_at": now}}
    )
    for _ in range(4):
        await pull_due(world, now)


def titles(world: World, person: Person) -> list[str]:
    return [found["title"] for found in world.database["calendar_events"].find({"user_id": person.user_id})]


def kept(world: World, person: Person, name: str) -> Any:
    return world.database["calendars"].find_one({"calendar_id": calendar_id_of(person.user_id, named(person, name))})
