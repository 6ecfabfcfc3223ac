"""Where sealed values are stored, and replacing one if it is still the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from beanie import Document
from pymongo import UpdateOne

from switchboard.agents.documents import AgentConfigurationDocument, AgentDocument, AgentRevisionDocument
from switchboard.configurations.model import SECRETS
from switchboard.crypto import MARK
from switchboard.mongo import collection, patiently, query
from switchboard.rotation.model import Kept

BATCH: Final = 500


@dataclass(frozen=True)
class Shelf:
    """A field of a collection that holds the secret of this path."""

    document: type[Document]
    field: str
    path: str

    @query
    async def count(self) -> int:
        return await collection(self.document).count_documents(self._filled())

    async def batches(self) -> AsyncIterator[list[tuple[Any, Kept]]]:
        """All values, some hundred at a time, each with its document's id."""
        last: Any = None
        while batch := await self._after(last):
            yield batch
            last = batch[-1][0]

    @query
    async def _after(self, last: Any) -> list[tuple[Any, Kept]]:
        further = self._filled() if last is None else {**self._filled(), "_id": {"$gt": last}}
        found = collection(self.document).find(further, {"agent_id": 1, self.field: 1}, sort=[("_id", 1)], limit=BATCH)
        return [(each["_id"], self._kept(each)) async for each in found]

    def _kept(self, stored: dict[str, Any]) -> Kept:
        return Kept(stored["agent_id"], self.path, _at(stored, self.field), self.in_force)

    @property
    def in_force(self) -> bool:
        """Whether calls use these values; the rest is history."""
        return self.document is not AgentRevisionDocument

    @query
    async def agents_sealed_by(self, key_id: str) -> list[str]:
        """The agents of the values that this key sealed, one for each value."""
        which = {self.field: {"$regex": f"^{MARK}{key_id}:"}}
        with patiently():
            return [each["agent_id"] async for each in collection(self.document).find(which, {"agent_id": 1})]

    @query
    async def put(self, values: list[tuple[Any, str, str]]) -> None:
        """Put values in the places of others; one that was changed meanwhile stays."""
        writes = [UpdateOne({"_id": each, self.field: old}, {"$set": {self.field: new}}) for each, old, new in values]
        if writes:
            await collection(self.document).bulk_write(writes, ordered=False)

    def _filled(self) -> dict[str, Any]:
        return {self.field: {"$type": "string"}}


SHELVES: Final = (
    Shelf(AgentDocument, "chatbot_key", "chatbot_key"),
    Shelf(AgentConfigurationDocument, "tts_config.tts_api_key", "tts_config.tts_api_key"),
    Shelf(AgentConfigurationDocument, "stt_config.api_key", "stt_config.api_key"),
    *(Shelf(AgentRevisionDocument, f"configuration.{path}", path) for path in SECRETS),
)


def _at(stored: dict[str, Any], path: str) -> str:
    found: Any = stored
    for name in path.split("."):
        found = found[name]
    return str(found)
