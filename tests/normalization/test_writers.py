"""The older backend and this service write while documents are normalised: no field of theirs is lost.

Crashes come between the before-images, the write and the checkpoint (facts/reliability.md, F16).
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import bson
import pytest
from bson import ObjectId

from devstack.old_shapes import CALENDAR, old_user
from switchboard.connections.model import no_token_fields
from switchboard.mongo import Database, Transactions
from switchboard.normalization import documents, service
from switchboard.normalization.model import Options, Tally, decide
from switchboard.runs import service as runs
from switchboard.runs.service import Work
from switchboard.users.documents import UserDocument
from tests.normalization.legacy import LegacyWriter
from tests.operators import Operator
from tests.world import World

Json = dict[str, Any]

SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(6, 300))]
PEOPLE = 24
ROUNDS = 8
AS_IT_IS = Options()
# When others write the very values that a run wrote, taking it back cannot tell them apart.
LIKE_OURS = ("scope", "has_calendar_access")


class Crash(Exception):
    """The process is gone."""


def now() -> datetime:
    return datetime.now(UTC)


async def normalized(database: Database, options: Options = AS_IT_IS) -> service.Normalization:
    return await service.normalize(options, Transactions(database), lambda _: None, now)


class Both:
    """The older backend and this service, each now and then."""

    def __init__(self, users: Any, copy: Any, seed: int) -> None:
        self.random = Random(seed)
        self.users, self.copy = users, copy
        self.legacy = LegacyWriter(users, copy, self.random)
        self.touched: set[str] = set()
        self.turn = asyncio.Lock()
        self.crash_likely = 0.0

    async def step(self, *, ours: bool) -> None:
        async with self.turn:  # the copy gets the writes in the same order
            for _ in range(self.random.choice((0, 0, 1, 2))):
                user_id = old_user(self.random.randrange(PEOPLE))["user_id"]
                self.touched.add(user_id)
                if ours and self.random.random() < 0.4:
                    await self._ours(user_id)
                else:
                    self.legacy.write(user_id)
        if self.random.random() < self.crash_likely:
            raise Crash

    async def _ours(self, user_id: str) -> None:
        text, at = self.legacy._stamp()
        user = await UserDocument.find(user_id)
        assert user is not None
        act = self.random.randrange(4)
        if act == 0:
            fields: Json = {"timezone": "Europe/Berlin"}
            changed = await UserDocument.change(user_id, fields, at, timezone="Europe/Berlin")
            assert (changed is None) == (user.token.reads_calendar and user.timezone != "Europe/Berlin")
            fields = {**fields, "updated_at": at} if changed is not None else {}
        elif act == 1:
            fields = {"first_name": text}
            await UserDocument.change(user_id, fields, at, timezone=None)
            fields = {**fields, "updated_at": at}
        elif act == 2:
            fields = {"access_token": text, "token_expiration": int(at.timestamp()), "updated_at": at}
            done = await UserDocument.replace_tokens(user_id, fields, instead_of=user.token)
            disconnected = self.copy.find_one({"user_id": user_id}).get("scope") == []
            assert done != disconnected
            fields = fields if done else {}
        else:
            fields = no_token_fields(at)
            await UserDocument.replace_tokens(user_id, fields)
        if fields:
            self.copy.update_one({"user_id": user_id}, {"$set": fields})


def dirty(number: int) -> Json:
    """An old document, some with what no version is known to have written."""
    odd: tuple[Json, ...] = ({}, {}, {"scope": None, "scopes": list(CALENDAR)}, {"token_expiration": "1751365000"})
    return {**old_user(number), **odd[number // 10 % len(odd)]}


def interrupted(monkeypatch: pytest.MonkeyPatch, both: Both) -> None:
    """Others write, and the process may die, before and after each thing that a normalisation does."""

    def around(owner: Any, name: str) -> None:
        call = getattr(owner, name)
        ours = name != "batch"  # that is called ahead, and cancelled when the process dies

        async def stepped(*args: Any, **kwargs: Any) -> Any:
            await both.step(ours=ours)
            result = await call(*args, **kwargs)
            await both.step(ours=ours)
            return result

        monkeypatch.setattr(owner, name, stepped)

    for owner, name in ((documents, "batch"), (documents, "write"), (documents, "these")):
        around(owner, name)
    for name in ("keep", "checkpoint"):
        around(Work, name)
    monkeypatch.setattr(documents, "BATCH", 7)


def clean(stored: Json, options: Options = AS_IT_IS) -> Json:
    change = decide(stored, options, now())
    return {**{name: value for name, value in stored.items() if name not in change.before}, **change.after}


def by_id(users: Any) -> dict[Any, Json]:
    return {each["_id"]: dict(sorted(each.items())) for each in users.find()}


def encoded(found: dict[Any, Json]) -> dict[Any, bytes]:
    return {key: bson.encode(dict(sorted(each.items()))) for key, each in found.items()}


@pytest.mark.parametrize("seed", SEEDS)
async def test_writers_and_crashes_at_any_point_lose_no_field_and_the_end_is_clean(
    world: World, database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same writes on a copy that nobody normalised, made clean at the end, give the same documents."""
    users, copy = world.mongo[database.name]["users"], world.mongo[database.name]["copy"]
    for place in (users, copy):
        place.insert_many([dirty(number) for number in range(PEOPLE)])
    original = by_id(users)
    both = Both(users, copy, seed)

    with monkeypatch.context() as patched:
        interrupted(patched, both)
        both.crash_likely = 0.06
        for _ in range(ROUNDS):
            with suppress(Crash):
                await normalized(database)
    await normalized(database)  # to the end of the one that was not finished
    done = await normalized(database)

    assert not [name for name in done.standing.counts if name.startswith(("change_", "finding_"))]
    assert encoded(by_id(users)) == encoded({key: clean(each) for key, each in by_id(copy).items()})

    untouched = {key for key, each in original.items() if each["user_id"] not in both.touched}
    written = {user_id: both.legacy.write(user_id) for user_id in both.random.sample(sorted(both.touched), 3)}
    for run in world.mongo[database.name]["runs"].find(sort=[("begun_at", -1)]):
        if run["packs"]:
            await runs.undo(run["run_id"], now, lambda _: None)
    after = by_id(users)
    assert encoded({key: after[key] for key in untouched}) == encoded({key: original[key] for key in untouched})
    for user_id, fields in written.items():
        stored = next(each for each in after.values() if each["user_id"] == user_id)
        told = {name: value for name, value in fields.items() if name not in LIKE_OURS}
        assert {name: stored[name] for name in told} == told


