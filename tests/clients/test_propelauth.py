"""PropelAuth through its own library: who a token speaks for, and what each failure becomes."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch
from uuid import uuid1, uuid4

import httpx
import jwt
import pytest
from propelauth_py import errors as library
from pydantic import SecretStr

from devstack.emulator import Fault
from devstack.propelauth import PropelAuthEmulator, SigningKey
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_errors import (
    InvalidToken,
    PropelAuthUnavailable,
    RefusedByPropelAuth,
    as_our_error,
)
from switchboard.errors import Invalid, Misconfigured, NotFound, SwitchboardError, Unauthenticated
from switchboard.settings import PropelAuthSettings

FOREIGN_KEY = SigningKey()
KEY = f"CANARY-{uuid4().hex}"


def settings_of(emulator: PropelAuthEmulator, **fields: Any) -> PropelAuthSettings:
    known = {"auth_url": emulator.auth_url, "api_key": SecretStr(emulator.api_key), "api_address": emulator.url}
    keys = {"verifier_key": emulator.verifier_key_pem, "webhook_secret": SecretStr(emulator.webhook_secret)}
    return PropelAuthSettings(**{**known, **keys, "timeout": 0.4, **fields})


@pytest.fixture(scope="module")
async def emulator() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


@pytest.fixture(scope="module")
async def client(emulator: PropelAuthEmulator) -> AsyncIterator[PropelAuthClient]:
    async with PropelAuthClient.opened(settings_of(emulator)) as opened:
        yield opened


@pytest.fixture
def user_id(emulator: PropelAuthEmulator) -> str:
    emulator.emulator.forget()
    return emulator.add_user(f"{uuid4().hex}@example.com", first_name="Ada").user_id


def hs256(emulator: PropelAuthEmulator, claims: dict[str, Any]) -> str:
    """A token signed with the public key as if it were a shared secret; the library to sign refuses to make one."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    head = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(hmac.new(emulator.verifier_key_pem.encode(), head.encode(), hashlib.sha256).digest())}"


ACCEPTED: dict[str, dict[str, Any]] = {
    "as minted": {},
    "expired within the leeway": {"exp": lambda: int(time.time()) - 30},
    "issued slightly ahead": {"iat": lambda: int(time.time()) + 30},
    "any audience": {"aud": "someone"},
    "unknown sign-in provider": {"login_method": {"login_method": "social_sso", "provider": "Apple"}},
    "sign-in without provider": {"login_method": {"login_method": "social_sso"}},
    "null sign-in": {"login_method": None},
    "text sign-in": {"login_method": "password"},
    "organization without its parts": {"org_id_to_org_member_info": {"a": {"org_id": "a"}}},
    "organizations as a list": {"org_id_to_org_member_info": ["a"]},
    "organizations as text": {"org_id_to_org_member_info": "a"},
    "null organization": {"org_id_to_org_member_info": {"a": None}},
    "active organization as text": {"org_member_info": "a"},
    "e-mail that is no text": {"email": {"$gt": ""}},
    "names that are no text": {"first_name": 5, "last_name": ["x"], "username": {}},
    "float times": {"iat": lambda: time.time() - 5.5},
}
REFUSED: dict[str, dict[str, Any]] = {
    "expired beyond the leeway": {"exp": lambda: int(time.time()) - 90},
    "not yet valid": {"nbf": lambda: int(time.time()) + 120},
    "issued in the future": {"iat": lambda: int(time.time()) + 3600},
    "other issuer": {"iss": "https://other.example.com"},
    "issuer over http": {"iss": lambda: "http://127.0.0.1"},
    "empty issuer": {"iss": ""},
    "expiry as text": {"exp": "soon"},
    "endless expiry": {"exp": float("inf")},
    "expiry that is no number": {"exp": float("nan")},
    "issued at no number": {"iat": float("nan")},
    "issued before time": {"iat": -(10**18)},
    "expiry beyond dates": {"exp": 10**18},
    "user id of version 1": {"user_id": str(uuid1())},
    "user id in upper case": {"user_id": str(uuid4()).upper()},
    "user id without dashes": {"user_id": uuid4().hex},
    "user id with a path": {"user_id": f"{uuid4()}/../employee"},
    "user id with a line end": {"user_id": f"{uuid4()}\n"},
    "user id as an operator": {"user_id": {"$gt": ""}},
    "user id as a list": {"user_id": [str(uuid4())]},
    "empty user id": {"user_id": ""},
    "null user id": {"user_id": None},
}


def claims_of(emulator: PropelAuthEmulator, user_id: str, changed: dict[str, Any]) -> dict[str, Any]:
    real = {name: value() if callable(value) else value for name, value in changed.items()}
    return {**emulator.claims(user_id), **real}


@pytest.mark.parametrize("case", ACCEPTED)
async def test_a_token_names_its_person(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str, case: str
) -> None:
    token = emulator.sign(claims_of(emulator, user_id, ACCEPTED[case]))

    assert client.identify(f"Bearer {token}").user_id == user_id
    assert client.identify(f"bearer {token}").user_id == user_id


