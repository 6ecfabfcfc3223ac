from dataclasses import replace

import pytest

from tests.agent_imports.dumps import Importer, Stored, stored_organization
from tests.operators import Operator
from tests.world import World


@pytest.fixture
def importer(world: World, operator: Operator) -> Importer:
    stored = Stored(world.database, stored_organization(world.database, "Acme"), world.services.key_ring)
    return Importer(world.services, stored, replace(operator, name=world.settings.mongodb.database))
