"""Name the lane of calendars that were stored before there were lanes, and that they are their people's own."""

from typing import Any, Final

from switchboard.migrations.step import Batch
from switchboard.mongo import Database, patiently, query
from switchboard.runs.model import Image

COLLECTION: Final = "calendars"
SIZE: Final = 500
_DEFAULTS: Final = {"lane": "whole", "primary": True}
_WITHOUT: Final[dict[str, Any]] = {"$or": [{name: {"$exists": False}} for name in _DEFAULTS]}


@query
async def pending(database: Database) -> int:
    with patiently():
        return await database[COLLECTION].count_documents(_WITHOUT)


@query
async def batch(database: Database, position: Any) -> Batch | None:
    after = {} if position is None else {"_id": {"$gt": position}}
    cursor = database[COLLECTION].find(
        {**_WITHOUT, **after}, dict.fromkeys(_DEFAULTS, 1), sort=[("_id", 1)], limit=SIZE
    )
    found = [stored async for stored in cursor]
    if not found:
        return None
    missing = [{name: value for name, value in _DEFAULTS.items() if name not in stored} for stored in found]
    images = [Image(stored["_id"], {}, fields) for stored, fields in zip(found, missing, strict=True)]
    return Batch([(COLLECTION, images)], found[-1]["_id"])
