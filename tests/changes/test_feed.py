"""What the feed shows, to whom, from where on."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from switchboard.changes.documents import AgentChangeDocument
from switchboard.http.paging import encode_place
from tests.changes.follower import Follower, changed, commit, follower, key
from tests.world import World


async def test_a_change_shows_what_it_was_and_not_whose(world: World) -> None:
    reader = await follower(world)
    change = changed("org-1", "org-2", kinds=["keys", "configuration", "keys"])

    await commit(world, change)
    [shown] = await reader.follow()

    assert datetime.fromisoformat(shown.pop("at")) == change.at
    assert shown == {
        "change_id": change.change_id,
        "agent_id": change.agent_id,
        "kinds": ["keys", "configuration"],
        "etag": change.etag,
    }
    assert await reader.follow() == []


async def test_without_a_cursor_it_tells_at_once_where_it_ends(world: World) -> None:
    await commit(world, changed())
    reader = Follower(world.api, await key())

    started = time.monotonic()
    shown = await reader.follow(wait=25)

    assert shown == []
    assert time.monotonic() - started < 1.0
    change = changed()
    await commit(world, change)
    assert await reader.agents() == [change.agent_id]


async def test_many_changes_come_in_parts_in_the_order_of_their_commits(world: World) -> None:
    reader = await follower(world)
    changes = [changed() for _ in range(7)]
    await commit(world, *changes[:4])
    await commit(world, *changes[4:])

    parts = [await reader.agents(limit=3, wait=5) for _ in range(3)]

    assert parts == [[change.agent_id for change in changes[at : at + 3]] for at in (0, 3, 6)]
    assert await reader.follow() == []


async def test_a_key_of_an_organization_sees_its_agents_alone(world: World) -> None:
    mine, others = uuid4().hex, uuid4().hex
    reader, stranger, all_seeing = await follower(world, mine), await follower(world, others), await follower(world)
    own, foreign = changed(mine), changed(others)
    created, revoked = changed(mine, others, kinds=["created"]), changed(mine, others, kinds=["sharing"])

    await commit(world, foreign, own)
    await commit(world, created)
    await commit(world, revoked)  # it names the organization that lost access with it

    assert await reader.agents() == [own.agent_id, created.agent_id, revoked.agent_id]
    assert await stranger.agents() == [foreign.agent_id, created.agent_id, revoked.agent_id]
    everything = [foreign, own, created, revoked]
    assert await all_seeing.agents() == [change.agent_id for change in everything]


async def test_a_cursor_of_another_key_does_not_widen_what_a_key_sees(world: World) -> None:
    all_seeing, reader = await follower(world), await follower(world, uuid4().hex)
    await commit(world, changed("others"), changed("others"))
    await all_seeing.follow(limit=1)

    reader.cursor = all_seeing.cursor

    assert await reader.follow() == []


async def test_what_a_transaction_took_back_is_never_shown(world: World) -> None:
    reader = await follower(world)
    kept, lost = changed(), changed()

    async def fail(session: Any) -> None:
        await AgentChangeDocument.add(lost, session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await world.services.transactions.run(fail)
    await commit(world, kept)

    assert await reader.agents() == [kept.agent_id]


async def test_a_change_that_cannot_be_read_does_not_stop_the_feed(world: World) -> None:
    reader = await follower(world)
    kept = changed()
    world.database["agent_changes"].insert_one({"change_id": uuid4().hex, "agent_id": 5, "org_ids": ["org"]})
    await commit(world, kept)

    assert await reader.agents() == [kept.agent_id]


async def test_writes_that_are_no_new_changes_are_not_shown(world: World) -> None:
    change = changed()
    await commit(world, change)
    reader = await follower(world)
    which = {"change_id": change.change_id}

    world.database["agent_changes"].update_one(which, {"$set": {"etag": "x"}})
    world.database["agent_changes"].delete_one(which)  # as its time to live does

    assert await reader.follow() == []


async def test_an_idle_cursor_moves_on_with_the_database_and_stays_good(world: World) -> None:
    reader = await follower(world)
    before = Follower(world.api, reader.headers, reader.cursor)
    world.database["elsewhere"].insert_one({})
    with MongoClient[dict[str, Any]](world.mongod.uri) as client:
        written = client.admin.command("hello")["lastWrite"]["opTime"]["ts"]

    assert await reader.follow() == []

    assert before.position < reader.position
    assert f"82{written.time:08X}{written.inc:08X}" <= reader.position
    change = changed()
    await commit(world, change)
    assert await reader.agents() == await before.agents() == [change.agent_id]


async def test_changes_are_kept_a_week(world: World) -> None:
    indexes = world.database["agent_changes"].index_information()

    assert indexes["at_ttl"]["expireAfterSeconds"] == 7 * 24 * 3600
    assert indexes["change_id_unique"]["unique"] is True


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "?", "é", "a" * 2501, Follower.cursor_at(5), Follower.cursor_at(["82"])),
        *(Follower.cursor_at(text) for text in ("", "82", "zz" * 20, "82" * 12 + "8", "82" * 801)),
        encode_place(datetime.now(UTC), "invite"),
    ],
    ids=lambda cursor: cursor[:12],
)
async def test_what_is_no_cursor_is_refused(world: World, cursor: str) -> None:
    answer = await Follower(world.api, await key()).ask(cursor=cursor)

    assert answer.status_code == 422
    assert answer.json()["code"] == ("invalid_cursor" if len(cursor) < 2500 else "invalid")


@pytest.mark.parametrize(
    "params",
    [{"wait": -1}, {"wait": 30.1}, {"wait": "nan"}, {"limit": 0}, {"limit": 501}, {"since": "2026-01-01"}],
    ids=str,
)
async def test_what_cannot_be_asked_for_is_refused(world: World, params: dict[str, object]) -> None:
    answer = await Follower(world.api, await key()).ask(**params)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_only_a_service_with_the_scope_may_follow(world: World) -> None:
    person = world.person()
    callers = [{}, person.headers, await key(scopes=["agents.runtime"])]

    answers = [await Follower(world.api, headers).ask() for headers in callers]

    assert [answer.status_code for answer in answers] == [401, 401, 403]
    assert answers[2].json()["code"] == "missing_scope"
