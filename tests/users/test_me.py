import httpx

from devstack.emulator import Fault
from tests.world import Person, World


async def test_a_person_never_seen_before_is_known_at_first_sight(
    api: httpx.AsyncClient, world: World, ada: Person
) -> None:
    answer = await api.get("/v1/me", headers=ada.headers)

    assert answer.status_code == 200
    assert answer.json()["email"] == ada.email
    assert answer.json()["timezone"] == "Asia/Kolkata"
    assert world.stored(ada)["email"] == ada.email


async def test_first_sight_starts_with_what_propelauth_knows(api: httpx.AsyncClient, world: World, ada: Person) -> None:
    answer = await api.get("/v1/me", headers=ada.headers)

    assert (answer.json()["first_name"], answer.json()["email_confirmed"]) == ("Ada", True)
    stored = world.stored(ada)
    assert stored["first_name"] == "Ada"
    assert stored["can_create_orgs"] is True
    assert stored["created_at"] == stored["updated_at"]


async def test_propelauth_is_asked_once_and_never_for_someone_who_is_known(
    api: httpx.AsyncClient, world: World, ada: Person
) -> None:
    for _ in range(3):
        await api.get("/v1/me", headers=ada.headers)

    assert len(world.propelauth.emulator.requests) == 1


async def test_first_sight_while_propelauth_is_down_starts_with_the_token(
    api: httpx.AsyncClient, world: World, ada: Person
) -> None:
    world.propelauth.emulator.fail(Fault(path="", times=None, status=500, body="down"))

    answer = await api.get("/v1/me", headers=ada.headers)

    assert answer.status_code == 200
    assert answer.json()["email"] == ada.email
    assert answer.json()["first_name"] is None
