"""A database of its own for documents of people."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from switchboard.bootstrap import register
from switchboard.mongo import Database, connected
from switchboard.settings import MongoSettings, Settings
from tests.conftest import bound
from tests.world import World


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    """A database of its own that the documents are on meanwhile."""
    uri = SecretStr(world.mongod.uri)
    settings = MongoSettings(uri=uri, database=f"normalizing_{uuid4().hex[:8]}", timeout=5.0)
    async with connected(settings) as found:
        await register(found, Settings.model_construct(mongodb=settings), indexes=False)
        yield found
    await bound(world)
    world.mongo.drop_database(settings.database)
