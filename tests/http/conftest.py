from collections.abc import AsyncIterator

import pytest

from devstack.mongod import Mongod
from tests.http.served import Served, served


@pytest.fixture(scope="session")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An API process with a mongod nobody else uses, so that it can be stopped and made to fail."""
    async with Mongod(test_commands=True) as mongod:
        folder = tmp_path_factory.mktemp("served")
        async with served(folder, mongod, MONGODB_TIMEOUT="1", SERVER_DOCUMENTATION="true") as running:
            yield running
