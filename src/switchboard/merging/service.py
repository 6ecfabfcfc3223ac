"""Merging documents of one person, while others go on writing them."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final

from switchboard.errors import DataError, TooLarge
from switchboard.merging import documents
from switchboard.merging.model import (
    Document,
    Merge,
    Outcome,
    Result,
    confirmed_email,
    merge_duplicates,
    merge_people,
    of_google,
    same_people,
)
from switchboard.mongo import Transactions
from switchboard.runs.service import Work
from switchboard.users.documents import UserDocument

ATTEMPTS: Final = 5
Decide = Callable[[Sequence[Document]], Merge | Result | None]


async def merge_all_duplicates(work: Work | None, transactions: Transactions) -> AsyncIterator[Outcome]:
    """Make one document of all that share a `user_id`. Without `work` only say what would be done."""
    async for ids in documents.duplicates():
        outcome = await _merged(work, transactions, ids, _of_duplicates)
        if outcome is not None:
            yield outcome


async def merge_all_people(work: Work | None, transactions: Transactions) -> AsyncIterator[Outcome]:
    """Make one document of a person's of the first version and their later one, which have one confirmed address.

    Without `work` only say what would be done. Where there are several of either nothing is done.
    """
    async for ids in _same_people():
        outcome = await _merged(work, transactions, ids, _of_people)
        if outcome is not None:
            yield outcome


async def _same_people() -> AsyncIterator[list[Any]]:
    async for ids in documents.by_address():
        yield ids
    odd = await documents.with_odd_addresses()
    if odd:
        folded = {address for each in odd if (address := confirmed_email(each)) is not None}
        for group in same_people([*odd, *await documents.with_addresses(sorted(folded))]):
            yield [each["_id"] for each in group]


async def _merged(work: Work | None, transactions: Transactions, ids: list[Any], decide: Decide) -> Outcome | None:
    """None when there is nothing to merge any more."""
    user_ids: list[str] = []
    for _ in range(ATTEMPTS):
        try:
            found = await documents.whole(ids)
        except DataError:
            return Outcome("refused", ids, user_ids, None)
        user_ids = list(dict.fromkeys(str(each.get("user_id")) for each in found))
        merge = decide(found)
        if not isinstance(merge, Merge):
            return None if merge is None else Outcome(merge, ids, user_ids, None)
        if work is None:
            return Outcome("merged", ids, user_ids, merge)
        try:
            await work.keep(UserDocument.Settings.name, merge.images())
            if await transactions.run(partial(documents.put, found=found, merge=merge)):
                return Outcome("merged", ids, user_ids, merge)
        except TooLarge:
            return Outcome("refused", ids, user_ids, None)
    return Outcome("changed_meanwhile", ids, user_ids, None)


def _of_duplicates(found: Sequence[Document]) -> Merge | None:
    same = len({each.get("user_id") for each in found}) == 1
    return merge_duplicates(found) if same and len(found) > 1 else None


def _of_people(found: Sequence[Document]) -> Merge | Result | None:
    people = same_people(found)
    if not people:
        return None
    google = [each for each in people[0] if of_google(each)]
    propelauth = [each for each in people[0] if not of_google(each)]
    if len(people) > 1 or len(google) > 1 or len(propelauth) > 1:
        return "several"
    return merge_people(google[0], propelauth[0])
