"""What a browser meets: sign-in page, refreshing, signing out."""

import httpx
import pytest
from propelauth_py import AsyncAuth

from devstack.propelauth import PropelAuthEmulator, User
from tests.devstack.propelauth.parts import event_types

UI = "http://localhost:3000"


@pytest.fixture
def ada(propel: PropelAuthEmulator) -> User:
    user, org = propel.add_user("ada@example.com", first_name="Ada <b>"), propel.add_org("Acme & Sons")
    propel.add_member(org.org_id, user.user_id, "Owner")
    return user


async def sign_in(propel: PropelAuthEmulator, client: httpx.AsyncClient, user: User) -> httpx.Response:
    form = {"user_id": user.user_id, "redirect_to": f"{UI}/home"}
    return await client.post(f"{propel.url}/login", data=form)


async def test_the_sign_in_page_lists_who_may_sign_in_and_escapes_names(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    locked_out = propel.add_user("eve@example.com")
    propel.disable_user(locked_out.user_id)
    page = (await client.get(f"{propel.url}/login", params={"redirect_to": UI})).text
    assert "Ada &lt;b&gt;" in page
    assert "Owner of Acme &amp; Sons" in page
    assert f'name="redirect_to" value="{UI}"' in page
    assert "eve@example.com" not in page


async def test_a_click_signs_in_and_goes_back(propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User) -> None:
    answer = await sign_in(propel, client, ada)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{UI}/home")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert event_types(propel)[-1] == "user.login"
    assert (await client.get(f"{propel.url}/")).json()["user_id"] == ada.user_id


async def test_signing_in_leads_to_this_machine_only(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    for target in ("https://evil.example/", "//evil.example/", "http://localhost.evil.example"):
        form = {"user_id": ada.user_id, "redirect_to": target}
        assert (await client.post(f"{propel.url}/login", data=form)).headers["location"] == "/"
        answer = await client.get(f"{propel.url}/google/login", params={"redirect_to": target})
        assert answer.headers["location"] == "/"
    answer = await client.get(f"{propel.url}/google/login", params={"redirect_to": UI})
    assert (answer.status_code, answer.headers["location"]) == (302, UI)


async def test_a_session_is_refreshed_into_tokens_the_backend_accepts(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, auth: AsyncAuth, ada: User
) -> None:
    await sign_in(propel, client, ada)
    org_id = propel.memberships_of(ada.user_id)[0].org_id
    answer = await client.get(f"{propel.url}/api/v1/refresh_token", headers={"Origin": UI})
    body = answer.json()
    assert set(body) == {"access_token", "expires_at_seconds", "org_id_to_org_member_info", "user"}
    assert auth.validate_access_token_and_get_user(f"Bearer {body['access_token']}").user_id == ada.user_id
    assert body["org_id_to_org_member_info"][org_id]["user_role"] == "Owner"
    assert answer.headers["access-control-allow-origin"] == UI
    assert answer.headers["access-control-allow-credentials"] == "true"
    active = await client.get(f"{propel.url}/api/v1/refresh_token", params={"active_org_id": org_id})
    user = auth.validate_access_token_and_get_user(f"Bearer {active.json()['access_token']}")
    assert user.active_org_id == org_id


async def test_without_a_session_there_is_no_token(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    url = f"{propel.url}/api/v1/refresh_token"
    assert (await client.get(url)).status_code == 401
    await sign_in(propel, client, ada)
    assert (await client.get(url)).status_code == 200
    propel.clock.advance(15 * 24 * 60 * 60)
    assert (await client.get(url)).status_code == 401


async def test_other_origins_may_not_read_the_answers(propel: PropelAuthEmulator, client: httpx.AsyncClient) -> None:
    url = f"{propel.url}/api/v1/refresh_token"
    assert (
        "access-control-allow-origin"
        not in (await client.options(url, headers={"Origin": "https://e.example"})).headers
    )
    assert (await client.options(url, headers={"Origin": UI})).headers["access-control-allow-origin"] == UI
    refused = await client.get(url, headers={"Origin": UI})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, UI)


async def test_signing_out_ends_the_session(propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User) -> None:
    await sign_in(propel, client, ada)
    cookie = dict(client.cookies)
    answer = await client.post(f"{propel.url}/api/v1/logout")
    assert answer.json() == {"redirect_to": f"{propel.auth_url}/login"}
    client.cookies.update(cookie)
    assert (await client.get(f"{propel.url}/api/v1/refresh_token")).status_code == 401
    assert event_types(propel)[-1] == "user.logged_out"


async def test_logging_out_all_sessions_ends_them(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, auth: AsyncAuth, ada: User
) -> None:
    await sign_in(propel, client, ada)
    assert await auth.logout_all_user_sessions(ada.user_id)
    assert (await client.get(f"{propel.url}/api/v1/refresh_token")).status_code == 401


async def test_a_disabled_user_is_signed_out_and_cannot_sign_in(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    await sign_in(propel, client, ada)
    propel.disable_user(ada.user_id)
    assert (await client.get(f"{propel.url}/api/v1/refresh_token")).status_code == 401
    assert (await sign_in(propel, client, ada)).status_code == 403


async def test_a_server_rendered_front_end_refreshes_by_refresh_token(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    body = {"refresh_token": propel.sign_in(ada.user_id).token}
    answer = await client.post(f"{propel.url}/api/backend/v1/refresh_token", json=body)
    assert answer.json()["refresh_token"] == body["refresh_token"]
    assert answer.json()["access_token"]["user"]["user_id"] == ada.user_id
    assert (await client.post(f"{propel.url}/api/backend/v1/logout", json=body)).status_code == 200
    assert (await client.post(f"{propel.url}/api/backend/v1/refresh_token", json=body)).status_code == 401
