"""Control plane beside Google's paths, for a stack that runs in another process.

POST /_emu/google/clients      {client_id, client_secret, redirect_uris}
POST /_emu/google/accounts     {email, name?, timezone?, sub?}
POST /_emu/google/calendars    {email, calendar_id, summary, timezone?, access_role?}
POST /_emu/google/events       {email, calendar_id?, body} or {email, calendar_id?, bodies}
POST /_emu/google/patch        {email, calendar_id?, event_id, patch}
POST /_emu/google/delete       {email, calendar_id?, event_id}
POST /_emu/google/remove       {email, calendar_id}         a calendar off the list
POST /_emu/google/role         {email, calendar_id, access_role}
POST /_emu/google/grant        {email, client_id, scopes, offline?}
POST /_emu/google/approve      {url, email, scopes?}        consent; answers {location}
POST /_emu/google/expire       {email}                      access tokens
POST /_emu/google/revoke       {email}
POST /_emu/google/invalidate   {email?}                     sync tokens
POST /_emu/google/advance      {seconds}
POST /_emu/google/switches     any fields of Switches
POST /_emu/google/ics?email=   an .ics file as the body
GET  /_emu/google/notifications
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from devstack.emulator import CONTROL_PREFIX
from devstack.google.authorization import AuthorizationRefused
from devstack.google.errors import ApiError
from devstack.google.state import Json

if TYPE_CHECKING:
    from devstack.google.server import GoogleEmulator

PREFIX = f"{CONTROL_PREFIX}/google"
Order = Callable[[Json], Any]


class ControlRoutes:
    def __init__(self, google: "GoogleEmulator") -> None:
        self.google = google

    def add_to(self, app: web.Application) -> None:
        google = self.google
        orders: dict[str, Order] = {
            "clients": lambda o: asdict(google.add_client(**o)),
            "accounts": lambda o: {"email": google.add_account(**o).email},
            "calendars": lambda o: {"id": google.add_calendar(**o).id},
            "events": self._events,
            "patch": lambda o: google.patch_event(**o),
            "delete": lambda o: google.delete_event(**o),
            "remove": lambda o: google.remove_calendar(**o),
            "role": lambda o: google.set_access_role(**o),
            "grant": lambda o: google.grant(**o),
            "expire": lambda o: google.expire_access_tokens(**o),
            "revoke": lambda o: google.revoke(**o),
            "invalidate": lambda o: google.invalidate_sync_tokens(**o),
            "advance": lambda o: google.clock.advance(**o),
            "switches": self._switches,
        }
        for name, order in orders.items():
            app.router.add_post(f"{PREFIX}/{name}", _obeying(order))
        app.router.add_post(f"{PREFIX}/approve", self._approve)
        app.router.add_post(f"{PREFIX}/ics", self._ics)
        app.router.add_get(f"{PREFIX}/notifications", self._notifications)

    def _events(self, order: Json) -> Json:
        if "bodies" in order:
            return {"inserted": self.google.bulk_insert(**order)}
        return self.google.insert_event(**order)

    def _switches(self, order: Json) -> Json:
        for name, value in order.items():
            if not hasattr(self.google.switches, name):
                raise ValueError(f"no switch {name!r}")
            setattr(self.google.switches, name, value)
        return asdict(self.google.switches)

    async def _approve(self, request: web.Request) -> web.Response:
        try:
            location = await self.google.approve(**orjson.loads(await request.read()))
        except (AuthorizationRefused, KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"location": location})

    async def _ics(self, request: web.Request) -> web.Response:
        email = request.query.get("email", "").lower()
        if email not in self.google.store.accounts:
            return web.json_response({"error": "unknown account"}, status=400)
        return web.json_response(asdict(self.google.import_ics(await request.read(), email)))

    async def _notifications(self, _: web.Request) -> web.Response:
        sent = [{"headers": n.headers(), "statuses": n.statuses} for n in self.google.channels.sent]
        return web.json_response(sent)


def _obeying(order: Order) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def obey(request: web.Request) -> web.Response:
        try:
            answer = order(orjson.loads(await request.read() or b"{}"))
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({} if answer is None else answer)

    return obey
