"""The doctor while the service runs: it finds nothing wrong in what people did, and breaks nothing of what they do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from devstack.mongod import Mongod
from switchboard.mongo import Transactions
from switchboard.runs import service as runs
from switchboard.schema.integrity.checks import CHECKS, OPENING
from switchboard.schema.integrity.findings import Examination, Finding, examine
from switchboard.schema.reading import read_registry
from tests import mirror
from tests.world import Person, World
from tests.world import world as started

ROUNDS = 6


@pytest.fixture
async def own_world(mongod: Mongod) -> AsyncIterator[World]:
    """With a database that no other test writes."""
    async with started(mongod) as own:
        yield own
        own.mongo.drop_database(own.settings.mongodb.database)


def stored(world: World) -> Any:
    """The database for this event loop: a call that blocks it would wait for transactions that it holds up."""
    return world.services.transactions._client[world.settings.mongodb.database]


async def diagnosis(world: World, *, fix: bool = False, now: datetime | None = None) -> dict[str, Finding]:
    """What all checks find, by its code."""
    database = stored(world)
    moment = now or datetime.now(UTC)
    ring = world.settings.sealing.ring
    examination = Examination(database, read_registry(), Transactions(database), moment, 5, ring)
    found: list[Finding]
    if fix:
        async with runs.begun("doctor", {}, lambda: datetime.now(UTC)) as work:
            found = await examine(examination, CHECKS, lambda _, __: nullcontext(lambda _: None), work)
    else:
        found = await examine(examination, [*CHECKS, OPENING], lambda _, __: nullcontext(lambda _: None))
    return {finding.kind.code: finding for finding in found}


async def created(world: World, owner: Person) -> str:
    body = {"name": f"Org {uuid4().hex[:8]}", "display_name": "Ours"}
    answer = await world.api.post("/v1/orgs", headers=owner.headers, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["org_id"])


async def joined(world: World, org_id: str, owner: Person, guest: Person) -> None:
    body = {"email": guest.email, "role_in_org": "Member"}
    invited = await world.api.post(f"/v1/orgs/{org_id}/invites", headers=owner.headers, json=body)
    assert invited.status_code == 201, invited.text
    accept = f"/v1/me/invites/{invited.json()['invite_id']}/accept"
    accepted = await world.api.post(accept, headers=guest.headers)
    assert accepted.status_code == 200, accepted.text


async def connected(world: World, person: Person) -> None:
    """Their calendar, connected by our own consent and pulled."""
    begun = await world.api.post("/v1/me/calendar/connect", headers=person.headers)
    location = await world.google.approve(begun.json()["authorization_url"], person.email, None)
    brought = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    body = {"state": brought["state"], "code": brought["code"]}
    answer = await world.api.post("/v1/me/calendar/confirm", headers=person.headers, json=body)
    assert answer.status_code == 200, answer.text
    assert (await world.api.post("/v1/me/calendar/sync", headers=person.headers)).status_code < 300


async def test_what_people_did_leaves_nothing_to_find_not_even_days_later(own_world: World) -> None:
    world = own_world
    olivia, nina, leo = world.person(), world.person(), world.person(google=False)
    org_id = await created(world, olivia)
    other = await created(world, leo)
    for guest in (nina, leo):
        await joined(world, org_id, olivia, guest)
    body = {"email": "late@example.com", "role_in_org": "Member"}
    at = f"/v1/orgs/{org_id}"
    assert (await world.api.post(f"{at}/invites", headers=olivia.headers, json=body)).status_code == 201
    start = datetime.now(UTC) + timedelta(hours=2)
    times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": (start + timedelta(hours=1)).isoformat()}}
    world.google.insert_event(nina.email, {"summary": "Standup", **times})
    await connected(world, nina)
    agent = {"name": "Reception", "chatbot_key": uuid4().hex, "tts_config": {"tts_api_key": uuid4().hex}}
    made = await world.api.post(f"{at}/agents", headers=olivia.headers, json=agent)
    assert made.status_code == 201, made.text
    grants = f"{at}/agents/{made.json()['agent_id']}/grants"
    headers = {**olivia.headers, "If-Match": made.headers["etag"]}
    given = await world.api.post(grants, headers=headers, json={"org_id": other, "access": "use"})
    assert given.status_code == 201, given.text
    assert (await world.api.post(f"{at}/leave", headers=leo.headers)).status_code == 204
    gone = await created(world, nina)
    assert (await world.api.delete(f"/v1/orgs/{gone}", headers=nina.headers)).status_code == 204

    assert world.database["calendar_events"].count_documents({"org_ids": [org_id]}) == 1
    assert await diagnosis(world) == {}
    assert await diagnosis(world, now=datetime.now(UTC) + timedelta(hours=1)) == {}


async def test_mending_while_people_join_and_leave_breaks_nothing(own_world: World) -> None:
    world = own_world
    owners = [world.person(google=False) for _ in range(2)]
    org_ids = [await created(world, owner) for owner in owners]
    over = False

    async def come_and_go(owner: Person, org_id: str) -> None:
        for _ in range(ROUNDS):
            guest = world.person(google=False)
            await joined(world, org_id, owner, guest)
            left = await world.api.post(f"/v1/orgs/{org_id}/leave", headers=guest.headers)
            assert left.status_code == 204, left.text

    async def mend() -> list[Finding]:
        mended = []
        while not over:
            miscounted = {"$inc": {"seats_used": 1, "owner_count": 1}}
            await stored(world)["organizations"].update_one({"org_id": org_ids[0]}, miscounted)
            mended += (await diagnosis(world, fix=True)).values()
        return mended

    doctor = asyncio.create_task(mend())
    both = zip(owners * 2, org_ids * 2, strict=True)
    await asyncio.gather(*(come_and_go(owner, org_id) for owner, org_id in both))
    over = True
    found = await doctor

    assert sum(finding.fixed for finding in found) > 0
    assert {finding.kind.code: finding.samples for finding in found} == {"organizations.counts": [org_ids[0]]}
    assert [mirror.miscounted(world.database, org_id) for org_id in org_ids] == [[], []]
    assert {org_id: mirror.here(world.database, org_id) for org_id in org_ids} == {
        org_id: mirror.there(world.propelauth, org_id) for org_id in org_ids
    }
    assert await diagnosis(world) == {}
