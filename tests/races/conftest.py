from collections.abc import AsyncIterator

import pytest

from devstack.mongod import Mongod
from tests.races.cluster import Cluster, cluster


@pytest.fixture(scope="module")
async def real(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with cluster(mongod, tmp_path_factory.mktemp("real")) as running:
        yield running


@pytest.fixture(scope="module")
async def naive(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with cluster(mongod, tmp_path_factory.mktemp("naive"), naive=True) as running:
        yield running
