"""Push: channels made by `watch`, and the notifications POSTed to them."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import aiohttp
from aiohttp import web

from devstack.google.errors import ApiError, invalid, not_found
from devstack.google.state import Calendar, Json, Store
from devstack.google.switches import Switches

DEFAULT_SECONDS = 604_800
RETRIED = frozenset({500, 502, 503, 504})
TRIES = 4


@dataclass
class Channel:
    """A subscription; `expiration` in seconds since 1970, `calendar_id` empty when it watches the calendar list."""

    id: str
    token: str
    address: str
    resource_id: str
    resource_uri: str
    expiration: float
    email: str
    client_id: str
    calendar_id: str
    message_number: int = 0


@dataclass(frozen=True)
class Subscription:
    """Who asks to watch what."""

    email: str
    client_id: str
    calendar_id: str
    uri: str


@dataclass
class Notification:
    """One message; `statuses` are the receiver's answers, 0 for none, one for every try."""

    channel: Channel
    state: str
    number: int
    statuses: list[int]

    def headers(self) -> dict[str, str]:
        channel = self.channel
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": format_datetime(datetime.fromtimestamp(channel.expiration, UTC), usegmt=True),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-URI": channel.resource_uri,
            "X-Goog-Resource-State": self.state,
            "X-Goog-Message-Number": str(self.number),
            "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        }
        return headers | ({"X-Goog-Channel-Token": channel.token} if channel.token else {})


class Channels:
    """Keeps channels and delivers while the application runs; `sent` holds every notification, oldest first."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.open: dict[str, Channel] = {}
        self.sent: list[Notification] = []
        self._queue: asyncio.Queue[Notification] = asyncio.Queue()
        self._held: Notification | None = None

    def watch(self, wish: Json, subscription: Subscription) -> Json:
        """Open a channel; the `sync` message goes out at once and may arrive before the answer."""
        self._check(wish)
        resource = f"{subscription.email} {subscription.uri.partition('?')[0]}"
        ttl = float(wish.get("params", {}).get("ttl") or DEFAULT_SECONDS)
        end = self.store.clock.now() + ttl
        if wish.get("expiration"):
            end = min(end, int(wish["expiration"]) / 1000)
        channel = Channel(
            id=wish["id"],
            token=wish.get("token", ""),
            address=wish["address"],
            resource_id=hashlib.sha256(resource.encode()).hexdigest()[:27],
            resource_uri=subscription.uri,
            expiration=float(int(end)),
            email=subscription.email,
            client_id=subscription.client_id,
            calendar_id=subscription.calendar_id,
        )
        self.open[channel.id] = channel
        self._enqueue(channel, "sync")
        return _answer(channel)

    def _check(self, wish: Json) -> None:
        for name in ("id", "type", "address"):
            if not wish.get(name):
                raise ApiError(400, "global", "required", f"Missing {name}.")
        if wish["type"] not in ("web_hook", "webhook"):
            raise invalid("Unknown channel type.", reason="push.channelTypeUnknown")
        if len(wish["id"]) > 64 or len(wish.get("token", "")) > 256:
            raise invalid("Channel id or token too long.", reason="push.channelIdInvalid")
        address = wish["address"]
        if not address.startswith("https://") and not self.switches.allow_http_webhooks:
            raise invalid(f"WebHook callback must be HTTPS: {address}", reason="push.webhookUrlNotHttps")
        if wish["id"] in self.open:
            raise invalid("Channel id not unique", reason="channelIdNotUnique")

    def stop(self, wish: Json, email: str, client_id: str) -> None:
        """Only who opened a channel may close it."""
        channel = self.open.get(str(wish.get("id", "")))
        if channel is None or channel.resource_id != wish.get("resourceId"):
            raise not_found()
        if (channel.email, channel.client_id) != (email, client_id):
            raise not_found()
        del self.open[channel.id]

    def calendar_changed(self, calendar: Calendar) -> None:
        self._announce("", calendar.id)

    def list_changed(self, email: str) -> None:
        self._announce(email, "")

    def _announce(self, email: str, calendar_id: str) -> None:
        now = self.store.clock.now()
        for channel in list(self.open.values()):
            if channel.expiration <= now:
                del self.open[channel.id]
            elif channel.calendar_id == calendar_id and (calendar_id or channel.email == email):
                self._enqueue(channel, "exists")

    def _enqueue(self, channel: Channel, state: str) -> None:
        channel.message_number += 1 if state == "sync" else random.randint(1, 5)
        notification = Notification(channel, state, channel.message_number, [])
        if state == "sync":
            self._queue.put_nowait(notification)
        elif self.switches.reorder_notifications and self._held is None:
            self._held = notification
        elif not self.switches.drop_notifications:
            self._put(notification)

    def _put(self, notification: Notification) -> None:
        held, self._held = self._held, None
        copies = 2 if self.switches.duplicate_notifications else 1
        for _ in range(copies):
            self._queue.put_nowait(notification)
        if held is not None:
            self._queue.put_nowait(held)

    async def settled(self) -> None:
        """Wait until every notification so far was delivered or given up."""
        await self._queue.join()

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Deliver while the application runs."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            worker = asyncio.create_task(self._deliver_all(session))
            yield
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def _deliver_all(self, session: aiohttp.ClientSession) -> None:
        while True:
            notification = await self._queue.get()
            try:
                await self._deliver(session, notification)
            finally:
                self._queue.task_done()

    async def _deliver(self, session: aiohttp.ClientSession, notification: Notification) -> None:
        if notification.channel.id not in self.open:
            return
        self.sent.append(notification)
        for attempt in range(TRIES):
            status = await _post(session, notification)
            notification.statuses.append(status)
            if status not in RETRIED:
                return
            await asyncio.sleep(self.switches.notification_retry_delay * 2**attempt)


async def _post(session: aiohttp.ClientSession, notification: Notification) -> int:
    try:
        async with session.post(notification.channel.address, headers=notification.headers(), data=b"") as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _answer(channel: Channel) -> Json:
    """`expiration` is an int64 and so a string in JSON (discovery document)."""
    body = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": str(int(channel.expiration * 1000)),
    }
    return body | ({"token": channel.token} if channel.token else {})
