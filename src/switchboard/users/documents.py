"""People as kept in the existing collection, which the front end and the older backend write as well.

Only `$set` of named fields, never a whole document; `created_at` only on insert. See docs/decisions/0003.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.mongo import collection, patiently, query, readable
from switchboard.users.model import READING_SCOPES, SignedUp, User, UserToken

# Matches one of the scopes in a list of them, and among others in one text with spaces.
_READS_CALENDAR = re.compile(rf"(^|\s)({'|'.join(map(re.escape, READING_SCOPES))})(\s|$)")
_HAS_SCOPE = [{"scope": {"$type": "array"}}, {"scope": {"$nin": [None, ""]}}]  # as `UserToken` decides about `scopes`
_NO_TEXT = {"$not": re.compile(r"[\s\S]")}
_NOT_GRANTED = {"scope": {"$not": _READS_CALENDAR}, "$or": [*_HAS_SCOPE, {"scopes": {"$not": _READS_CALENDAR}}]}


class UserDocument(User, Document):
    id: Any = None  # `_id` belongs to whoever inserted the document, whatever its type

    class Settings:
        name: ClassVar[str] = "users"
        later: ClassVar[IndexModel] = IndexModel(  # once there are no duplicates: see `ensure_unique`
            [("user_id", ASCENDING)], unique=True, sparse=True, name="user_id_unique"
        )

    @classmethod
    @query
    async def find(cls, user_id: str) -> User | None:  # type: ignore[override]
        stored = await collection(cls).find_one({"user_id": user_id})
        return None if stored is None else User.model_validate(stored)

    @classmethod
    @query
    async def find_all(cls, user_ids: list[str]) -> list[User]:  # type: ignore[override]
        """Those of these people who have a document that can be read."""
        found = collection(cls).find({"user_id": {"$in": user_ids}})
        return readable(User, [stored async for stored in found])

    @classmethod
    @query
    async def signed_up(cls, user_id: str) -> SignedUp:
        """Empty for whoever has no document, or signed in here first."""
        names = {"_id": 0, "user_info": 1, "first_name": 1, "last_name": 1}
        return SignedUp.model_validate(await collection(cls).find_one({"user_id": user_id}, names) or {})

    @classmethod
    @query
    async def add(cls, user_id: str, fields: dict[str, Any], now: datetime) -> User:
        """Insert unless there is one; either way the stored person. A document already there is not touched."""
        found = collection(cls)
        stored: dict[str, Any] | None
        new = {**fields, "created_at": now, "updated_at": now}
        try:
            stored = await found.find_one_and_update(
                {"user_id": user_id}, {"$setOnInsert": new}, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two first sights at once: the other one inserted
            stored = await found.find_one({"user_id": user_id})
        return User.model_validate(stored)

    @classmethod
    @query
    async def change(cls, user_id: str, fields: dict[str, Any], now: datetime, *, timezone: str | None) -> User | None:
        """Set these fields. With a `timezone` only while no scope grants the calendar, or the zone stays: else None."""
        unlocked = {} if timezone is None else {"$or": [_NOT_GRANTED, {"timezone": timezone}]}
        stored = await collection(cls).find_one_and_update(
            {"user_id": user_id, **unlocked},
            {"$set": {**fields, "updated_at": now}},
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else User.model_validate(stored)

    @classmethod
    @query
    async def replace_tokens(cls, user_id: str, fields: dict[str, Any], *, instead_of: UserToken | None = None) -> bool:
        """Set token fields. With `instead_of` only while its tokens are still the stored ones."""
        unchanged = {} if instead_of is None else _still(instead_of)
        done = await collection(cls).update_one({"user_id": user_id, **unchanged}, {"$set": fields})
        return done.matched_count == 1

    @classmethod
    @query
    async def duplicates(cls, limit: int = 20) -> list[tuple[str, int]]:
        """User ids that more than one document carries, with how many do."""
        stages: list[dict[str, Any]] = [
            {"$match": {"user_id": {"$exists": True}}},  # the unique index is sparse
            {"$group": {"_id": "$user_id", "documents": {"$sum": 1}}},
            {"$match": {"documents": {"$gt": 1}}},
            {"$sort": {"documents": -1, "_id": 1}},
            {"$limit": limit},
        ]
        with patiently():
            found = collection(cls).aggregate(stages, allowDiskUse=True)
            return [(str(row["_id"]), int(row["documents"])) async for row in found]

    @classmethod
    @query
    async def ensure_unique(cls) -> bool:
        """Build the unique index unless there is one of any name; False when documents stand against it."""
        indexes = (await collection(cls).index_information()).values()
        if any(_makes_unique(index) for index in indexes):
            return True
        try:
            with patiently():
                await collection(cls).create_indexes([cls.Settings.later])
        except DuplicateKeyError:
            return False
        return True


def _makes_unique(index: Mapping[str, Any]) -> bool:
    return (
        list(index["key"]) == [("user_id", 1)]
        and index.get("unique") is True
        and "partialFilterExpression" not in index
    )


def _still(token: UserToken) -> dict[str, Any]:
    """The filter for a document whose tokens nobody has replaced. An emptied `scope` is that of a disconnect."""
    tokens = {"access_token": token.access_token, "refresh_token": token.refresh_token}
    return {**{name: value or _NO_TEXT for name, value in tokens.items()}, "scope": {"$ne": []}}
