"""Deliveries: each is kept before it is answered, and acted on once."""

from datetime import datetime
from typing import ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, query
from switchboard.webhooks.model import FIRST_TRY, MOST_TRIES, WebhookDelivery

KEPT: Final = 14 * 24 * 3600  # seconds; Svix tries for about 28 hours


class WebhookDeliveryDocument(WebhookDelivery, Document):
    class Settings:
        name: ClassVar[str] = "webhook_deliveries"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("delivery_id", ASCENDING)], unique=True, name="delivery_id_unique"),
            IndexModel([("state", ASCENDING), ("next_try_at", ASCENDING)], name="state_next_try_at"),
            IndexModel([("received_at", ASCENDING)], expireAfterSeconds=KEPT, name="received_at_ttl"),
        ]

    @classmethod
    @query
    async def add(cls, delivery: WebhookDelivery) -> bool:
        """Keep it; False when it is known."""
        try:
            await collection(cls).insert_one(delivery.model_dump())
        except DuplicateKeyError:
            return False
        return True

    @classmethod
    @query
    async def done(cls, delivery_id: str) -> None:
        await collection(cls).update_one({"delivery_id": delivery_id}, {"$set": {"state": "done"}})

    @classmethod
    @query
    async def failed(cls, delivery: WebhookDelivery, now: datetime) -> None:
        """One more try that failed."""
        state = "given_up" if delivery.tries + 1 >= MOST_TRIES else "waiting"
        fields = {"state": state, "next_try_at": now + delivery.pause()}
        which = {"delivery_id": delivery.delivery_id, "state": "waiting"}
        await collection(cls).update_one(which, {"$set": fields, "$inc": {"tries": 1}})

    @classmethod
    @query
    async def claim_waiting(cls, now: datetime) -> WebhookDelivery | None:
        """The one that has waited longest for its next try, for as long as a try may take."""
        stored = await collection(cls).find_one_and_update(
            {"state": "waiting", "next_try_at": {"$lte": now}},
            {"$set": {"next_try_at": now + FIRST_TRY}},
            sort=[("next_try_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else WebhookDelivery.model_validate(stored)
