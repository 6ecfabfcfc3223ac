"""Consent addresses, tokens and id tokens. The traps are those of facts/google-calendar.md section 1."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from devstack.emulator import Fault
from devstack.google.keys import SigningKey
from switchboard.clients.google import GoogleClient
from switchboard.clients.google_errors import AccessLost, GoogleUnavailable, InvalidConsent, StoredClientRefused
from switchboard.clients.google_oauth import GoogleOAuth, OAuthClient, TokenGrant
from switchboard.connections.model import SCOPES
from switchboard.errors import Misconfigured
from tests.world import World


@pytest.fixture
async def oauth(world: World) -> AsyncIterator[GoogleOAuth]:
    async with GoogleClient.opened(world.settings.google, backoff=0.01) as client:
        yield client.oauth


def answer(world: World, **body: Any) -> None:
    world.google.fail(Fault(path="/token", status=200, body=json.dumps(body)))


def form_of(world: World) -> dict[str, str]:
    (asked,) = world.google.asked("/token")
    return dict(parse_qsl(asked.body, keep_blank_values=True))


@pytest.mark.parametrize("odd", ["a b", "a&b=c", "a+b", "ü", "a#b", "a%20b", "1//0g/x?y", "a\nb"])
def test_the_consent_address_encodes_everything(world, odd) -> None:
    settings = world.settings.google.model_copy(
        update={"client_id": odd, "redirect_uri": f"https://example.com/cb?x={odd}&y=2"}
    )
    oauth = GoogleOAuth(settings, None, None)  # type: ignore[arg-type]

    address = oauth.consent_address(state=odd, challenge=odd, nonce=odd, scopes=(odd, "openid"), hint=odd)

    asked = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    assert asked == {
        "client_id": odd,
        "redirect_uri": f"https://example.com/cb?x={odd}&y=2",
        "response_type": "code",
        "scope": f"{odd} openid",
        "state": odd,
        "nonce": odd,
        "code_challenge": odd,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "login_hint": odd,
    }
    assert urlsplit(address).fragment == ""


async def test_unknown_keys_in_a_token_response_are_fine(world, oauth) -> None:
    answer(world, access_token="a", expires_in=3599, scope="x y", invented={"by": "google"}, refresh_token_expires_in=5)

    assert await oauth.refresh("r") == TokenGrant("a", 3599, ("x", "y"), None)


async def test_a_missing_scope_and_lifetime_are_fine(world, oauth) -> None:
    answer(world, access_token="a")

    grant = await oauth.refresh("r")

    assert grant.scopes == ()
    assert 120 < grant.expires_in < 3600


@pytest.mark.parametrize("odd", [None, "3599", -1, 1e300, True, [], {}, 10**12])
async def test_a_lifetime_that_makes_no_sense_is_a_short_one(world, oauth, odd) -> None:
    answer(world, access_token="a", expires_in=odd)

    assert (await oauth.refresh("r")).expires_in == 300


@pytest.mark.parametrize("odd", [None, 7, [], {}, True, ""])
async def test_odd_values_in_a_token_response_read_as_absent(world, oauth, odd) -> None:
    answer(world, access_token="a", scope=odd, refresh_token=odd, id_token=odd)

    grant = await oauth.refresh("r")

    assert (grant.scopes, grant.refresh_token, grant.id_token) == ((), None, None)


@pytest.mark.parametrize("body", ["{}", "[]", "null", "<html>", "", '{"access_token": 7}', '{"access_token": ""}'])
async def test_a_token_response_without_a_token_is_google_unavailable(world, oauth, body) -> None:
    world.google.fail(Fault(path="/token", times=None, status=200, body=body))

    with pytest.raises(GoogleUnavailable):
        await oauth.refresh("r")
    assert len(world.google.asked("/token")) == 4


@pytest.mark.parametrize("nothing", ["", None])
async def test_no_refresh_token_is_never_sent_as_one(world, oauth, nothing) -> None:
    with pytest.raises(AccessLost):
        await oauth.refresh(nothing)

    assert world.google.requests == []


async def test_a_refresh_goes_with_the_client_the_grant_was_issued_to(world, oauth) -> None:
    answer(world, access_token="a")
    await oauth.refresh("r", OAuthClient("older", "its secret"))

    assert form_of(world) == {
        "grant_type": "refresh_token",
        "refresh_token": "r",
        "client_id": "older",
        "client_secret": "its secret",
    }


async def test_a_token_of_our_own_client_is_refreshed_with_the_secret_of_today(world, oauth) -> None:
    answer(world, access_token="a")
    await oauth.refresh("r", OAuthClient(oauth.client.client_id, "the secret of last year"))

    assert form_of(world)["client_secret"] == oauth.client.client_secret


async def test_invalid_grant_is_access_lost_after_exactly_one_request(world, oauth) -> None:
    with pytest.raises(AccessLost):
        await oauth.refresh("1//0g-never-given")

    assert len(world.google.requests) == 1


async def test_a_wrong_client_of_a_document_is_named_as_such_after_exactly_one_request(world, oauth) -> None:
    with pytest.raises(StoredClientRefused, match=r"the OAuth client that a person's document names: invalid_client\."):
        await oauth.refresh("r", OAuthClient("nobody", "x"))

    assert len(world.google.requests) == 1


async def test_our_own_client_is_named_with_its_variable_when_google_refuses_it(world, oauth) -> None:
    world.google.fail(Fault(path="/token", status=401, body='{"error": "invalid_client"}'))

    with pytest.raises(Misconfigured, match="Check GOOGLE_CLIENT_ID"):
        await oauth.refresh("r", OAuthClient(oauth.client.client_id, "former-secret"))


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_refresh_is_tried_again_when_it_may_pass(world, oauth, ada, status) -> None:
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    world.google.fail(Fault(path="/token", times=2, status=status, body="<html>", content_type="text/html"))

    assert (await oauth.refresh(grant["refresh_token"])).access_token
    assert len(world.google.requests) == 3


async def test_a_code_is_sent_once_only(world, oauth) -> None:
    world.google.fail(Fault(path="/token", times=None, status=503))

    with pytest.raises(GoogleUnavailable):
        await oauth.exchange("code", "verifier")

    assert len(world.google.requests) == 1


async def test_a_code_that_google_does_not_know_is_an_invalid_consent(oauth) -> None:
    with pytest.raises(InvalidConsent):
        await oauth.exchange("4/0A-never-given", "verifier")


async def test_a_redirect_of_the_token_endpoint_is_not_followed_with_our_secret(world, oauth) -> None:
    world.google.fail(
        Fault(path="/token", times=None, status=307, headers={"Location": f"{world.google.url}/oauth2/v1/certs"})
    )

    with pytest.raises(GoogleUnavailable):
        await oauth.exchange("code", "verifier")

    assert [asked.path for asked in world.google.requests] == ["/token"]


@pytest.mark.parametrize(("status", "passes"), [(200, True), (400, True), (500, False), (503, False), (429, False)])
async def test_revoking_what_is_gone_is_done_and_what_may_pass_is_told(world, oauth, status, passes) -> None:
    world.google.fail(Fault(path="/revoke", status=status, body="{}"))
    outcome = (await asyncio.gather(oauth.revoke("r"), return_exceptions=True))[0]

    assert (outcome is None) == passes
    assert passes or isinstance(outcome, GoogleUnavailable)


def test_grants_and_clients_are_not_shown_by_accident() -> None:
    grant = TokenGrant("ya29.secret", 1, (), "1//0g-secret", "eyJ.secret")

    assert "secret" not in repr(grant) + repr(OAuthClient("id", "GOCSPX-secret"))


def claims(world: World, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": "https://accounts.google.com",
        "aud": world.settings.google.client_id,
        "sub": "1234567890",
        "nonce": "n",
        "email": "ada@example.com",
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


async def account(world: World, oauth: GoogleOAuth, **changed: Any) -> Any:
    return await oauth.account(world.google.grants.key.sign(claims(world, **changed)), "n")


async def test_an_id_token_says_who_consented(world, oauth) -> None:
    found = await account(world, oauth)

    assert (found.subject, found.email) == ("1234567890", "ada@example.com")


@pytest.mark.parametrize("verified", [False, None, ""])
async def test_an_unverified_e_mail_is_none(world, oauth, verified) -> None:
    assert (await account(world, oauth, email_verified=verified)).email is None


async def test_the_issuer_without_https_is_google_too(world, oauth) -> None:
    assert await account(world, oauth, iss="accounts.google.com")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-client"},
        {"aud": None},
        {"iss": "https://accounts.example.com"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"exp": 1_600_000_000},
        {"iat": None},
        {"exp": None},
    ],
)
async def test_an_id_token_with_a_wrong_claim_proves_nothing(world, oauth, changed) -> None:
    with pytest.raises(InvalidConsent):
        await account(world, oauth, **changed)


@pytest.mark.parametrize(("ahead", "accepted"), [(7, True), (60, False)])
async def test_rule_56_a_clock_ahead_of_ours_by_seconds_is_fine(world, oauth, ahead, accepted) -> None:
    outcome = (await asyncio.gather(account(world, oauth, iat=int(time.time()) + ahead), return_exceptions=True))[0]

    assert isinstance(outcome, InvalidConsent) != accepted


@pytest.mark.parametrize(("ago", "accepted"), [(7, True), (60, False)])
async def test_a_token_that_ended_seconds_ago_is_fine(world, oauth, ago, accepted) -> None:
    now = int(time.time())
    outcome = (await asyncio.gather(account(world, oauth, iat=now - 99, exp=now - ago), return_exceptions=True))[0]

    assert isinstance(outcome, InvalidConsent) != accepted


async def test_an_id_token_without_a_signature_proves_nothing(world, oauth) -> None:
    unsigned = jwt.encode(claims(world), "", algorithm="none")

    with pytest.raises(InvalidConsent):
        await oauth.account(unsigned, "n")


async def test_an_id_token_signed_with_the_public_certificate_as_a_secret_proves_nothing(world, oauth) -> None:
    key = world.google.grants.key
    unpem = key.certificate.replace("-----BEGIN CERTIFICATE-----", "").encode()
    forged = jwt.encode(claims(world), unpem, algorithm="HS256", headers={"kid": key.key_id})

    with pytest.raises(InvalidConsent):
        await oauth.account(forged, "n")


async def test_an_id_token_signed_by_another_key_proves_nothing(world, oauth) -> None:
    stranger = SigningKey()
    named_as_google = jwt.encode(
        claims(world), stranger.key, algorithm="RS256", headers={"kid": world.google.grants.key.key_id}
    )

    for forged in (stranger.sign(claims(world)), named_as_google):
        with pytest.raises(InvalidConsent):
            await oauth.account(forged, "n")


@pytest.mark.parametrize(
    "token", [None, "", "x", "a.b", "a.b.c", "e30.e30.e30", "ü.ü.ü", "....", "eyJhbGciOiJSUzI1NiJ9.W10.x"]
)
async def test_what_is_no_id_token_proves_nothing(oauth, token) -> None:
    with pytest.raises(InvalidConsent):
        await oauth.account(token, "n")


async def test_certificates_are_kept_and_fetched_anew_when_google_rotates_them(world, oauth, monkeypatch) -> None:
    await account(world, oauth)
    await account(world, oauth)
    assert len(world.google.asked("certs")) == 1

    monkeypatch.setattr(world.google.grants, "key", SigningKey())

    assert await account(world, oauth)
    assert len(world.google.asked("certs")) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": '{"error": {"code": 503}}'},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": "{}"},
        {"drop": True},
    ],
)
async def test_certificates_that_do_not_come_are_tried_again_and_then_not_the_persons_fault(
    world, oauth, fault
) -> None:
    world.google.fail(Fault(path="certs", times=2, **fault))
    assert await account(world, oauth)

    world.google.fail(Fault(path="certs", times=None, **fault))
    async with GoogleClient.opened(world.settings.google, backoff=0.01) as other:
        with pytest.raises(GoogleUnavailable):
            await account(world, other.oauth)
