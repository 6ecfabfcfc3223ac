"""Invites that were changed at PropelAuth, past us."""

from datetime import UTC, datetime, timedelta

import pytest

from switchboard.comparison import service as comparison
from switchboard.invites.model import SENDING
from tests.organizations.conftest import Factory, Organization
from tests.world import World


@pytest.fixture
async def org(organization: Factory) -> Organization:
    return await organization("Owner")


async def compare_later(world: World, org: Organization) -> None:
    """When what was just mailed from here is no longer ours alone."""
    await comparison.compare_invites(world.services, org.org_id, datetime.now(UTC) + SENDING)


async def test_a_role_that_was_changed_there_is_taken_over_and_told(world: World, org: Organization) -> None:
    invite = await org.invite("nina@example.com")
    world.propelauth.invite("nina@example.com", org.org_id, "Admin")

    await compare_later(world, org)
    await compare_later(world, org)

    (stored,), (entry,) = org.invites(), org.entries("invite.changed")
    assert (stored["invite_id"], stored["role_in_org"]) == (invite["invite_id"], "Admin")
    assert (entry["before"], entry["after"]) == ({"role_in_org": "Member"}, {"role_in_org": "Admin"})
    assert entry["actor"]["kind"] == "propelauth"
    assert org.counts == (1, 2)


async def test_the_seconds_between_their_expiry_and_ours_are_no_change(world: World, org: Organization) -> None:
    await org.invite("nina@example.com")
    before = org.invites()

    await compare_later(world, org)

    assert (org.invites(), org.entries("invite.changed")) == (before, [])


async def test_another_expiry_is_taken_over(world: World, org: Organization) -> None:
    await org.invite("nina@example.com")
    theirs = world.propelauth.pending_invite(org.org_id, "nina@example.com")
    theirs.expires_at += 86_400

    await compare_later(world, org)

    (stored,), (entry,) = org.invites(), org.entries("invite.changed")
    assert abs(stored["expires_at"].timestamp() - theirs.expires_at) < 1
    assert entry["after"].keys() == {"expires_at"}


async def test_what_was_just_mailed_from_here_is_left_alone(world: World, org: Organization) -> None:
    await org.invite("nina@example.com")
    world.propelauth.invite("nina@example.com", org.org_id, "Admin")

    await comparison.compare_invites(world.services, org.org_id, datetime.now(UTC))

    assert [stored["role_in_org"] for stored in org.invites()] == ["Member"]


async def test_an_invite_that_is_missing_in_one_reading_of_the_list_alone_stays(
    world: World, org: Organization
) -> None:
    await org.invite("nina@example.com")
    theirs = world.propelauth.world.invites
    ours = theirs.pop()
    reading = world.propelauth.pending_invites

    def second_time_there(org_id: str | None = None) -> list[object]:
        found = list(reading(org_id))
        theirs[:] = [*theirs, ours] if ours not in theirs else theirs
        return found

    world.propelauth.pending_invites = second_time_there
    try:
        await compare_later(world, org)
    finally:
        del world.propelauth.pending_invites

    assert [stored["status"] for stored in org.invites()] == ["pending"]
    assert timedelta(0) < org.invites()[0]["expires_at"] - datetime.now(UTC)
