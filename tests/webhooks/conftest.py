import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client import REGISTRY

from devstack.propelauth import Delivery
from tests.organizations.conftest import organization
from tests.world import World

__all__ = ["organization"]  # a fixture

PATH = "/v1/webhooks/propelauth"


@dataclass
class Sender:
    """PropelAuth's endpoint of webhooks, delivering by hand."""

    world: World

    def event(self, event_type: str, **fields: object) -> Delivery:
        """An event that nobody is sent."""
        return self.world.propelauth.webhooks.emit(event_type, **fields)

    def headers(self, delivery: Delivery, seconds: float = 0.0) -> dict[str, str]:
        """Signed now, or so many seconds from now."""
        return self.world.propelauth.webhooks.signed_headers(delivery, time.time() + seconds)

    async def deliver(self, delivery: Delivery, seconds: float = 0.0) -> httpx.Response:
        return await self.post(delivery.body.encode(), self.headers(delivery, seconds))

    async def post(self, body: bytes, headers: httpx._types.HeaderTypes) -> httpx.Response:
        return await self.world.api.post(PATH, content=body, headers=headers)

    def stored(self, delivery: Delivery) -> dict[str, object] | None:
        found: dict[str, object] | None = self.world.database["webhook_deliveries"].find_one(
            {"delivery_id": delivery.id}
        )
        return found


@pytest.fixture
def sender(world: World) -> Iterator[Sender]:
    """Nothing of other tests waits to be tried again."""
    world.database["webhook_deliveries"].delete_many({})
    yield Sender(world)
    world.database["webhook_deliveries"].delete_many({})


@pytest.fixture
async def connected(world: World, sender: Sender) -> AsyncIterator[World]:
    """PropelAuth sends its webhooks to the API."""
    world.propelauth.deliveries.clear()
    world.propelauth.webhook_url = f"{world.url}{PATH}"
    try:
        yield world
        await world.propelauth.drain()
    finally:
        world.propelauth.webhook_url = None


def counted(subject: str) -> float:
    """How many events of this kind the application has counted."""
    return REGISTRY.get_sample_value("switchboard_webhook_events_total", {"subject": subject}) or 0.0
