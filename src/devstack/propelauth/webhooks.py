"""Svix's part: signs each event, posts it, tries again, and misbehaves on order."""

import asyncio
import base64
import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from standardwebhooks import Webhook

ATTEMPT_TIMEOUT = 15.0  # seconds, Svix's own

State = Literal["no endpoint", "held", "waiting", "delivered", "failed", "dropped"]


@dataclass
class Attempt:
    at: float
    status: int | None
    error: str = ""


@dataclass
class Delivery:
    """One event. `id` is the svix-id, the same on every attempt; `body` is what was signed, to the byte."""

    id: str
    event_type: str
    body: str
    state: State = "waiting"
    attempts: list[Attempt] = field(default_factory=list)
    tries_left: int = 0

    @property
    def event(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Webhooks:
    """Deliveries leave in order, one at a time; a retry does not hold up those behind it.

    Switches, effective for what is sent from then on: `drop_next` events are lost; `extra_copies` of each are sent
    with the same id; `corrupt_signature` signs with another secret; `timestamp_offset` seconds are added to the
    signed time (-600: too old). `hold()` keeps events until `release()`. `retry_delays` are seconds.
    """

    def __init__(self, url: str | None = None, secret: str | None = None) -> None:
        self.url = url
        self.secret = secret or new_secret()
        self.retry_delays: tuple[float, ...] = (0.05, 0.1, 0.2)
        self.drop_next = 0
        self.extra_copies = 0
        self.corrupt_signature = False
        self.timestamp_offset = 0.0
        self.deliveries: list[Delivery] = []
        self._holding = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._worker: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._settled = asyncio.Event()

    def emit(self, event_type: str, **fields: object) -> Delivery:
        """A flat JSON object with `event_type`; fields that are None are left out."""
        event = {"event_type": event_type, **{name: value for name, value in fields.items() if value is not None}}
        body = json.dumps(event, separators=(",", ":"))
        delivery = Delivery(f"msg_{secrets.token_urlsafe(20)}", event_type, body)
        self.deliveries.append(delivery)
        delivery.state = self._first_state()
        if delivery.state == "waiting":
            self._send(delivery)
        return delivery

    def hold(self) -> None:
        self._holding = True

    def release(self, *, reverse: bool = False) -> None:
        """Send what was held, newest first if `reverse`."""
        self._holding = False
        held = [delivery for delivery in self.deliveries if delivery.state == "held"]
        for delivery in reversed(held) if reverse else held:
            self._send(delivery)

    def redeliver(self, delivery_id: str) -> Delivery:
        """Send once more under the same id, whatever became of it (the dashboard's Resend). KeyError if unknown."""
        found = {delivery.id: delivery for delivery in self.deliveries}[delivery_id]
        self._send(found)
        return found

    async def drain(self, seconds: float = 10.0) -> None:
        """Wait until nothing is under way (held events do not count); TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while any(delivery.state == "waiting" for delivery in self.deliveries):
                self._settled.clear()
                await self._settled.wait()

    async def start(self) -> None:
        """Begin sending, first what was waiting."""
        self._loop = asyncio.get_running_loop()
        self._queue = asyncio.Queue()
        self._settled = asyncio.Event()
        timeout = aiohttp.ClientTimeout(total=ATTEMPT_TIMEOUT)
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "Svix-Webhooks/1.0"})
        self._worker = asyncio.create_task(self._work(self._session))
        for delivery in self.deliveries:
            if delivery.state == "waiting":
                self._send(delivery)

    async def stop(self) -> None:
        """Stop sending; what is under way stays waiting."""
        self._loop = None
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def snapshot(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "secret": self.secret,
            "retry_delays": list(self.retry_delays),
            "deliveries": [asdict(delivery) for delivery in self.deliveries],
        }

    def restore(self, data: dict[str, Any]) -> None:
        self.url, self.secret = data["url"], data["secret"]
        self.retry_delays = tuple(data["retry_delays"])
        rows = [{**row, "attempts": [Attempt(**attempt) for attempt in row["attempts"]]} for row in data["deliveries"]]
        self.deliveries = [Delivery(**row) for row in rows]

    def _first_state(self) -> State:
        if self.drop_next > 0:
            self.drop_next -= 1
            return "dropped"
        if self.url is None:
            return "no endpoint"
        return "held" if self._holding else "waiting"

    def _send(self, delivery: Delivery) -> None:
        delivery.state = "waiting"
        delivery.tries_left = len(self.retry_delays)
        if self._loop is not None:  # from any thread; before the start it waits for it
            self._loop.call_soon_threadsafe(self._queue.put_nowait, delivery)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            delivery = await self._queue.get()
            attempts = [await self._attempt(session, delivery) for _ in range(1 + self.extra_copies)]
            delivery.attempts += attempts
            self._settle(delivery, all(attempt.status is not None and attempt.status < 300 for attempt in attempts))

    def _settle(self, delivery: Delivery, accepted: bool) -> None:
        if accepted:
            delivery.state = "delivered"
        elif delivery.tries_left == 0 or self._loop is None:
            delivery.state = "failed"
        else:
            delay = self.retry_delays[-delivery.tries_left]
            delivery.tries_left -= 1
            self._loop.call_later(delay, self._queue.put_nowait, delivery)
        self._settled.set()

    async def _attempt(self, session: aiohttp.ClientSession, delivery: Delivery) -> Attempt:
        at = time.time()
        if self.url is None:
            return Attempt(at, None, "no endpoint")
        try:
            headers = self.signed_headers(delivery, at + self.timestamp_offset)
            post = session.post(self.url, data=delivery.body.encode(), headers=headers, allow_redirects=False)
            async with post as answer:
                return Attempt(at, answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Attempt(at, None, repr(error))

    def signed_headers(self, delivery: Delivery, at: float) -> dict[str, str]:
        """Signed over "{id}.{timestamp}.{body}" (docs.svix.com, verifying payloads manually)."""
        secret = new_secret() if self.corrupt_signature else self.secret
        signature = Webhook(secret).sign(delivery.id, datetime.fromtimestamp(int(at), UTC), delivery.body)
        return {
            "content-type": "application/json",
            "svix-id": delivery.id,
            "svix-timestamp": str(int(at)),
            "svix-signature": signature,
        }


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
