"""MongoDB as every `documents.py` sees it: the one place that names the driver.

A change of driver is a change of this file. `query` is the border: driver errors leave a document's query only as
our own.
"""

import asyncio
import functools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import pymongo
import structlog
from beanie import Document
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from motor.frameworks import asyncio as asyncio_framework
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from prometheus_client import Counter
from pydantic import BaseModel, ValidationError
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from switchboard.errors import Conflict, DataError, Misconfigured, SwitchboardError, TooLarge, Unavailable
from switchboard.settings import MongoSettings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Model = TypeVar("Model", bound=BaseModel)

Client = AsyncIOMotorClient[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]
Database = AsyncIOMotorDatabase[dict[str, Any]]
Session = AsyncIOMotorClientSession
Place = tuple[datetime, str]  # in a list that is ordered by a time and an id
DriverError = PyMongoError

UNREADABLE = Counter("switchboard_unreadable_documents", "Stored documents left out as unreadable", ("model",))
log = structlog.get_logger()

CONNECTIONS = 100
PATIENCE_SECONDS = 600
TRANSACTION_SECONDS = 5.0  # tries of one transaction together

_NOT_ALLOWED = frozenset({13, 18, 8000})  # Unauthorized, AuthenticationFailed, Atlas
_TOO_LARGE = frozenset({10334, 17280, 17419, 17420})
_DISK_FULL = 14031
_PASSING = frozenset({112, 50, 64, 91, 189, 262, 10107, 11600, 11602, 13435, 13436})


@asynccontextmanager
async def connected(settings: MongoSettings) -> AsyncIterator[Database]:
    """The database, closed at the end.

    Every operation ends after `settings.timeout` seconds (facts/reliability.md, finding 7). A write is acknowledged
    by a majority and journaled. Dates come back in UTC; a date no datetime can hold and text that is not UTF-8
    do not break the read (finding 6).
    """
    _allow_threads()
    try:
        client: Client = AsyncIOMotorClient(
            settings.uri.get_secret_value(),
            timeoutMS=int(settings.timeout * 1000),
            w="majority",
            journal=True,
            retryWrites=True,
            retryReads=True,
            heartbeatFrequencyMS=2000,
            connectTimeoutMS=2000,
            tz_aware=True,
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,
            unicode_decode_error_handler="replace",
            maxPoolSize=CONNECTIONS,
            appname="switchboard",
        )
    except (ConfigurationError, ValueError, TypeError, OSError) as error:
        raise Misconfigured(_sentence(error)) from None
    try:
        yield client.get_database(settings.database)
    finally:
        client.close()


def _allow_threads() -> None:
    """As many operations at once as the pool has connections.

    With the driver's own number, five a core, requests beyond it wait for a thread before their deadline even starts:
    during a pause of MongoDB each of them would last a multiple of it.
    """
    if asyncio_framework._EXECUTOR._max_workers < CONNECTIONS:
        asyncio_framework._EXECUTOR = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="mongodb")


def _sentence(error: Exception) -> str:
    """Why the address cannot be used, without the driver's words: they quote parts of it, passwords included."""
    if isinstance(error, OSError):
        return "MONGODB_URI names a file that cannot be read."
    if "RFC 3986" in str(error):
        return "MONGODB_URI cannot be used: in its user and password, characters such as : / @ must be percent-encoded."
    return "MONGODB_URI cannot be used: its hosts, database name or options are not as MongoDB expects them."


class Transactions:
    """Runs several writes as one: all of them are there, or none.

    A transaction alone guards no rule that looks at one document and writes another (facts/reliability.md, finding
    3): what must hold is also the filter of a write to the document that all contenders share.
    """

    def __init__(self, database: Database) -> None:
        self._client = database.client

    async def run(self, body: Callable[[Session], Awaitable[Result]], seconds: float = TRANSACTION_SECONDS) -> Result:
        """What `body` returns, once its writes are committed; all tries together last no longer than `seconds`.

        It is run again after a conflict with another transaction, so it must do nothing but read and write with the
        session it gets. Raises `Unavailable` when there is no end to conflicts; what `body` raises takes all back.
        """
        deadline = time.monotonic() + seconds
        attempt = 0
        with pymongo.timeout(seconds):
            async with await query(self._client.start_session)() as session:
                while True:
                    attempt += 1
                    try:
                        return await query(self._once)(session, body)
                    except SwitchboardError as error:
                        if not _is_conflict(error) or time.monotonic() > deadline:
                            raise
                    await asyncio.sleep(random.uniform(0, min(0.002 * attempt, 0.05)))  # noqa: S311

    @staticmethod
    async def _once(session: Session, body: Callable[[Session], Awaitable[Result]]) -> Result:
        majority = WriteConcern("majority", j=True)
        async with session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=majority):
            return await body(session)


