"""Types in the documents of people: what normalising them would change. Nothing is mended here."""

from collections.abc import AsyncIterator
from typing import Any, Final

from switchboard.mongo import patiently, query
from switchboard.schema.integrity.findings import Examination, Fault, Kind
from switchboard.users.model import READING_SCOPES

_ADVICE: Final = "'switchboard normalize-users' sets it right."
_READS: Final = {"$in": list(READING_SCOPES)}
_READS_NOT: Final = {"$nin": list(READING_SCOPES)}
_LIST: Final = {"$type": "array"}

# Each with the filter of the documents it is about.
RULES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("user_id", "user_id is no text.", {"user_id": {"$not": {"$type": "string"}}}),
    (
        "token_expiration",
        "token_expiration is no whole number of seconds.",
        {"token_expiration": {"$exists": True, "$not": {"$type": ["int", "long", "null"]}}},
    ),
    ("scope", "scope is no list.", {"scope": {"$exists": True, "$ne": None, "$not": _LIST}}),
    ("created_at", "created_at is missing, or is no date.", {"created_at": {"$not": {"$type": "date"}}}),
)
INFORMATION: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        "access_without_scope",
        "has_calendar_access is true, but no scope grants it.",
        {"$and": [{"has_calendar_access": True}, {"scope": _LIST}, {"scope": _READS_NOT}]},
    ),
    (
        "scope_without_access",
        "A scope grants the calendar, but has_calendar_access is not true.",
        {"$and": [{"has_calendar_access": {"$ne": True}}, {"scope": _LIST}, {"scope": _READS}]},
    ),
)


async def size(_: Examination) -> int:
    return len(RULES) + len(INFORMATION)


async def run(examination: Examination) -> AsyncIterator[Fault]:
    for rules, for_information in ((RULES, False), (INFORMATION, True)):
        for name, sentence, which in rules:
            advice = None if for_information else _ADVICE
            kind = Kind(f"users.{name}", examination.users, sentence, None, advice, for_information)
            count, samples = await _counted(examination, which)
            if count:
                yield Fault(kind, samples, count)
            examination.advance(1)


@query
async def _counted(examination: Examination, which: dict[str, Any]) -> tuple[int, list[Any]]:
    users = examination.database[examination.users]
    with patiently():
        count = await users.count_documents(which)
        return count, [each["_id"] async for each in users.find(which, {"_id": 1}, limit=examination.samples)]
