"""A call that PropelAuth did not answer and nobody repeats: once its time is up, what became of it is found out."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.emulator import Fault
from switchboard.administration import service as administration
from switchboard.clients.propelauth_errors import PropelAuthUnavailable
from switchboard.comparison import service as comparison
from switchboard.invites import service as invites
from switchboard.members import service as members
from switchboard.memberships.model import JOINS_WAIT, PATIENCE
from tests.mirror import here, miscounted, there
from tests.outages.writes import WRITES, Write, organization, somebody
from tests.world import World

TIMES = ("at", "look_again_at", "carried_until")
# What is decided here and may be left; the request that does it at PropelAuth.
CHANGES = {
    "update": "PUT /org/",
    "delete": "DELETE /org/",
    "change_role": "POST /org/change_role$",
    "demote": "POST /org/change_role$",
    "remove": "POST /org/remove_user$",
    "leave": "POST /org/remove_user$",
    "accept_as_member": "POST /org/change_role$",
}
JOINS = {"join": "POST /org/add_user$", "accept": "POST /org/add_user$"}


def past(world: World, org_id: str, by: timedelta) -> None:
    """Let time pass for the changes of an organization."""
    for change in world.database["membership_changes"].find({"org_id": org_id}):
        moved = {name: change[name] - by for name in TIMES if change.get(name) is not None}
        world.database["membership_changes"].update_one({"_id": change["_id"]}, {"$set": moved})


async def resolved(world: World) -> int:
    """Do what the worker does; how many changes it ended or went on with."""
    count = 0
    while await members.resolve_left(world.services, datetime.now(UTC)):
        count += 1
    return count


async def left(world: World, name: str, request: str, *, acted: bool) -> Write:
    """A call whose deciding request got no answer, of PropelAuth having done it or not."""
    world.database["membership_changes"].delete_many({})
    write = await WRITES[name](world)
    method, path = request.split()
    world.propelauth.emulator.fail(Fault(path=path, method=method, drop=True, act_first=acted))
    assert (await write.make()).status_code == 503
    assert world.propelauth.emulator.faults == []
    return write


def settled(write: Write) -> list[str]:
    """What differs from PropelAuth, is counted wrongly, or is still under way."""
    world, org_id = write.org.world, write.org.org_id
    ours, theirs = here(world.database, org_id), there(world.propelauth, org_id)
    for state in (ours, theirs):
        if state is not None and "invite.accepted" in write.entries:
            state["invites"] = {}  # what is left of it at PropelAuth is the comparison's
    found = miscounted(world.database, org_id)
    found += [f"here {ours}, there {theirs}"] if ours != theirs else []
    return [*found, *(f"a change is left: {each['kind']}" for each in write.org.under_way())]


@pytest.mark.parametrize("name", [*CHANGES, *JOINS])
async def test_what_happened_there_is_mirrored_with_one_entry_of_who_did_it(world, name) -> None:
    write = await left(world, name, {**CHANGES, **JOINS}[name], acted=True)
    assert await resolved(world) == 0
    past(world, write.org.org_id, PATIENCE)

    assert await resolved(world) == 1

    assert settled(write) == []
    assert write.done()
    assert write.added() == Counter(write.entries)
    last = write.org.entries()[-1]
    assert last["actor"] == {"kind": "user", "id": write.person.user_id, "name": write.person.email}
    assert last["request_id"]


@pytest.mark.parametrize("name", CHANGES)
async def test_what_did_not_happen_there_leaves_everything_as_it_was(world, name) -> None:
    write = await left(world, name, CHANGES[name], acted=False)
    past(world, write.org.org_id, PATIENCE)

    assert await resolved(world) == 1

    assert settled(write) == []
    assert not write.done() or name == "demote"
    assert write.added() == Counter(write.decided)
    if name == "demote":  # the Owner who was given up counts again
        assert write.org.counts == (2, 3)
    again = await write.make()
    assert again.status_code == (write.status if "invite.accepted" not in write.entries else 200)
    assert settled(write) == []


@pytest.mark.parametrize("name", JOINS)
async def test_a_join_goes_on_because_somebody_was_promised_it(world, name) -> None:
    write = await left(world, name, JOINS[name], acted=False)
    past(world, write.org.org_id, PATIENCE)

    assert await resolved(world) == 1

    assert settled(write) == []
    assert write.done()
    assert write.added() == Counter(write.entries)
    assert (await write.make()).status_code == write.status
    assert write.added() == Counter(write.entries)


@pytest.mark.parametrize("name", JOINS)
async def test_a_join_that_nobody_could_carry_out_for_a_day_gives_its_seat_back(world, name) -> None:
    write = await left(world, name, JOINS[name], acted=False)
    assert write.org.counts == (1, 3)
    past(world, write.org.org_id, JOINS_WAIT)

    assert await resolved(world) == 1

    assert settled(write) == []
    assert write.org.counts == (1, 2)
    assert write.added() == Counter(write.decided)


async def test_while_the_outage_lasts_a_change_is_tried_again_once_a_minute(world) -> None:
    write = await left(world, "change_role", CHANGES["change_role"], acted=True)
    past(world, write.org.org_id, PATIENCE)
    world.propelauth.emulator.fail(Fault(path="/user/", status=500))

    with pytest.raises(PropelAuthUnavailable):
        await members.resolve_left(world.services, datetime.now(UTC))

    assert not await members.resolve_left(world.services, datetime.now(UTC) + timedelta(seconds=55))
    assert len(write.org.under_way()) == 1
    assert await members.resolve_left(world.services, datetime.now(UTC) + timedelta(seconds=61))
    assert settled(write) == []
    assert write.added() == Counter(write.entries)


async def test_several_workers_end_a_change_once(world) -> None:
    write = await left(world, "change_role", CHANGES["change_role"], acted=True)
    past(world, write.org.org_id, PATIENCE)

    assert sum(await asyncio.gather(*(resolved(world) for _ in range(6)))) == 1

    assert write.added() == Counter(write.entries)


async def test_the_next_caller_does_not_wait_for_the_worker(world, api) -> None:
    """Somebody asks for another change of the same member, and the one that was left is in the way."""
    write = await left(world, "change_role", CHANGES["change_role"], acted=True)
    body = {"role_in_org": "Admin"}

    at_once = await api.patch(write.path, headers=write.person.headers, json=body)
    past(world, write.org.org_id, PATIENCE)
    later = await api.patch(write.path, headers=write.person.headers, json=body)

    assert (at_once.status_code, at_once.json()["code"]) == (409, "change_under_way")
    assert (later.status_code, write.org.role(write.org.member)) == (200, "Admin")
    assert [entry["after"]["role_in_org"] for entry in write.org.entries("member.role_changed")] == ["Owner", "Admin"]


async def test_an_owner_who_is_being_given_up_does_not_count_until_it_is_known_what_became_of_it(world, api) -> None:
    write = await left(world, "demote", CHANGES["demote"], acted=False)
    leave = f"{write.org.at}/leave"

    during = await api.post(leave, headers=write.org.owner.headers)
    past(world, write.org.org_id, PATIENCE)
    await resolved(world)
    after = await api.post(leave, headers=write.org.owner.headers)

    assert (during.status_code, during.json()["code"]) == (409, "last_owner")
    assert after.status_code == 204


async def test_a_seat_that_is_being_taken_is_not_given_twice(world, api) -> None:
    write = await left(world, "join", JOINS["join"], acted=False)
    world.database["organizations"].update_one({"org_id": write.org.org_id}, {"$set": {"seat_limit": 3}})

    body = {"email": somebody()}
    during = await api.post(f"{write.org.at}/invites", headers=write.org.owner.headers, json=body)

    assert (during.status_code, during.json()["code"]) == (409, "organization_full")


@pytest.mark.parametrize("acted", [False, True])
async def test_half_a_transfer_that_nobody_repeats_leaves_an_owner_and_right_counts(world, acted) -> None:
    """The new Owner was made; of the old one's step down it is not known."""
    world.database["membership_changes"].delete_many({})
    write = await WRITES["transfer"](world)
    world.propelauth.emulator.fail(Fault(path="/org/change_role$", skip=1, drop=True, act_first=acted))
    assert (await write.make()).status_code == 503
    past(world, write.org.org_id, PATIENCE)

    assert await resolved(world) >= 1

    assert settled(write) == []
    assert write.org.role(write.org.member) == "Owner"
    assert write.org.counts[0] >= 1
    assert write.added()["ownership.transferred"] == 1


