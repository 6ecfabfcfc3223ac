import httpx

from tests.world import Person, World


async def test_a_person_never_seen_before_is_known_at_first_sight(
    api: httpx.AsyncClient, world: World, ada: Person
) -> None:
    answer = await api.get("/v1/me", headers=ada.headers)

    assert answer.status_code == 200
    assert answer.json()["email"] == ada.email
    assert answer.json()["timezone"] == "Asia/Kolkata"
    assert world.stored(ada)["email"] == ada.email
