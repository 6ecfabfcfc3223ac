"""Documents of any collection that name a person, and a person's own, which others write as well."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from switchboard.erasure.model import Part, Telling
from switchboard.mongo import Collection, collection, patiently, query
from switchboard.users.documents import UserDocument

BATCH: Final = 1000


def _collection(name: str) -> Collection:
    return collection(UserDocument).database[name]


def _holders(part: Part) -> Collection:
    return _collection(part.rule.holder.collection)


@query
async def count(part: Part) -> int:
    with patiently():
        return await _holders(part).count_documents(part.which)


@query
async def keys_of(part: Part) -> list[str]:
    """The keys of the documents that go, for those that hang on them: a person has dozens at most.

    Keys that are no texts are nobody's to refer to.
    """
    key = part.rule.holder.key[0]
    with patiently():
        found = _holders(part).find(part.which, {"_id": 0, key: 1})
        return [stored[key] async for stored in found if isinstance(stored.get(key), str)]


@query
async def remove_some(part: Part) -> int:
    """Remove some of the documents that go; how many, none once all are gone."""
    holders = _holders(part)
    with patiently():
        ids = [stored["_id"] async for stored in holders.find(part.which, {"_id": 1}, limit=BATCH)]
        return (await holders.delete_many({"_id": {"$in": ids}, **part.which})).deleted_count


@query
async def clear_references(part: Part) -> int:
    """Take what goes out of the documents that stay."""
    field = part.rule.field
    change = {"$pull": {field: {"$in": list(part.named)}}} if part.rule.many else {"$set": {field: None}}
    with patiently():
        return (await _holders(part).update_many(part.which, change)).modified_count


@query
async def count_telling(telling: Telling) -> int:
    with patiently():
        return await _collection(telling.collection).count_documents(telling.which)


@query
async def silence(telling: Telling) -> None:
    with patiently():
        await _collection(telling.collection).update_many(telling.which, {"$set": telling.instead})


@query
async def own_ids(user_id: str) -> list[Any]:
    """The `_id`s of a person's own documents; before duplicates are merged there may be several."""
    with patiently():
        return [stored["_id"] async for stored in collection(UserDocument).find({"user_id": user_id}, {"_id": 1})]


@query
async def own_addresses(user_id: str) -> list[str]:
    """The addresses in a person's own documents, as they are stored."""
    with patiently():
        found = collection(UserDocument).find({"user_id": user_id}, {"email": 1})
        return [stored["email"] async for stored in found if isinstance(stored.get("email"), str)]


@query
async def others_with(user_id: str, addresses: Sequence[str]) -> list[str]:
    """Ids of other people whose documents have one of these addresses."""
    which = {"user_id": {"$ne": user_id}, "email": {"$in": list(addresses)}}
    with patiently():
        found = collection(UserDocument).find(which, {"user_id": 1})
        return [str(stored.get("user_id")) async for stored in found]


@query
async def remove_own(user_id: str) -> None:
    with patiently():
        await collection(UserDocument).delete_many({"user_id": user_id})


@query
async def strip_own(user_id: str, now: datetime) -> None:
    """Keep only `_id`, `user_id` and `created_at`, and say that the person is not enabled any more.

    Whatever else anybody stored there goes, under whatever name: so this is no `$set` of named fields.
    """
    kept = {"_id": "$_id", "user_id": "$user_id", "created_at": "$created_at", "updated_at": now, "enabled": False}
    with patiently():
        await collection(UserDocument).update_many({"user_id": user_id}, [{"$replaceWith": kept}])
