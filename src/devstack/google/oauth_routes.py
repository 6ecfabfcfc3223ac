"""The OAuth and OpenID Connect endpoints over HTTP."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from devstack.google.authorization import Authorization, AuthorizationRefused
from devstack.google.consent import consent_page, refusal_page
from devstack.google.errors import OAuthError
from devstack.google.grants import AccessToken, Grants, profile
from devstack.google.keys import ISSUER
from devstack.google.state import Client, Store
from devstack.google.switches import Switches

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN_PATHS = ("/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token")
AUTHORIZATION_PATHS = ("/o/oauth2/v2/auth", "/o/oauth2/auth")


class OAuthRoutes:
    def __init__(self, store: Store, grants: Grants, authorization: Authorization, switches: Switches) -> None:
        self.store = store
        self.grants = grants
        self.authorization = authorization
        self.switches = switches

    def add_to(self, app: web.Application) -> None:
        for path in AUTHORIZATION_PATHS:
            app.router.add_get(path, self.authorize)
            app.router.add_post(path, self.consent)
        for path in TOKEN_PATHS:
            app.router.add_post(path, _answering(self.token))
        for path in ("/revoke", "/o/oauth2/revoke"):
            app.router.add_route("*", path, _answering(self.revoke))
        app.router.add_get("/oauth2/v1/certs", self.certificates)
        app.router.add_get("/oauth2/v3/certs", self.key_set)
        app.router.add_get("/.well-known/openid-configuration", self.configuration)
        for path in ("/oauth2/v2/userinfo", "/userinfo/v2/me"):
            app.router.add_get(path, _answering(self.userinfo_v2))
        for path in ("/oauth2/v3/userinfo", "/v1/userinfo", "/oauth2/v1/userinfo"):
            app.router.add_get(path, _answering(self.userinfo))
        app.router.add_route("*", "/oauth2/v2/tokeninfo", _answering(self.token_info))

    async def authorize(self, request: web.Request) -> web.Response:
        parameters = dict(request.query)
        try:
            self.authorization.check(parameters)
        except AuthorizationRefused as refusal:
            return _page(refusal_page(refusal.error, refusal.message), 400)
        silent = self.authorization.silent(parameters)
        if silent is not None:
            return web.Response(status=302, headers={"Location": silent})
        return _page(consent_page(parameters, list(self.store.accounts.values())))

    async def consent(self, request: web.Request) -> web.Response:
        """The form of the consent page: `decision`, `email`, and one `granted` for every ticked scope."""
        form = await request.post()
        parameters = {**request.query} or {name[2:]: str(v) for name, v in form.items() if name.startswith("p:")}
        try:
            self.authorization.check(parameters)
        except AuthorizationRefused as refusal:
            return _page(refusal_page(refusal.error, refusal.message), 400)
        if form.get("decision") != "allow":
            return web.Response(status=302, headers={"Location": self.authorization.deny(parameters)})
        account = self.store.accounts.get(str(form.get("email", "")).lower())
        if account is None:
            return _page(refusal_page("invalid_request", "Couldn't find your account"), 400)
        scopes = [str(scope) for scope in form.getall("granted", [])]
        return web.Response(status=302, headers={"Location": self.authorization.allow(parameters, account, scopes)})

    async def token(self, request: web.Request) -> dict[str, Any]:
        form = {name: str(value) for name, value in (await request.post()).items()}
        client = self._client(request, form)
        kind = form.get("grant_type", "")
        if kind == "authorization_code":
            return self.authorization.redeem(form, client, self.switches.refresh_token_lifetime)
        if kind == "refresh_token":
            if not form.get("refresh_token"):
                raise OAuthError("invalid_request", "Missing required parameter: refresh_token")
            return self.grants.renew(form["refresh_token"], client.client_id)
        raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind}")

    def _client(self, request: web.Request, form: Mapping[str, str]) -> Client:
        """Client authentication, in the body or as Basic."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            client_id, secret = _basic(credentials)
        client = self.store.clients.get(client_id)
        if client is None:
            raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
        if not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
            raise OAuthError("invalid_client", "Unauthorized", 401)
        return client

    async def revoke(self, request: web.Request) -> dict[str, Any]:
        form = await request.post()
        token = request.query.get("token") or str(form.get("token", ""))
        if not token:
            raise OAuthError("invalid_request", "Missing required parameter: token")
        self.grants.revoke_token(token, self.switches.revoke_lag)
        return {}

    async def certificates(self, _: web.Request) -> web.Response:
        return web.json_response(
            {self.grants.key.key_id: self.grants.key.certificate}, headers={"Cache-Control": "public, max-age=21600"}
        )

    async def key_set(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.grants.key.jwk()]}, headers={"Cache-Control": "public, max-age=21600"})

    async def configuration(self, request: web.Request) -> web.Response:
        base = f"{request.scheme}://{request.host}"
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{base}/o/oauth2/v2/auth",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/v1/userinfo",
                "revocation_endpoint": f"{base}/revoke",
                "jwks_uri": f"{base}/oauth2/v3/certs",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": [
                    "aud",
                    "email",
                    "email_verified",
                    "exp",
                    "family_name",
                    "given_name",
                    "iat",
                    "iss",
                    "name",
                    "picture",
                    "sub",
                ],
                "code_challenge_methods_supported": ["plain", "S256"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
            }
        )

    def _bearer(self, request: web.Request) -> AccessToken:
        token = request.headers.get("Authorization", "").partition(" ")[2] or request.query.get("access_token", "")
        known = self.grants.valid(token)
        if known is None:
            raise OAuthError("invalid_request", "Invalid Credentials", 401)
        return known

    async def userinfo(self, request: web.Request) -> dict[str, Any]:
        token = self._bearer(request)
        account = self.store.accounts[token.email]
        return {"sub": account.sub} | profile(account, token.scopes)

    async def userinfo_v2(self, request: web.Request) -> dict[str, Any]:
        token = self._bearer(request)
        account = self.store.accounts[token.email]
        told = {"id": account.sub} | profile(account, token.scopes)
        if "email_verified" in told:
            told["verified_email"] = told.pop("email_verified")
        return told

    async def token_info(self, request: web.Request) -> dict[str, Any]:
        form = await request.post()
        given = request.query.get("access_token") or str(form.get("access_token", ""))
        token = self.grants.valid(given)
        if token is None:
            raise OAuthError("invalid_token", "Invalid Value")
        account = self.store.accounts[token.email]
        told = {
            "issued_to": token.client_id,
            "audience": token.client_id,
            "user_id": account.sub,
            "scope": " ".join(token.scopes),
            "expires_in": int(token.expires - self.store.clock.now()),
            "access_type": "offline" if token.refresh_token else "online",
        }
        email = profile(account, token.scopes).get("email")
        return told | ({"email": email, "verified_email": True} if email else {})


def _basic(credentials: str) -> tuple[str, str]:
    try:
        client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "Unauthorized", 401) from error
    return unquote(client_id), unquote(secret)


def _answering(handler: Callable[[web.Request], Awaitable[dict[str, Any]]]) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request), headers={"Cache-Control": "no-store"})
        except OAuthError as error:
            return web.json_response(error.body(), status=error.status)

    return answer


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html")
