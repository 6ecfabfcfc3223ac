"""Making, changing and deleting users."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from devstack.propelauth import bodies
from devstack.propelauth.http import BACKEND, done, path_id, read
from devstack.propelauth.refusals import Refused
from devstack.propelauth.tokens import TokenActions


class UserWriteRoutes:
    def __init__(self, auth: TokenActions) -> None:
        self.auth = auth

    def table(self) -> list[web.RouteDef]:
        path = f"{BACKEND}/user"
        return [
            web.post(f"{path}/", self.create),
            web.put(f"{path}/{{user_id}}", self.update),
            web.put(f"{path}/{{user_id}}/email", self.update_email),
            web.put(f"{path}/{{user_id}}/password", self.update_password),
            web.post(f"{BACKEND}/resend_email_confirmation", self.resend_email_confirmation),
            web.post(f"{BACKEND}/migrate_user/", self.migrate),
            web.post(f"{BACKEND}/migrate_user/password", self.migrate_password),
            *self._bodiless(f"{path}/{{user_id}}"),
        ]

    def _bodiless(self, path: str) -> list[web.RouteDef]:
        auth = self.auth
        return [
            web.delete(path, _by_id(auth.delete_user)),
            web.put(f"{path}/clear_password", _by_id(lambda user_id: auth.set_password(user_id, None))),
            web.post(f"{path}/enable", _by_id(auth.enable_user)),
            web.post(f"{path}/disable", _by_id(auth.disable_user)),
            web.post(f"{path}/disable_2fa", _by_id(auth.disable_2fa)),
            web.put(f"{path}/can_create_orgs/enable", _by_id(lambda user: auth.set_can_create_orgs(user, True))),
            web.put(f"{path}/can_create_orgs/disable", _by_id(lambda user: auth.set_can_create_orgs(user, False))),
            web.post(f"{path}/logout_all_sessions", _by_id(auth.logout_everywhere)),
        ]

    async def create(self, request: web.Request) -> web.Response:
        body = await read(request, bodies.CreateUser)
        user = self.auth.add_user(
            body.email,
            password=body.password,
            email_confirmed=body.email_confirmed,
            username=body.username,
            first_name=body.first_name,
            last_name=body.last_name,
            properties=body.properties,
            update_password_required=body.ask_user_to_update_password_on_login,
            ignore_domain_restrictions=body.ignore_domain_restrictions,
        )
        return done({"user_id": user.user_id})

    async def update(self, request: web.Request) -> web.Response:
        """Fields that are null or absent stay as they are: the SDK cannot tell the two apart either."""
        user_id = self.auth.user(path_id(request, "user_id")).user_id
        body = await read(request, bodies.UpdateUser)
        self.auth.update_user(user_id, **body.model_dump(exclude_none=True))
        return done()

    async def update_email(self, request: web.Request) -> web.Response:
        user_id = self.auth.user(path_id(request, "user_id")).user_id
        body = await read(request, bodies.UpdateEmail)
        self.auth.change_email(user_id, body.new_email, require_confirmation=body.require_email_confirmation)
        return done()

    async def update_password(self, request: web.Request) -> web.Response:
        user_id = self.auth.user(path_id(request, "user_id")).user_id
        body = await read(request, bodies.UpdatePassword)
        ask = body.ask_user_to_update_password_on_login
        self.auth.set_password(user_id, body.password, ask_to_update=ask)
        return done()

    async def resend_email_confirmation(self, request: web.Request) -> web.Response:
        user = self.auth.user((await read(request, bodies.OneUser)).user_id)
        if user.email_confirmed and user.unconfirmed_email is None:
            raise Refused(400, {"user_facing_error": "The email address is already confirmed"})
        return done()

    async def migrate(self, request: web.Request) -> web.Response:
        body = await read(request, bodies.MigrateUser)
        user = self.auth.add_user(
            body.email,
            password=body.existing_password_hash is not None,
            email_confirmed=body.email_confirmed,
            legacy_user_id=body.existing_user_id,
            mfa_enabled=body.existing_mfa_base32_encoded_secret is not None,
            update_password_required=bool(body.update_password_required),
            enabled=body.enabled is not False,
            first_name=body.first_name,
            last_name=body.last_name,
            username=body.username,
            picture_url=body.picture_url,
            properties=body.properties,
        )
        return done({"user_id": user.user_id})

    async def migrate_password(self, request: web.Request) -> web.Response:
        body = await read(request, bodies.MigratePassword)
        self.auth.user(body.user_id).has_password = True
        return done()


def _by_id(action: Callable[[str], object]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        action(path_id(request, "user_id"))
        return done()

    return handler