async def test_a_transfer_of_which_nothing_happened_leaves_everything_as_it_was(world) -> None:
    write = await left(world, "transfer", "POST /org/change_role$", acted=False)
    before = here(world.database, write.org.org_id)
    past(world, write.org.org_id, PATIENCE)

    await resolved(world)

    assert settled(write) == []
    assert here(world.database, write.org.org_id) == before
    assert write.added() == Counter()


async def test_a_creation_that_nobody_repeats_is_mirrored_and_nobody_is_in_it(world, api) -> None:
    world.propelauth.emulator.fail(Fault(path="/org/add_user$", drop=True))
    write = await WRITES["create"](world)
    assert (await write.make()).status_code == 503
    world.database["membership_changes"].update_many(
        {"org_id": write.org.org_id}, {"$set": {"at": datetime.now(UTC) - JOINS_WAIT - PATIENCE}}
    )
    past(world, write.org.org_id, PATIENCE)

    await resolved(world)

    assert settled(write) == []
    assert write.org.counts == (0, 0)
    assert (await api.get("/v1/orgs", headers=write.person.headers)).json() == {"organizations": []}


async def test_an_invite_whose_mail_got_no_answer_is_found_by_the_comparison_as_one_made_there(world) -> None:
    write = await WRITES["invite"](world)
    world.propelauth.emulator.fail(Fault(path="/invite_user$", drop=True, act_first=True))
    assert (await write.make()).status_code == 503
    assert write.org.counts == (1, 2)

    await comparison.compare(world.services, write.org.org_id, datetime.now(UTC))

    assert settled(write) == []
    assert write.org.counts == (1, 3)
    assert write.added() == Counter({"invite.created": 1})


