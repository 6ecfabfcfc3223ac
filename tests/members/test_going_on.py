"""Equal calls at the same time: one carries the change out, the others wait for it and say what became of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from devstack.emulator import Fault
from switchboard.memberships.documents import MembershipChangeDocument
from switchboard.memberships.model import PATIENCE, MembershipChange
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import World, eventually

ADMIN = {"role_in_org": "Admin"}


@pytest.fixture
async def org(organization: Factory) -> Organization:
    return await organization()


async def test_a_call_that_waits_is_not_told_success_when_the_change_was_refused(
    world: World, org: Organization
) -> None:
    world.propelauth.emulator.fail(Fault("change_role", "POST", latency=0.4, status=400, body='{"role": ["No"]}'))
    at = f"{org.at}/members/{org.member.user_id}"
    first = asyncio.ensure_future(world.api.patch(at, headers=org.owner.headers, json=ADMIN))
    await eventually(lambda: world.propelauth.emulator.asked("change_role"))

    second = await world.api.patch(at, headers=org.owner.headers, json=ADMIN)

    assert refused(await first) == (422, "refused_by_propelauth")
    assert refused(second) == (409, "change_under_way")
    assert len(world.propelauth.emulator.asked("change_role")) == 1
    assert (org.role(org.member), org.under_way()) == ("Member", [])


async def test_a_call_that_waits_answers_what_the_other_one_did(world: World, org: Organization) -> None:
    world.propelauth.emulator.fail(Fault("change_role", "POST", latency=0.3))
    at = f"{org.at}/members/{org.member.user_id}"

    answers = await asyncio.gather(*(world.api.patch(at, headers=org.owner.headers, json=ADMIN) for _ in range(5)))

    assert [answer.json()["role_in_org"] for answer in answers] == ["Admin"] * 5
    assert len(world.propelauth.emulator.asked("change_role")) == 1
    assert len(org.entries("member.role_changed")) == 1


async def test_who_does_not_carry_a_change_out_any_more_cannot_give_it_away(world: World, org: Organization) -> None:
    world.propelauth.emulator.fail(Fault("change_role", "POST", status=500))
    await world.api.patch(f"{org.at}/members/{org.member.user_id}", headers=org.owner.headers, json=ADMIN)
    change = MembershipChange.model_validate(org.under_way()[0])
    first = datetime.now(UTC)
    later = first + PATIENCE + timedelta(seconds=1)
    take = MembershipChangeDocument.take

    assert await take(change, first)
    assert not await take(change, first)
    assert await take(change, later)
    await MembershipChangeDocument.leave(change, first)
    assert not await take(change, later)
    await MembershipChangeDocument.leave(change, later)
    assert await take(change, later)
