"""A delivery whose look at PropelAuth fails is kept, tried again later and later, and given up at last."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.propelauth import Delivery
from switchboard.comparison import service as comparison
from switchboard.webhooks import service
from switchboard.webhooks.model import FIRST_TRY, LONGEST_PAUSE, MOST_TRIES, WebhookDelivery
from tests.fail_points import failing
from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization
from tests.webhooks.conftest import Sender
from tests.world import World

NEVER = timedelta(days=3650)


def now() -> datetime:
    return datetime.now(UTC)


async def tried(world: World, after: timedelta) -> int:
    """Try what is due so much later, each once; how many there were."""
    at, count = now() + after, 0
    while await service.act_on_waiting(world.services, at):
        count += 1
    return count


@pytest.fixture
async def org(organization) -> Organization:
    return await organization("Owner", "Member")


@pytest.fixture
def removed(org: Organization, sender: Sender) -> Delivery:
    """The member was removed at PropelAuth."""
    org.world.propelauth.remove_member(org.org_id, org.member.user_id)
    return org.world.propelauth.deliveries[-1]


FAULTS: dict[str, dict[str, Any]] = {
    "broken": {"status": 500},
    "busy": {"status": 429},
    "dropped": {"drop": True},
    "truncated": {"truncate": True},
    "nonsense": {"status": 200, "body": "[]"},
    "half an answer": {"status": 200, "body": "{}"},
    "a page": {"status": 200, "body": "<html>", "content_type": "text/html"},
    "a page that says not found": {"status": 404, "body": "<html>", "content_type": "text/html"},
    "a key that is refused": {"status": 401},
    "a right that is missing": {"status": 403},
    "organizations switched off": {"status": 426},
    "slow": {"latency": 3.0},
}


@pytest.mark.parametrize("case", FAULTS)
async def test_what_fails_now_is_accepted_kept_and_done_later(world, org, sender, removed, case, monkeypatch) -> None:
    monkeypatch.setattr(world.services.propelauth, "_deadline", 1.0)
    before = here(world.database, org.org_id)
    world.propelauth.emulator.fail(Fault(path="/user/", **FAULTS[case]))

    answer = await sender.deliver(removed)

    assert answer.status_code == 204
    stored = sender.stored(removed)
    assert (stored["state"], stored["tries"]) == ("waiting", 1)
    assert here(world.database, org.org_id) == before
    due = stored["next_try_at"]
    assert not await service.act_on_waiting(world.services, due - timedelta(milliseconds=1))
    assert await service.act_on_waiting(world.services, due)
    assert sender.stored(removed)["state"] == "done"
    assert here(world.database, org.org_id) == there(world.propelauth, org.org_id)
    assert org.role(org.member) is None
    assert miscounted(world.database, org.org_id) == []
    assert await tried(world, NEVER) == 0


async def test_a_stored_document_that_nobody_can_read_makes_its_events_wait(world, org, sender) -> None:
    event = sender.event("org.updated", org_id=org.org_id)
    name = org.stored["name"]
    world.database["organizations"].update_one({"org_id": org.org_id}, {"$set": {"name": {"odd": 1}}})

    assert (await sender.deliver(event)).status_code == 204
    assert sender.stored(event)["state"] == "waiting"
    world.database["organizations"].update_one({"org_id": org.org_id}, {"$set": {"name": name}})
    assert await tried(world, FIRST_TRY) == 1
    assert sender.stored(event)["state"] == "done"


async def test_the_sender_does_not_wait_for_a_vendor_that_is_slow(world, org, sender, removed, monkeypatch) -> None:
    monkeypatch.setattr(world.services.propelauth, "_deadline", 0.5)
    world.propelauth.emulator.fail(Fault(path="/user/", latency=5.0))
    started = time.monotonic()

    assert (await sender.deliver(removed)).status_code == 204

    assert time.monotonic() - started < 4.0


async def test_each_try_that_fails_makes_the_pause_longer(world, org, sender, removed) -> None:
    world.propelauth.emulator.fail(Fault(path="/user/", times=None, status=500))
    await sender.deliver(removed)
    pauses = []

    for _ in range(6):
        due = sender.stored(removed)["next_try_at"]
        assert not await service.act_on_waiting(world.services, due - timedelta(milliseconds=1))
        assert await service.act_on_waiting(world.services, due)
        pauses.append((sender.stored(removed)["next_try_at"] - due).total_seconds())

    assert pauses == [2, 4, 8, 16, 32, 64]
    assert sender.stored(removed)["tries"] == 7


async def test_what_keeps_failing_is_given_up_and_never_tried_again(world, org, sender, removed) -> None:
    world.propelauth.emulator.fail(Fault(path="/user/", times=None, status=500))
    await sender.deliver(removed)
    which = {"delivery_id": removed.id}
    world.database["webhook_deliveries"].update_one(which, {"$set": {"tries": MOST_TRIES - 1}})

    assert await tried(world, LONGEST_PAUSE) == 1

    assert sender.stored(removed)["state"] == "given_up"
    assert await tried(world, NEVER) == 0
    world.propelauth.emulator.faults.clear()
    await comparison.compare(world.services, org.org_id, now())
    assert org.role(org.member) is None


def test_tries_go_on_for_about_a_day_and_never_rest_longer_than_an_hour() -> None:
    at = now()
    delivery = WebhookDelivery(delivery_id="x", event_type="org.updated", received_at=at, next_try_at=at)
    pauses = [delivery.model_copy(update={"tries": number}).pause() for number in range(MOST_TRIES)]

    assert pauses == sorted(pauses)
    assert (pauses[0], max(pauses)) == (timedelta(seconds=1), LONGEST_PAUSE)
    assert timedelta(hours=20) < sum(pauses, timedelta()) < timedelta(days=2)
    assert delivery.model_copy(update={"tries": 10**6}).pause() == LONGEST_PAUSE


async def test_a_try_that_died_with_its_process_is_tried_again_when_its_time_is_up(world, org, sender, removed) -> None:
    """A process was killed between keeping the delivery and acting on it."""
    at = now()
    document = WebhookDelivery(
        delivery_id=removed.id,
        event_type=removed.event_type,
        org_id=org.org_id,
        user_id=org.member.user_id,
        received_at=at,
        next_try_at=at + FIRST_TRY,
    )
    world.database["webhook_deliveries"].insert_one(document.model_dump())

    assert await tried(world, FIRST_TRY - timedelta(seconds=1)) == 0
    assert await tried(world, FIRST_TRY + timedelta(seconds=1)) == 1
    assert org.role(org.member) is None


async def test_a_repetition_while_a_delivery_waits_does_not_act_past_its_turn(world, org, sender, removed) -> None:
    world.propelauth.emulator.fail(Fault(path="/user/", status=500))
    await sender.deliver(removed)
    world.propelauth.emulator.forget()

    assert (await sender.deliver(removed)).status_code == 204

    assert world.propelauth.emulator.requests == []
    assert sender.stored(removed)["state"] == "waiting"


async def test_several_workers_act_on_each_waiting_delivery_once(world, organization, sender) -> None:
    world.propelauth.emulator.fail(Fault(path="/org/", times=None, status=500))
    org = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex}").org_id)
    events = [sender.event("org.updated", org_id=org.org_id) for _ in range(12)]
    await asyncio.gather(*(sender.deliver(event) for event in events))
    world.propelauth.emulator.forget()

    assert sum(await asyncio.gather(*(tried(world, FIRST_TRY) for _ in range(5)))) == len(events)

    assert len(world.propelauth.emulator.requests) == len(events)
    assert {sender.stored(event)["state"] for event in events} == {"done"}
    assert here(world.database, org.org_id) == there(world.propelauth, org.org_id)


async def test_one_delivery_that_keeps_failing_does_not_hold_up_the_others(world, org, sender, organization) -> None:
    bad = sender.event("org.updated", org_id=org.org_id)
    others = [await organization("Owner") for _ in range(3)]
    events = [sender.event("org.updated", org_id=other.org_id) for other in others]
    world.propelauth.emulator.fail(Fault(path="/org/", times=4, status=500))
    for event in (bad, *events):
        await sender.deliver(event)
    world.propelauth.emulator.fail(Fault(path=f"/org/{org.org_id}", times=None, status=500))

    assert await tried(world, timedelta(seconds=2)) == 4

    assert [sender.stored(event)["state"] for event in events] == ["done"] * 3
    assert sender.stored(bad)["state"] == "waiting"


async def test_deliveries_are_forgotten_after_two_weeks(world, sender) -> None:
    indexes = world.database["webhook_deliveries"].index_information()

    assert indexes["received_at_ttl"]["expireAfterSeconds"] == 14 * 24 * 3600
    assert indexes["delivery_id_unique"]["unique"] is True


async def test_an_outage_of_mongodb_is_told_so_that_the_sender_tries_again(world, sender) -> None:
    """Accepting what could not be kept would lose it."""
    event = sender.event("user.login")
    with failing(world.mongo, "insert", errorCode=14031, appName="switchboard"):
        answer = await sender.deliver(event)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (await sender.deliver(event)).status_code == 204
