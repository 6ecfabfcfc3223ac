"""A stand-in for the panel's front end: sign in as somebody, connect a Google calendar, see the events.

It talks to the API as a browser's program would, with a fresh token of the person signed in here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from devstack import front_end_pages as pages
from devstack.google import GoogleEmulator
from devstack.propelauth import PropelAuthEmulator, User

COOKIE = "switchboard_demo_person"
DAYS = 14
MOST_PAGES = 10
Json = dict[str, Any]


class Refused(Exception):
    """The API said no; `problem` is what it said."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or f"status {status}")
        self.status = status
        self.problem = problem


class FrontEnd:
    """`api` is the address of the API."""

    def __init__(self, propelauth: PropelAuthEmulator, google: GoogleEmulator, api: str) -> None:
        self._propelauth = propelauth
        self._google = google
        self._api = api
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None
        self.url = ""

    async def start(self, port: int = 0) -> str:
        """Serve on 127.0.0.1 (port 0: any free one) and return the address."""
        app = web.Application(middlewares=[_refusals])
        app.add_routes(
            [
                web.get("/", self._people),
                web.post("/sign-in", self._sign_in),
                web.post("/sign-out", self._sign_out),
                web.get("/me", self._me),
                web.post("/connect", self._connect),
                web.post("/adopt", self._adopt),
                web.post("/disconnect", self._disconnect),
                web.get("/calendar", self._calendar),
                web.get("/events", self._events),
                web.post("/sync", self._sync),
                web.post("/invites/{invite_id}/{reply:accept|decline}", self._reply),
            ]
        )
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _people(self, request: web.Request) -> web.Response:
        """All demo people by organization; after signing in it goes on at `next`."""
        target = _local(request.query.get("next", ""))
        return _page(pages.people(self._groups(), target))

    def _groups(self) -> list[tuple[str, list[pages.Person]]]:
        world = self._propelauth.world
        groups = [
            (org.name, [(world.users[m.user_id], m.role, m.additional_roles) for m in self._propelauth.members(org_id)])
            for org_id, org in world.orgs.items()
        ]
        members = {membership.user_id for membership in world.memberships}
        nowhere: list[tuple[User, str, list[str]]] = [
            (user, "", []) for user in world.users.values() if user.user_id not in members
        ]
        listed: list[tuple[str, list[pages.Person]]] = []
        for name, people in [*groups, ("In no organization", nowhere)]:
            listed.append((name, [self._person(user, " ".join([role, *more])) for user, role, more in people]))
        return listed

    def _person(self, user: User, role: str) -> pages.Person:
        name = " ".join(part for part in (user.first_name, user.last_name) if part)
        marks = [
            (not user.enabled, "disabled"),
            (user.locked, "locked"),
            (not user.email_confirmed, "e-mail not confirmed"),
            (bool(self._propelauth.social_logins(user.user_id)), "signs in with Google"),
            (user.email.lower() not in self._google.store.accounts, "no Google account"),
        ]
        return pages.Person(
            user.user_id,
            name or user.email,
            user.email,
            role,
            tuple(words for holds, words in marks if holds),
            user.enabled and not user.locked,
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        user = self._propelauth.world.users.get(str(form.get("user_id", "")))
        if user is None or not user.enabled or user.locked:
            return _page(pages.message("This person cannot sign in", "Choose somebody else."), 403)
        answer = _see(_local(str(form.get("next", ""))) or "/me")
        answer.set_cookie(COOKIE, user.user_id, httponly=True, samesite="Lax")
        return answer

    async def _sign_out(self, _: web.Request) -> web.Response:
        answer = _see("/")
        answer.del_cookie(COOKIE)
        return answer

    async def _me(self, request: web.Request) -> web.Response:
        user = self._signed_in(request)
        home = await self._call(user, "GET", "/v1/me/bootstrap")
        linked = any(login.provider == "google" for login in self._propelauth.social_logins(user.user_id))
        return _page(pages.home(home, linked))

    async def _connect(self, request: web.Request) -> web.Response:
        begun = await self._call(self._signed_in(request), "POST", "/v1/me/calendar/connect")
        return _see(str(begun["authorization_url"]))

    async def _adopt(self, request: web.Request) -> web.Response:
        user = self._signed_in(request)
        await self._call(user, "POST", "/v1/me/calendar/connect/propelauth")
        return await self._pulled(user)

    async def _disconnect(self, request: web.Request) -> web.Response:
        await self._call(self._signed_in(request), "DELETE", "/v1/me/calendar")
        return _see("/me")

    async def _reply(self, request: web.Request) -> web.Response:
        """Accept or decline an invite."""
        reply = request.match_info
        path = f"/v1/me/invites/{quote(reply['invite_id'], safe='')}/{reply['reply']}"
        await self._call(self._signed_in(request), "POST", path)
        return _see("/me")

    async def _calendar(self, request: web.Request) -> web.Response:
        """Where the API sends the browser after Google's consent page."""
        outcome = request.query.get("calendar", "")
        if outcome != "confirm":
            told = "You did not allow it." if outcome == "denied" else "Google sent you back without a consent."
            return _page(pages.message("The calendar is not connected", told), 400)
        user = self._signed_in(request)
        body = {name: request.query.get(name, "") for name in ("state", "code")}
        await self._call(user, "POST", "/v1/me/calendar/confirm", json=body)
        return await self._pulled(user)

    async def _sync(self, request: web.Request) -> web.Response:
        return await self._pulled(self._signed_in(request))

    async def _pulled(self, user: User) -> web.Response:
        """Pull now; that a worker is at it already is as good."""
        try:
            await self._call(user, "POST", "/v1/me/calendar/sync")
        except Refused as refusal:
            if refusal.status != 409:
                raise
        return _see("/events")

    async def _events(self, request: web.Request) -> web.Response:
        user = self._signed_in(request)
        home = await self._call(user, "GET", "/v1/me/bootstrap")
        return _page(pages.events(home, await self._two_weeks(user)))

    async def _two_weeks(self, user: User) -> list[Json]:
        begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        asked = {"from": begin.isoformat(), "to": (begin + timedelta(days=DAYS)).isoformat()}
        found: list[Json] = []
        for _ in range(MOST_PAGES):
            page = await self._call(user, "GET", "/v1/me/events", params=asked)
            found += page["events"]
            if not page["next_cursor"]:
                break
            asked["cursor"] = page["next_cursor"]
        return found

    def _signed_in(self, request: web.Request) -> User:
        user = self._propelauth.world.users.get(request.cookies.get(COOKIE, ""))
        if user is None:
            raise web.HTTPSeeOther(pages.choose_address(request.path_qs if request.method == "GET" else "/me"))
        return user

    async def _call(self, user: User, method: str, path: str, **more: Any) -> Json:
        """What the API answers this person; raises `Refused`."""
        if self._http is None:
            raise RuntimeError("the front end has not been started")
        headers = {"Authorization": f"Bearer {self._propelauth.access_token(user.user_id)}"}
        try:
            async with self._http.request(method, f"{self._api}{path}", headers=headers, **more) as answer:
                body: Json = {} if answer.status == 204 else await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Refused(502, {"title": f"The API does not answer ({type(error).__name__})."}) from error
        if answer.status >= 400:
            raise Refused(answer.status, body)
        return body


@web.middleware
async def _refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except Refused as refusal:
        return _page(pages.message(f"The API answered {refusal.status}", str(refusal), refusal.problem), refusal.status)
    return answer


def _page(html: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(text=html, status=status, content_type="text/html", headers=headers)


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})


def _local(address: str) -> str:
    """A path of this site, or nothing."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else ""
