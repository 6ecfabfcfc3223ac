"""What a worker shows of itself to whoever scrapes it."""

import httpx

from devstack.mongod import free_port
from switchboard.settings import WorkerSettings
from tests.worker.test_worker import due, ended, synced
from tests.world import Person, World, eventually


async def test_a_worker_shows_its_numbers_at_its_own_port(world: World, ada: Person, start) -> None:
    port = free_port()
    due(world, ada, 3)
    start(worker=WorkerSettings(metrics_port=port))
    await eventually(lambda: synced(world, ada), 20)

    async with httpx.AsyncClient(trust_env=False) as client:
        shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text

    assert 'switchboard_pulls_total{outcome="ok",stage="everything"} 1.0' in shown
    assert 'switchboard_pull_lag_seconds_count{lane="whole"} 1.0' in shown
    assert 'switchboard_google_budget_total{outcome="allowed"}' in shown
    assert "switchboard_google_requests_total{" in shown
    assert ada.user_id not in shown
    assert ada.email not in shown


async def test_a_port_that_is_taken_is_said_in_a_sentence(world: World, start, tmp_path) -> None:
    port = free_port()
    start(worker=WorkerSettings(metrics_port=port))
    await eventually(lambda: any("worker.started" in log.read_text() for log in tmp_path.glob("worker-*.log")), 20)

    second = start(worker=WorkerSettings(metrics_port=port))

    assert await ended(second) == 1
    assert any("WORKER_METRICS_PORT is taken" in log.read_text() for log in tmp_path.glob("worker-*.log"))
