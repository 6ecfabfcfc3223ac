"""Documents of any collection that name a person. A person's own documents are those of others as well."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from switchboard.erasure.model import Rule
from switchboard.mongo import Collection, collection, patiently, query
from switchboard.users.documents import UserDocument

BATCH: Final = 1000


def _place(rule: Rule) -> Collection:
    return collection(UserDocument).database[rule.holder.collection]


def _naming(rule: Rule, keys: Sequence[str]) -> dict[str, Any]:
    return {rule.field: {"$in": list(keys)}}


@query
async def count(rule: Rule, keys: Sequence[str]) -> int:
    with patiently():
        return await _place(rule).count_documents(_naming(rule, keys))


@query
async def keys_of(rule: Rule, keys: Sequence[str]) -> list[str]:
    """The keys of the documents that go: a person has some dozens of such as others hang on."""
    key = rule.holder.key[0]
    with patiently():
        found = _place(rule).find(_naming(rule, keys), {"_id": 0, key: 1})
        return [stored[key] async for stored in found if isinstance(stored.get(key), str)]


@query
async def remove_some(rule: Rule, keys: Sequence[str]) -> int:
    """Remove some of the documents that go; how many, none once all are gone."""
    place, naming = _place(rule), _naming(rule, keys)
    with patiently():
        ids = [stored["_id"] async for stored in place.find(naming, {"_id": 1}, limit=BATCH)]
        return (await place.delete_many({"_id": {"$in": ids}, **naming})).deleted_count


@query
async def empty(rule: Rule, keys: Sequence[str]) -> int:
    """Take what goes out of the documents that stay."""
    way = {"$pull": _naming(rule, keys)} if rule.many else {"$set": {rule.field: None}}
    with patiently():
        return (await _place(rule).update_many(_naming(rule, keys), way)).modified_count


@query
async def ids_of_person(user_id: str) -> list[Any]:
    """The `_id`s of a person's documents; before duplicates are merged there may be several."""
    with patiently():
        return [stored["_id"] async for stored in collection(UserDocument).find({"user_id": user_id}, {"_id": 1})]


@query
async def remove_person(user_id: str) -> int:
    with patiently():
        return (await collection(UserDocument).delete_many({"user_id": user_id})).deleted_count


@query
async def strip_person(user_id: str, now: datetime) -> int:
    """Leave of a person's documents the id, since when there was one, and that they may not sign in.

    Whatever else anybody stored there goes, under whatever name: so this is no `$set` of named fields.
    """
    left = {"_id": "$_id", "user_id": "$user_id", "created_at": "$created_at", "updated_at": now, "enabled": False}
    with patiently():
        done = await collection(UserDocument).update_many({"user_id": user_id}, [{"$replaceWith": left}])
    return done.modified_count