@pytest.mark.parametrize("case", REFUSED)
async def test_a_token_is_refused(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str, case: str
) -> None:
    token = emulator.sign(claims_of(emulator, user_id, REFUSED[case]))
    for _ in range(2):
        with pytest.raises(InvalidToken):
            client.identify(f"Bearer {token}")


@pytest.mark.parametrize("missing", ["exp", "iat", "iss", "user_id"])
async def test_a_token_without_a_claim_is_refused(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str, missing: str
) -> None:
    claims = emulator.claims(user_id)
    del claims[missing]
    with pytest.raises(InvalidToken):
        client.identify(f"Bearer {emulator.sign(claims)}")


async def test_no_other_signature_is_accepted(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str
) -> None:
    claims = emulator.claims(user_id)
    good = emulator.sign(claims)
    head, body, signature = good.split(".")
    forged = [
        jwt.encode(claims, "", algorithm="none"),
        hs256(emulator, claims),
        emulator.sign(claims, FOREIGN_KEY),
        jwt.encode(claims, emulator.key.private_key, algorithm="RS384"),
        jwt.encode(claims, FOREIGN_KEY.private_key, algorithm="RS256", headers={"jku": "http://127.0.0.1:9/keys"}),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{body[:-2]}AA.{signature}",
        *("", ".", "..", "a.b.c", "é.ü.ñ", "x" * 100_000, "\x00", "{}", "null"),
    ]
    client.identify(f"Bearer {good}")
    for token in forged:
        with pytest.raises(InvalidToken):
            client.identify(f"Bearer {token}")


@pytest.mark.parametrize(
    "header", ["{0}", "Basic {0}", "Bearer  {0}", "Bearer {0} x", "Bearer\t{0}", " Bearer {0}", "Token {0}"]
)
async def test_a_header_of_another_form_is_refused(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str, header: str
) -> None:
    with pytest.raises(InvalidToken):
        client.identify(header.format(emulator.access_token(user_id)))


@pytest.mark.parametrize("header", [None, ""])
async def test_without_a_header_nobody_is_known(client: PropelAuthClient, header: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        client.identify(header)
    assert refused.value.code == "unauthenticated"


async def test_fifty_organizations_are_no_obstacle(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str
) -> None:
    emulator.settings.max_orgs_per_user = 50
    for number in range(50):
        emulator.add_member(emulator.add_org(f"Org {number} {user_id}").org_id, user_id, "Member")

    assert client.identify(f"Bearer {emulator.access_token(user_id)}").user_id == user_id


async def test_a_token_is_not_accepted_from_memory_after_it_expired(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str
) -> None:
    token = emulator.sign(claims_of(emulator, user_id, {"exp": int(time.time()) - 59}))
    client.identify(f"Bearer {token}")
    await asyncio.sleep(2.1)
    with pytest.raises(InvalidToken):
        client.identify(f"Bearer {token}")


def status_error(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "https://propelauth-api.com/")
    return httpx.HTTPStatusError(KEY, request=request, response=httpx.Response(status, text=KEY))


RAISED: list[tuple[Exception, type[SwitchboardError]]] = [
    (library.RateLimitedException(KEY), PropelAuthUnavailable),
    (library.BadRequestException(KEY), RefusedByPropelAuth),
    (library.BadRequestException({"field": [KEY]}), RefusedByPropelAuth),
    (library.UpdateUserMetadataException({"field": [KEY]}), RefusedByPropelAuth),
    (ValueError("integration_api_key is incorrect"), Misconfigured),
    (ValueError("Bad request: " + KEY), RefusedByPropelAuth),
    (ValueError(KEY), PropelAuthUnavailable),
    (json.JSONDecodeError(KEY, "integration_api_key", 0), PropelAuthUnavailable),
    (RuntimeError(KEY), PropelAuthUnavailable),
    (RuntimeError("Cannot use organizations unless B2B support is enabled"), Misconfigured),
    *((kind(KEY), PropelAuthUnavailable) for kind in (KeyError, TypeError, AttributeError, TimeoutError)),
    *((kind(KEY), PropelAuthUnavailable) for kind in (httpx.ConnectError, httpx.ReadTimeout, httpx.PoolTimeout)),
    *((kind(KEY), PropelAuthUnavailable) for kind in (httpx.RemoteProtocolError, httpx.DecodingError)),
    (status_error(403), Misconfigured),
    (status_error(404), NotFound),
    *((status_error(status), PropelAuthUnavailable) for status in (301, 302, 307, 405, 409, 418, 422, 500, 502, 503)),
]


@pytest.mark.parametrize(("raised", "ours"), RAISED, ids=lambda value: type(value).__name__)
async def test_what_the_library_raises_becomes_ours_and_keeps_its_words_to_itself(
    client: PropelAuthClient, user_id: str, raised: Exception, ours: type[SwitchboardError]
) -> None:
    with (
        patch.object(client._auth, "fetch_user_oauth_tokens", side_effect=raised),
        pytest.raises(SwitchboardError) as caught,
    ):
        await client.google_grant(user_id)

    assert type(caught.value) is ours is type(as_our_error(raised))
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__dict__}"
    assert caught.value.__suppress_context__


