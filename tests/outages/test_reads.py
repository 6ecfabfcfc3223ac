"""While PropelAuth is down, people sign in and read on from the mirror."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.runtime import service as service_keys
from switchboard.runtime.service import Grant
from tests.organizations.conftest import Organization
from tests.outages.test_writes import OUTAGES
from tests.outages.writes import organization, somebody
from tests.world import Person, World


@pytest.fixture
async def org(world: World) -> Organization:
    made = await organization(world, "Owner", "Admin", "Member")
    await made.invite(somebody())
    return made


def reads(org: Organization) -> list[str]:
    at, invite = org.at, org.invites()[0]
    return [
        *(at, f"{at}/members", f"{at}/members/{org.member.user_id}", f"{at}/audit", f"{at}/deletion"),
        *(f"{at}/invites", f"{at}/invites/{invite['invite_id']}", "/v1/orgs", "/v1/roles", "/v1/me"),
        *("/v1/me/bootstrap", "/v1/me/invites", "/v1/me/joinable-orgs", "/v1/me/welcome-form", "/v1/me/calendar"),
    ]


def down(world: World, outage: str) -> None:
    world.propelauth.emulator.forget()
    world.propelauth.emulator.fail(Fault(path="/api/", times=None, **OUTAGES[outage]))


async def read(api: httpx.AsyncClient, person: Person, path: str) -> Any:
    answer = await api.get(path, headers=person.headers)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


async def test_everything_reads_the_same_as_before_and_asks_nobody(world, api, org) -> None:
    before = {path: await read(api, org.owner, path) for path in reads(org)}
    for outage in OUTAGES:
        down(world, outage)
        started = time.monotonic()

        during = {path: await read(api, org.owner, path) for path in reads(org)}

        assert during == before
        assert time.monotonic() - started < 2.0
        assert world.propelauth.emulator.requests == []


async def test_rights_are_kept_to_as_before(world, api, org) -> None:
    stranger = world.person(google=False)
    await read(api, stranger, "/v1/me")
    for outage in OUTAGES:
        down(world, outage)
        for path in (org.at, f"{org.at}/members", f"{org.at}/invites", f"{org.at}/audit"):
            assert (await api.get(path, headers=stranger.headers)).status_code == 404
            assert (await api.get(path)).status_code == 401
        assert (await api.get(f"{org.at}/invites", headers=org.member.headers)).status_code == 403
        assert (await api.patch(org.at, headers=org.member.headers, json={"name": "x"})).status_code == 403
        assert (await api.delete(org.at, headers=org.admin.headers)).status_code == 403
        assert world.propelauth.emulator.requests == []


async def test_somebody_never_seen_before_can_sign_in(world, api) -> None:
    for outage in OUTAGES:
        first, second = world.person(google=False), world.person(google=False)
        down(world, outage)

        me, home = await asyncio.gather(read(api, first, "/v1/me"), read(api, second, "/v1/me/bootstrap"))

        assert (me["email"], home["user"]["email"]) == (first.email, second.email)
        assert (home["organizations"], home["invites"]) == ([], [])
        world.propelauth.emulator.faults.clear()
        assert (await read(api, second, "/v1/me/bootstrap"))["user"]["email"] == second.email


async def test_invites_whose_invitee_is_not_known_to_have_confirmed_wait_and_nothing_else_does(world, api, org) -> None:
    guest = world.person(google=False)
    down(world, "broken")
    await read(api, guest, "/v1/me")
    world.propelauth.emulator.faults.clear()
    await org.invite(guest.email)
    down(world, "broken")

    asked = await api.get("/v1/me/invites", headers=guest.headers)
    home = await read(api, guest, "/v1/me/bootstrap")

    assert (asked.status_code, asked.json()["code"]) == (503, "propelauth_unavailable")
    assert (home["user"]["email"], home["invites"]) == (guest.email, [])
    world.propelauth.emulator.faults.clear()
    assert [each["org_id"] for each in (await read(api, guest, "/v1/me/bootstrap"))["invites"]] == [org.org_id]


async def test_an_outage_does_not_make_the_first_call_after_sign_in_slow_for_members(world, api, org) -> None:
    await read(api, org.member, "/v1/me/bootstrap")
    down(world, "slow")
    started = time.monotonic()

    home = await read(api, org.member, "/v1/me/bootstrap")

    assert time.monotonic() - started < 1.8
    assert [each["org_id"] for each in home["organizations"]] == [org.org_id]


async def test_services_go_on_in_their_organization(world, api, org) -> None:
    grant = Grant(["organizations"], org.org_id, "Member")
    _, key = await service_keys.create("voice runtime", grant, datetime.now(UTC))
    down(world, "dropped")

    for path in (org.at, f"{org.at}/members"):
        assert (await api.get(path, headers={"X-API-Key": key})).status_code == 200
    assert world.propelauth.emulator.requests == []
