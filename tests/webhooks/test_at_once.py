"""A decision of ours and a look at PropelAuth about the same person at the same time: the counts stay right."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.clients.propelauth_facts import MembershipFacts
from switchboard.members import service as members
from switchboard.members.model import new_change
from switchboard.memberships.documents import MarkDocument
from switchboard.memberships.model import Look, MembershipChange
from switchboard.mongo import Session, Transactions
from switchboard.organizations import service as organizations
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting
from switchboard.roles.model import OWNER, Rights
from tests.mirror import miscounted
from tests.organizations.conftest import Organization
from tests.world import Person, World


class Meeting:
    """A look that is written while a transaction of ours is open: it is begun after that one's reads and writes."""

    def __init__(self, world: World, org: Organization) -> None:
        self.services, self.org = world.services, org
        self.look: asyncio.Task[None] | None = None

    async def sees(self, person: Person, role: str | None) -> None:
        """Begin to write what PropelAuth said; wait until it is written, or has to wait for us."""
        if self.look is None:
            seen = Look("webhook", datetime.now(UTC)).with_ticket(await MarkDocument.ticket(self.org.org_id))
            truth = MembershipFacts(self.org.org_id, person.user_id, role) if role else None
            writing = organizations.confirm_members(self.services, self.org.org_id, {person.user_id: truth}, seen)
            self.look = asyncio.ensure_future(writing)
            await asyncio.wait({self.look}, timeout=0.3)

    async def change(self, kind: str, person: Person, rights: Rights | None) -> MembershipChange:
        organization = await OrganizationDocument.find(self.org.org_id)
        assert organization is not None
        actor = organizations.actor_of(self.services.propelauth.identify(self.org.owner.headers["Authorization"]))
        acting = Acting(actor, Rights(OWNER), organization)
        return new_change(acting, person.user_id, kind, rights, datetime.now(UTC))


@pytest.fixture
async def org(organization) -> Organization:
    made: Organization = await organization("Owner", "Member")
    return made


async def test_an_accept_and_a_look_that_sees_the_member_already_take_one_seat(world, org) -> None:
    guest = world.person(google=False)
    await org.invite(guest.email)
    meeting = Meeting(world, org)
    change = await meeting.change("join", guest, Rights("Member"))

    async def accept(session: Session) -> None:
        await members.begin(change, lambda _: None, session, has_seat=True)
        await meeting.sees(guest, "Member")

    await world.services.transactions.run(accept)
    world.database["pending_invites"].update_one({"org_id": org.org_id}, {"$set": {"status": "accepted"}})
    await meeting.look

    assert (org.counts, miscounted(world.database, org.org_id)) == ((1, 3), [])
    await organizations.give_up(world.services, change)
    assert (org.counts, miscounted(world.database, org.org_id)) == ((1, 2), [])


async def test_a_removal_and_a_look_that_sees_its_member_become_owner_count_one_owner(world, org) -> None:
    meeting = Meeting(world, org)
    change = await meeting.change("remove", org.member, None)

    async def remove(session: Session) -> None:
        await members.begin(change, lambda _: None, session)
        await meeting.sees(org.member, "Owner")

    await world.services.transactions.run(remove)
    await meeting.look

    assert miscounted(world.database, org.org_id) == []
    await organizations.give_up(world.services, change)
    assert (org.counts, miscounted(world.database, org.org_id)) == ((2, 2), [])


async def test_giving_up_a_removal_and_a_look_that_sees_its_member_demoted_count_no_owner(world, org) -> None:
    second = org.add("Owner")
    await org.mirrored()
    meeting = Meeting(world, org)
    change = await meeting.change("remove", second, None)

    async def decide(session: Session) -> None:
        await members.begin(change, lambda _: None, session)

    await world.services.transactions.run(decide)
    slow = Slow(world.services.transactions, lambda: meeting.sees(second, "Member"))
    await organizations.give_up(replace(world.services, transactions=slow), change)
    await meeting.look

    assert (org.counts, miscounted(world.database, org.org_id)) == ((1, 3), [])


class Slow(Transactions):
    """Does something between the last write of a transaction and its end."""

    def __init__(self, real: Transactions, before_the_end: Callable[[], Awaitable[None]]) -> None:
        self._real, self._before_the_end = real, before_the_end

    async def run(self, body: Callable[[Session], Awaitable[Any]]) -> Any:
        async def both(session: Session) -> Any:
            done = await body(session)
            await self._before_the_end()
            return done

        return await self._real.run(both)
