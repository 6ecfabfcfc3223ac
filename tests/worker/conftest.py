import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import fork_server
from tests.fork_server import Forked
from tests.organizations.conftest import organization
from tests.world import World, environment_of

__all__ = ["organization"]  # a fixture

Start = Callable[..., Forked]


def nothing_is_due(world: World) -> None:
    """What other tests left is nobody's business here."""
    far = datetime.now(UTC) + timedelta(days=1)
    world.database["calendars"].update_many({}, {"$set": {"next_sync_at": None}})
    world.database["organizations"].update_many({}, {"$set": {"compare_at": far}})
    world.database["mirror_marks"].update_one({"org_id": "*", "user_id": None}, {"$set": {"walk_at": far}}, upsert=True)
    for name in ("webhook_deliveries", "membership_changes"):
        world.database[name].delete_many({})


@pytest.fixture
async def start(world: World, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts workers on the world's parts; whatever still runs at the end is killed, by its id."""
    nothing_is_due(world)
    started: list[Forked] = []

    def one(*, lease: float | None = None, grace: float = 5.0, page_size: int = 50, **settings: Any) -> Forked:
        calendar = world.settings.calendar.model_copy(update={"page_size": page_size})
        chosen = world.settings.model_copy(update={"calendar": calendar, **settings})
        variables = environment_of(chosen)
        program = ["switchboard", "worker"] if lease is None else ["tests.worker.process", str(lease), str(grace)]
        log = tmp_path / f"worker-{len(started)}.log"
        started.append(fork_server.start(program, variables=variables, folder=tmp_path, log=log))
        return started[-1]

    yield one
    for child in started:
        if child.poll() is None:
            child.send_signal(signal.SIGCONT)
            child.kill()
        await asyncio.to_thread(child.wait, 10)
