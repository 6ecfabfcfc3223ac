"""Both ends the emulator stands between: the vendor's client sent to loopback, and a receiver of webhooks."""

from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from devstack.propelauth import PropelAuthEmulator

NOBODY = "5f0c1f6e-8d0b-4a56-9f6e-0a1b2c3d4e5f"


class Loopback(httpx.AsyncBaseTransport):
    """Sends what is meant for propelauth-api.com to the emulator."""

    def __init__(self, base_url: str) -> None:
        self._base = httpx.URL(base_url)
        self._inner = httpx.AsyncHTTPTransport(verify=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Arrival:
    id: str
    event: dict[str, Any] | None
    """None when the signature, its time or a header was refused."""

    refusal: str = ""


@dataclass
class Receiver:
    """Answers with `statuses`, one a request, then 200; a refused signature is answered with 400."""

    secret: str
    statuses: list[int] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    url: str = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [arrival.event for arrival in self.arrivals if arrival.event is not None]

    @property
    def types(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    async def _receive(self, request: web.Request) -> web.Response:
        names = {name: request.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        headers = {f"webhook-{name}": value for name, value in names.items()}
        try:
            event = Webhook(self.secret).verify(await request.read(), headers)
        except WebhookVerificationError as error:
            self.arrivals.append(Arrival(names["id"], None, str(error)))
            return web.Response(status=400)
        self.arrivals.append(Arrival(names["id"], event))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def event_types(propel: PropelAuthEmulator) -> list[str]:
    return [delivery.event_type for delivery in propel.deliveries]
