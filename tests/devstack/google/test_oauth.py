"""Consent, codes, tokens, identity."""

import base64
import hashlib
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import jwt
import pytest

from devstack.google import AuthorizationRefused, GoogleEmulator
from tests.devstack.google.driver import (
    ANN,
    BOB,
    REDIRECT,
    SCOPE,
    SCOPES,
    Browser,
    answered,
    authorization_url,
)

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


async def post(session: aiohttp.ClientSession, url: str, **form: str) -> tuple[int, Any]:
    async with session.post(url, data=form) as answer:
        return answer.status, await answer.json()


async def exchange(google: GoogleEmulator, session: aiohttp.ClientSession, code: str, **more: str) -> tuple[int, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "client",
        "client_secret": "secret",
        "redirect_uri": REDIRECT,
    }
    return await post(session, f"{google.url}/token", **{**form, **more})


async def refresh(google: GoogleEmulator, session: aiohttp.ClientSession, token: str, **more: str) -> tuple[int, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "client", "client_secret": "secret"}
    return await post(session, f"{google.url}/token", **{**form, **more})


async def code_for(google: GoogleEmulator, email: str = ANN, scopes: Any = None, **more: str) -> str:
    return answered(await google.approve(authorization_url(google, **more), email, scopes))["code"]


async def tokens_for(google: GoogleEmulator, session: aiohttp.ClientSession, **more: Any) -> dict[str, Any]:
    status, tokens = await exchange(google, session, await code_for(google, **more))
    assert status == 200
    return dict(tokens)


async def test_the_consent_page_offers_accounts_and_scopes_and_its_form_gives_a_code(google, session):
    async with session.get(authorization_url(google, state="s", login_hint=BOB)) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (200, "text/html")
    assert f'value="{BOB}" selected' in page
    assert f'name="granted" value="{SCOPE}" checked' in page
    assert "http-equiv" not in page
    assert "src=" not in page
    form = [("decision", "allow"), ("email", BOB), ("granted", SCOPE), ("granted", "openid")]
    query = dict(part.split("=", 1) for part in urlsplit(authorization_url(google, state="s")).query.split("&"))
    form += [(f"p:{name}", unquote(value.replace("+", " "))) for name, value in query.items()]
    async with session.post(f"{google.url}/o/oauth2/v2/auth", data=form, allow_redirects=False) as answer:
        assert answer.status == 302
        given = answered(answer.headers["Location"])
    assert (given["scope"], given["state"]) == (f"{SCOPE} openid", "s")
    status, tokens = await exchange(google, session, given["code"])
    assert (status, tokens["scope"]) == (200, f"{SCOPE} openid")


async def test_cancelling_sends_access_denied_and_the_state(google, session):
    url = authorization_url(google, state="s t")
    async with session.post(url, data={"decision": "cancel"}, allow_redirects=False) as answer:
        assert answered(answer.headers["Location"]) == {"error": "access_denied", "state": "s t"}


async def test_the_page_escapes_what_it_shows(google, session):
    google.add_account("evil@example.com", "<script>alert(1)</script>")
    async with session.get(authorization_url(google, state='"><script>')) as answer:
        assert "<script" not in await answer.text()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"redirect_uri": REDIRECT + "/"}, "redirect_uri_mismatch"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_request"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
async def test_a_wrong_authorization_request_is_a_page_and_never_a_redirect(google, session, wrong, error):
    url = authorization_url(google, **wrong)
    async with session.get(url, allow_redirects=False) as answer:
        assert answer.status == 400
        assert error in await answer.text()
    async with session.post(url, data={"decision": "allow", "email": ANN}, allow_redirects=False) as answer:
        assert answer.status == 400
    with pytest.raises(AuthorizationRefused):
        await google.approve(url, ANN)


