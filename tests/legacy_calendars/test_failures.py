"""Every failure of an older path says its sentence where every page looks for it."""

from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.http.legacy import PREFIXES, is_legacy, spoken
from switchboard.legacy_calendars import service
from tests.legacy_calendars.site import Site, failed
from tests.world import FRONT_END, Person, World

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_an_unknown_path_below_any_of_the_prefixes(api: httpx.AsyncClient, prefix: str) -> None:
    failed(await api.get(f"{prefix}/no/such/thing"), 404)


@pytest.mark.parametrize("prefix", ["/api/v1", "/calendar-api"])
async def test_a_method_that_is_not_taken(site: Site) -> None:
    for method in ("DELETE", "TRACE", "OPTIONS"):
        answer = await site.call(method, "/auth/user")
        failed(answer, 405)
        assert "GET" in answer.headers["allow"]


async def test_no_token_and_a_wrong_one(api: httpx.AsyncClient, site: Site) -> None:
    failed(await site.get("/auth/user"), 401)
    answer = await api.get(f"{site.prefix}/auth/user", headers={"Authorization": "Bearer nothing.of.ours"})
    assert failed(answer, 401)["code"] == "invalid_token"


async def test_a_body_that_is_too_large(api: httpx.AsyncClient, site: Site, newcomer: Person) -> None:
    form = b'"' + b"x" * 1_100_000 + b'"'
    answer = await api.post(f"{site.prefix}/welcome-form/submit", content=form, headers={**newcomer.headers, **JSON})
    assert failed(answer, 413)["code"] == "too_large"


async def test_a_body_that_is_no_json(api: httpx.AsyncClient, site: Site, newcomer: Person) -> None:
    headers = {**newcomer.headers, **JSON}
    answer = await api.post(f"{site.prefix}/welcome-form/submit", content=b"{nothing", headers=headers)
    assert failed(answer, 422)["code"] == "invalid_json"


async def test_a_field_that_is_wrong(site: Site, newcomer: Person) -> None:
    told = failed(await site.post("/update-user-names", newcomer, {"first_name": ["canary"]}), 422)
    assert [item["field"] for item in told["errors"]] == ["body.first_name"]
    assert "canary" not in str(told)


async def test_a_crash_inside_the_headers_of_cors(
    api: httpx.AsyncClient, site: Site, newcomer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: Any) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(service, "known", crash)
    answer = await api.get(f"{site.prefix}/auth/user", headers={**newcomer.headers, "Origin": FRONT_END})

    assert "canary" not in str(failed(answer, 500))
    assert answer.headers["access-control-allow-origin"] == FRONT_END
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


async def test_a_vendor_that_is_down(world: World, site: Site, eve: Person) -> None:
    world.propelauth.emulator.fail(Fault(times=None, status=500))

    answer = await site.post("/auth/check-google-tokens", eve)

    assert failed(answer, 503)["code"] == "propelauth_unavailable"
    assert answer.headers["retry-after"]


async def test_newer_paths_say_it_once(api: httpx.AsyncClient) -> None:
    for path in ("/v1/me", "/v1/nothing", "/apis/v1", "/api"):
        assert {"error", "message"}.isdisjoint((await api.get(path)).json())


@pytest.mark.parametrize(
    ("path", "older"),
    [
        *(("/agents", True), ("/agents/info/a b", True), ("/api/agents/x", True), ("/user/x", True), ("/api/v1", True)),
        *(("/v1/agents", False), ("/v1/orgs/o/agents", False), ("/agentsx", False), ("/users/x", False)),
        *(("/api/v10/x", False), ("/internal/v1/agents/a/runtime", False), ("/", False), ("/api/userx", False)),
    ],
)
def test_which_paths_are_older(path: str, older: bool) -> None:
    assert is_legacy(path) is older


def test_what_a_route_says_itself_stays() -> None:
    own = b'{"detail": "d", "code": "c", "error": "{\\"name\\": [\\"taken\\"]}"}'

    assert b'"error":"{\\"name\\": [\\"taken\\"]}"' in spoken("/api/org/create-org", own)
    assert b'"message":"d"' in spoken("/api/org/create-org", own)


# A sign-in that fails: the codes of the older server, but no longer with status 200 (section 9, row 2).


def refused(answer: httpx.Response, status: int, error: str, message: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["error"], answer.json()["message"]) == (error, message)


@pytest.mark.parametrize("body", [{}, {"access_token": None}, {"access_token": ""}, {"service": "calendar"}])
async def test_a_sign_in_without_a_token(site: Site, body: Any) -> None:
    refused(await site.post("/auth/callback", body=body), 400, "no_access_token", "No access token provided.")


@pytest.mark.parametrize("body", [b"", b"{nothing", b"[]", b'"token"', b'{"access_token": 7}', b'{"access_token": {}}'])
async def test_a_sign_in_of_another_shape(api: httpx.AsyncClient, site: Site, body: bytes) -> None:
    answer = await api.post(f"{site.prefix}/auth/callback", content=body, headers=JSON)
    refused(answer, 422, "invalid_request", "Invalid request format.")


async def test_a_sign_in_with_a_token_of_nobody(world: World, site: Site, newcomer: Person) -> None:
    expired = world.propelauth.access_token(newcomer.user_id, issued_at=1_700_000_000)
    for token in ("x", "a b c", expired, newcomer.token[:-8] + "AAAAAAAA", f"Bearer {newcomer.token}"):
        answer = await site.post("/auth/callback", body={"access_token": token})
        refused(answer, 401, "server_error", "An error occurred during OAuth callback.")
        assert token not in answer.text or token == "x"
    assert world.stored(newcomer) is None


async def test_a_sign_in_without_google(world: World, site: Site, newcomer: Person) -> None:
    answer = await site.sign_in(newcomer)

    refused(answer, 404, "not_logged_in_with_google", "User is not logged in with Google.")
    assert (await site.get("/auth/user", newcomer)).json()["user"]["email"] == newcomer.email


async def test_a_sign_in_while_propelauth_is_down(world: World, site: Site, eve: Person) -> None:
    before = world.stored(eve)
    world.propelauth.emulator.fail(Fault(times=None, drop=True))

    refused(await site.sign_in(eve), 503, "server_error", "An error occurred during OAuth callback.")

    assert world.stored(eve) == before


async def test_another_method_of_the_sign_in_has_the_usual_words(site: Site) -> None:
    failed(await site.get("/auth/callback"), 405)
