"""The pages and endpoints a browser talks to."""

import time
from urllib.parse import urlsplit

from aiohttp import web

from devstack.propelauth import shapes
from devstack.propelauth.bodies import BackendRefresh
from devstack.propelauth.http import BACKEND, LOOPBACK, done, read
from devstack.propelauth.login_page import login_page
from devstack.propelauth.model import Session
from devstack.propelauth.refusals import Refused
from devstack.propelauth.tokens import TokenActions

COOKIE = "__pa_session"


class HostedRoutes:
    """Stands in for what PropelAuth serves on the project's own host: sign-in, refresh, sign-out, userinfo."""

    def __init__(self, auth: TokenActions) -> None:
        self.auth = auth

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.account),
            web.get("/login", self.login),
            web.post("/login", self.sign_in),
            web.get("/google/login", self.google_login),
            web.get("/magic_link", self.magic_link),
            web.get("/api/v1/refresh_token", self.refresh),
            web.post("/api/v1/logout", self.logout),
            web.options("/api/v1/{rest:.*}", self.preflight),
            web.post(f"{BACKEND}/refresh_token", self.backend_refresh),
            web.post(f"{BACKEND}/logout", self.backend_logout),
            web.get("/propelauth/oauth/userinfo", self.userinfo),
        ]

    async def account(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None:
            raise web.HTTPFound("/login")
        return done(shapes.user(self.auth, self.auth.user(session.user_id), include_orgs=True))

    async def login(self, request: web.Request) -> web.Response:
        users = [user for user in self.auth.world.users.values() if user.enabled]
        roles = {user.user_id: self._roles(user.user_id) for user in users}
        page = login_page(users, roles, _back(request.query.get("redirect_to")))
        return web.Response(text=page, content_type="text/html")

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        session = self.auth.sign_in(str(form.get("user_id", "")))
        return _signed_in(session, _back(str(form.get("redirect_to", ""))))

    async def google_login(self, request: web.Request) -> web.Response:
        """No trip to Google: straight back. The dev stack links demo users to Google by `link_social`."""
        wanted = request.query.get("redirect_to") or request.query.get("rt")
        raise web.HTTPFound(_back(wanted))

    async def magic_link(self, request: web.Request) -> web.Response:
        session, link = self.auth.follow_magic_link(request.query.get("token", ""))
        return _signed_in(session, _back(link.redirect_to_url))

    async def refresh(self, request: web.Request) -> web.Response:
        """What the front-end SDK asks for every access token; 401 when nobody is signed in."""
        answer = self._refreshed(self._session(request), request.query.get("active_org_id"))
        return done(answer)

    async def logout(self, request: web.Request) -> web.Response:
        self.auth.sign_out(request.cookies.get(COOKIE))
        answer = done({"redirect_to": f"{self.auth.auth_url}/login"})
        answer.del_cookie(COOKIE)
        return answer

    async def preflight(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    async def backend_refresh(self, request: web.Request) -> web.Response:
        token = (await read(request, BackendRefresh)).refresh_token
        answer = self._refreshed(self.auth.session(token), request.query.get("active_org_id"))
        return done({"refresh_token": token, "access_token": answer})

    async def backend_logout(self, request: web.Request) -> web.Response:
        self.auth.sign_out((await read(request, BackendRefresh)).refresh_token)
        return done()

    async def userinfo(self, request: web.Request) -> web.Response:
        """401 unless the bearer token is one of ours and still good."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user_id = self.auth.verified_user_id(token) if scheme.lower() == "bearer" else None
        user = self.auth.world.users.get(user_id or "")
        if user is None:
            raise Refused(401)
        return done({**shapes.user(self.auth, user, include_orgs=True), "sub": user.user_id})

    def _session(self, request: web.Request) -> Session | None:
        return self.auth.session(request.cookies.get(COOKIE))

    def _refreshed(self, session: Session | None, active_org_id: str | None) -> shapes.Json:
        if session is None:
            raise Refused(401)
        user, minutes = self.auth.user(session.user_id), self.auth.settings.token_minutes
        claims = self.auth.claims(user.user_id, active_org_id=active_org_id)
        method = self.auth.login_method_claim(login_method=session.login_method)
        return {
            "access_token": self.auth.sign({**claims, **method}),
            "expires_at_seconds": int(time.time() + minutes * 60),
            "org_id_to_org_member_info": shapes.member_infos(self.auth, user.user_id),
            "user": shapes.user(self.auth, user, include_orgs=False),
        }

    def _roles(self, user_id: str) -> str:
        memberships = self.auth.memberships_of(user_id)
        return ", ".join(f"{m.role} of {self.auth.world.orgs[m.org_id].name}" for m in memberships)


def _back(url: str | None) -> str:
    """Only to this machine: the emulator must not be a redirector for anybody."""
    return url if url and urlsplit(url).hostname in LOOPBACK else "/"


def _signed_in(session: Session, back: str) -> web.Response:
    answer = web.Response(status=302, headers={"Location": back})
    answer.set_cookie(COOKIE, session.token, httponly=True, samesite="Lax")
    return answer