def _is_conflict(error: SwitchboardError) -> bool:
    """Whether the driver says that the same transaction may go through a moment later."""
    cause = error.__cause__
    return isinstance(cause, PyMongoError) and cause.has_error_label("TransientTransactionError")


def patiently() -> AbstractContextManager[None]:
    """For work at start or by an operator that may walk a whole collection: minutes instead of the usual deadline."""
    return pymongo.timeout(PATIENCE_SECONDS)


def collection(document: type[Document]) -> Collection:
    """The raw collection of a document class, for conditional writes."""
    return document.get_motor_collection()


def query(
    method: Callable[Parameters, Awaitable[Result]],
) -> Callable[Parameters, Awaitable[Result]]:
    """Mark a document's query: what the driver raises comes out as an error of ours."""

    @functools.wraps(method)
    async def mapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return await method(*args, **kwargs)
        except (PyMongoError, BSONError) as error:
            raise as_our_error(error) from error
        except ValidationError as error:  # its text quotes what is stored
            log.warning("document.unreadable", model=error.title, fields=_places(error))
            raise DataError from None

    return mapped


def readable(model: type[Model], documents: Iterable[dict[str, Any]]) -> list[Model]:
    """The documents a model can read. Another is left out, counted and named by its id: it must not break a list."""
    read = []
    for document in documents:
        try:
            read.append(model.model_validate(document))
        except ValidationError as error:
            places = _places(error)
            UNREADABLE.labels(model.__name__).inc()
            log.warning("document.unreadable", model=model.__name__, id=str(document.get("_id")), fields=places)
    return read


def first_page(
    found: list[dict[str, Any]], limit: int, at: str, identifier: str
) -> tuple[list[dict[str, Any]], Place | None]:
    """Up to `limit` of the documents found, and the place of the last of them if there are more to come.

    The place is that of a stored document, not of a readable one, so one that is left out does not end the list.
    """
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    places = [(stored.get(at), str(stored.get(identifier))) for stored in page]
    return page, next(((when, name) for when, name in reversed(places) if isinstance(when, datetime)), None)


def _places(error: ValidationError) -> list[str]:
    return sorted({str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]})


def as_our_error(error: PyMongoError | BSONError) -> SwitchboardError:
    """The kind of error this is for our callers. Its message never quotes the driver's, which may hold data."""
    if isinstance(error, DocumentTooLarge) or _code(error) in _TOO_LARGE:
        return TooLarge("This is too large to be stored.")
    if isinstance(error, BSONError):
        return DataError()
    if isinstance(error, DuplicateKeyError):
        return Conflict("This already exists.")
    if _code(error) == _DISK_FULL:
        return Unavailable(
            "The disk of the database is full. Its operators have to make room; then try again.", retry_after=60.0
        )
    if _code(error) in _NOT_ALLOWED:
        return Misconfigured("MongoDB refused the user of MONGODB_URI, or it lacks a right.")
    if error.timeout or isinstance(error, (AutoReconnect, ConnectionFailure, ServerSelectionTimeoutError)):
        return Unavailable("The database does not answer right now. Try again in a moment.")
    if _code(error) in _PASSING or error.has_error_label("TransientTransactionError"):
        return Unavailable("The database is busy. Try again in a moment.", retry_after=1.0)
    return SwitchboardError("The database refused the operation.")


def _code(error: PyMongoError | BSONError) -> int | None:
    return error.code if isinstance(error, OperationFailure) else None


def at_hand(stream: Any) -> bool:
    """Whether a change stream has a change that it need not wait for; the driver's public ways all may wait."""
    return bool(stream.delegate._cursor._has_next())
