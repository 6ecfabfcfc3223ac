"""Documents that may be one person's, found by the server, and merged in one transaction."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

from switchboard.merging.model import Document, Merge
from switchboard.mongo import Session, collection, patiently, query
from switchboard.runs.model import Image
from switchboard.users.documents import UserDocument

_EXACTLY: Final = CodecOptions[dict[str, Any]](
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="strict"
)
AT_ONCE: Final = 100  # groups fetched at once, and documents merged at once
MOST_ODD_ADDRESSES: Final = 100_000

_ADDRESS: Final = {"$ifNull": ["$email", "$user_info.email"]}
_IN_LOWER_CASE: Final = {"$cond": [{"$eq": [{"$type": _ADDRESS}, "string"]}, {"$toLower": _ADDRESS}, ""]}
_CONFIRMED: Final[dict[str, Any]] = {
    "$or": [{"user_info.verified_email": True}, {"user_info.email_confirmed": True}, {"email_confirmed": True}]
}
# Addresses that are the same in more ways than by their case.
_ODD: Final = {"$regex": re.compile(r"[^\x00-\x7f]|xn--", re.IGNORECASE)}
_WITH_ODD: Final[dict[str, Any]] = {"$or": [{"email": _ODD}, {"user_info.email": _ODD}]}
_OF_GOOGLE: Final = {"$regexMatch": {"input": "$user_id", "regex": "^[0-9]+$"}}
_TO_COMPARE: Final = dict.fromkeys(
    (
        *("user_id", "email", "email_confirmed"),
        *("user_info.email", "user_info.verified_email", "user_info.email_confirmed"),
    ),
    1,
)


async def duplicates() -> AsyncIterator[list[Any]]:
    """The ids of documents of one `user_id`, for each that has several; of very many the first hundred."""
    stages: list[dict[str, Any]] = [
        {"$match": {"user_id": {"$type": "string"}}},
        {"$group": {"_id": "$user_id", "ids": {"$firstN": {"input": "$_id", "n": AT_ONCE}}, "documents": {"$sum": 1}}},
        {"$match": {"documents": {"$gt": 1}}},
    ]
    async for group in _groups(stages):
        yield group["ids"]


async def by_address() -> AsyncIterator[list[Any]]:
    """The ids of documents with one confirmed address in lower case, of the first version and of later ones."""
    stages: list[dict[str, Any]] = [
        {"$match": {"user_id": {"$type": "string"}, "$nor": [_WITH_ODD], **_CONFIRMED}},
        {
            "$group": {
                "_id": _IN_LOWER_CASE,
                "ids": {"$firstN": {"input": "$_id", "n": AT_ONCE}},
                "google": {"$max": _OF_GOOGLE},
                "propelauth": {"$max": {"$not": [_OF_GOOGLE]}},
            }
        },
        {"$match": {"google": True, "propelauth": True}},
    ]
    async for group in _groups(stages):
        yield group["ids"]


@query
async def with_odd_addresses() -> list[dict[str, Any]]:
    """As far as comparing needs them: few, for neither Google nor PropelAuth gives them out; at most 100,000."""
    with patiently():
        found = collection(UserDocument).find({**_CONFIRMED, "$and": [_WITH_ODD]}, _TO_COMPARE)
        return await found.to_list(MOST_ODD_ADDRESSES)


@query
async def with_addresses(addresses: Sequence[str]) -> list[dict[str, Any]]:
    """As far as comparing needs them: whose confirmed address is in lower case one of these."""
    with patiently():
        which = {**_CONFIRMED, "$expr": {"$in": [_IN_LOWER_CASE, list(addresses)]}}
        return await collection(UserDocument).find(which, _TO_COMPARE).to_list(MOST_ODD_ADDRESSES)


@query
async def whole(ids: Sequence[Any], session: Session | None = None) -> list[dict[str, Any]]:
    """These documents, the oldest `_id` first; raises `DataError` for text that is not UTF-8.

    Elsewhere such text is read as far as it goes; here the documents are put back one day as they were read.
    """
    place = collection(UserDocument).with_options(codec_options=_EXACTLY)
    found = place.find({"_id": {"$in": list(ids)}}, sort=[("_id", 1)], session=session)
    return await found.to_list(None)


async def put(session: Session, found: Sequence[Document], merge: Merge) -> bool:
    """Merge within a transaction; False, and nothing is written, when these documents are not as they were found."""
    if _bytes(await whole([each["_id"] for each in found], session)) != _bytes(found):
        return False
    place = collection(UserDocument)
    if merge.after:
        change = Image(merge.survivor, merge.before, merge.after).change()
        await place.update_one({"_id": merge.survivor}, change, session=session)
    await place.delete_many({"_id": {"$in": [each["_id"] for each in merge.removed]}}, session=session)
    return True


def _bytes(documents: Sequence[Document]) -> list[bytes]:
    return [bson.encode(each) for each in documents]


async def _groups(stages: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    cursor = collection(UserDocument).aggregate(stages, allowDiskUse=True)
    try:
        while groups := await _next(cursor):
            for group in groups:
                yield group
    finally:
        await cursor.close()


@query
async def _next(cursor: Any) -> list[dict[str, Any]]:
    with patiently():
        found: list[dict[str, Any]] = await cursor.to_list(AT_ONCE)
        return found