@pytest.mark.parametrize("state", ["a b+c%2F", "ü€", "x=1&y=2", "", "e" * 900])
async def test_the_state_comes_back_byte_for_byte(google, state):
    location = await google.approve(authorization_url(google, state=state), ANN)
    assert answered(location)["state"] == state


async def test_codes_contain_a_slash_which_is_escaped_in_the_redirect(google):
    location = await google.approve(authorization_url(google), ANN)
    assert "code=4%2F0A" in location
    assert {"scope", "authuser", "prompt", "hd"} <= answered(location).keys()


async def test_a_code_works_once(google, session):
    code = await code_for(google)
    assert (await exchange(google, session, code))[0] == 200
    assert await exchange(google, session, code) == (
        400,
        {"error": "invalid_grant", "error_description": "Bad Request"},
    )


async def test_a_code_dies_after_ten_minutes(google, session):
    code, late = await code_for(google), await code_for(google)
    google.clock.advance(590)
    assert (await exchange(google, session, code))[0] == 200
    google.clock.advance(20)
    assert (await exchange(google, session, late))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("more", "status", "error", "description"),
    [
        ({"code": "rubbish"}, 400, "invalid_grant", "Malformed auth code."),
        ({"code": "4/0Arubbish"}, 400, "invalid_grant", "Bad Request"),
        ({"redirect_uri": REDIRECT + "?"}, 400, "redirect_uri_mismatch", "Bad Request"),
        ({"client_secret": "wrong"}, 401, "invalid_client", "Unauthorized"),
        ({"client_id": "nobody"}, 401, "invalid_client", "The OAuth client was not found."),
        ({"grant_type": "x"}, 400, "unsupported_grant_type", "Invalid grant_type: x"),
        ({"code": ""}, 400, "invalid_request", "Missing required parameter: code"),
    ],
)
async def test_a_wrong_exchange_gets_googles_words(google, session, more, status, error, description):
    code = await code_for(google)
    assert await exchange(google, session, **{"code": code, **more}) == (
        status,
        {"error": error, "error_description": description},
    )


