"""Google's OAuth: consent, tokens, and who consented.

Made here and not with aiogoogle, which knows no PKCE, invents no state, checks certificates anew at every sign-in and
opens a connection for every refresh (facts/google-calendar.md sections 1.2 to 1.5).
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from google.auth import exceptions as google_auth_exceptions
from google.auth import jwt as google_jwt
from yarl import URL

from switchboard.clients.google_calls import REQUESTS
from switchboard.clients.google_errors import (
    AccessLost,
    GoogleUnavailable,
    InvalidConsent,
    Retries,
    as_our_token_error,
)
from switchboard.settings import GoogleSettings

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
CLOCK_SKEW_SECONDS = 10
UNKNOWN_LIFETIME_SECONDS = 300
LIFETIMES = range(7 * 24 * 3600)


@dataclass(frozen=True, repr=False)
class TokenGrant:
    """What the token endpoint gave. `expires_in` is in seconds; `scopes` is what was granted, not what was asked."""

    access_token: str
    expires_in: int
    scopes: tuple[str, ...]
    refresh_token: str | None
    id_token: str | None = None


@dataclass(frozen=True)
class GoogleAccount:
    """The Google account that consented; `subject` never changes, the e-mail may."""

    subject: str
    email: str | None


@dataclass(frozen=True, repr=False)
class OAuthClient:
    """The OAuth client a refresh token was issued to."""

    client_id: str
    client_secret: str


class GoogleOAuth:
    """`http` is the process's one session; `retries` says how a passing failure is tried again."""

    def __init__(self, settings: GoogleSettings, http: aiohttp.ClientSession, retries: Retries) -> None:
        self._settings = settings
        self._http = http
        self._retries = retries
        self._deadline = aiohttp.ClientTimeout(total=settings.timeout, connect=min(5.0, settings.timeout))
        self._certificates: dict[str, str] = {}

    @property
    def client(self) -> OAuthClient:
        return OAuthClient(self._settings.client_id, self._settings.client_secret.get_secret_value())

    def consent_address(self, *, state: str, challenge: str, nonce: str, scopes: tuple[str, ...], hint: str) -> str:
        """Where a person consents. PKCE with S256; offline and `consent` so that a refresh token comes (rule 50)."""
        return str(
            URL(self._settings.authorization_address).with_query(
                client_id=self._settings.client_id,
                redirect_uri=self._settings.redirect_uri,
                response_type="code",
                scope=" ".join(scopes),
                state=state,
                nonce=nonce,
                code_challenge=challenge,
                code_challenge_method="S256",
                access_type="offline",
                prompt="consent",
                include_granted_scopes="true",
                login_hint=hint,
            )
        )

    async def exchange(self, code: str, verifier: str) -> TokenGrant:
        """Trade a consent's code for tokens; raises `InvalidConsent` for a code that is wrong, used or too old."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        form["redirect_uri"] = self._settings.redirect_uri
        with suppress(AccessLost):
            return await self._token(form, self.client)
        raise InvalidConsent

    async def refresh(self, refresh_token: str, client: OAuthClient | None = None) -> TokenGrant:
        """A fresh access token; `AccessLost` when the grant is gone, `Misconfigured` when our client is wrong.

        `client` is the one that the token was issued to. Ours has the secret of today, whatever was stored with it.
        """
        if not refresh_token:
            raise AccessLost
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if client is None or client.client_id == self._settings.client_id:
            client = self.client
        return await self._retries(self._token, form, client)

    async def revoke(self, token: str) -> None:
        """Take the grant back. Google drops *all* scopes of this person and project (rule 51)."""
        status, _ = await self._post("oauth.revoke", self._settings.revoke_address, {"token": token})
        if status >= 500 or status == 429:
            raise GoogleUnavailable

    async def account(self, id_token: str | None, nonce: str) -> GoogleAccount:
        """Who consented, from a verified id token; raises `InvalidConsent` when it proves nothing."""
        if not id_token:
            raise InvalidConsent
        claims = await self._verified(id_token)
        if claims.get("iss") not in ISSUERS or claims.get("nonce") != nonce or not claims.get("sub"):
            raise InvalidConsent
        return GoogleAccount(str(claims["sub"]), claims.get("email") if claims.get("email_verified") else None)

    async def _token(self, form: dict[str, str], client: OAuthClient) -> TokenGrant:
        credentials = {"client_id": client.client_id, "client_secret": client.client_secret}
        status, body = await self._post("oauth.token", self._settings.token_address, {**form, **credentials})
        if status != 200:
            raise as_our_token_error(status, body, our_client=client == self.client)
        return _grant(body)

    async def _post(self, method: str, address: str, form: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON. What fails is raised outside of `except`: those errors hold the address."""
        status, body = 0, None
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.post(address, data=form, timeout=self._deadline, allow_redirects=False) as response:
                body = _json_or_none(await response.read())
                status = response.status
        REQUESTS.labels(method, _outcome(status)).inc()
        if not status:
            raise GoogleUnavailable
        return status, body

    async def _verified(self, id_token: str) -> dict[str, Any]:
        """The claims of a token that Google signed for us. The library's errors quote the token: none is chained."""
        for fresh in (False, True):
            certificates = await self._google_certificates(fresh)
            with suppress(google_auth_exceptions.GoogleAuthError, ValueError):
                claims: dict[str, Any] = google_jwt.decode(  # type: ignore[no-untyped-call]
                    id_token,
                    certs=certificates,
                    audience=self._settings.client_id,
                    clock_skew_in_seconds=CLOCK_SKEW_SECONDS,
                )
                return claims
        raise InvalidConsent

    async def _google_certificates(self, fresh: bool) -> dict[str, str]:
        """Google's certificates, kept until one does not fit: Google rotates them."""
        if fresh or not self._certificates:
            self._certificates = await self._retries(self._fetch_certificates)
        return self._certificates

    async def _fetch_certificates(self) -> dict[str, str]:
        found: Any = None
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(self._settings.certificates_address, timeout=self._deadline) as response:
                found = _json_or_none(await response.read()) if response.status == 200 else None
        if not isinstance(found, dict) or not found:
            raise GoogleUnavailable
        return {str(key): str(value) for key, value in found.items()}


def _outcome(status: int) -> str:
    if not status:
        return "no_answer"
    return "ok" if status < 400 else f"{status // 100}xx"


def _grant(body: Any) -> TokenGrant:
    """What is needed of an answer; whatever else Google adds is not looked at (1.3)."""
    told = body if isinstance(body, dict) else {}
    texts = {name: value for name, value in told.items() if isinstance(value, str) and value}
    if "access_token" not in texts:
        raise GoogleUnavailable
    expires_in = told.get("expires_in")
    return TokenGrant(
        access_token=texts["access_token"],
        expires_in=expires_in if type(expires_in) is int and expires_in in LIFETIMES else UNKNOWN_LIFETIME_SECONDS,
        scopes=tuple(texts.get("scope", "").split()),
        refresh_token=texts.get("refresh_token"),
        id_token=texts.get("id_token"),
    )


def _json_or_none(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None