FAULTS: dict[str, tuple[Fault, type[SwitchboardError]]] = {
    "wrong key": (Fault(status=401, body=KEY), Misconfigured),
    "lacking right": (Fault(status=403, body=KEY), Misconfigured),
    "unknown": (Fault(status=404), NotFound),
    "busy, in text": (Fault(status=429, body=KEY, content_type="text/plain"), PropelAuthUnavailable),
    "busy, in JSON": (Fault(status=429, body=json.dumps({"wait_seconds": 3, "x": KEY})), PropelAuthUnavailable),
    "bad request": (Fault(status=400, body=json.dumps({"x": [KEY]})), RefusedByPropelAuth),
    "bad request, in text": (Fault(status=400, body=KEY), SwitchboardError),
    "broken": (Fault(status=500, body=KEY), PropelAuthUnavailable),
    "bad gateway": (Fault(status=502, body=f"<html>{KEY}", content_type="text/html"), PropelAuthUnavailable),
    "slow": (Fault(latency=2.0), PropelAuthUnavailable),
    "not JSON": (Fault(status=200, body=f"<html>{KEY}", content_type="text/html"), PropelAuthUnavailable),
    "JSON of another shape": (Fault(status=200, body=json.dumps([KEY])), SwitchboardError),
    "null": (Fault(status=200, body="null"), SwitchboardError),
    "tokens as text": (Fault(status=200, body=json.dumps({"google": KEY})), SwitchboardError),
    "dropped": (Fault(drop=True), PropelAuthUnavailable),
    "redirect": (Fault(status=302, headers={"Location": "http://127.0.0.1:9/"}), PropelAuthUnavailable),
    "odd redirect": (Fault(status=302, headers={"Location": "http://[::1"}), PropelAuthUnavailable),
}


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("call", ["google_grant", "fresh_google_grant"])
async def test_a_vendor_in_trouble_is_one_of_our_errors_within_the_deadline(
    emulator: PropelAuthEmulator,
    client: PropelAuthClient,
    user_id: str,
    call: str,
    case: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault, ours = FAULTS[case]
    emulator.emulator.fail(Fault(**vars(fault)))
    started = time.monotonic()

    with caplog.at_level(logging.DEBUG, "propelauth"), pytest.raises(ours) as caught:
        await getattr(client, call)(user_id)

    assert time.monotonic() - started < 1.8
    assert not any(secret in f"{caught.value!r}{caught.value}" for secret in (KEY, emulator.api_key, emulator.url))
    assert not any(secret in caplog.text for secret in (KEY, emulator.api_key))


async def test_a_slow_drip_ends_at_the_deadline(emulator: PropelAuthEmulator, user_id: str) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.1)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, PropelAuthClient.opened(settings_of(emulator, api_address=address)) as client:
        started = time.monotonic()
        with pytest.raises(PropelAuthUnavailable):
            await client.google_grant(user_id)
        assert time.monotonic() - started < 3.0


@pytest.mark.parametrize("suffix", ["/../../employee/1#", "/x", "?a=b", "#", "\n", " ", "%2f..", "\x00", ";"])
@pytest.mark.parametrize("call", ["google_grant", "fresh_google_grant"])
async def test_no_id_reaches_another_path(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str, suffix: str, call: str
) -> None:
    with pytest.raises(Invalid):
        await getattr(client, call)(user_id + suffix)
    assert emulator.emulator.requests == []


async def test_starting_asks_nobody(emulator: PropelAuthEmulator, user_id: str) -> None:
    with patch("requests.get", side_effect=AssertionError), patch("socket.socket.connect", side_effect=AssertionError):
        async with PropelAuthClient.opened(settings_of(emulator)) as client:
            assert client.identify(f"Bearer {emulator.access_token(user_id)}").user_id == user_id
    assert emulator.emulator.requests == []


async def test_calls_share_one_pool_that_closes_at_the_end(emulator: PropelAuthEmulator, user_id: str) -> None:
    async with PropelAuthClient.opened(settings_of(emulator)) as client:
        for _ in range(5):
            with pytest.raises(NotFound):
                await client.google_grant(user_id)
        pool = client._http._transport._inner._pool  # type: ignore[attr-defined]
        assert len(pool.connections) == 1
        assert client._auth.httpx_client is client._http
    assert client._http.is_closed
    with pytest.raises(PropelAuthUnavailable):
        await client.google_grant(user_id)


async def test_a_grant_shows_its_tokens_to_nobody_by_accident(
    emulator: PropelAuthEmulator, client: PropelAuthClient, user_id: str
) -> None:
    token = {"access_token": KEY, "refresh_token": KEY, "token_expiration": 5, "authorized_scopes": ["a"]}
    emulator.link_social(user_id, "google", {**token, "token_expiration": int(time.time()) + 900})

    grant = await client.google_grant(user_id)

    assert (grant.access_token, grant.refresh_token, grant.scopes) == (KEY, KEY, ("a",))
    assert KEY not in repr(grant) + str(grant)
    assert emulator.api_key not in repr(client) + repr(settings_of(emulator))
