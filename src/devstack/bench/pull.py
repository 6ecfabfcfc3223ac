"""`pull`: the first pull of a calendar into MongoDB."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import orjson
from motor.motor_asyncio import AsyncIOMotorClient

from devstack.bench.measure import Measure, interleaved
from devstack.bench.outside import EMAIL, SCOPES
from devstack.bench.parts import Parts, parts
from switchboard.bootstrap import running
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.pulls import service
from switchboard.services import Services
from switchboard.settings import load_settings

EVENTS = 10_000


async def measure_pull(runs: int) -> Measure:
    """Events a second; every round pulls a calendar that was never pulled before, into the same collection."""
    async with parts(EVENTS) as found:
        with mock.patch.dict(os.environ, found.environment(), clear=True):
            settings = load_settings(None)
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(found.mongod.uri)
        database = client[found.database]
        async with running(settings) as services, aiohttp.ClientSession() as http:

            async def ours() -> float:
                return await _ours(services, database, found)

            async def floor() -> float:
                return await _floor(http, database, found)

            measured = await interleaved("pull", "events/s", runs, ours, floor)
        client.close()
        return measured


async def _ours(services: Services, database: Any, found: Parts) -> float:
    now = datetime.now(UTC)
    user_id = str(uuid4())
    grant = found.outside["grant"]
    tokens = {"access_token": grant["access_token"], "refresh_token": grant["refresh_token"]}
    stored = {"user_id": user_id, **tokens, "token_expiration": int(time.time()) + 3000, "scope": list(SCOPES)}
    await database["users"].insert_one(stored)
    calendar_id = primary_calendar_id(user_id)
    await CalendarDocument.add(calendar_id, user_id, now)
    started = time.perf_counter()
    calendar = await CalendarDocument.claim(calendar_id, "bench")
    assert calendar is not None  # noqa: S101
    await service.pull(services, calendar, now)
    seconds = time.perf_counter() - started
    await _check(database["calendar_events"], {"calendar_id": calendar_id})
    await database["calendar_events"].delete_many({"calendar_id": calendar_id})
    return EVENTS / seconds


async def _floor(http: aiohttp.ClientSession, database: Any, found: Parts) -> float:
    """The barest loop: ask for a page, parse it, insert it as it came, until the sync token."""
    now = datetime.now(UTC)
    bounds = {"timeMin": now - timedelta(days=30), "timeMax": now + timedelta(days=366)}
    query = {"singleEvents": "true", "maxResults": "2500", **{name: at.isoformat() for name, at in bounds.items()}}
    headers = {"Authorization": f"Bearer {found.outside['grant']['access_token']}", "Accept-Encoding": "gzip"}
    address = f"{found.outside['google']}/calendar/v3/calendars/{quote(EMAIL, safe='')}/events"
    run = uuid4().hex
    started = time.perf_counter()
    page: dict[str, Any] = {}
    while "nextSyncToken" not in page:
        token = {"pageToken": page["nextPageToken"]} if page else {}
        async with http.get(address, params={**query, **token}, headers=headers) as response:
            page = orjson.loads(await response.read())
        items = [{**item, "_id": f"{run}|{item['id']}"} for item in page["items"]]
        await database["floor_events"].insert_many(items, ordered=False)
    seconds = time.perf_counter() - started
    await _check(database["floor_events"], {})
    await database["floor_events"].delete_many({})
    return EVENTS / seconds


async def _check(events: Any, which: dict[str, Any]) -> None:
    count = await events.count_documents(which)
    if count != EVENTS:
        raise RuntimeError(f"{count} events were stored instead of {EVENTS}")
