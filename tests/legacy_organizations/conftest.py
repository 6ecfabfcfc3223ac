"""Every test runs twice: on a fresh database, and on one that the older backend filled."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from pymongo import MongoClient

from devstack.mongod import Mongod
from switchboard.runtime import service as service_keys
from switchboard.runtime.service import Grant
from switchboard.settings import Settings
from tests import world as parts
from tests.legacy_calendars import old
from tests.legacy_organizations.pages import Pages
from tests.organizations.conftest import ROLES, Factory, Organization, additional_roles
from tests.users.variants import VARIANTS
from tests.world import World

__all__ = ["additional_roles"]  # a fixture

FRESH, FILLED = "a fresh database", "a database filled by the older backend"


@pytest.fixture(scope="session", params=[pytest.param(FRESH, marks=pytest.mark.thorough), FILLED])
async def whole_world(request: pytest.FixtureRequest, mongod: Mongod) -> AsyncIterator[World]:
    create = parts.create_app

    def created(settings: Settings) -> FastAPI:
        if request.param == FILLED:
            with MongoClient[dict[str, Any]](settings.mongodb.uri.get_secret_value()) as mongo:
                old.fill(mongo[settings.mongodb.database])
        return create(settings)

    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # while it starts: others may start worlds of their own later
            patch.setattr(parts, "create_app", created)
            world = await stack.enter_async_context(parts.world(mongod))
        before = old.strangers(world.database)
        yield world
        assert old.strangers(world.database) == before
        old.check_all(world.database)


@pytest.fixture
def filled(whole_world: World) -> bool:
    return bool(old.strangers(whole_world.database))


@pytest.fixture
def organization(world: World, filled: bool) -> Factory:
    """Make one; in a filled database its people have documents of the older backend, each of another shape."""
    shapes = cycle(VARIANTS.values())

    async def make(*roles: str, **fields: Any) -> Organization:
        made = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex[:12]}", **fields).org_id)
        for role in roles or ROLES:
            person = made.add(role)
            if filled:
                world.database["users"].insert_one(next(shapes)(person.user_id))
        await made.mirrored()
        return made

    return make


@pytest.fixture
def pages(world: World) -> Pages:
    return Pages(world)


@pytest.fixture
async def org(organization: Factory) -> Organization:
    """With an Owner, an Admin and a Member."""
    return await organization()


async def key(scopes: list[str], org: Organization | None = None, role: str | None = None) -> dict[str, str]:
    """The header that a service sends."""
    grant = Grant(scopes, org.org_id if org else None, role)
    _, text = await service_keys.create("front end", grant, datetime.now(UTC))
    return {"x-api-key": text}