@pytest.mark.parametrize("place", ["keep", "write", "checkpoint"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_at_any_point_leaves_what_the_next_run_finishes(
    world: World, database: Database, place: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = world.mongo[database.name]["users"]
    users.insert_many([dirty(number) for number in range(PEOPLE)])
    original = by_id(users)
    owner: Any = documents if place == "write" else Work
    call, calls = getattr(owner, place), 0

    async def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4 and when == "before":
            raise Crash
        result = await call(*args, **kwargs)
        if calls == 4:
            raise Crash
        return result

    monkeypatch.setattr(documents, "BATCH", 4)
    with monkeypatch.context() as patched:
        patched.setattr(owner, place, crashing)
        with pytest.raises(Crash):
            await normalized(database)
    run = world.mongo[database.name]["runs"].find_one()
    assert run["state"] == "stopped"
    done = await normalized(database)

    assert done.run_id == run["run_id"]
    assert done.done.counts["looked_at"] == PEOPLE
    assert encoded(by_id(users)) == encoded({key: clean(each) for key, each in original.items()})
    await runs.undo(run["run_id"], now, lambda _: None)
    assert encoded(by_id(users)) == encoded(original)


async def test_scopes_that_go_between_read_and_write_are_not_noted_as_access(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disconnect leaves the stale flag as it is, so a write that looked at the flag alone would go through."""
    users = world.mongo[database.name]["users"]
    users.insert_one({"_id": ObjectId(), "user_id": "u", "scope": list(CALENDAR), "has_calendar_access": False})
    write = documents.write

    async def late(images: Any) -> Any:
        users.update_one({"user_id": "u", "scope": list(CALENDAR)}, {"$set": {"scope": []}})
        return await write(images)

    monkeypatch.setattr(documents, "write", late)
    await normalized(database)

    stored = users.find_one({"user_id": "u"})
    assert (stored["scope"], stored["has_calendar_access"]) == ([], False)


async def test_a_document_that_changes_at_every_attempt_is_left_and_counted(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = world.mongo[database.name]["users"]
    for number in range(3):
        users.insert_one({"_id": ObjectId(), "user_id": f"u{number}", "scope": "openid"})
    write, calls = documents.write, 0

    async def late(images: Any) -> Any:
        nonlocal calls
        calls += 1
        users.update_one({"user_id": "u1"}, {"$set": {"scope": f"openid {calls}"}})
        if calls == 1:
            users.update_one({"user_id": "u2"}, {"$set": {"scope": "openid once"}})
        return await write(images)

    monkeypatch.setattr(documents, "write", late)
    done = await normalized(database)

    assert calls == service.ATTEMPTS
    counts = done.done.counts
    assert (counts["changed"], counts["changed_meanwhile"], counts["looked_at"]) == (2, 1, 3)
    assert done.standing.counts["change_scope_to_list"] == 1
    scopes = [users.find_one({"user_id": f"u{number}"})["scope"] for number in range(3)]
    assert scopes == [["openid"], f"openid {calls}", ["openid", "once"]]


async def test_ids_of_every_type_are_walked_once_in_their_order(world: World, database: Database) -> None:
    users = world.mongo[database.name]["users"]
    ids: list[Any] = [None, -1, 2.5, "a", "b", {"a": 1}, b"x", ObjectId(), True, now().replace(microsecond=0)]
    users.insert_many([{"_id": each, "user_id": f"{place}", "scope": "openid"} for place, each in enumerate(ids)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "BATCH", 3)
        done = await normalized(database)

    assert (done.done.counts["looked_at"], done.done.counts["changed"]) == (len(ids), len(ids))
    assert users.count_documents({"scope": ["openid"]}) == len(ids)


async def test_a_writer_during_a_merge_makes_it_start_anew(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = world.mongo[database.name]["users"]
    first, second = ObjectId(), ObjectId()
    users.insert_many([{"_id": first, "user_id": "u", "a": 1}, {"_id": second, "user_id": "u", "b": 1}])
    keep, late = Work.keep, [second, first, second]

    async def kept(work: Work, of: str, images: Any) -> None:
        await keep(work, of, images)
        if late:
            users.update_one({"_id": late.pop()}, {"$set": {f"late_{len(late)}": True}})

    monkeypatch.setattr(Work, "keep", kept)
    done = await normalized(database)

    (stored,) = users.find()
    assert (stored["_id"], done.done.counts["duplicates_merged"]) == (first, 1)
    assert {"a", "b", "late_0", "late_1", "late_2"} <= set(stored)


async def test_duplicates_are_merged_under_a_writer_that_never_stops(world: World, database: Database) -> None:
    """It rotates tokens by `user_id`, as the older backend does, whatever document that finds."""
    users = world.mongo[database.name]["users"]
    people = [f"person {number}" for number in range(60)]
    for _ in range(3):
        users.insert_many([{"_id": ObjectId(), "user_id": each, "refresh_token": None, "scope": ""} for each in people])
    written: dict[str, str] = {}
    going = True

    def rotate() -> None:
        number = 0
        while going:
            number += 1
            user_id = people[number % len(people)]
            fields = {"refresh_token": f"r{number}", "access_token": f"a{number}", "updated_at": now()}
            done = users.update_one({"user_id": user_id}, {"$set": fields})
            assert done.matched_count == 1
            written[user_id] = f"r{number}"

    writer = asyncio.create_task(asyncio.to_thread(rotate))
    try:
        done = await normalized(database)
    finally:
        going = False
        await writer

    assert done.done.counts["duplicates_merged"] == len(people)
    stored = {each["user_id"]: each["refresh_token"] for each in users.find()}
    assert users.count_documents({}) == len(people)
    assert {user_id: stored[user_id] for user_id in written} == written


async def test_a_real_run_under_a_writer_loses_nothing_it_writes(operator: Operator) -> None:
    users = operator.database["users"]
    users.insert_many([old_user(number) for number in range(3000)])
    legacy = LegacyWriter(users, None, Random(5))
    written: dict[str, Json] = {}
    process = await operator.start("normalize-users", "--json")
    ending = asyncio.create_task(operator.end(process))

    def write_on() -> None:
        while not ending.done():
            user_id = old_user(legacy.random.randrange(3000))["user_id"]
            written.setdefault(user_id, {}).update(legacy.write(user_id))

    await asyncio.to_thread(write_on)
    ended = await ending
    assert ended.code in (0, 3), ended.err
    last = await operator.run("normalize-users", "--json")

    assert (last.code, last.report["left"]) == (0, {}), last.err
    assert len(written) > 100
    stored = {each["user_id"]: each for each in users.find()}
    assert len(stored) == users.count_documents({}) == 3000
    for user_id, fields in written.items():
        kept = {**stored[user_id], "updated_at": stored[user_id]["updated_at"].replace(tzinfo=UTC)}
        told = {name: value for name, value in fields.items() if name not in ("created_at", "has_calendar_access")}
        told |= {"scope": told["scope"].split()} if isinstance(told.get("scope"), str) else {}
        assert {name: kept[name] for name in told} == told


def test_the_counts_of_a_tally_are_those_of_the_documents() -> None:
    tally = Tally()
    for number in range(100):
        tally.look(decide(old_user(number), AS_IT_IS, now()))

    shapes = {name: count for name, count in tally.counts.items() if name.startswith("variant_")}
    assert (sum(shapes.values()), shapes["variant_v3"], len(shapes)) == (100, 20, 9)
