"""The worker's chores for organizations: expiry, changes and deliveries that were left, comparison with PropelAuth."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.propelauth import Delivery
from switchboard.clients.propelauth_errors import PropelAuthUnavailable
from switchboard.comparison import service as comparison
from switchboard.invites import service as invites
from switchboard.memberships.model import PATIENCE
from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization
from tests.outages.test_left import left, past
from tests.outages.writes import somebody
from tests.worker.conftest import nothing_is_due
from tests.worker.test_worker import ended
from tests.world import World, eventually


@pytest.fixture(autouse=True)
def alone(world: World) -> None:
    nothing_is_due(world)


def now() -> datetime:
    return datetime.now(UTC)


def compare(org: Organization, at: datetime) -> None:
    """Let the comparison of an organization be due then."""
    org.world.database["organizations"].update_one({"org_id": org.org_id}, {"$set": {"compare_at": at}})


def walk(world: World) -> None:
    """Let it be time to look for organizations nobody told of."""
    world.database["mirror_marks"].update_one({"org_id": "*"}, {"$set": {"walk_at": now()}})


def alike(org: Organization) -> bool:
    return here(org.world.database, org.org_id) == there(org.world.propelauth, org.org_id)


async def expiring(organization: Any) -> Organization:
    """An organization with an invite whose time is up."""
    org: Organization = await organization("Owner")
    made = await org.invite(somebody())
    org.change_invite(made, expires_at=now() - timedelta(seconds=1))
    return org


def expired(org: Organization) -> bool:
    return org.invites()[0]["status"] == "expired"


async def drifted(organization: Any) -> Organization:
    """An organization that changed at PropelAuth without a word; it is to be compared."""
    org: Organization = await organization("Owner", "Admin", "Member")
    vendor = org.world.propelauth
    vendor.remove_member(org.org_id, org.member.user_id)
    vendor.change_role(org.org_id, org.admin.user_id, "Member")
    vendor.update_org(org.org_id, name=f"Renamed {uuid4().hex}", max_users=9)
    vendor.invite(somebody(), org.org_id, "Admin")
    org.add("Owner")
    compare(org, now())
    return org


def unheard_of(world: World) -> Organization:
    """An organization that was made at PropelAuth without a word."""
    org = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex}").org_id)
    for role in ("Owner", "Member"):
        org.add(role)
    walk(world)
    return org


async def waiting(organization: Any) -> tuple[Organization, Delivery]:
    """An organization with a delivery whose look failed."""
    org: Organization = await organization("Owner", "Member")
    world = org.world
    world.propelauth.remove_member(org.org_id, org.member.user_id)
    delivery = world.propelauth.deliveries[-1]
    world.propelauth.emulator.fail(Fault(path="/user/", drop=True))
    headers = world.propelauth.webhooks.signed_headers(delivery, now().timestamp())
    answer = await world.api.post("/v1/webhooks/propelauth", content=delivery.body, headers=headers)
    assert (answer.status_code, org.role(org.member)) == (204, "Member")
    return org, delivery


def state(world: World, delivery: Delivery) -> str:
    return str(world.database["webhook_deliveries"].find_one({"delivery_id": delivery.id})["state"])


async def test_a_worker_does_all_of_them_and_ends_at_sigterm(world, organization, start) -> None:
    changed = await left(world, "change_role", "POST /org/change_role$", acted=True)
    past(world, changed.org.org_id, PATIENCE)
    told, delivery = await waiting(organization)
    old = await expiring(organization)
    for org in (changed.org, told, old):  # the comparison would find those as well
        compare(org, now() + timedelta(hours=1))
    drift, unknown = await drifted(organization), unheard_of(world)

    worker = start()
    await eventually(lambda: expired(old), 20)
    await eventually(lambda: changed.done() and not changed.org.under_way(), 20)
    await eventually(lambda: state(world, delivery) == "done", 20)
    await eventually(lambda: alike(drift), 20)
    await eventually(lambda: alike(unknown), 20)
    worker.send_signal(signal.SIGTERM)

    assert await ended(worker) == 0
    assert told.role(told.member) is None
    assert (old.counts, drift.counts, unknown.counts) == ((1, 1), (2, 4), (1, 2))
    for org in (changed.org, told, old, drift, unknown):
        assert miscounted(world.database, org.org_id) == []
    assert old.entries("invite.expired")[0]["actor"]["kind"] == "system"
    outside = {entry["action"] for entry in drift.entries() if entry["actor"]["kind"] == "propelauth"}
    assert outside >= {"organization.updated", "member.removed", "member.role_changed", "member.joined"}


async def test_an_outage_of_propelauth_does_not_end_a_worker_and_invites_expire_meanwhile(
    world, organization, start, tmp_path: Path
) -> None:
    told, delivery = await waiting(organization)
    old = await expiring(organization)
    world.propelauth.emulator.fail(Fault(path="/api/", times=None, drop=True))

    worker = start(lease=60)
    await eventually(lambda: expired(old), 20)
    await eventually(lambda: "webhook.failed" in (tmp_path / "worker-0.log").read_text(), 20)
    assert told.role(told.member) == "Member"
    world.propelauth.emulator.faults.clear()
    await eventually(lambda: state(world, delivery) == "done", 20)

    assert told.role(told.member) is None
    assert worker.poll() is None


async def test_expiry_is_seen_before_the_worker_wrote_it_and_changes_nothing_for_readers(
    world, api, organization
) -> None:
    org = await expiring(organization)
    path = f"{org.at}/invites/{org.invites()[0]['invite_id']}"

    before = (await api.get(path, headers=org.owner.headers)).json()
    assert (before["status"], org.counts) == ("expired", (1, 2))
    while await invites.expire_due(world.services, now()):
        pass
    after = (await api.get(path, headers=org.owner.headers)).json()

    assert (after, org.counts) == (before, (1, 1))
    assert len(org.entries("invite.expired")) == 1


async def test_several_workers_expire_an_invite_once(world, organization) -> None:
    org = await expiring(organization)

    await asyncio.gather(*(invites.expire_due(world.services, now()) for _ in range(6)))

    assert (expired(org), org.counts) == (True, (1, 1))
    assert len(org.entries("invite.expired")) == 1


async def test_a_seat_that_expiry_gives_back_can_be_taken(world, api, organization) -> None:
    org = await expiring(organization)
    world.propelauth.update_org(org.org_id, max_users=2)
    await org.mirrored()
    world.database["pending_invites"].update_many(
        {"org_id": org.org_id}, {"$set": {"expires_at": now() - timedelta(seconds=1)}}
    )

    answer = await api.post(f"{org.at}/invites", headers=org.owner.headers, json={"email": somebody()})

    assert (answer.status_code, org.counts) == (201, (1, 2))


async def test_the_organization_that_waited_longest_is_compared_first_and_is_due_again_later(
    world, organization
) -> None:
    first, second = await drifted(organization), await drifted(organization)
    compare(first, now() - timedelta(hours=1))
    pause = timedelta(seconds=world.settings.organization.reconcile_seconds)
    at = now()

    assert await comparison.compare_next(world.services, at)
    assert (alike(first), alike(second)) == (True, False)
    assert await comparison.compare_next(world.services, at)
    assert alike(second)
    assert not await comparison.compare_next(world.services, at)

    due = first.stored["compare_at"]
    assert timedelta(0) <= at + pause - due < timedelta(milliseconds=1)
    assert not await comparison.compare_next(world.services, at + pause - timedelta(seconds=1))
    assert await comparison.compare_next(world.services, at + pause)


async def test_several_workers_compare_each_organization_once(world, organization) -> None:
    orgs = [await drifted(organization) for _ in range(5)]
    world.propelauth.emulator.forget()

    async def work() -> int:
        count = 0
        while await comparison.compare_next(world.services, now()):
            count += 1
        return count

    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == len(orgs)

    assert all(alike(org) for org in orgs)
    for org in orgs:
        assert len(world.propelauth.emulator.asked(f"/user/org/{org.org_id}$")) == 1


async def test_a_comparison_without_differences_writes_no_audit_entry_and_says_it_looked(world, organization) -> None:
    org = await organization("Owner", "Admin", "Member")
    org.forget_entries()
    before = world.database["user_organizations"].find_one({"org_id": org.org_id})["confirmed_at"]

    await org.mirrored()

    assert org.entries() == []
    stored = world.database["user_organizations"].find({"org_id": org.org_id})
    assert all(each["confirmed_at"] > before and each["confirmed_by"] == "backfill" for each in stored)


async def test_a_member_whom_the_list_left_out_is_looked_at_before_anything_is_removed(world, organization) -> None:
    """A list that is read page by page may skip somebody."""
    org = await organization("Owner", "Member")
    empty = '{"users": [], "total_users": 0, "current_page": 0, "page_size": 100, "has_more_results": false}'
    world.propelauth.emulator.fail(Fault(path="/user/org/", status=200, body=empty))

    await org.mirrored()

    assert (org.counts, alike(org)) == ((1, 2), True)


async def test_a_comparison_that_fails_half_way_changes_nothing_wrongly_and_is_due_again(world, organization) -> None:
    org = await drifted(organization)
    world.propelauth.emulator.fail(Fault(path="/user/org/", drop=True))

    with pytest.raises(PropelAuthUnavailable):
        await comparison.compare_next(world.services, now())

    assert miscounted(world.database, org.org_id) == []
    compare(org, now())
    assert await comparison.compare_next(world.services, now())
    assert alike(org)


async def test_an_organization_that_is_gone_there_goes_here_as_well(world, organization) -> None:
    org = await organization("Owner", "Member")
    await org.invite(somebody())
    world.propelauth.delete_org(org.org_id)
    compare(org, now())

    assert await comparison.compare_next(world.services, now())

    assert here(world.database, org.org_id) is None
    assert miscounted(world.database, org.org_id) == []
    assert org.entries()[-1]["action"] == "organization.deleted"


async def test_unknown_organizations_are_looked_for_by_one_worker_at_a_time(world) -> None:
    org = unheard_of(world)
    at = now()

    assert sorted(await asyncio.gather(*(comparison.find_unknown(world.services, at) for _ in range(4)))) == [
        *(False, False, False, True)
    ]

    assert alike(org)
    pause = timedelta(seconds=world.settings.organization.reconcile_seconds)
    assert not await comparison.find_unknown(world.services, at + pause - timedelta(seconds=1))
    assert org.stored["created_at"] == datetime.fromtimestamp(org.there.created_at, UTC)
