"""Reading whole collections as they all were at one moment, in bounded memory."""

from collections.abc import AsyncIterator
from typing import Any, Final

from bson import decode_all
from pymongo.errors import OperationFailure

from switchboard.mongo import Database, Session, patiently, query

BATCH: Final = 1000  # documents; MongoDB sends fewer where these would be over 16 MB
# SnapshotUnavailable, SnapshotTooOld: the moment is gone, MongoDB keeps five minutes unless it is told otherwise
_GONE: Final = frozenset({246, 239})
_START: Final = object()


class _MomentGone(Exception):
    pass


class Moment:
    """A point in time of a database. When MongoDB cannot keep it any longer, reading goes on at a later one.

    It starts with the first read; `number` counts the points in time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Session | None = None
        self.number = 0

    async def close(self) -> None:
        if self._session is not None:
            await self._session.end_session()

    async def batches(self, collection: str) -> AsyncIterator[list[dict[str, Any]]]:
        """All documents, each once, by their `_id`. Raises what `query` raises."""
        last: Any = _START
        cursor = await self._opened(collection, last)
        while True:
            try:
                raw = await self._more(cursor)
            except _MomentGone:
                await self._later()
                cursor = await self._opened(collection, last)
                continue
            if raw is None:
                return
            found = decode_all(raw, self._database.codec_options)
            batch = found[1:] if last is not _START and found and found[0]["_id"] == last else found
            if batch:
                last = batch[-1]["_id"]
                yield batch

    @query
    async def size(self, collection: str) -> int:
        """About how many documents there are."""
        return int(await self._database[collection].estimated_document_count())

    async def _opened(self, collection: str, last: Any) -> Any:
        """`min` looks past types: `$gt` would end with the ids of one type."""
        if self._session is None:
            await self._later()
        found = self._database[collection]
        cursor = found.find_raw_batches({}, sort=[("_id", 1)], batch_size=BATCH, session=self._session)
        return cursor if last is _START else cursor.min([("_id", last)]).hint([("_id", 1)])

    @query
    async def _more(self, cursor: Any) -> bytes | None:
        try:
            with patiently():
                raw: bytes | None = await anext(cursor, None)
                return raw
        except OperationFailure as error:
            if error.code in _GONE:
                raise _MomentGone from None
            raise

    @query
    async def _later(self) -> None:
        await self.close()
        self._session = await self._database.client.start_session(snapshot=True)
        self.number += 1
