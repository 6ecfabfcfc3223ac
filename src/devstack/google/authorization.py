"""The authorization endpoint's rules: which requests are refused, what a consent gives, and codes with PKCE."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from devstack.google.errors import OAuthError
from devstack.google.grants import Grants, Issue, ordered
from devstack.google.state import Account, Client, Store

CODE_SECONDS = 600
VERIFIER = re.compile(r"^[A-Za-z0-9._~-]{43,128}$")


class AuthorizationRefused(Exception):
    """Shown as a page with status 400 and never sent to the redirect address."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


@dataclass
class Code:
    """An authorization code: `expires` in seconds of the emulator's clock; used once."""

    code: str
    email: str
    client_id: str
    redirect_uri: str
    scopes: list[str]
    expires: float
    offline: bool
    nonce: str = ""
    challenge: str = ""
    challenge_method: str = ""


class Authorization:
    def __init__(self, store: Store, grants: Grants) -> None:
        self.store = store
        self.grants = grants
        self.codes: dict[str, Code] = {}

    def check(self, parameters: Mapping[str, str]) -> Client:
        """The client, if the request may be answered at all."""
        for name in ("client_id", "redirect_uri", "response_type", "scope"):
            if not parameters.get(name):
                raise AuthorizationRefused("invalid_request", f"Required parameter is missing: {name}")
        client = self.store.clients.get(parameters["client_id"])
        if client is None:
            raise AuthorizationRefused("invalid_client", "The OAuth client was not found.")
        if parameters["redirect_uri"] not in client.redirect_uris:
            message = "The redirect URI in the request does not match the ones authorized for the OAuth client."
            raise AuthorizationRefused("redirect_uri_mismatch", message)
        if parameters["response_type"] != "code":
            raise AuthorizationRefused("unsupported_response_type", "Only response_type=code is offered.")
        _check_challenge(parameters)
        return client

    def silent(self, parameters: Mapping[str, str]) -> str | None:
        """The answer to `prompt=none`: a code if everything was granted before, else an error; None for others."""
        if parameters.get("prompt") != "none":
            return None
        account = self.store.accounts.get(parameters.get("login_hint", "").lower())
        if account is None:
            return location(parameters, {"error": "interaction_required"})
        granted = set(self.grants.grant_of(account.email, parameters["client_id"]).scopes)
        if not set(requested(parameters)) <= granted:
            return location(parameters, {"error": "consent_required"})
        return self.allow(parameters, account, requested(parameters))

    def deny(self, parameters: Mapping[str, str]) -> str:
        return location(parameters, {"error": "access_denied"})

    def allow(self, parameters: Mapping[str, str], account: Account, scopes: Iterable[str]) -> str:
        """Where the browser goes after consent to these of the requested scopes."""
        wanted = requested(parameters)
        granted = [scope for scope in wanted if scope in set(ordered(scopes))]
        grant = self.grants.grant_of(account.email, parameters["client_id"])
        first = not grant.refresh_tokens
        asked_again = "consent" in parameters.get("prompt", "").split()
        if parameters.get("include_granted_scopes", "").lower() == "true":
            granted = ordered({*granted, *grant.scopes})
        code = Code(
            code=f"4/0A{secrets.token_urlsafe(54)}",
            email=account.email,
            client_id=parameters["client_id"],
            redirect_uri=parameters["redirect_uri"],
            scopes=granted,
            expires=self.store.clock.now() + CODE_SECONDS,
            offline=parameters.get("access_type") == "offline" and (first or asked_again),
            nonce=parameters.get("nonce", ""),
            challenge=parameters.get("code_challenge", ""),
            challenge_method=parameters.get("code_challenge_method", "plain"),
        )
        self.codes[code.code] = code
        answer = {"code": code.code, "scope": " ".join(granted), "authuser": "0"}
        hosted = account.email.rpartition("@")[2]
        answer |= {} if hosted == "gmail.com" else {"hd": hosted}
        return location(parameters, answer | {"prompt": parameters.get("prompt") or "consent"})

    def redeem(self, form: Mapping[str, str], client: Client, refresh_lifetime: int | None) -> dict[str, Any]:
        """Tokens for a code; the code is spent even if the rest of the request is wrong."""
        if not form.get("code"):
            raise OAuthError("invalid_request", "Missing required parameter: code")
        if not form["code"].startswith("4/"):
            raise OAuthError("invalid_grant", "Malformed auth code.")
        code = self.codes.get(form["code"])
        if code is None or code.client_id != client.client_id or code.expires <= self.store.clock.now():
            raise OAuthError("invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        del self.codes[code.code]
        _check_verifier(code, form.get("code_verifier", ""))
        account = self.store.accounts[code.email]
        issue = Issue(account, code.client_id, tuple(code.scopes), code.offline, code.nonce)
        return self.grants.issue(issue, refresh_lifetime)


def requested(parameters: Mapping[str, str]) -> list[str]:
    return ordered(parameters["scope"].split())


def location(parameters: Mapping[str, str], answer: Mapping[str, str]) -> str:
    """The redirect address with the answer; `state` comes back byte for byte."""
    query = urlencode(answer, quote_via=quote, safe="")
    if "state" in parameters:
        query = f"state={quote(parameters['state'], safe='')}&{query}"
    uri = parameters["redirect_uri"]
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


def _check_challenge(parameters: Mapping[str, str]) -> None:
    method = parameters.get("code_challenge_method", "plain")
    if method not in ("plain", "S256"):
        raise AuthorizationRefused("invalid_request", "Invalid code_challenge_method.")
    if "code_challenge_method" in parameters and not parameters.get("code_challenge"):
        raise AuthorizationRefused("invalid_request", "code_challenge is missing.")


def _check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        return
    if not verifier:
        raise OAuthError("invalid_grant", "Missing code verifier.")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    expected = digest if code.challenge_method == "S256" else verifier
    if not VERIFIER.match(verifier) or not hmac.compare_digest(expected, code.challenge):
        raise OAuthError("invalid_grant", "Invalid code verifier.")
