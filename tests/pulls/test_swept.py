"""A pull whose sync token expires on its way goes on with everything; what it wrote before is swept as well."""

import asyncio

from devstack.emulator import Fault
from tests.pulls.conftest import LISTING, titles_of
from tests.world import eventually

NO_TOKEN = '{"error": {"code": 410, "errors": [{"domain": "calendar", "reason": "fullSyncRequired"}]}}'


async def test_rule_09_what_goes_while_a_token_expires_is_swept_though_this_pull_wrote_it(
    world, ada, pulled, event
) -> None:
    await pulled()
    gone = world.google.insert_event(ada.email, event("Gone"))["id"]
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(300)])
    world.google.emulator.forget()
    world.google.fail(Fault(path=LISTING, skip=1, latency=0.5, status=410, body=NO_TOKEN))

    pulling = asyncio.create_task(pulled())
    await eventually(lambda: len(world.google.asked(LISTING)) == 2)
    world.google.delete_event(ada.email, gone)
    await pulling

    assert "Gone" not in titles_of(world, ada)
    assert len(titles_of(world, ada)) == 300


async def test_rule_12_what_goes_while_everything_is_pulled_twice_is_swept_too(world, ada, pulled, event) -> None:
    gone = world.google.insert_event(ada.email, event("Gone"))["id"]
    world.google.bulk_insert(ada.email, [event(f"Event {number:03}", number / 10) for number in range(300)])
    world.google.fail(Fault(path=LISTING, skip=1, latency=0.5, status=410, body=NO_TOKEN))

    pulling = asyncio.create_task(pulled())
    await eventually(lambda: len(world.google.asked(LISTING)) == 2)
    world.google.delete_event(ada.email, gone)
    await pulling

    assert "Gone" not in titles_of(world, ada)
    assert len(titles_of(world, ada)) == 300
