"""Choices that people made; who made none shows details."""

from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from switchboard.calendar_sharing.model import DEFAULT, CalendarSharing, Shows, read_shows
from switchboard.mongo import Session, collection, query, readable


class CalendarSharingDocument(CalendarSharing, Document):
    class Settings:
        name: ClassVar[str] = "calendar_sharing"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING), ("org_id", ASCENDING)], unique=True, name="user_id_org_id_unique"),
            IndexModel([("org_id", ASCENDING)], name="org_id"),
        ]

    @classmethod
    @query
    async def of_organization(cls, org_id: str) -> dict[str, Shows]:
        """What this organization sees of those who chose other than details."""
        chosen = {"org_id": org_id, "shows": {"$ne": DEFAULT}}
        found = collection(cls).find(chosen, {"_id": 0, "user_id": 1, "shows": 1})
        return {stored["user_id"]: read_shows(stored.get("shows")) async for stored in found}

    @classmethod
    @query
    async def of_user(cls, user_id: str) -> dict[str, CalendarSharing]:
        """What a person chose, by organization."""
        found = collection(cls).find({"user_id": user_id})
        return {each.org_id: each for each in readable(CalendarSharing, [stored async for stored in found])}

    @classmethod
    @query
    async def put(cls, sharing: CalendarSharing) -> None:
        which = {"user_id": sharing.user_id, "org_id": sharing.org_id}
        chosen = {"shows": sharing.shows, "updated_at": sharing.updated_at}
        await collection(cls).update_one(which, {"$set": chosen}, upsert=True)

    @classmethod
    @query
    async def count(cls, org_id: str) -> int:  # type: ignore[override]
        return await collection(cls).count_documents({"org_id": org_id})

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)
