"""A vendor played over real loopback HTTP: remembers what it was asked and takes faults on order.

Both emulators (PropelAuth, Google) are aiohttp applications served through `Emulator`, because aiohttp lets a
fault drop a connection, cut a body short or leave the reason phrase out, as real networks and vendors do.

Control plane, beside the vendor's own paths:

    GET    /_emu/requests   what was asked, oldest first
    DELETE /_emu/requests   forget it
    GET    /_emu/faults     faults still waiting
    POST   /_emu/faults     order one (the fields of `Fault`, as JSON)
    DELETE /_emu/faults     clear them
"""

import asyncio
import random
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

CONTROL_PREFIX = "/_emu"


@dataclass
class Fault:
    """What goes wrong, and for which requests.

    `path` is a regular expression searched in the path; `method` limits it to one verb. The first `skip` matching
    requests pass, then `times` of them (None: all) are hit; with a `chance` (0 to 1) only so many of them, at random.
    `latency` (seconds) is waited first. Then one of: `drop` closes the connection without an answer; `truncate` sends
    half of the real answer's body and closes; `status` answers with `headers` and `body` instead of the real answer.
    With none of them only the latency applies. `empty_reason` leaves the reason phrase out of the status line.
    `act_first` lets the real handler do its work before the fault hides its answer (a write that happened although the
    caller saw an error).
    """

    path: str = ""
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    latency: float = 0.0
    drop: bool = False
    truncate: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    content_type: str = "application/json"
    empty_reason: bool = False
    act_first: bool = False

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it down."""
        if (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.chance < 1 and random.random() >= self.chance:
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0

    @property
    def spent(self) -> bool:
        return self.times is not None and self.times <= 0


@dataclass(frozen=True)
class RecordedRequest:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


class Emulator:
    """Serves `app` on 127.0.0.1; `requests` and `faults` can also be used directly by tests in the same process."""

    def __init__(self, app: web.Application) -> None:
        self.app = app
        self.requests: list[RecordedRequest] = []
        self.faults: list[Fault] = []
        self.connections = 0
        self._runner: web.AppRunner | None = None
        self.url = ""
        app.middlewares.insert(0, self._middleware())
        app.router.add_get(f"{CONTROL_PREFIX}/requests", self._list_requests)
        app.router.add_delete(f"{CONTROL_PREFIX}/requests", self._forget_requests)
        app.router.add_get(f"{CONTROL_PREFIX}/faults", self._list_faults)
        app.router.add_post(f"{CONTROL_PREFIX}/faults", self._add_fault)
        app.router.add_delete(f"{CONTROL_PREFIX}/faults", self._clear_faults)

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (port 0: any free one) and return the base address, without a trailing slash."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def fail(self, fault: Fault) -> Fault:
        """Order a fault; the earliest ordered that matches wins."""
        self.faults.append(fault)
        return fault

    def asked(self, path: str, method: str | None = None) -> list[RecordedRequest]:
        """Recorded requests whose path matches the regular expression."""
        return [r for r in self.requests if re.search(path, r.path) and (method is None or r.method == method)]

    def forget(self) -> None:
        self.requests.clear()
        self.faults.clear()

    def _middleware(self) -> Middleware:
        @web.middleware
        async def control(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(CONTROL_PREFIX):
                return await handler(request)
            await self._record(request)
            fault = self._next_fault(request)
            return await (handler(request) if fault is None else self._fail(fault, request, handler))

        return control

    async def _record(self, request: web.Request) -> None:
        body = (await request.read()).decode("utf-8", "replace")
        self.requests.append(
            RecordedRequest(request.method, request.path, dict(request.query), dict(request.headers), body)
        )

    def _next_fault(self, request: web.Request) -> Fault | None:
        hit = next((fault for fault in self.faults if fault.hits(request.method, request.path)), None)
        self.faults = [fault for fault in self.faults if not fault.spent]
        return hit

    async def _fail(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(fault.latency)
        if fault.act_first:
            await handler(request)
        if fault.drop:
            return self._abort(request)
        if fault.truncate:
            return await self._truncated(request, await handler(request))
        if fault.status is None:
            return await handler(request)
        return web.Response(
            status=fault.status,
            reason="" if fault.empty_reason else None,
            body=fault.body.encode(),
            headers=fault.headers,
            content_type=fault.content_type,
        )

    @staticmethod
    def _abort(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    @staticmethod
    async def _truncated(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
        cut = web.StreamResponse(status=answer.status)
        cut.content_type = answer.content_type
        cut.content_length = len(body)
        with suppress(ConnectionError):  # the caller may have given up already
            await cut.prepare(request)
            await cut.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return cut

    async def _list_requests(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(request) for request in self.requests])

    async def _forget_requests(self, _: web.Request) -> web.Response:
        self.requests.clear()
        return web.json_response({})

    async def _list_faults(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(fault) for fault in self.faults])

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = Fault(**await request.json())
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self.fail(fault)
        return web.json_response(asdict(fault))

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({})
