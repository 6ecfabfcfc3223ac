"""Every test runs twice: on a fresh database, and on one that the older backend filled."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from pymongo import MongoClient

from devstack.mongod import Mongod
from devstack.social_refresh import refresher
from switchboard.http.legacy import Legacy
from switchboard.settings import Settings
from tests import world as parts
from tests.legacy_calendars import old
from tests.legacy_calendars.site import Site
from tests.world import Person, World

FRESH, FILLED = "a fresh database", "a database filled by the older backend"


@pytest.fixture(scope="session", params=[pytest.param(FRESH, marks=pytest.mark.thorough), FILLED])
async def whole_world(request: pytest.FixtureRequest, mongod: Mongod) -> AsyncIterator[World]:
    create = parts.create_app

    def created(settings: Settings) -> FastAPI:
        if request.param == FILLED:
            with MongoClient[dict[str, Any]](settings.mongodb.uri.get_secret_value()) as mongo:
                old.fill(mongo[settings.mongodb.database])
        app = create(settings)
        if not any(layer.cls is Legacy for layer in app.user_middleware):
            app.add_middleware(Legacy)
        return app

    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # while it starts: others may start worlds of their own later
            patch.setattr(parts, "create_app", created)
            world = await stack.enter_async_context(parts.world(mongod))
        before = old.strangers(world.database)
        world.services.google.retries.backoff = 0.02
        client_id = world.settings.google.client_id
        world.propelauth.on_refresh = refresher(world.propelauth, world.google, client_id)
        yield world
        assert old.strangers(world.database) == before
        old.check_all(world.database)


@pytest.fixture
def filled(whole_world: World) -> bool:
    return bool(old.strangers(whole_world.database))


@pytest.fixture(params=["/api/v1", "/calendar-api"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(world: World, prefix: str) -> Site:
    return Site(world, prefix)


@pytest.fixture
async def eve(world: World, site: Site, filled: bool) -> Person:
    """Somebody who uses the old front end and gave access to the calendar: by a sign-in here, or long ago there."""
    person = world.person()
    if filled:
        document = old.signed_in(person)
        del document["user_id"]
        world.grant_tokens(person, **{name: value for name, value in document.items() if name not in old.TOKENS})
    else:
        site.link(person)
        assert (await site.sign_in(person)).status_code == 200
    return person


@pytest.fixture
def newcomer(world: World) -> Person:
    """Known to PropelAuth, but never seen here."""
    return world.person()


@pytest.fixture
async def bob(world: World, site: Site, filled: bool) -> Person:
    """Like eve, but without access to the calendar."""
    person = world.person()
    if filled:
        world.database["users"].insert_one(old.VARIANTS["v1_narrowed"](person.user_id))
    else:
        site.link(person, scopes=old.BASIC)
        assert (await site.sign_in(person)).status_code == 200
    return person


@pytest.fixture
def hour() -> Callable[..., dict[str, Any]]:
    """The body of an event of one hour, `hours` from now."""

    def body(title: str = "Standup", hours: float = 1, **fields: Any) -> dict[str, Any]:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
        end = start + timedelta(hours=1)
        return {
            "summary": title,
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": end.isoformat()},
        } | fields

    return body
