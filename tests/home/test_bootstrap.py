"""GET /v1/me/bootstrap in every state a connection can be in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from tests.world import Person, World


@pytest.fixture
async def home(api: httpx.AsyncClient, ada: Person):
    async def read() -> dict[str, Any]:
        answer = await api.get("/v1/me/bootstrap", headers=ada.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return read


async def sync(api: httpx.AsyncClient, person: Person) -> None:
    await api.post("/v1/me/calendar/sync", headers=person.headers)


async def test_someone_never_seen_before_has_everything_to_do(ada, home) -> None:
    found = await home()

    assert found["user"]["email"] == ada.email
    assert found["onboarding"] == {"welcome_form_completed": False, "calendar_connected": False}
    assert (found["calendar"]["state"], found["calendar"]["connected"]) == ("disconnected", False)


async def test_it_asks_nothing_of_google_or_propelauth(world, ada, home) -> None:
    world.grant_tokens(ada)

    await home()

    assert world.google.requests == []
    assert world.propelauth.emulator.requests == []


async def test_what_older_software_connected_is_connected_and_becomes_due(world, ada, home) -> None:
    world.grant_tokens(ada, welcome_form_completed=True)

    found = await home()

    assert found["onboarding"] == {"welcome_form_completed": True, "calendar_connected": True}
    assert (found["calendar"]["state"], found["calendar"]["source"]) == ("waiting", "stored")
    assert world.database["calendars"].find_one({"user_id": ada.user_id})["next_sync_at"] <= datetime.now(UTC)


async def test_a_calendar_just_connected_is_waiting_for_its_first_pull(ada, connect, home) -> None:
    await connect(ada)

    calendar = (await home())["calendar"]

    assert (calendar["state"], calendar["source"], calendar["google_email"]) == ("waiting", "google", ada.email)
    assert calendar["stale"] is True


async def test_a_pulled_calendar_is_synced_and_after_a_while_stale(world, api, ada, home) -> None:
    world.grant_tokens(ada)
    await sync(api, ada)
    fresh = (await home())["calendar"]
    long_ago = datetime.now(UTC) - timedelta(days=1)
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"last_success_at": long_ago}})

    assert (fresh["state"], fresh["stale"], fresh["google_calendar_id"]) == ("synced", False, ada.email)
    assert (await home())["calendar"]["stale"] is True


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"status": 503}, "failing"),
        ({"status": 401, "body": "{}"}, "access_lost"),
        ({"status": 403, "body": '{"error": {"errors": [{"reason": "insufficientPermissions"}]}}'}, "access_lost"),
        ({"status": 404, "body": '{"error": {"errors": [{"reason": "notFound"}]}}'}, "gone"),
        ({"status": 404, "body": "<html>"}, "failing"),
    ],
)
async def test_what_went_wrong_is_said_in_words(world, api, ada, home, fault, state) -> None:
    world.grant_tokens(ada)
    world.google.fail(Fault(path="/calendar/v3/", times=None, **fault))
    await sync(api, ada)

    calendar = (await home())["calendar"]

    assert (calendar["state"], calendar["connected"]) == (state, True)
    assert calendar["reason"].endswith((".", "again."))


async def test_connecting_again_after_lost_access_is_waiting_and_forgets_the_reason(
    world,
    api,
    ada,
    connect,
    home,
) -> None:
    world.grant_tokens(ada, token_expiration=1)
    world.google.revoke(ada.email)
    await sync(api, ada)
    lost = (await home())["calendar"]
    await connect(ada)

    calendar = (await home())["calendar"]

    assert lost["state"] == "access_lost"
    assert (calendar["state"], calendar["reason"]) == ("waiting", None)


async def test_after_a_disconnect_nothing_of_the_calendar_is_shown(api, ada, connect, home) -> None:
    await connect(ada)
    await sync(api, ada)
    await api.delete("/v1/me/calendar", headers=ada.headers)

    found = await home()

    assert found["onboarding"]["calendar_connected"] is False
    assert found["calendar"] == {
        **dict.fromkeys(found["calendar"]),
        "state": "disconnected",
        "connected": False,
        "stale": True,
        "calendars": [],
    }


async def test_no_secret_is_in_it(world, ada, home) -> None:
    stored = world.grant_tokens(ada, client_secret="GOCSPX-secret", client_id="x")

    text = str(await home())

    assert not [name for name in ("access_token", "refresh_token", "client_secret") if stored[name] in text]


async def test_without_a_token_it_is_refused(api: httpx.AsyncClient, world: World) -> None:
    assert (await api.get("/v1/me/bootstrap")).status_code == 401