async def test_a_code_is_bound_to_its_client(google, session):
    google.add_client("other", "other-secret", [REDIRECT])
    code = await code_for(google)
    status, body = await exchange(google, session, code, client_id="other", client_secret="other-secret")
    assert (status, body["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(("method", "challenge"), [("S256", CHALLENGE), ("plain", VERIFIER)])
async def test_pkce_lets_only_the_right_verifier_through(google, session, method, challenge):
    pkce = {"code_challenge": challenge, "code_challenge_method": method}
    good, wrong, missing = [await code_for(google, **pkce) for _ in range(3)]
    assert (await exchange(google, session, good, code_verifier=VERIFIER))[0] == 200
    assert (await exchange(google, session, wrong, code_verifier="w" * 43))[1] == {
        "error": "invalid_grant",
        "error_description": "Invalid code verifier.",
    }
    assert (await exchange(google, session, missing))[1] == {
        "error": "invalid_grant",
        "error_description": "Missing code verifier.",
    }


async def test_client_authentication_works_as_basic(google, session):
    form = {"grant_type": "authorization_code", "code": await code_for(google), "redirect_uri": REDIRECT}
    headers = {"Authorization": aiohttp.encode_basic_auth("client", "secret")}
    async with session.post(f"{google.url}/oauth2/v4/token", data=form, headers=headers) as answer:
        assert answer.status == 200


async def test_a_refresh_token_comes_with_offline_access_at_the_first_consent_or_when_asked_again(google, session):
    assert "refresh_token" not in await tokens_for(google, session)
    assert "refresh_token" in await tokens_for(google, session, access_type="offline")
    assert "refresh_token" not in await tokens_for(google, session, access_type="offline")
    assert "refresh_token" in await tokens_for(google, session, access_type="offline", prompt="consent")


async def test_unticked_scopes_are_not_granted_and_the_api_refuses(google, session, ann: Browser):
    tokens = await tokens_for(google, session, scopes=["openid", "email"])
    assert SCOPE not in tokens["scope"].split()
    ann.token = tokens["access_token"]
    answer = await ann.events()
    assert (ann.status, ann.reason(answer)) == (403, "insufficientPermissions")
    assert answer["error"]["status"] == "PERMISSION_DENIED"
    assert answer["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_nothing_but_what_was_asked_for_is_granted(google, session):
    tokens = await tokens_for(google, session, scopes=["openid", "https://www.googleapis.com/auth/drive"])
    assert tokens["scope"] == "openid"


async def test_include_granted_scopes_adds_the_earlier_ones(google, session):
    await tokens_for(google, session, scope="openid")
    assert (await tokens_for(google, session, scope=SCOPE))["scope"] == SCOPE
    combined = await tokens_for(google, session, scope="email", include_granted_scopes="true")
    assert set(combined["scope"].split()) == {"openid", SCOPE, "https://www.googleapis.com/auth/userinfo.email"}


async def test_a_refresh_keeps_the_refresh_token_and_the_older_access_tokens(google, session, ann: Browser):
    tokens = google.grant(ANN, "client", SCOPES)
    status, fresh = await refresh(google, session, tokens["refresh_token"])
    assert (status, fresh["expires_in"], fresh["scope"]) == (200, 3599, tokens["scope"])
    assert "refresh_token" not in fresh
    for token in (tokens["access_token"], fresh["access_token"]):
        ann.token = token
        await ann.events()
        assert ann.status == 200


@pytest.mark.parametrize(
    ("more", "status", "body"),
    [
        ({"refresh_token": "None"}, 400, ("invalid_grant", "Token has been expired or revoked.")),
        ({"refresh_token": ""}, 400, ("invalid_request", "Missing required parameter: refresh_token")),
        ({"client_secret": "x"}, 401, ("invalid_client", "Unauthorized")),
    ],
)
async def test_a_wrong_refresh_gets_googles_words(google, session, more, status, body):
    token = google.grant(ANN, "client", SCOPES)["refresh_token"]
    found = await refresh(google, session, **{"token": token, **more})
    assert found == (status, {"error": body[0], "error_description": body[1]})


async def test_the_hundred_and_first_refresh_token_kills_the_oldest(google, session):
    tokens = [google.grant(ANN, "client", [SCOPE])["refresh_token"] for _ in range(101)]
    assert (await refresh(google, session, tokens[0]))[1]["error"] == "invalid_grant"
    assert (await refresh(google, session, tokens[1]))[0] == 200


async def test_a_time_limited_grant_says_so_and_ends(google, session):
    google.switches.refresh_token_lifetime = 604_799
    tokens = google.grant(ANN, "client", [SCOPE])
    assert tokens["refresh_token_expires_in"] == 604_799
    google.clock.advance(604_800)
    assert (await refresh(google, session, tokens["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_access_tokens_expire_after_an_hour(google, ann: Browser):
    google.clock.advance(3590)
    await ann.events()
    assert ann.status == 200
    google.clock.advance(10)
    answer = await ann.events()
    assert (ann.status, ann.reason(answer)) == (401, "authError")
    assert answer["error"]["errors"][0]["location"] == "Authorization"
    assert 'error="invalid_token"' in ann.headers["WWW-Authenticate"]


async def test_no_token_is_another_401(google, session):
    async with session.get(f"{google.url}/calendar/v3/users/me/calendarList") as answer:
        body = await answer.json()
    assert (answer.status, body["error"]["errors"][0]["reason"]) == (401, "required")
    assert body["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("place", ["data", "params"])
async def test_revoking_one_token_ends_every_grant_of_that_user(google, session, kind, place):
    google.add_client("login", "secret", [REDIRECT])
    tokens, login = google.grant(ANN, "client", SCOPES), google.grant(ANN, "login", ["openid"])
    other = google.grant(BOB, "client", SCOPES)
    async with session.post(f"{google.url}/revoke", **{place: {"token": tokens[kind]}}) as answer:
        assert (answer.status, await answer.json()) == (200, {})
    assert (await refresh(google, session, tokens["refresh_token"]))[1]["error"] == "invalid_grant"
    assert (await refresh(google, session, login["refresh_token"], client_id="login"))[1]["error"] == "invalid_grant"
    assert (await refresh(google, session, other["refresh_token"]))[0] == 200
    async with session.post(f"{google.url}/revoke", data={"token": tokens["refresh_token"]}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"] == "invalid_token"


async def test_revocation_may_lag(google, ann: Browser):
    google.switches.revoke_lag = 30
    google.revoke(ANN)
    await ann.events()
    assert ann.status == 200
    google.clock.advance(31)
    await ann.events()
    assert ann.status == 401


async def test_the_id_token_has_all_claims_and_both_key_sets_verify_it(google, session):
    tokens = await tokens_for(google, session, nonce="n-1")
    async with session.get(f"{google.url}/oauth2/v3/certs") as answer:
        keys = jwt.PyJWKSet.from_dict(await answer.json())
    header = jwt.get_unverified_header(tokens["id_token"])
    assert header["alg"] == "RS256"
    claims = jwt.decode(tokens["id_token"], keys[header["kid"]], algorithms=["RS256"], audience="client")
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert claims.pop("exp") - claims.pop("iat") == 3600
    assert claims == {
        "iss": "https://accounts.google.com",
        "azp": "client",
        "aud": "client",
        "sub": google.store.account(ANN).sub,
        "email": ANN,
        "email_verified": True,
        "hd": "example.com",
        "nonce": "n-1",
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
        "picture": claims["picture"],
    }


async def test_without_openid_there_is_no_id_token(google):
    assert "id_token" not in google.grant(ANN, "client", [SCOPE])


@pytest.mark.parametrize("path", ["oauth2/v2/userinfo", "userinfo/v2/me", "oauth2/v3/userinfo", "v1/userinfo"])
async def test_userinfo_has_the_shape_of_its_version(google, session, path):
    headers = {"Authorization": f"Bearer {google.grant(ANN, 'client', SCOPES)['access_token']}"}
    async with session.get(f"{google.url}/{path}", headers=headers) as answer:
        told = await answer.json()
    names = {"id", "verified_email"} if "v2" in path else {"sub", "email_verified"}
    assert told.keys() == names | {"email", "name", "given_name", "family_name", "picture", "hd"}
    async with session.get(f"{google.url}/{path}") as answer:
        assert answer.status == 401


async def test_tokeninfo_tells_scope_and_audience(google, session):
    token = google.grant(ANN, "client", SCOPES)["access_token"]
    status, told = await post(session, f"{google.url}/oauth2/v2/tokeninfo", access_token=token)
    assert (status, told["audience"], told["email"]) == (200, "client", ANN)
    assert SCOPE in told["scope"].split()
    google.expire_access_tokens(ANN)
    assert (await post(session, f"{google.url}/oauth2/v2/tokeninfo", access_token=token))[0] == 400


async def test_the_openid_configuration_points_at_this_server_but_names_googles_issuer(google, session):
    async with session.get(f"{google.url}/.well-known/openid-configuration") as answer:
        told = await answer.json()
    assert told["issuer"] == "https://accounts.google.com"
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint", "jwks_uri"):
        assert told[name].startswith(google.url)


async def test_prompt_none_answers_without_a_page(google, session):
    async def error(**more: str) -> str | None:
        async with session.get(authorization_url(google, prompt="none", **more), allow_redirects=False) as answer:
            return answered(answer.headers["Location"]).get("error")

    assert await error() == "interaction_required"
    assert await error(login_hint=ANN) == "consent_required"
    google.grant(ANN, "client", SCOPES)
    assert await error(login_hint=ANN) is None
