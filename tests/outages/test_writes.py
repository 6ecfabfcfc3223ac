"""PropelAuth slow, failing, answering nonsense, or doing its work without a word: what becomes of every write."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devstack.emulator import Fault
from tests.mirror import here, miscounted
from tests.outages.writes import ROUTES, ROW_BY_ROW, WRITES, Write, organization
from tests.world import World, eventually

ANSWERS_WITHIN = 6.0
OUTAGES: dict[str, dict[str, Any]] = {
    "slow": {"latency": 2.0, "drop": True},
    "broken": {"status": 500},
    "busy": {"status": 429, "body": "slow down", "content_type": "text/plain"},
    "dropped": {"drop": True},
    "nonsense": {"status": 200, "body": "<html>maintenance", "content_type": "text/html"},
    "nonsense that says not found": {"status": 404, "body": "<html>", "content_type": "text/html"},
}


OURS_ALONE = ("/free-busy", "/availability", "/calendar-sharing")


def test_every_route_that_writes_to_propelauth_is_tried(world: World) -> None:
    described = world.app.openapi()["paths"]
    writes = {
        (method.upper(), path)
        for path, methods in described.items()
        for method in methods
        if method != "get" and path.startswith(("/v1/orgs", "/v1/me/invites")) and not path.endswith(OURS_ALONE)
        if "/agents" not in path
    }
    assert writes == ROUTES | ROW_BY_ROW


@pytest.fixture
def any_number_of_names(world: World) -> Iterator[None]:
    """PropelAuth takes a name twice, so that nothing but our own care keeps a repeated call from creating twice."""
    world.propelauth.settings.unique_org_names = False
    yield
    world.propelauth.settings.unique_org_names = True


def half_done(write: Write, before: dict[str, Any] | None) -> list[str]:
    """What a call that was answered 503 changed here apart from what it noted."""
    world, org_id = write.org.world, write.org.org_id
    after, found = here(world.database, org_id), miscounted(world.database, org_id)
    if "invite.accepted" in write.added() and before and after:  # that is decided here, before PropelAuth is asked
        before, after = ({**state, "invites": {}} for state in (before, after))
    if "organization.created" in write.added():  # without members nobody sees it
        found += ["somebody is in it"] if after and after["members"] else []
        before, after = None, None
    if after != before:
        found.append(f"before {before}, after {after}")
    if write.added() - Counter(write.decided):
        found.append(f"the audit log says {dict(write.added())}")
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_outages_are_told_in_time_leave_nothing_half_done_and_the_same_call_finishes_later(
    world, any_number_of_names
) -> None:
    writes = {name: await prepare(world) for name, prepare in WRITES.items()}
    before = {name: here(world.database, write.org.org_id) for name, write in writes.items()}
    for outage, fault in OUTAGES.items():
        world.propelauth.emulator.faults = [Fault(path="/api/", times=None, **fault)]

        answers = await asyncio.gather(*(timed(write) for write in writes.values()))

        for (name, write), (answer, seconds) in zip(writes.items(), answers, strict=True):
            assert problem(answer) == (503, "propelauth_unavailable"), (outage, name)
            assert seconds < ANSWERS_WITHIN, (outage, name)
            assert half_done(write, before[name]) == [], (outage, name)
    world.propelauth.emulator.faults.clear()
    for name, write in writes.items():
        answer = await write.make()
        assert answer.status_code == write.status, (name, answer.text)
        assert write.wrong() == [], name


async def timed(write: Write) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    return await write.make(), time.monotonic() - started


@pytest.mark.parametrize("name", [name for name in WRITES if name not in ("demote", "accept_as_member")])
async def test_whichever_of_its_requests_or_answers_is_lost_a_repeated_call_does_the_work_once(
    world, any_number_of_names, name
) -> None:
    lost = [await once_lost(world, name, 0, acted=False)]
    while lost[-1]:
        if lost[-1] != "GET":  # a question that was lost is the same as its answer
            assert await once_lost(world, name, len(lost) - 1, acted=True) == lost[-1]
        lost.append(await once_lost(world, name, len(lost), acted=False))

    assert 2 <= len(lost) < 12
    assert set(lost) - {"GET", ""}


async def once_lost(world: World, name: str, request: int, *, acted: bool) -> str:
    """Lose the request of this number, or with `acted` its answer; its method, or nothing when there are fewer."""
    write = await WRITES[name](world)
    before = here(world.database, write.org.org_id)
    world.propelauth.emulator.forget()
    fault = world.propelauth.emulator.fail(Fault(path="/api/", skip=request, drop=True, act_first=acted))

    answer = await write.make()

    if not fault.spent:
        world.propelauth.emulator.faults.clear()
        assert write.wrong() == []
        return ""
    method = world.propelauth.emulator.requests[request].method
    if answer.status_code != write.status:  # what only tidies up may fail unnoticed
        assert problem(answer) == (503, "propelauth_unavailable"), request
        assert half_done(write, before) == [], request
        answer = await write.make()
    assert answer.status_code == write.status, (request, answer.text)
    if name.startswith("accept"):
        _forget_leftover(write)
    assert write.wrong() == [], request
    return method


def _forget_leftover(write: Write) -> None:
    """An accepted invite may stay at PropelAuth; the comparison ends it (see test_left)."""
    for invite in write.org.world.propelauth.pending_invites(write.org.org_id):
        write.org.world.propelauth.revoke_invite(write.org.org_id, invite.invitee_email)


async def test_bulk_invites_say_row_by_row_what_an_outage_left_out_and_the_rows_can_be_sent_again(world, api) -> None:
    org = await organization(world)
    rows = [{"email": f"{number}.{org.org_id[:8]}@example.com"} for number in range(4)]
    world.propelauth.emulator.fail(Fault(path="/invite_user$", skip=2, times=None, drop=True))

    started = time.monotonic()
    answer = await api.post(f"{org.at}/invites/bulk", headers=org.owner.headers, json={"invites": rows})
    result = answer.json()

    assert time.monotonic() - started < ANSWERS_WITHIN
    assert [row["result"] for row in result["rows"]] == ["created", "created", "refused", "refused"]
    assert {row["code"] for row in result["rows"][2:]} == {"propelauth_unavailable"}
    assert len(world.propelauth.emulator.asked("/invite_user$")) == 3
    assert org.counts == (1, 4)
    assert miscounted(world.database, org.org_id) == []
    world.propelauth.emulator.faults.clear()
    again = await api.post(f"{org.at}/invites/bulk", headers=org.owner.headers, json={"invites": rows[2:]})
    assert (again.json()["created"], org.counts) == (2, (1, 6))
    assert [entry["action"] for entry in org.entries()].count("invite.created") == 4


async def test_a_key_that_propelauth_refuses_is_ours_to_repair_and_leaves_nothing_half_done(world) -> None:
    names = ("create", "update", "change_role", "leave", "transfer", "accept", "revoke")
    writes = {name: await WRITES[name](world) for name in names}
    before = {name: here(world.database, write.org.org_id) for name, write in writes.items()}
    world.propelauth.emulator.fail(Fault(path="/api/", times=None, status=401, body="{}"))

    answers = await asyncio.gather(*(write.make() for write in writes.values()))

    for (name, write), answer in zip(writes.items(), answers, strict=True):
        assert (answer.status_code, answer.json()["code"]) == (500, "misconfigured"), name
        assert half_done(write, before[name]) == [], name
    world.propelauth.emulator.faults.clear()
    for name, write in writes.items():
        assert (await write.make()).status_code == write.status, name
        assert write.wrong() == [], name


async def test_what_propelauth_refuses_is_told_and_given_up_at_once(world) -> None:
    """It read the request and said no: there is nothing to wait for."""
    for name in ("change_role", "remove", "leave", "join", "accept", "update", "invite"):
        write = await WRITES[name](world)
        before = here(world.database, write.org.org_id)
        for method in ("POST", "PUT"):
            world.propelauth.emulator.fail(
                Fault(path="/org/|/invite_user$", method=method, times=None, status=400, body='{"x": ["no"]}')
            )

        answer = await write.make()

        assert (answer.status_code, answer.json()["code"]) == (422, "refused_by_propelauth"), name
        assert half_done(write, before) == [], name
        assert write.org.under_way() == [], name
        world.propelauth.emulator.faults.clear()
        assert (await write.make()).status_code == write.status, name


async def test_calls_of_others_go_on_while_one_waits_for_propelauth(world, api) -> None:
    write = await WRITES["change_role"](world)
    world.propelauth.emulator.fail(Fault(path="/org/change_role$", latency=2.0))

    waiting = asyncio.create_task(write.make())
    await eventually(lambda: world.propelauth.emulator.asked("/org/change_role$"))
    for _ in range(5):
        assert (await api.get(write.org.at, headers=write.person.headers)).status_code == 200
    assert not waiting.done()
    assert (await waiting).status_code == 200
