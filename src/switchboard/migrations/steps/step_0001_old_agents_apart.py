"""Move agents of the first agents service out of the collection `agents`, to `old_agents`.

They have an `agentId` and no `agent_id` (facts/legacy.md 3.5), so two of them stand against our unique index. From
`old_agents` they can be dumped and imported.
"""

from typing import Any, Final

from switchboard.migrations.step import Batch
from switchboard.mongo import Database, patiently, query
from switchboard.runs.model import Image

FROM: Final = "agents"
TO: Final = "old_agents"
SIZE: Final = 200
_OLD: Final[dict[str, Any]] = {"agentId": {"$exists": True}, "agent_id": {"$exists": False}}


@query
async def pending(database: Database) -> int:
    with patiently():
        return await database[FROM].count_documents(_OLD)


@query
async def batch(database: Database, position: Any) -> Batch | None:
    after = {} if position is None else {"_id": {"$gt": position}}
    with patiently():
        cursor = database[FROM].find({**_OLD, **after}, sort=[("_id", 1)], limit=SIZE)
        found = [stored async for stored in cursor]
    if not found:
        return None
    added = [Image(stored["_id"], None, stored) for stored in found]
    removed = [Image(stored["_id"], stored, None) for stored in found]
    return Batch([(TO, added), (FROM, removed)], found[-1]["_id"])
