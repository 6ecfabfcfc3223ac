"""Keys, paths, errors and faults as the vendor's client meets them."""

import asyncio
import json
import sys
from typing import Any

import httpx
import pytest
from propelauth_py import AsyncAuth, RateLimitedException, TokenVerificationMetadata, init_base_async_auth
from propelauth_py.api.token_verification_metadata import _fetch_token_verification_metadata

from devstack.emulator import Fault
from devstack.propelauth import PropelAuthEmulator
from tests.devstack.propelauth.parts import NOBODY, Loopback

METADATA = "/api/v1/token_verification_metadata"


def with_key(propel: PropelAuthEmulator, client: httpx.AsyncClient, key: str) -> AsyncAuth:
    metadata = TokenVerificationMetadata(propel.verifier_key_pem, propel.issuer)
    return init_base_async_auth(propel.auth_url, key, metadata, httpx_client=client)


async def test_every_request_carries_the_key_and_names_the_project(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    await auth.fetch_org_by_query()
    asked = propel.emulator.asked("/org/query")[0]
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert headers["authorization"] == f"Bearer {propel.api_key}"
    assert headers["x-propelauth-url"] == propel.auth_url.removeprefix("http://")


@pytest.mark.parametrize(
    "call",
    [
        lambda auth: auth.fetch_user_metadata_by_user_id(NOBODY),
        lambda auth: auth.create_user(email="not even an address"),
        lambda auth: auth.add_user_to_org(NOBODY, NOBODY, "Emperor"),
        lambda auth: auth.fetch_custom_role_mappings(),
    ],
)
async def test_a_wrong_key_is_refused_before_anything_else(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, call: Any
) -> None:
    propel.settings.organizations_enabled = False
    with pytest.raises(ValueError, match="integration_api_key is incorrect"):
        await call(with_key(propel, client, "wrong"))


async def test_a_wrong_key_is_refused_even_on_paths_that_do_not_exist(
    propel: PropelAuthEmulator, client: httpx.AsyncClient
) -> None:
    path = f"{propel.url}/api/backend/v1/nothing"
    assert (await client.get(path)).status_code == 401
    answer = await client.get(path, headers={"Authorization": f"bearer {propel.api_key}"})
    assert (answer.status_code, answer.json()) == (404, {})


async def test_a_key_is_unknown_to_another_project(propel: PropelAuthEmulator, client: httpx.AsyncClient) -> None:
    metadata = TokenVerificationMetadata(propel.verifier_key_pem, propel.issuer)
    auth = init_base_async_auth("https://auth.another.example", propel.api_key, metadata, httpx_client=client)
    with pytest.raises(ValueError, match="integration_api_key is incorrect"):
        await auth.fetch_user_metadata_by_user_id(NOBODY)


async def test_a_read_only_key_reads_and_does_not_write(propel: PropelAuthEmulator, client: httpx.AsyncClient) -> None:
    user = propel.add_user("ada@example.com")
    auth = with_key(propel, client, propel.read_only_api_key)
    assert await auth.fetch_user_metadata_by_user_id(user.user_id) is not None
    assert set(await auth.fetch_batch_user_metadata_by_user_ids([user.user_id])) == {user.user_id}
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        await auth.update_user_metadata(user.user_id, first_name="Eve")
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        await auth.delete_user(user.user_id)
    assert propel.user(user.user_id).first_name is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/user"),
        ("POST", "/org"),
        ("POST", "/migrate_user"),
        ("GET", "/user/not-an-id"),
        ("GET", f"/user/{NOBODY.upper()}"),
        ("GET", f"/org/{NOBODY}/"),
        ("PATCH", f"/user/{NOBODY}"),
        ("POST", f"/org/{NOBODY}/allow_saml"),
        ("GET", f"/scim/{NOBODY}/groups"),
        ("POST", "/end_user_api_keys/validate"),
        ("POST", "/mfa/step-up/verify-totp"),
        ("GET", f"/employee/{NOBODY}"),
    ],
)
async def test_other_paths_are_an_empty_404_and_never_a_redirect(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {propel.api_key}"}
    answer = await client.request(method, f"{propel.url}/api/backend/v1{path}", headers=headers, json={})
    assert (answer.status_code, answer.json()) == (404, {})


@pytest.mark.parametrize(("body", "field"), [(b"{", "body"), (b"[]", "body"), (b"{}", "name"), (b'{"name":1}', "name")])
async def test_a_body_that_does_not_fit_is_a_400_by_field(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, body: bytes, field: str
) -> None:
    headers = {"Authorization": f"Bearer {propel.api_key}"}
    answer = await client.post(f"{propel.url}/api/backend/v1/org/", headers=headers, content=body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert all(isinstance(message, str) for message in answer.json()[field])


async def test_success_is_200_also_where_something_was_made(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    seen: list[int] = []

    async def remember(response: httpx.Response) -> None:
        seen.append(response.status_code)

    auth.httpx_client.event_hooks = {"response": [remember]}
    created = await auth.create_org("Acme")
    await auth.delete_org(created.org_id)
    assert seen == [200, 200]


async def test_verification_metadata_are_served_in_both_shapes(
    propel: PropelAuthEmulator, client: httpx.AsyncClient
) -> None:
    host = propel.auth_url.removeprefix("http://")
    headers = {"Authorization": f"Bearer {propel.api_key}", "X-Propelauth-url": host}
    python = await client.get(f"https://propelauth-api.com{METADATA}", headers=headers)
    rust = await client.get("https://propelauth-api.com/api/backend/v1/token_verification_metadata", headers=headers)
    assert python.json() == {"verifier_key_pem": propel.verifier_key_pem}
    assert rust.json() == {"public_key_pem": propel.verifier_key_pem}
    assert propel.verifier_key_pem.startswith("-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize(
    ("key_is_right", "host", "outcome"),
    [
        (True, None, None),
        (False, None, "integration_api_key is incorrect"),
        (True, "auth.another.example", "auth_url is incorrect"),
        (False, "auth.another.example", "integration_api_key is incorrect"),
    ],
)
async def test_the_vendors_synchronous_start_understands_the_metadata_answers(
    propel: PropelAuthEmulator,
    monkeypatch: pytest.MonkeyPatch,
    key_is_right: bool,
    host: str | None,
    outcome: str | None,
) -> None:
    module = sys.modules[_fetch_token_verification_metadata.__module__]
    for name, value in vars(module).items():
        if isinstance(value, str) and value.startswith("https://propelauth-api.com"):
            monkeypatch.setattr(module, name, value.replace("https://propelauth-api.com", propel.url))
    own_host = propel.auth_url.removeprefix("http://")
    key = propel.api_key if key_is_right else "wrong"
    fetching = asyncio.to_thread(_fetch_token_verification_metadata, host or own_host, key, None)
    if outcome is None:
        metadata = await fetching
        assert (metadata.verifier_key, metadata.issuer) == (propel.verifier_key_pem, propel.issuer)
    else:
        with pytest.raises(ValueError, match=outcome):
            await fetching


async def test_a_429_as_text_is_a_rate_limit(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.emulator.fail(Fault(status=429, body="Slow down", content_type="text/plain"))
    with pytest.raises(RateLimitedException) as raised:
        await auth.fetch_org_by_query()
    assert raised.value.error_message == "Slow down"
    assert (await auth.fetch_org_by_query()).total_orgs == 0


async def test_a_429_as_json_is_a_rate_limit(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    body = json.dumps({"wait_seconds": 3})
    propel.emulator.fail(Fault(path="/user/", method="POST", status=429, body=body))
    with pytest.raises(RateLimitedException) as raised:
        await auth.create_user("ada@example.com")
    assert json.loads(raised.value.error_message) == {"wait_seconds": 3}


async def test_a_server_error_is_an_http_error(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.emulator.fail(Fault(status=500, body="oops", content_type="text/plain", times=2))
    for _ in range(2):
        with pytest.raises(httpx.HTTPStatusError, match="500"):
            await auth.fetch_org_by_query()


async def test_a_hanging_server_is_a_timeout(propel: PropelAuthEmulator) -> None:
    propel.emulator.fail(Fault(path="/org/$", latency=0.2))
    async with httpx.AsyncClient(transport=Loopback(propel.url), trust_env=False, timeout=0.05) as impatient:
        with pytest.raises(httpx.TimeoutException):
            await with_key(propel, impatient, propel.api_key).create_org("Acme")


async def test_an_answer_that_is_not_json_is_a_decode_error(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.emulator.fail(Fault(status=200, body="<html>", content_type="text/html"))
    with pytest.raises(json.JSONDecodeError):
        await auth.fetch_org_by_query()


async def test_a_dropped_connection_is_a_transport_error_though_the_write_happened(
    propel: PropelAuthEmulator, auth: AsyncAuth
) -> None:
    propel.emulator.fail(Fault(path="/org/$", drop=True, act_first=True))
    with pytest.raises(httpx.TransportError):
        await auth.create_org("Acme")
    assert [org.name for org in propel.world.orgs.values()] == ["Acme"]
