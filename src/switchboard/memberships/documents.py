"""Memberships, changes under way and marks. Most writes belong to a transaction of `organizations.service`."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.clients.propelauth_facts import MembershipFacts
from switchboard.memberships.model import (
    PATIENCE,
    ChangeUnderWay,
    Mark,
    MembershipChange,
    Seen,
    Standing,
    UserOrganization,
)
from switchboard.mongo import Session, collection, query, readable

EVERYTHING: Final = "*"
CLAIM: Final = timedelta(seconds=60)


class UserOrganizationDocument(UserOrganization, Document):
    class Settings:
        name: ClassVar[str] = "user_organizations"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("user_id", ASCENDING), ("org_id", ASCENDING)], unique=True, name="user_id_org_id_unique"),
            IndexModel([("org_id", ASCENDING), ("joined_at", ASCENDING), ("user_id", ASCENDING)], name="org_id_joined"),
            IndexModel([("joined_at", ASCENDING)], name="joined_at"),
        ]

    @classmethod
    @query
    async def find(  # type: ignore[override]
        cls, org_id: str, user_id: str, session: Session | None = None
    ) -> UserOrganization | None:
        stored = await collection(cls).find_one({"org_id": org_id, "user_id": user_id}, session=session)
        return None if stored is None else UserOrganization.model_validate(stored)

    @classmethod
    @query
    async def of_user(cls, user_id: str) -> list[UserOrganization]:
        """The memberships of a person, the oldest first."""
        found = collection(cls).find({"user_id": user_id}, sort=[("joined_at", 1), ("org_id", 1)])
        return readable(UserOrganization, [stored async for stored in found])

    @classmethod
    @query
    async def organizations_of(cls, user_ids: list[str]) -> dict[str, list[str]]:
        """The organizations of people, in the order of their ids; whoever has none is not in it."""
        found = collection(cls).find({"user_id": {"$in": user_ids}}, {"_id": 0, "user_id": 1, "org_id": 1})
        places: dict[str, list[str]] = {}
        for user_id, org_id in sorted([(stored["user_id"], stored["org_id"]) async for stored in found]):
            places.setdefault(user_id, []).append(org_id)
        return places

    @classmethod
    @query
    async def joined_since(cls, moment: datetime, limit: int) -> dict[str, list[str]]:
        """The organizations that people have joined since then, by person; of the latest of so many memberships."""
        shown = {"_id": 0, "user_id": 1, "org_id": 1}
        found = collection(cls).find({"joined_at": {"$gt": moment}}, shown, sort=[("joined_at", -1)], limit=limit)
        joined: dict[str, list[str]] = {}
        async for stored in found:
            joined.setdefault(stored["user_id"], []).append(stored["org_id"])
        return joined

    @classmethod
    @query
    async def of_organization(cls, org_id: str) -> dict[str, MembershipFacts]:
        """All memberships of an organization, by person."""
        found = collection(cls).find({"org_id": org_id})
        return {each.user_id: each.facts for each in readable(UserOrganization, [stored async for stored in found])}

    @classmethod
    @query
    async def count(cls, org_id: str) -> int:  # type: ignore[override]
        return await collection(cls).count_documents({"org_id": org_id})

    @classmethod
    @query
    async def put(cls, membership: UserOrganization, session: Session) -> None:
        which = {"user_id": membership.user_id, "org_id": membership.org_id}
        fields = membership.model_dump(exclude=set(which))
        await collection(cls).update_one(which, {"$set": fields}, upsert=True, session=session)

    @classmethod
    @query
    async def remove(cls, org_id: str, user_id: str, session: Session) -> None:
        await collection(cls).delete_one({"user_id": user_id, "org_id": org_id}, session=session)

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)

    @classmethod
    @query
    async def still(cls, org_id: str, user_ids: list[str], seen: Seen) -> None:
        """Note that these memberships were seen unchanged."""
        fields = {"confirmed_at": seen.at, "confirmed_by": seen.source}
        await collection(cls).update_many({"org_id": org_id, "user_id": {"$in": user_ids}}, {"$set": fields})


class MembershipChangeDocument(MembershipChange, Document):
    class Settings:
        name: ClassVar[str] = "membership_changes"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("org_id", ASCENDING), ("user_id", ASCENDING)], unique=True, name="org_id_user_id_unique"),
            IndexModel([("look_again_at", ASCENDING)], name="look_again_at"),
        ]

    @classmethod
    @query
    async def find(  # type: ignore[override]
        cls, org_id: str, user_id: str | None, session: Session | None = None
    ) -> MembershipChange | None:
        stored = await collection(cls).find_one({"org_id": org_id, "user_id": user_id}, session=session)
        return None if stored is None else MembershipChange.model_validate(stored)

    @classmethod
    @query
    async def of_user(cls, user_id: str) -> list[MembershipChange]:
        """The changes under way about a person."""
        found = collection(cls).find({"user_id": user_id})
        return readable(MembershipChange, [stored async for stored in found])

    @classmethod
    @query
    async def add(cls, change: MembershipChange, session: Session) -> None:
        """Begin a change; raises `ChangeUnderWay` while there is another of the same person."""
        try:
            await collection(cls).insert_one(change.model_dump(), session=session)
        except DuplicateKeyError:
            raise ChangeUnderWay from None

    @classmethod
    @query
    async def end(cls, change: MembershipChange, session: Session) -> bool:
        """Whether it was still under way."""
        return (await collection(cls).delete_one(_this(change), session=session)).deleted_count == 1

    @classmethod
    @query
    async def take(cls, change: MembershipChange, now: datetime) -> bool:
        """Become the one who carries it out; False while somebody else does, or when it is over."""
        free = {"$or": [{"carried_until": None}, {"carried_until": {"$lte": now}}]}
        until = {"$set": {"carried_until": now + PATIENCE}}
        return (await collection(cls).update_one({**_this(change), **free}, until)).matched_count == 1

    @classmethod
    @query
    async def leave(cls, change: MembershipChange, taken_at: datetime) -> None:
        """Leave what was taken then to the next call."""
        mine = {**_this(change), "carried_until": taken_at + PATIENCE}
        await collection(cls).update_one(mine, {"$set": {"carried_until": None}})

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)

    @classmethod
    @query
    async def claim_left(cls, now: datetime) -> MembershipChange | None:
        """One that nobody has finished in time, for a minute."""
        stored = await collection(cls).find_one_and_update(
            {"look_again_at": {"$lte": now}},
            {"$set": {"look_again_at": now + CLAIM}},
            sort=[("look_again_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else MembershipChange.model_validate(stored)


def _this(change: MembershipChange) -> dict[str, Any]:
    return {"org_id": change.org_id, "user_id": change.user_id, "change_id": change.change_id}


class MarkDocument(Mark, Document):
    issued: int = 0
    touched: int = 0
    walk_at: datetime | None = None

    class Settings:
        name: ClassVar[str] = "mirror_marks"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("org_id", ASCENDING), ("user_id", ASCENDING)], unique=True, name="org_id_user_id_unique"),
        ]

    @classmethod
    @query
    async def ticket(cls, org_id: str) -> int:
        """The next number of this organization: draw it before looking at PropelAuth."""
        found, which = collection(cls), {"org_id": org_id, "user_id": None}
        one_more, after = {"$inc": {"issued": 1}}, ReturnDocument.AFTER
        stored: dict[str, Any] | None
        try:
            stored = await found.find_one_and_update(which, one_more, upsert=True, return_document=after)
        except DuplicateKeyError:  # two first tickets at once
            stored = await found.find_one_and_update(which, one_more, return_document=after)
        return int(stored["issued"]) if stored else 0

    @classmethod
    @query
    async def find(  # type: ignore[override]
        cls, org_id: str, user_id: str | None, session: Session | None = None
    ) -> Mark:
        stored = await collection(cls).find_one({"org_id": org_id, "user_id": user_id}, session=session)
        return Mark(org_id=org_id, user_id=user_id) if stored is None else Mark.model_validate(stored)

    @classmethod
    @query
    async def claim_walk(cls, now: datetime, next_at: datetime) -> bool:
        """Whether it is time to walk through all of PropelAuth's organizations, and nobody else does."""
        which = {"org_id": EVERYTHING, "user_id": None, "walk_at": {"$not": {"$gt": now}}}
        try:
            await collection(cls).find_one_and_update(which, {"$set": {"walk_at": next_at}}, upsert=True)
        except DuplicateKeyError:  # it is there and not due
            return False
        return True

    @classmethod
    @query
    async def put(cls, mark: Mark, session: Session) -> None:
        which = {"org_id": mark.org_id, "user_id": mark.user_id}
        fields = mark.model_dump(exclude=set(which))
        await collection(cls).update_one(which, {"$set": fields}, upsert=True, session=session)

    @classmethod
    @query
    async def touch(cls, org_id: str, user_id: str | None, session: Session) -> None:
        """Write to the one document that all transactions about this person (None: the organization) share: of two at
        once, one starts over.

        Each of them reads membership and change together; one may then write only the membership and the other only
        the change, and both would count for how things stood before (facts/reliability.md, finding 3).
        """
        which = {"org_id": org_id, "user_id": user_id}
        await collection(cls).update_one(which, {"$inc": {"touched": 1}}, upsert=True, session=session)


async def standing(org_id: str, user_id: str, session: Session | None = None) -> Standing:
    """How a person stands in an organization.

    The change is read first: what became of one that ended in between is then seen.
    """
    change = await MembershipChangeDocument.find(org_id, user_id, session)
    return Standing(await UserOrganizationDocument.find(org_id, user_id, session), change)


async def put_standing(org_id: str, user_id: str, before: Standing, after: Standing, session: Session) -> None:
    """Write what differs."""
    if after.membership is not None:
        await UserOrganizationDocument.put(after.membership, session)
    elif before.membership is not None:
        await UserOrganizationDocument.remove(org_id, user_id, session)
    if before.change is not None and after.change is None:
        await MembershipChangeDocument.end(before.change, session)
