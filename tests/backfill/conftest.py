"""A project of PropelAuth of a test's own: a back-fill looks at all of it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from devstack.propelauth import PropelAuthEmulator, SigningKey
from switchboard.bootstrap import running
from tests.backfill.projects import Inside, Project, settings_of
from tests.operators import Operator
from tests.world import World

KEY = SigningKey()


@pytest.fixture
async def project(operator: Operator) -> AsyncIterator[Project]:
    """An empty one, and an operator whose commands use it."""
    async with PropelAuthEmulator(signing_key=KEY) as propelauth:
        yield Project(propelauth, replace(operator, propelauth=propelauth))


@pytest.fixture
async def inside(project: Project, world: World) -> AsyncIterator[Inside]:
    """What the command does, without a process of its own; the next test of the world has its documents back."""
    async with running(settings_of(project, world)) as services:
        yield Inside(project, services)
