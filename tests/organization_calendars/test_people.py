"""Each answer says how far it can be trusted: for each person, and for all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.organization_calendars.conftest import KEPT, Diaries, Found, Make
from tests.organization_calendars.plain import at
from tests.world import Person


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


async def people(found: Diaries, asking: Person, **params: Any) -> dict[str, Found]:
    return {each["user_id"]: each for each in (await found.page(asking, **params))["people"]}


async def test_every_page_tells_how_every_calendar_stands_and_the_first_what_people_are_called(diaries: Make) -> None:
    found = await diaries()
    for hour in range(3):
        found.put(found.org.member, "Standup", hour)
    first = await found.page(found.org.owner, limit=1)
    second = await found.page(found.org.owner, limit=1, cursor=first["next_cursor"])
    assert {each["user_id"] for each in first["people"]} == {each.user_id for each in found.org.people.values()}
    assert all(each["email"] for each in first["people"])
    unnamed = dict.fromkeys(("email", "first_name", "last_name"))
    assert second["people"] == [{**each, **unnamed} for each in first["people"]]
    overall = ("synced_at", "stale", "covered_from", "covered_to")
    assert [first[name] for name in overall] == [second[name] for name in overall]


async def test_a_person_is_told_with_name_and_state(diaries: Make) -> None:
    found, pulled = await diaries("Owner"), milliseconds(datetime.now(UTC) - timedelta(minutes=3))
    owner = found.org.owner
    found.change(owner, last_success_at=pulled)
    names = {"first_name": "Grace", "last_name": "Hopper", "email": owner.email, "access_token": "canary"}
    found.world.database["users"].update_one({"user_id": owner.user_id}, {"$set": names}, upsert=True)

    page = await found.page(owner)

    known = {"synced_at": stamp(pulled), "stale": False}
    covered = {"covered_from": stamp(KEPT.start), "covered_to": stamp(KEPT.end)}
    shown = {"user_id": owner.user_id, "email": owner.email, "first_name": "Grace", "last_name": "Hopper"}
    assert page["people"] == [{**shown, "shows": "details", "state": "synced", **known, **covered}]
    assert {name: page[name] for name in (*known, *covered)} == {**known, **covered}
    assert "canary" not in str(page)


@pytest.mark.parametrize(
    ("stored", "called"),
    [
        ({"first_name": "Grace", "last_name": ""}, ("Grace", None)),
        ({"user_info": {"first_name": "Grace", "last_name": "Hopper"}}, ("Grace", "Hopper")),
        ({"user_info": {"given_name": "Grace", "family_name": "Hopper"}, "first_name": "G."}, ("G.", "Hopper")),
        ({"first_name": 7, "last_name": ["Hopper"]}, (None, None)),
    ],
)
async def test_people_are_called_what_documents_of_any_shape_say(
    diaries: Make, stored: dict[str, Any], called: tuple[str | None, str | None]
) -> None:
    found = await diaries("Owner")
    users, which = found.world.database["users"], {"user_id": found.org.owner.user_id}
    users.delete_one(which)
    users.insert_one({**which, **stored})
    person = (await people(found, found.org.owner))[found.org.owner.user_id]
    assert (person["first_name"], person["last_name"]) == called


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        ({"status": "new"}, "waiting"),
        ({"status": "failing"}, "failing"),
        ({"status": "access_lost"}, "access_lost"),
        ({"status": "gone"}, "gone"),
        ({"status": "disconnected"}, "disconnected"),
        ({"status": "known to a newer version"}, "waiting"),
    ],
)
async def test_the_state_of_each_persons_calendar_is_told(diaries: Make, stored: dict[str, Any], state: str) -> None:
    found = await diaries()
    found.change(found.org.member, **stored)
    page = await found.page(found.org.owner)
    person = next(each for each in page["people"] if each["user_id"] == found.org.member.user_id)
    assert person["state"] == state
    known = state in ("failing", "disconnected")
    assert (page["covered_from"] is not None) == known
    assert (person["covered_from"] is not None) == (state == "failing")


async def test_the_whole_is_as_old_as_the_oldest_and_covers_what_all_cover(diaries: Make) -> None:
    found, now = await diaries(), milliseconds(datetime.now(UTC))
    org = found.org
    found.change(org.owner, last_success_at=now - timedelta(minutes=5), window_start=at(0))
    found.change(org.admin, last_success_at=now - timedelta(minutes=9), window_end=at(100))
    found.change(org.member, last_success_at=now - timedelta(minutes=7))
    page = await found.page(org.member)
    assert (page["synced_at"], page["stale"]) == (stamp(now - timedelta(minutes=9)), False)
    assert (page["covered_from"], page["covered_to"]) == (stamp(at(0)), stamp(at(100)))

    found.change(org.admin, last_success_at=now - timedelta(days=2))
    page = await found.page(org.member)
    assert page["stale"] is True
    assert {each["user_id"] for each in page["people"] if each["stale"]} == {org.admin.user_id}
    alone = await found.page(org.member, member=org.owner.user_id)
    assert (alone["stale"], alone["covered_to"]) == (False, stamp(KEPT.end))


async def test_who_has_no_calendar_here_or_shows_nothing_does_not_spoil_the_whole(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.change(org.admin, status="disconnected")
    found.change(org.member, status="access_lost", last_success_at=datetime.now(UTC) - timedelta(days=9))
    await found.share(org.member, "nothing")
    page = await found.page(org.owner)
    assert (page["stale"], page["covered_from"]) == (False, stamp(KEPT.start))
    own = await people(found, org.member)
    assert (own[org.member.user_id]["shows"], own[org.member.user_id]["state"]) == ("nothing", "access_lost")


async def test_people_with_several_calendars_are_seen_on_all_of_them(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    team = {"calendar_id": "team", "primary": False, "name": "Team", "window_end": at(50), "status": "failing"}
    found.connect(org.member, **{**team, "calendar_id": f"team of {org.member.user_id}"})
    found.put(org.member, "Own", 9)
    found.put(org.member, "Of the team", 10, calendar_id=f"team of {org.member.user_id}")
    assert await found.titles(org.owner) == ["Own", "Of the team"]
    person = (await people(found, org.owner))[org.member.user_id]
    assert (person["state"], person["covered_to"]) == ("synced", stamp(at(50)))


async def test_where_nobody_is_connected_there_is_nothing(diaries: Make) -> None:
    found = await diaries()
    for person in found.org.people.values():
        found.change(person, status="disconnected")
    page = await found.page(found.org.owner)
    assert (page["events"], page["next_cursor"], page["synced_at"], page["stale"]) == ([], None, None, False)
    assert {each["state"] for each in page["people"]} == {"disconnected"}


async def test_a_calendar_or_a_person_that_cannot_be_read_breaks_nothing(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.put(org.owner, "Standup")
    found.put(org.admin, "canary")
    found.change(org.admin, window_start="soon")
    found.world.database["users"].update_one(
        {"user_id": org.member.user_id}, {"$set": {"first_name": {"$": 1}, "timezone": 7}}, upsert=True
    )
    assert await found.titles(org.owner) == ["Standup"]
    assert (await people(found, org.owner))[org.admin.user_id]["state"] == "disconnected"


async def test_reading_changes_nothing(diaries: Make) -> None:
    found = await diaries()
    found.change(found.org.admin, status="new", last_success_at=None)
    found.meeting(list(found.org.people.values()))

    def everything() -> dict[str, list[Any]]:
        database = found.world.database
        names = ("calendars", "calendar_events", "users", "user_organizations", "calendar_sharing", "organizations")
        return {name: list(database[name].find({}, sort=[("_id", 1)])) for name in names}

    before = everything()
    await found.pages(found.org.owner, limit=1)
    await found.pages(found.org.owner, text="standup")
    assert everything() == before
