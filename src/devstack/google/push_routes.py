"""`watch` and `channels.stop` over HTTP."""

from aiohttp import web

from devstack.google import query as queries
from devstack.google.channels import Channels, Subscription
from devstack.google.errors import invalid
from devstack.google.gateway import Call, Gateway
from devstack.google.state import Json, Store


class PushRoutes:
    def __init__(self, store: Store, channels: Channels) -> None:
        self.store = store
        self.channels = channels

    def add_to(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "calendar.events.watch", self.watch_events)
        gateway.route(app, "calendar.calendarList.watch", self.watch_list)
        gateway.route(app, "calendar.channels.stop", self.stop)

    async def watch_events(self, call: Call) -> Json:
        calendar, _ = self.store.calendar(call.account, call.path("calendarId"))
        if not calendar.watchable:
            message = "Push notifications are not supported by this resource."
            raise invalid(message, reason="pushNotSupportedForRequestedResource")
        queries.parse(call.parameters, self.store.clock.now())
        return self.channels.watch(await call.json(), self._subscription(call, calendar.id))

    async def watch_list(self, call: Call) -> Json:
        return self.channels.watch(await call.json(), self._subscription(call, ""))

    def _subscription(self, call: Call, calendar_id: str) -> Subscription:
        path = call.request.rel_url.raw_path.removesuffix("/watch")
        uri = f"{call.request.scheme}://{call.request.host}{path}?alt=json"
        return Subscription(call.account.email, call.token.client_id, calendar_id, uri)

    async def stop(self, call: Call) -> None:
        self.channels.stop(await call.json(), call.account.email, call.token.client_id)
