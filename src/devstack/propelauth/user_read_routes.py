"""Reading users."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiohttp import web

from devstack.propelauth import shapes
from devstack.propelauth.bodies import Emails, UserIds, Usernames
from devstack.propelauth.http import BACKEND, done, include_orgs, paging, path_id, read
from devstack.propelauth.model import Membership, User
from devstack.propelauth.refusals import invalid, not_found
from devstack.propelauth.tokens import TokenActions

_ORDERS: dict[str, tuple[Callable[[User], Any], bool]] = {
    "CREATED_AT_ASC": (lambda user: user.created_at, False),
    "CREATED_AT_DESC": (lambda user: user.created_at, True),
    "LAST_ACTIVE_AT_ASC": (lambda user: user.last_active_at, False),
    "LAST_ACTIVE_AT_DESC": (lambda user: user.last_active_at, True),
    "EMAIL": (lambda user: user.email.lower(), False),
    "USERNAME": (lambda user: (user.username is None, (user.username or "").lower()), False),
}


class UserReadRoutes:
    def __init__(self, auth: TokenActions) -> None:
        self.auth = auth

    def table(self) -> list[web.RouteDef]:
        path = f"{BACKEND}/user"
        return [
            web.get(f"{path}/email", self.by_email),
            web.get(f"{path}/username", self.by_username),
            web.get(f"{path}/query", self.query),
            web.get(f"{path}/org/{{org_id}}", self.in_org),
            web.post(f"{path}/user_ids", self.batch_by_id),
            web.post(f"{path}/emails", self.batch_by_email),
            web.post(f"{path}/usernames", self.batch_by_username),
            web.get(f"{path}/{{user_id}}", self.by_id),
            web.get(f"{path}/{{user_id}}/signup_query_parameters", self.signup_query_parameters),
            web.get(f"{path}/{{user_id}}/mfa", self.mfa),
            web.get(f"{path}/{{user_id}}/oauth_token", self.oauth_token),
            web.get(f"{path}/{{user_id}}/{{provider}}/fresh_token", self.fresh_token),
        ]

    async def by_id(self, request: web.Request) -> web.Response:
        return self._one(request, self.auth.user(path_id(request, "user_id")))

    async def by_email(self, request: web.Request) -> web.Response:
        return self._one(request, self.auth.user_by_email(_required(request, "email")))

    async def by_username(self, request: web.Request) -> web.Response:
        return self._one(request, self.auth.user_by_username(_required(request, "username")))

    async def batch_by_id(self, request: web.Request) -> web.Response:
        users = self.auth.world.users
        return self._batch(request, [users.get(user_id) for user_id in (await read(request, UserIds)).user_ids])

    async def batch_by_email(self, request: web.Request) -> web.Response:
        emails = (await read(request, Emails)).emails
        return self._batch(request, [self.auth.user_by_email(email) for email in emails])

    async def batch_by_username(self, request: web.Request) -> web.Response:
        usernames = (await read(request, Usernames)).usernames
        return self._batch(request, [self.auth.user_by_username(username) for username in usernames])

    async def query(self, request: web.Request) -> web.Response:
        order = request.query.get("order_by", "CREATED_AT_ASC")
        if order not in _ORDERS:
            raise invalid("order_by", f"Unknown order: {order}")
        key, descending = _ORDERS[order]
        users = sorted((user for user in self.auth.world.users.values() if _matches(user, request)), key=key)
        shown = [shapes.user(self.auth, user, include_orgs(request)) for user in users]
        return done(shapes.page("users", shown[::-1] if descending else shown, *paging(request)))

    async def in_org(self, request: web.Request) -> web.Response:
        """`role` is matched exactly, case included (comment in the official Go SDK)."""
        org_id, role = self.auth.org(path_id(request, "org_id")).org_id, request.query.get("role")
        found = [m for m in self.auth.members(org_id) if role is None or role in (m.role, *m.additional_roles)]
        shown = [self._member(member, include_orgs(request)) for member in found]
        return done(shapes.page("users", shown, *paging(request)))

    async def signup_query_parameters(self, request: web.Request) -> web.Response:
        user = self.auth.user(path_id(request, "user_id"))
        return done({"user_signup_query_parameters": user.signup_query_parameters})

    async def mfa(self, request: web.Request) -> web.Response:
        enabled = self.auth.user(path_id(request, "user_id")).mfa_enabled
        return done({"mfa_setup": {"type": "Totp"} if enabled else None})

    async def oauth_token(self, request: web.Request) -> web.Response:
        return done(await self.auth.social_tokens(path_id(request, "user_id")))

    async def fresh_token(self, request: web.Request) -> web.Response:
        provider = request.match_info["provider"]
        return done(await self.auth.fresh_social_token(path_id(request, "user_id"), provider))

    def _one(self, request: web.Request, user: User | None) -> web.Response:
        if user is None:
            raise not_found()
        return done(shapes.user(self.auth, user, include_orgs(request)))

    def _batch(self, request: web.Request, found: Iterable[User | None]) -> web.Response:
        """Those that exist, each once."""
        users: Sequence[User] = list({user.user_id: user for user in found if user is not None}.values())
        return done([shapes.user(self.auth, user, include_orgs(request)) for user in users])

    def _member(self, member: Membership, with_orgs: bool) -> shapes.Json:
        shape = shapes.user(self.auth, self.auth.user(member.user_id), with_orgs)
        return {**shape, "role_in_org": member.role, "additional_roles_in_org": member.additional_roles}


def _required(request: web.Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise invalid(name, "Missing")
    return value


def _matches(user: User, request: web.Request) -> bool:
    """Part of the e-mail or username, whatever the case; the legacy id exactly."""
    part, legacy_id = request.query.get("email_or_username", "").lower(), request.query.get("legacy_user_id")
    named = part in user.email.lower() or part in (user.username or "").lower()
    return named and legacy_id in (None, user.legacy_user_id)
