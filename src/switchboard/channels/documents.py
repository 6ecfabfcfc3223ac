"""Channels, kept for a while beyond their end."""

from datetime import datetime
from typing import ClassVar, Final, Self

from beanie import Document
from pymongo import ASCENDING, IndexModel

from switchboard.channels.model import Channel
from switchboard.mongo import collection, query, readable

KEPT: Final = 7 * 24 * 3600  # seconds after the end


class ChannelDocument(Channel, Document):
    class Settings:
        name: ClassVar[str] = "calendar_channels"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("channel_id", ASCENDING)], unique=True, name="channel_id_unique"),
            IndexModel([("calendar_id", ASCENDING)], name="calendar_id"),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=KEPT, name="expires_at_ttl"),
        ]

    @classmethod
    @query
    async def add(cls, channel: Channel) -> None:
        await collection(cls).insert_one(channel.model_dump(include=set(Channel.model_fields)))

    @classmethod
    @query
    async def listening(cls, channel_id: str) -> Self | None:
        """The channel, unless it was stopped."""
        stored = await collection(cls).find_one({"channel_id": channel_id, "stopped_at": None})
        return None if stored is None else cls.model_validate(stored)

    @classmethod
    @query
    async def before(cls, calendar_id: str, created_at: datetime) -> list[Channel]:
        """The channels of a calendar that are older and were not stopped."""
        older = {"calendar_id": calendar_id, "created_at": {"$lt": created_at}, "stopped_at": None}
        return readable(Channel, [stored async for stored in collection(cls).find(older)])

    @classmethod
    @query
    async def opened(cls, channel_id: str, resource_id: str, expires_at: datetime) -> None:
        """What Google answered."""
        answered = {"resource_id": resource_id, "expires_at": expires_at}
        await collection(cls).update_one({"channel_id": channel_id}, {"$set": answered})

    @classmethod
    @query
    async def stop(cls, channel_ids: list[str], now: datetime) -> None:
        """Listen to them no more."""
        await collection(cls).update_many({"channel_id": {"$in": channel_ids}}, {"$set": {"stopped_at": now}})

    @classmethod
    @query
    async def remove(cls, channel_id: str) -> None:
        """One that Google did not open."""
        await collection(cls).delete_one({"channel_id": channel_id})
