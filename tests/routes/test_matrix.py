"""Who gets what from every route. The rows stand against the application's own table: a new route needs a row."""

import time
from uuid import uuid4

import httpx
import pytest

from tests.routes.companies import CALLERS
from tests.routes.matrix import outcomes, unmatched
from tests.routes.row import Route
from tests.routes.rows import OWN, PUBLIC, ROUTES, SERVICES
from tests.routes.services import ALL_CALLERS
from tests.routes.stage import Stage
from tests.world import Person, World


async def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    assert [str(outcome) for outcome in unmatched(world)] == []
    assert len(ROUTES) == len(set(ROUTES))


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
async def test_every_caller_gets_what_the_row_says_for_every_target(stage: Stage, route: Route) -> None:
    found = await outcomes(stage, route)
    assert [str(outcome) for outcome in found if outcome.wrong] == []
    assert {outcome.caller for outcome in found} == set(ALL_CALLERS if route in SERVICES else CALLERS)


@pytest.mark.parametrize("row", PUBLIC, ids=" ".join)
async def test_a_public_route_needs_no_token(api: httpx.AsyncClient, row: Route) -> None:
    assert (await api.request(*row)).status_code == PUBLIC[row]


@pytest.mark.parametrize("row", OWN, ids=" ".join)
async def test_a_person_gets_their_own(api: httpx.AsyncClient, ada: Person, row: Route) -> None:
    assert (await api.request(*row, headers=ada.headers)).status_code == OWN[row]


@pytest.mark.parametrize("row", SERVICES, ids=" ".join)
async def test_a_route_for_services_is_closed_to_people(api: httpx.AsyncClient, ada: Person, row: Route) -> None:
    for headers in ({}, ada.headers, {"X-API-Key": "sk_wrong"}, {"X-API-Key": ada.token}, {"X-API-Key": ""}):
        assert (await api.request(*row, headers=headers)).status_code == 401


def credentials(world: World, ada: Person) -> dict[str, dict[str, str]]:
    expired = world.propelauth.access_token(ada.user_id, issued_at=time.time() - 7200)
    foreign = world.propelauth.access_token(ada.user_id, iss="https://other.example.com")
    altered = ada.token[:-8] + ("A" * 8 if not ada.token.endswith("A" * 8) else "B" * 8)
    tokens = {"malformed": "not.a.token", "expired": expired, "foreign": foreign, "altered": altered, "short": "x"}
    sent = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
    others = {"anonymous": {}, "basic": {"Authorization": "Basic YTpi"}, "key": {"X-API-Key": "k"}}
    return {**others, **sent, "bare": {"Authorization": ada.token}}


@pytest.mark.parametrize("row", OWN, ids=" ".join)
async def test_who_is_not_known_gets_401_and_leaves_no_trace(api: httpx.AsyncClient, world: World, row: Route) -> None:
    ada = world.person(google=False)
    body = {"first_name": "Mallory", "state": "s", "code": "c"}
    for name, headers in credentials(world, ada).items():
        asked = await api.request(*row, headers=headers, params={"access_token": ada.token}, json=body)
        assert (asked.status_code, asked.headers.get("www-authenticate")) == (401, "Bearer"), name
    assert world.stored(ada) is None


@pytest.mark.parametrize("row", OWN, ids=" ".join)
async def test_nobody_reaches_another_person(api: httpx.AsyncClient, world: World, ada: Person, row: Route) -> None:
    """Ada's id in the query, in headers and in the body of a stranger: nothing of hers comes back or changes."""
    secret = f"canary-{uuid4().hex}"
    before = world.grant_tokens(ada, first_name=secret, welcome_form_data={"secret": secret})
    stranger = world.person()
    pointing = {"user_id": ada.user_id, "sub": ada.user_id, "email": ada.email}
    headers = {**stranger.headers, "X-User-Id": ada.user_id, "X-Forwarded-User": ada.user_id}

    answer = await api.request(*row, headers=headers, params=pointing, json=pointing)

    assert answer.status_code < 500
    assert not any(text in answer.text for text in (secret, before["access_token"], before["refresh_token"]))
    assert ada.user_id not in answer.text or row == ("PUT", "/v1/me/welcome-form")
    assert world.stored(ada) == before
