"""Verification metadata, and tokens and links made by the backend."""

from aiohttp import web

from devstack.propelauth.bodies import CreateAccessToken, CreateMagicLink
from devstack.propelauth.http import BACKEND, METADATA_PATH, done, read
from devstack.propelauth.refusals import Refused, invalid
from devstack.propelauth.tokens import TokenActions


class TokenRoutes:
    def __init__(self, auth: TokenActions) -> None:
        self.auth = auth

    def table(self) -> list[web.RouteDef]:
        return [
            web.get(METADATA_PATH, self.metadata),
            web.get(f"{BACKEND}/token_verification_metadata", self.metadata_for_rust),
            web.post(f"{BACKEND}/access_token", self.create_access_token),
            web.post(f"{BACKEND}/magic_link", self.create_magic_link),
        ]

    async def metadata(self, _: web.Request) -> web.Response:
        return done({"verifier_key_pem": self.auth.verifier_key_pem})

    async def metadata_for_rust(self, _: web.Request) -> web.Response:
        return done({"public_key_pem": self.auth.verifier_key_pem})

    async def create_access_token(self, request: web.Request) -> web.Response:
        """404 when the project does not allow it, 403 for a user who is unknown or disabled."""
        if not self.auth.settings.access_token_creation:
            raise Refused(404)
        body = await read(request, CreateAccessToken)
        user = self.auth.world.users.get(body.user_id)
        if user is None or not user.enabled:
            raise Refused(403)
        if body.duration_in_minutes <= 0:
            raise invalid("duration_in_minutes", "Must be positive")
        claims = self.auth.claims(user.user_id, minutes=body.duration_in_minutes, active_org_id=body.active_org_id)
        method = self.auth.login_method_claim(login_method="generated_from_backend_api")
        return done({"access_token": self.auth.sign({**claims, **method})})

    async def create_magic_link(self, request: web.Request) -> web.Response:
        body = await read(request, CreateMagicLink)
        if body.expires_in_hours is not None and body.expires_in_hours <= 0:
            raise invalid("expires_in_hours", "Must be positive")
        create_user = bool(body.create_new_user_if_one_doesnt_exist)
        known = self.auth.user_by_email(body.email)
        link = self.auth.add_magic_link(body.email, create_user=create_user, hours=body.expires_in_hours)
        link.redirect_to_url = body.redirect_to_url
        link.expire_after_first_use = bool(body.expire_after_first_use)
        if known is None:
            self.auth.user(link.user_id).signup_query_parameters = body.user_signup_query_parameters or {}
        return done({"url": f"{self.auth.auth_url}/magic_link?token={link.token}"})