async def test_an_invite_that_was_never_mailed_is_forgotten_and_its_seat_given_back(world) -> None:
    """The process died between deciding and mailing."""
    org = await organization(world)
    made = await org.invite(somebody())
    org.change_invite(made, sent_at=None)
    world.propelauth.revoke_invite(org.org_id, made["invitee_email"])

    await invites.expire_due(world.services, datetime.now(UTC) + timedelta(seconds=10))
    assert org.counts == (1, 3)
    await invites.expire_due(world.services, datetime.now(UTC) + timedelta(seconds=20))

    assert (org.counts, org.invites()) == ((1, 2), [])


async def test_what_an_accepted_invite_left_at_propelauth_is_taken_back_by_the_comparison(world) -> None:
    write = await WRITES["accept"](world)
    world.propelauth.emulator.fail(Fault(path="/pending_org_invites$", drop=True))
    assert (await write.make()).status_code == 200
    assert len(world.propelauth.pending_invites(write.org.org_id)) == 1

    await comparison.compare(world.services, write.org.org_id, datetime.now(UTC))

    assert world.propelauth.pending_invites(write.org.org_id) == []
    assert write.wrong() == []


async def test_a_left_change_of_the_organization_is_out_of_the_next_ones_way_after_its_time(world) -> None:
    write = await left(world, "update", CHANGES["update"], acted=False)
    past(world, write.org.org_id, PATIENCE)
    caller = world.services.propelauth.identify(write.person.headers["Authorization"])
    fields: dict[str, Any] = {"description": "Another"}

    await administration.update(world.services, caller, write.org.org_id, fields, datetime.now(UTC))

    assert write.org.stored["description"] == "Another"
    assert settled(write) == []
    assert write.added() == Counter({"organization.updated": 1})
