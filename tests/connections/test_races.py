"""Connecting, refreshing and disconnecting at the same time: the last decision of the person holds."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.clients.google_errors import AccessLost, GoogleUnavailable
from switchboard.connections import service
from switchboard.connections.documents import ConnectionDocument
from switchboard.connections.model import SCOPES, NotConnected
from tests.world import Person, World, eventually

EXPIRED = 1_600_000_000


def refreshing(world: World, person: Person) -> asyncio.Future[str]:
    return asyncio.ensure_future(service.access_token(world.services, person.user_id, datetime.now(UTC)))


async def consent(world: World, api: httpx.AsyncClient, person: Person, email: str | None = None) -> dict[str, str]:
    begun = await api.post("/v1/me/calendar/connect", headers=person.headers)
    location = await world.google.approve(begun.json()["authorization_url"], email or person.email)
    brought = parse_qs(urlsplit(location).query)
    return {name: brought[name][0] for name in ("state", "code")}


async def confirm(api: httpx.AsyncClient, person: Person, body: dict[str, str]) -> httpx.Response:
    return await api.post("/v1/me/calendar/confirm", headers=person.headers, json=body)


def kept_by_propelauth(world: World, person: Person, *, expires: int = EXPIRED) -> None:
    grant = world.google.grant(person.email, world.settings.google.client_id, list(SCOPES))
    kept = {"access_token": grant["access_token"], "refresh_token": grant["refresh_token"], "token_provider": "google"}
    world.propelauth.link_social(
        person.user_id, "google", {**kept, "token_expiration": expires, "authorized_scopes": list(SCOPES)}
    )


def tokens(world: World, person: Person) -> dict[str, Any]:
    names = ("access_token", "refresh_token", "token_expiration", "scope", "has_calendar_access")
    return {name: world.stored(person).get(name) for name in names}


DISCONNECTED = {
    "access_token": "",
    "refresh_token": None,
    "token_expiration": 0,
    "scope": [],
    "has_calendar_access": False,
}


@pytest.mark.parametrize("stored", [{}, {"refresh_token": None}, {"refresh_token": ""}, {"refresh_token": 7}])
async def test_a_refresh_that_ends_after_a_disconnect_writes_no_tokens_back(world, api, ada, stored) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED, **stored)
    if stored:
        kept_by_propelauth(world, ada)
    hooked = world.propelauth if stored else world.google
    hooked.emulator.fail(Fault(path="fresh_token|oauth_token|/token", latency=0.3))
    late = refreshing(world, ada)
    await eventually(lambda: hooked.emulator.asked("fresh_token|oauth_token|/token"))

    assert (await api.delete("/v1/me/calendar", headers=ada.headers)).status_code == 204
    with pytest.raises(NotConnected):
        await late

    assert tokens(world, ada) == DISCONNECTED
    assert world.database["calendar_connections"].find_one({"user_id": ada.user_id}) is None


async def test_a_refresh_by_propelauth_is_stored_although_there_is_no_refresh_token(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED, refresh_token="")
    kept_by_propelauth(world, ada, expires=4_000_000_000)

    token = await refreshing(world, ada)

    assert world.stored(ada)["access_token"] == token
    assert await refreshing(world, ada) == token


async def test_a_refused_refresh_that_ends_after_a_disconnect_leaves_no_connection(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.revoke(ada.email)
    world.google.fail(Fault(path="/token", latency=0.3))
    late = refreshing(world, ada)
    await eventually(lambda: world.google.asked("/token"))

    await api.delete("/v1/me/calendar", headers=ada.headers)
    with pytest.raises((NotConnected, AccessLost)):
        await late

    assert world.database["calendar_connections"].find_one({"user_id": ada.user_id}) is None


async def test_a_refresh_overtaken_by_a_new_login_gives_the_new_logins_token(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", latency=0.3))
    late = refreshing(world, ada)
    await eventually(lambda: world.google.asked("/token"))
    newer = {"access_token": "newer", "refresh_token": "newer", "token_expiration": 4_000_000_000}

    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": newer})

    assert await late == "newer"


async def test_a_refresh_overtaken_by_a_login_that_is_expired_too_does_not_go_round_for_ever(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", times=None, latency=0.2))
    late = refreshing(world, ada)
    await eventually(lambda: world.google.asked("/token"))

    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"refresh_token": "other"}})
    with pytest.raises(GoogleUnavailable):
        await late

    assert len(world.google.asked("/token")) == 1


async def test_adopting_during_a_refresh_holds(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    kept_by_propelauth(world, ada, expires=4_000_000_000)
    world.google.fail(Fault(path="/token", latency=0.3))
    late = refreshing(world, ada)
    await eventually(lambda: world.google.asked("/token"))

    adopted = await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)
    stored = tokens(world, ada)

    assert adopted.json()["source"] == "propelauth"
    assert await late == stored["access_token"]
    assert tokens(world, ada) == stored


async def test_confirming_two_consents_of_one_account_at_once_connects(world, api, ada) -> None:
    bodies = [await consent(world, api, ada) for _ in range(4)]

    answers = await asyncio.gather(*(confirm(api, ada, body) for body in bodies))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert world.database["calendar_connections"].count_documents({"user_id": ada.user_id}) == 1


async def test_one_consent_confirmed_many_times_at_once_counts_once(world, api, ada) -> None:
    body = await consent(world, api, ada)

    answers = await asyncio.gather(*(confirm(api, ada, body) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[410] * 5]
    assert len(world.google.asked("/token")) == 1


async def test_of_two_accounts_confirmed_at_once_one_holds_with_its_own_tokens(world, api, ada) -> None:
    other = world.person()
    for _ in range(3):
        bodies = [await consent(world, api, ada, email) for email in (ada.email, other.email)]
        answers = await asyncio.gather(*(confirm(api, ada, body) for body in bodies))

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        connection = world.database["calendar_connections"].find_one({"user_id": ada.user_id})
        calendar = await world.services.google.primary_calendar(world.stored(ada)["access_token"])
        assert calendar.google_calendar_id == connection["google_email"]
        await api.delete("/v1/me/calendar", headers=ada.headers)


async def test_another_account_may_connect_once_nothing_is_connected_any_more(world, api, ada) -> None:
    await confirm(api, ada, await consent(world, api, ada))
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"scope": [], "access_token": ""}})
    earlier = datetime.now(UTC) - timedelta(minutes=2)
    world.database["calendar_connections"].update_one({"user_id": ada.user_id}, {"$set": {"connected_at": earlier}})
    other = world.person()

    answer = await confirm(api, ada, await consent(world, api, ada, other.email))

    assert (answer.status_code, answer.json()["google_email"]) == (200, other.email)


async def test_another_account_is_refused_while_one_is_connected(world, api, ada) -> None:
    await confirm(api, ada, await consent(world, api, ada))
    before = tokens(world, ada)

    answer = await confirm(api, ada, await consent(world, api, ada, world.person().email))

    assert (answer.status_code, answer.json()["code"]) == (409, "other_google_account")
    assert tokens(world, ada) == before


async def test_while_google_does_not_answer_a_consent_is_not_used_up(world, api, ada) -> None:
    body = await consent(world, api, ada)
    world.google.fail(Fault(path="/token", status=503))

    first, second = await confirm(api, ada, body), await confirm(api, ada, body)

    assert (first.status_code, second.status_code) == (503, 200)


async def test_disconnecting_and_connecting_at_once_ends_in_one_of_both(world, api, ada) -> None:
    for _ in range(6):
        await confirm(api, ada, await consent(world, api, ada))
        body = await consent(world, api, ada)
        _, answer = await asyncio.gather(api.delete("/v1/me/calendar", headers=ada.headers), confirm(api, ada, body))
        shown = (await api.get("/v1/me/calendar", headers=ada.headers)).json()
        calendar = world.database["calendars"].find_one({"user_id": ada.user_id})
        assert shown["connected"] == bool(world.stored(ada)["scope"])
        assert shown["state"] == ("waiting" if shown["connected"] else "disconnected"), answer.text
        assert not shown["connected"] or calendar["next_sync_at"] <= datetime.now(UTC)


async def test_google_losing_two_grants_of_no_refresh_token_are_told_apart(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED, refresh_token=None)
    with pytest.raises(AccessLost):
        await refreshing(world, ada)
    connection = await ConnectionDocument.find(ada.user_id)
    kept_by_propelauth(world, ada, expires=4_000_000_000)
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"access_token": "of a new login"}})

    assert connection is not None
    assert await refreshing(world, ada)
