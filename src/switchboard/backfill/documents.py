"""People as a back-fill reads them, all one after the other, and what it adds to a document that lacks it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from switchboard.backfill.model import CHOSEN, DECIDED
from switchboard.mongo import collection, patiently, query, readable
from switchboard.users.documents import UserDocument
from switchboard.users.model import User

_READ: Final = dict.fromkeys(("user_id", "user_info", *DECIDED, *CHOSEN), 1)
_UNSET: Final = {"$in": [None, ""]}


@query
async def count_people() -> int:
    return await collection(UserDocument).estimated_document_count()


@query
async def people_after(user_id: str, limit: int) -> tuple[list[User], str | None]:
    """People in the order of their ids, and the last id of those that were read; None when there are no more."""
    with patiently():
        found = collection(UserDocument).find(
            {"user_id": {"$gt": user_id}}, _READ, sort=[("user_id", 1)], limit=limit, allow_disk_use=True
        )
        stored = [each async for each in found]
    return readable(User, stored), str(stored[-1]["user_id"]) if stored else None


@query
async def complete(user_id: str, fields: Mapping[str, str], now: datetime) -> None:
    """Set each of these fields, unless it is set: people set them here at any time."""
    for name, value in fields.items():
        lacks = {"user_id": user_id, name: _UNSET}
        await collection(UserDocument).update_one(lacks, {"$set": {name: value, "updated_at": now}})
