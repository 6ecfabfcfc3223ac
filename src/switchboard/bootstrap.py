"""Builds what runs, once, in one place: app, worker, command line and tests all start here."""

import gc
import logging
import re
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from beanie import init_beanie
from pymongo.errors import DuplicateKeyError

from switchboard.agents import service as agents
from switchboard.budgets.service import Budget
from switchboard.calendar_sharing import service as calendar_sharing
from switchboard.clients.endpoint_connections import Endpoints
from switchboard.clients.google import GoogleClient
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.errors import Misconfigured, Unavailable
from switchboard.invites import service as invites
from switchboard.mongo import Database, Transactions, connected, query
from switchboard.runtime import service as service_keys
from switchboard.schema.documents import DOCUMENTS
from switchboard.sealing import service as sealing
from switchboard.services import Services
from switchboard.settings import LogSettings, Settings
from switchboard.users.documents import UserDocument


@asynccontextmanager
async def running(settings: Settings, *, prepare: bool = True) -> AsyncIterator[Services]:
    """Connect MongoDB and the vendors, and let go of them at the end. Without `prepare` nothing is written by this.

    Nothing is asked of a vendor. Raises `Unavailable` when MongoDB does not answer, `Misconfigured` when it may not
    be used, the users stand against their unique index, or a sealing key is missing or wrong.
    """
    async with (
        connected(settings.mongodb) as database,
        PropelAuthClient.opened(settings.propelauth) as propelauth,
        GoogleClient.opened(settings.google) as google,
    ):
        await (_prepare(database, settings) if prepare else register(database, settings, indexes=False))
        _spare_the_collector()
        yield Services(
            settings,
            propelauth,
            google,
            ping=query(_ping_of(database)),
            identify_service=service_keys.identify,
            transactions=Transactions(database),
            key_ring=settings.sealing.ring,
            endpoints=Endpoints(settings.agent),
            may_ask_google=Budget(settings.calendar).allows,
            dependants=(invites.DEPENDANT, agents.DEPENDANT, service_keys.DEPENDANT, calendar_sharing.DEPENDANT),
        )


def _spare_the_collector() -> None:
    """What was built to start is never garbage, and a page of events is not looked through every 700 objects.

    It costs a tenth of a request, and half of what it takes to read a page.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@asynccontextmanager
async def documents(settings: Settings, *, indexes: bool = True) -> AsyncIterator[Database]:
    """MongoDB and no vendor: enough for the commands of operators. Without `indexes` nothing is written by this."""
    async with connected(settings.mongodb) as database:
        await register(database, settings, indexes=indexes)
        _spare_the_collector()
        yield database


async def duplicate_users(settings: Settings) -> list[tuple[str, int]]:
    """Users with more than one document, and how many: what `running` refuses to start with. At most a thousand."""
    async with documents(settings, indexes=False):
        return await UserDocument.duplicates(limit=1000)


async def check(settings: Settings) -> None:
    """Start and end: raises what `running` raises, where a sentence about it can still be told."""
    async with running(settings):
        pass


@query
async def _prepare(database: Database, settings: Settings) -> None:
    await register(database, settings)
    if not await UserDocument.ensure_unique():
        raise Misconfigured(
            f"The collection {settings.mongodb.users_collection} holds more than one document for some users, so "
            "reads could mix them up. 'switchboard duplicates' lists them; merge them, then start again."
        )
    await sealing.verify(settings.sealing.ring, datetime.now(UTC))


async def register(database: Database, settings: Settings, *, indexes: bool = True) -> None:
    """Put the documents on this database of the process, with their indexes."""
    await _reach(database)
    UserDocument.Settings.name = settings.mongodb.users_collection
    try:
        await init_beanie(database, document_models=list(DOCUMENTS), skip_indexes=not indexes)
    except DuplicateKeyError as error:
        raise Misconfigured(_stands_against(error)) from None


def _stands_against(error: DuplicateKeyError) -> str:
    """Which index cannot be built, without the values that are there twice."""
    named = re.search(r"collection: [^. ]+\.(\S+) index: (\S+)", str(error))
    which = f"The index {named[2]} of the collection {named[1]}" if named else "A unique index"
    return (
        f"{which} cannot be built, because documents stand against it. 'switchboard migrate --dry-run' and "
        "'switchboard indexes diff' say which."
    )


def set_up_logging(settings: LogSettings) -> None:
    """One line an event, JSON or for a console, for our own logs and the libraries'.

    An error is logged by its type and place, never by its message: messages of libraries quote data and addresses.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
    ]
    last = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_without_quotes, *shared], processors=[remove_meta, last]
    )
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "pymongo", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _without_quotes(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Cut what asyncio says of a forgotten failure: it quotes the error and the arguments of the call."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name == "asyncio" and record.exc_info:
        event["event"] = re.split(r"[\n(]", str(event["event"]), maxsplit=1)[0]
    return event


def _place_of_error(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace an exception by its type and the places it went through."""
    told = event.pop("exc_info", None)
    error = told[1] if isinstance(told, tuple) else told if isinstance(told, BaseException) else sys.exc_info()[1]
    if told and error is not None:
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        event["at"] = [f"{frame.name} {frame.filename}:{frame.lineno}" for frame in frames]
    return event


async def _reach(database: Database) -> None:
    try:
        await query(_ping_of(database))()
    except Unavailable:
        raise Unavailable("MongoDB does not answer at the address in MONGODB_URI.") from None


def _ping_of(database: Database) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        await database.command("ping")

    return ping
