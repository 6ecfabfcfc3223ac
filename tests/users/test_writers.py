"""Others write the same documents at the same time: nothing of theirs is lost, and there is one document a person."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from switchboard.users.documents import UserDocument
from switchboard.users.model import TimezoneLocked
from tests.users.raw import raw
from tests.users.variants import CALENDAR, v3
from tests.world import Person, World

ROUNDS = 40


async def lost_writes(world: World, ours: Callable[[Person, int], Awaitable[Any]]) -> int:
    """How often a refresh token that another writer stored during our write is not there afterwards."""
    person = world.person(google=False)
    users = world.database["users"]
    users.insert_one(v3(person.user_id))
    lost = 0
    for number in range(ROUNDS):
        theirs = {"$set": {"refresh_token": f"rotated-{number}", "user_info.locale": number}}
        await asyncio.gather(
            ours(person, number), asyncio.to_thread(users.update_one, {"user_id": person.user_id}, theirs)
        )
        stored = world.stored(person)
        lost += (stored["refresh_token"], stored["user_info"].get("locale")) != (f"rotated-{number}", number)
    return lost


async def test_nothing_another_writer_stores_meanwhile_is_lost(world: World) -> None:
    async def ours(person: Person, number: int) -> None:
        answers = await asyncio.gather(
            world.api.patch("/v1/me", json={"first_name": f"Ada {number}"}, headers=person.headers),
            world.api.put("/v1/me/welcome-form", json={"round": number}, headers=person.headers),
            world.api.get("/v1/me/bootstrap", headers=person.headers),
        )
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        stored = world.stored(person)
        assert (stored["first_name"], stored["welcome_form_data"]) == (f"Ada {number}", {"round": number})

    assert await lost_writes(world, ours) == 0


async def test_the_check_above_catches_a_writer_of_whole_documents(world: World) -> None:
    async def naive(person: Person, number: int) -> None:
        document = world.stored(person)
        await asyncio.sleep(0.002)
        changed = {**document, "first_name": f"Ada {number}"}
        await asyncio.to_thread(world.database["users"].replace_one, {"_id": document["_id"]}, changed)

    assert await lost_writes(world, naive) > ROUNDS // 4


async def test_two_first_sights_at_once_make_one_document(world: World) -> None:
    for _ in range(15):
        person = world.person(google=False)
        asked = (world.api.get(path, headers=person.headers) for path in ("/v1/me", "/v1/me/bootstrap") * 4)
        answers = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} == {200}
        assert world.database["users"].count_documents({"user_id": person.user_id}) == 1


async def test_a_first_sight_that_comes_second_touches_nothing(world: World, ada: Person) -> None:
    """As if the other one inserted between our look and our insert."""
    world.user_document(ada, **{**v3(ada.user_id), "email": "stored@example.com"})
    before = raw(world, ada.user_id)

    user = await UserDocument.add(ada.user_id, {"email": "new@example.com"}, world.google.clock.now())

    assert user.email == "stored@example.com"
    assert raw(world, ada.user_id) == before


async def test_created_at_is_written_once(world: World, ada: Person) -> None:
    await world.api.get("/v1/me", headers=ada.headers)
    created = world.stored(ada)["created_at"]

    await world.api.patch("/v1/me", json={"first_name": "Grace"}, headers=ada.headers)
    await world.api.put("/v1/me/welcome-form", json={}, headers=ada.headers)

    assert world.stored(ada)["created_at"] == created
    welcome_only = world.person()
    world.user_document(welcome_only, welcome_form_data={})
    await world.api.patch("/v1/me", json={"first_name": "Grace"}, headers=welcome_only.headers)
    assert "created_at" not in world.stored(welcome_only)


@pytest.mark.parametrize(
    "granted",
    [
        {"scope": [CALENDAR]},
        {"scope": f"openid {CALENDAR}"},
        {"scope": ["openid", f"{CALENDAR}.readonly"]},
        {"scope": None, "scopes": [CALENDAR]},
        {"scope": "", "scopes": CALENDAR},
        {"scopes": f"openid {CALENDAR}.readonly"},
        {"scope": [f"openid {CALENDAR}"]},
    ],
)
async def test_scopes_granted_between_check_and_write_hold_the_zone(
    world: World, ada: Person, granted: dict[str, Any]
) -> None:
    """The write alone refuses: it is asked directly, as if the check had read the document before the grant."""
    world.user_document(ada, timezone="Asia/Kolkata", **granted)
    now = world.google.clock.now()

    assert await UserDocument.change(ada.user_id, {"timezone": "Asia/Tokyo"}, now, timezone="Asia/Tokyo") is None
    assert world.stored(ada)["timezone"] == "Asia/Kolkata"
    refused = await world.api.patch("/v1/me", json={"timezone": "Asia/Tokyo"}, headers=ada.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, TimezoneLocked.code)
    same = await world.api.patch("/v1/me", json={"timezone": "Asia/Kolkata"}, headers=ada.headers)
    assert same.status_code == 200


@pytest.mark.parametrize(
    "open_",
    [{}, {"scope": []}, {"scope": "openid"}, {"scope": [], "scopes": [CALENDAR]}, {"scope": f"{CALENDAR}.events"}],
)
async def test_without_reading_scopes_the_zone_is_open(world: World, ada: Person, open_: dict[str, Any]) -> None:
    world.user_document(ada, has_calendar_access=True, **open_)

    answer = await world.api.patch("/v1/me", json={"timezone": "Asia/Tokyo"}, headers=ada.headers)

    assert (answer.status_code, answer.json()["timezone_locked"]) == (200, False)
    assert world.stored(ada)["timezone"] == "Asia/Tokyo"


async def test_a_zone_and_a_grant_at_once_never_end_in_a_change_after_the_grant(world: World) -> None:
    for _ in range(25):
        person = world.person(google=False)
        world.user_document(person, timezone="Asia/Kolkata")
        grant = {"$set": {"scope": [CALENDAR]}}
        granting = world.database["users"].find_one_and_update
        answer, before = await asyncio.gather(
            world.api.patch("/v1/me", json={"timezone": "Asia/Tokyo"}, headers=person.headers),
            asyncio.to_thread(granting, {"user_id": person.user_id}, grant),
        )
        assert world.stored(person)["timezone"] == before["timezone"]
        assert answer.status_code == (200 if before["timezone"] == "Asia/Tokyo" else 403)
