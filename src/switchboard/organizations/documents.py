"""Organizations, and their creation under way. Owners and seats are taken by one conditional write each."""

from datetime import datetime
from typing import Any, ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from switchboard.memberships.model import LastOwner, Seen
from switchboard.mongo import Session, collection, query, readable
from switchboard.organizations.model import Organization, OrganizationCreation, OrganizationFull, TooFewSeats

CREATIONS_LAST: Final = 3600  # seconds
_FREE_SEAT: Final = {"$or": [{"seat_limit": None}, {"$expr": {"$lt": ["$seats_used", "$seat_limit"]}}]}


class OrganizationDocument(Organization, Document):
    class Settings:
        name: ClassVar[str] = "organizations"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("org_id", ASCENDING)], unique=True, name="org_id_unique"),
            IndexModel([("domain", ASCENDING)], name="domain"),
            IndexModel([("extra_domains", ASCENDING)], name="extra_domains"),
            IndexModel([("compare_at", ASCENDING)], name="compare_at"),
        ]

    @classmethod
    @query
    async def find(cls, org_id: str, session: Session | None = None) -> Organization | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"org_id": org_id}, session=session)
        return None if stored is None else Organization.model_validate(stored)

    @classmethod
    @query
    async def these(cls, org_ids: list[str]) -> dict[str, Organization]:
        found = collection(cls).find({"org_id": {"$in": org_ids}})
        return {each.org_id: each for each in readable(Organization, [stored async for stored in found])}

    @classmethod
    @query
    async def joinable(cls, domain: str) -> list[Organization]:
        """Organizations that list this domain to join by."""
        listed = {"$or": [{"domain": domain}, {"extra_domains": domain}], "enable_auto_joining_by_domain": True}
        found = collection(cls).find(listed, sort=[("name", 1)], limit=100)
        return readable(Organization, [stored async for stored in found])

    @classmethod
    @query
    async def put(cls, org_id: str, fields: dict[str, Any], seen: Seen, created_at: datetime, session: Session) -> None:
        """Mirror these fields; counts and `created_at` are set only where there was nothing."""
        confirmed = {**fields, "updated_at": seen.at, "confirmed_at": seen.at, "confirmed_by": seen.source}
        new = {"created_at": created_at, "owner_count": 0, "seats_used": 0, "compare_at": seen.at}
        which = {"org_id": org_id}
        await collection(cls).update_one(which, {"$set": confirmed, "$setOnInsert": new}, upsert=True, session=session)

    @classmethod
    @query
    async def remove(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_one({"org_id": org_id}, session=session)

    @classmethod
    @query
    async def count(cls, org_id: str, owners: int, seats: int, session: Session) -> bool:  # type: ignore[override]
        """Add what PropelAuth told to the counts; False when the organization is not there."""
        change = {"$inc": {"owner_count": owners, "seats_used": seats}}
        return (await collection(cls).update_one({"org_id": org_id}, change, session=session)).matched_count == 1

    @classmethod
    @query
    async def give_up_owner(cls, org_id: str, session: Session) -> None:
        """Count on one Owner less; raises `LastOwner` when no other is left."""
        another = {"org_id": org_id, "owner_count": {"$gt": 1}}
        done = await collection(cls).update_one(another, {"$inc": {"owner_count": -1}}, session=session)
        if done.matched_count == 0:
            raise LastOwner

    @classmethod
    @query
    async def take_seat(cls, org_id: str, session: Session) -> None:
        """Take a seat; raises `OrganizationFull`."""
        free = {"org_id": org_id, **_FREE_SEAT}
        done = await collection(cls).update_one(free, {"$inc": {"seats_used": 1}}, session=session)
        if done.matched_count == 0:
            raise OrganizationFull

    @classmethod
    @query
    async def limit_seats(cls, org_id: str, limit: int, session: Session) -> None:
        """Give out no more seats than that from now on; raises `TooFewSeats` when more are taken."""
        enough = {"org_id": org_id, "seats_used": {"$lte": limit}}
        lower = [{"$set": {"seat_limit": {"$min": [{"$ifNull": ["$seat_limit", limit]}, limit]}}}]
        if (await collection(cls).update_one(enough, lower, session=session)).matched_count == 0:
            raise TooFewSeats

    @classmethod
    @query
    async def open_seats(cls, org_id: str, session: Session) -> None:
        """Give out as many seats as there are: nobody is changing their number any more."""
        all_of_them = [{"$set": {"seat_limit": "$max_users"}}]
        await collection(cls).update_one({"org_id": org_id}, all_of_them, session=session)

    @classmethod
    @query
    async def ids(cls) -> list[str]:
        return [str(stored["org_id"]) async for stored in collection(cls).find({}, {"org_id": 1})]

    @classmethod
    @query
    async def claim_comparison(cls, now: datetime, next_at: datetime) -> str | None:
        """Take the organization that is due for longest; it is due again at `next_at`."""
        stored = await collection(cls).find_one_and_update(
            {"compare_at": {"$lte": now}}, {"$set": {"compare_at": next_at}}, {"org_id": 1}, sort=[("compare_at", 1)]
        )
        return None if stored is None else str(stored["org_id"])


class OrganizationCreationDocument(OrganizationCreation, Document):
    class Settings:
        name: ClassVar[str] = "organization_creations"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING), ("name", ASCENDING)], unique=True, name="user_id_name_unique"),
            IndexModel([("begun_at", ASCENDING)], expireAfterSeconds=CREATIONS_LAST, name="begun_at_ttl"),
        ]

    @classmethod
    @query
    async def begin(cls, creation: OrganizationCreation) -> OrganizationCreation | None:
        """Note it; the earlier one of the same person and name, if it did not end."""
        which = {"user_id": creation.user_id, "name": creation.name}
        new = {"$setOnInsert": creation.model_dump(exclude=set(which))}
        stored: dict[str, Any] | None
        try:
            stored = await collection(cls).find_one_and_update(which, new, upsert=True)
        except DuplicateKeyError:
            stored = await collection(cls).find_one(which)
        return None if stored is None else OrganizationCreation.model_validate(stored)

    @classmethod
    @query
    async def of_name(cls, name: str, since: datetime, session: Session) -> OrganizationCreation | None:
        """Who has begun to create an organization of this name since then."""
        asked = {"name": name, "begun_at": {"$gte": since}}
        stored = await collection(cls).find_one(asked, session=session)
        return None if stored is None else OrganizationCreation.model_validate(stored)

    @classmethod
    @query
    async def contested(cls, creation: OrganizationCreation) -> bool:
        """Whether somebody else is creating an organization of this name."""
        others = {"name": creation.name, "user_id": {"$ne": creation.user_id}}
        return await collection(cls).find_one(others, {"_id": 1}) is not None

    @classmethod
    @query
    async def end(cls, user_id: str, name: str) -> None:
        await collection(cls).delete_one({"user_id": user_id, "name": name})
