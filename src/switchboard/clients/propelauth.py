"""PropelAuth: who is calling, and the Google tokens it keeps for a person.

Traps this closes are listed in facts/propelauth.md section 0: no blocking start (key material comes from settings),
one deadline for every call, ids checked before they reach a path, all errors mapped to ours, a token with a sign-in
provider or organization the library does not know still names its person.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from propelauth_py import (
    AsyncAuth,
    TokenVerificationMetadata,
    UnauthorizedException,
    init_base_async_auth,
)

from switchboard.clients.patience import Patience
from switchboard.clients.propelauth_errors import (
    VENDOR_ERRORS,
    InvalidToken,
    NoGoogleTokens,
    PropelAuthUnavailable,
    as_our_error,
)
from switchboard.clients.propelauth_facts import (
    ID,
    GoogleGrant,
    Identity,
    Profile,
    checked,
    claimed_organizations,
    moment,
    profile_of,
)
from switchboard.clients.propelauth_organizations import PropelAuthOrganizations
from switchboard.errors import NotFound, Unauthenticated
from switchboard.settings import PropelAuthSettings

Result = TypeVar("Result")

LEEWAY_SECONDS = 60
REMEMBERED_TOKENS = 10_000


class PropelAuthClient:
    """Use `opened()`; one client serves a whole process."""

    def __init__(
        self, auth: AsyncAuth, metadata: TokenVerificationMetadata, http: httpx.AsyncClient, wire: "_AddressTransport"
    ) -> None:
        self._auth = auth
        self._metadata = metadata
        self._http = http
        self._wire = wire
        self._deadline = http.timeout.read
        self._verified: dict[bytes, Identity] = {}
        self.organizations = PropelAuthOrganizations(auth, self._mapped)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: PropelAuthSettings) -> AsyncIterator["PropelAuthClient"]:
        host = httpx.URL(settings.auth_url)
        key = load_pem_public_key(settings.verifier_key.encode())
        metadata = TokenVerificationMetadata(key, f"https://{host.netloc.decode()}")
        wire = _AddressTransport(settings.api_address)
        timeout = httpx.Timeout(settings.timeout)
        async with httpx.AsyncClient(transport=wire, timeout=timeout, trust_env=False) as http:
            api_key = settings.api_key.get_secret_value()
            auth = init_base_async_auth(settings.auth_url, api_key, metadata, httpx_client=http)
            yield cls(auth, metadata, http, wire)

    def be_patient(self, patience: Patience) -> None:
        """From now on all requests go out at its pace, and what may pass is tried again: for work nobody waits for.

        The usual deadline of a call is then its patience's, for each try.
        """
        self._wire.patience = patience
        self._deadline = None

    def identify(self, authorization: str | None) -> Identity:
        """The person behind an `Authorization` header, checked offline; raises `Unauthenticated`.

        A token that was accepted stays accepted until it expires, so it is verified once and known by its digest
        from then on.
        """
        if not authorization:
            raise Unauthenticated
        digest = hashlib.sha256(authorization.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and known.expires_at.timestamp() + LEEWAY_SECONDS > time.time():
            return known
        identity = self._verify(authorization)
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[digest] = identity
        return identity

    def _verify(self, authorization: str) -> Identity:
        try:
            user = self._auth.validate_access_token_and_get_user(authorization)
        except UnauthorizedException:
            return _identity(self._claims(authorization))
        return _identity({**vars(user), **_unkept(authorization)})

    async def profile(self, user_id: str) -> Profile:
        """The person as PropelAuth knows them now; raises `NotFound`."""
        found = await self._mapped(self._auth.fetch_user_metadata_by_user_id(checked(user_id)))
        if found is None:
            raise NotFound("PropelAuth does not know this person.")
        return profile_of(found)

    async def google_grant(self, user_id: str) -> GoogleGrant:
        """The Google tokens stored at sign-in; raises `NotFound` when the person did not sign in with Google."""
        tokens = await self._mapped(self._auth.fetch_user_oauth_tokens(checked(user_id)))
        return _grant((tokens or {}).get("google"))

    async def fresh_google_grant(self, user_id: str) -> GoogleGrant:
        """The same with an access token that PropelAuth refreshed at Google just now."""
        return _grant(await self._mapped(self._auth.fetch_fresh_token_from_provider(checked(user_id), "google")))

    async def answers(self) -> None:
        """Raise `Unavailable` unless PropelAuth answers at all."""
        try:
            response = await self._http.get("https://propelauth-api.com/", timeout=1.0)
        except httpx.HTTPError:
            raise PropelAuthUnavailable from None
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise PropelAuthUnavailable

    async def _mapped(self, call: Awaitable[Result]) -> Result:
        """The answer within the deadline; httpx has one for each read only, which a slow drip never reaches."""
        try:
            async with asyncio.timeout(self._deadline):
                return await call
        except VENDOR_ERRORS as error:
            raise as_our_error(error) from None

    def _claims(self, authorization: str) -> dict[str, Any]:
        """Claims by the library's own rules, without the parts it refuses whole tokens for.

        An unknown sign-in provider or a malformed organization fails the library's parsing of a token whose
        signature, issuer and times are right (facts/propelauth.md section 0, point 6, and section 3.1).
        """
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise InvalidToken
            return jwt.decode(
                token,
                self._metadata.verifier_key,
                algorithms=["RS256"],
                issuer=self._metadata.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss"], "verify_aud": False},
            )
        except (jwt.InvalidTokenError, ValueError, OverflowError):
            raise InvalidToken from None


class _AddressTransport(httpx.AsyncBaseTransport):
    """Sends every call to the configured address: the library's own is a constant (section 0, point 1)."""

    def __init__(self, address: str) -> None:
        self.patience: Patience | None = None
        self._address = httpx.URL(address)
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=50))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.patience is None:
            return await self._sent(request)
        return await self.patience(self._sent, request, repeatable=_is_repeatable(request))

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        to = self._address
        request.url = request.url.copy_with(scheme=to.scheme, host=to.host, port=to.port)
        request.headers["host"] = to.netloc.decode()
        response = await self._inner.handle_async_request(request)
        if _is_page(request, response):
            await response.aclose()
            raise httpx.RemoteProtocolError("a page in place of an answer", request=request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_repeatable(request: httpx.Request) -> bool:
    """Whether a second time does no harm if the first one got through after all."""
    return request.method != "POST" or request.url.path.endswith("/user_ids")


def _is_page(request: httpx.Request, response: httpx.Response) -> bool:
    """Whether something in between answered with a page of its own.

    The library does not look at the body of a write that went well, and takes any 404 for 'it is not there'.
    """
    decides = response.is_success or response.status_code == httpx.codes.NOT_FOUND
    page = response.headers.get("content-type", "").lower().startswith("text/html")
    return decides and page and request.url.path.startswith("/api/")


def _unkept(authorization: str) -> dict[str, Any]:
    """Claims of a token that was just verified which the library keeps to itself: times and bare organizations."""
    payload = authorization.split(".", 2)[1]
    claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    names = ("iat", "exp", "org_member_info", "org_id_to_org_member_info")
    return {name: claims[name] for name in names if name in claims}


def _identity(claims: dict[str, Any]) -> Identity:
    user_id = claims.get("user_id")
    if not isinstance(user_id, str) or not ID.fullmatch(user_id):
        raise InvalidToken
    names = ("email", "first_name", "last_name", "username", "impersonator_user_id")
    texts = {name: claims[name] for name in names if isinstance(claims.get(name), str)}
    try:
        issued_at, expires_at = moment(claims["iat"]), moment(claims["exp"])
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise InvalidToken from None
    return Identity(user_id, issued_at, expires_at, **texts, org_ids=claimed_organizations(claims))


def _grant(token: Any) -> GoogleGrant:
    if token is None or not token.access_token:
        raise NoGoogleTokens
    expires_at = token.token_expiration
    return GoogleGrant(
        access_token=token.access_token,
        refresh_token=token.refresh_token or None,
        expires_at=int(expires_at) if isinstance(expires_at, (int, float)) else None,
        scopes=tuple(token.authorized_scopes or ()),
    )
