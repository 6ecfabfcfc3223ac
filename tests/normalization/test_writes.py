"""Whatever documents hold, they are written as was decided: many by one update, and one by one where that fails."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import bson
import pytest
from bson import ObjectId
from pymongo.errors import PyMongoError

from devstack.old_shapes import CALENDAR, old_user
from switchboard.mongo import Database, Transactions
from switchboard.normalization import documents, service
from switchboard.normalization.model import Options, decide
from switchboard.runs.model import Image
from tests.normalization.test_decisions import CODEC, DIRTY, ODD
from tests.world import World

Json = dict[str, Any]

AS_IT_IS = Options()
DROPPING = Options(drop_obsolete=True)
MANY = 600


def now() -> datetime:
    return datetime.now(UTC)


async def normalized(database: Database, options: Options = AS_IT_IS) -> service.Normalization:
    return await service.normalize(options, Transactions(database), lambda _: None, now)


def odd_user(number: int) -> Json:
    """An old document with some values that no version is known to have written."""
    random = Random(number)
    odd = {random.choice(DIRTY): random.choice(ODD) for _ in range(random.randrange(6))}
    return {**old_user(number), **odd}


def clean(stored: Json, options: Options) -> Json:
    change = decide(stored, options, now())
    return {**{name: value for name, value in stored.items() if name not in change.before}, **change.after}


def encoded(found: Json) -> bytes:
    return bson.encode(dict(sorted(found.items())))


def refuse_many(_: Any) -> None:
    raise PyMongoError


@contextmanager
def failing(world: World, name: str, **fault: Any) -> Iterator[Callable[[], int]]:
    """The next update of people fails; the answer says how many have."""
    point = {"failCommands": ["update"], "namespace": f"{name}.users", "appName": "switchboard", **fault}
    command = {"configureFailPoint": "failCommand"}
    before = world.mongo.admin.command({**command, "mode": {"times": 1}, "data": point})["count"]
    try:
        yield lambda: int(world.mongo.admin.command({**command, "mode": "off"})["count"] - before)
    finally:
        world.mongo.admin.command({**command, "mode": "off"})


@pytest.mark.parametrize("options", [AS_IT_IS, DROPPING], ids=["as it is", "dropping"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
async def test_whatever_documents_hold_they_are_written_as_was_decided(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, options: Options, *, together: bool
) -> None:
    users = world.mongo[database.name].get_collection("users", codec_options=CODEC)
    users.insert_many([odd_user(number) for number in range(MANY)])
    expected = {each["_id"]: clean(each, options) for each in users.find()}
    if not together:
        monkeypatch.setattr(documents, "_together", refuse_many)

    done = await normalized(database, options)

    stored = {each["_id"]: each for each in users.find()}
    assert {key: encoded(each) for key, each in stored.items()} == {
        key: encoded(each) for key, each in expected.items()
    }
    assert MANY // 2 < done.done.counts["changed"] < MANY
    assert done.done.counts["changed_meanwhile"] == 0


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
@pytest.mark.parametrize(
    ("read", "meanwhile", "after", "written"),
    [
        ({"a": "x"}, {}, {"a": ["x"]}, True),
        ({"a": "x"}, {"a": "y"}, {"a": ["x"]}, False),
        ({"a": "x"}, {"a": ["x", "y"]}, {"a": "z"}, False),
        ({"a": "x"}, {"a": None}, {"a": ["x"]}, False),
        ({"a": None}, {}, {"a": 1}, True),
        ({}, {}, {"a": 1}, True),
        ({}, {"a": None}, {"a": 1}, False),
        ({}, {"a": 5}, {"a": 1}, False),
        ({"a": 1}, {"a": True}, {"a": 2}, False),
        ({"a": float("nan")}, {}, {"a": 1}, True),
        ({"held": ["x"], "a": 1}, {}, {"held": ["x"], "a": 2}, True),
        ({"held": ["x"], "a": 1}, {"held": []}, {"held": ["x"], "a": 2}, False),
        ({"gone": "$a", "a": 1}, {}, {"a": {"$add": [1, 2]}}, True),
        ({"gone": 1}, {}, {}, True),
        ({"gone": 1}, {"gone": 2}, {}, False),
        ({"a": 1}, {"another": 2}, {"a": 2}, True),
    ],
)
async def test_a_document_is_written_only_as_it_was_read(
    world: World,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    read: Json,
    meanwhile: Json,
    after: Json,
    *,
    written: bool,
    together: bool,
) -> None:
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": number, **read, **(meanwhile if number == 3 else {})} for number in range(6)])
    if not together:
        monkeypatch.setattr(documents, "_together", refuse_many)

    done = await documents.write([Image(number, read, after) for number in range(6)])

    assert (done.changed, done.refused) == (6 if written else 5, [])
    expected = {"_id": 3, **({**meanwhile, **after} if written else {**read, **meanwhile})}
    assert users.find_one({"_id": 3}) == expected
    assert users.find_one({"_id": 4}) == {"_id": 4, **after}


async def test_of_those_who_write_the_same_documents_at_once_nobody_overwrites_another(
    world: World, database: Database
) -> None:
    """Each change adds one to what was read, so a change that overwrote another would be missing in the sum."""
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": number, "x": 0} for number in range(40)])

    async def add() -> int:
        read = await asyncio.to_thread(lambda: {each["_id"]: each["x"] for each in users.find()})
        images = [Image(number, {"x": x}, {"x": x + 1}) for number, x in read.items()]
        return (await documents.write(images)).changed

    async def go_on() -> int:
        return sum([await add() for _ in range(25)])

    changed = sum(await asyncio.gather(*(go_on() for _ in range(8))))

    assert sum(each["x"] for each in users.find()) == changed
    assert 40 * 25 <= changed < 40 * 25 * 8, "no two of them met"


async def test_values_are_never_taken_for_expressions(world: World, database: Database) -> None:
    users = world.mongo[database.name]["users"]
    ids: list[Any] = [f"$user_id{number}" for number in range(6)] + [{"a": f"$b{number}"} for number in range(6)]
    users.insert_many([{"_id": each, "user_id": "$_id", "scope": f"$email{place}"} for place, each in enumerate(ids)])

    await documents.write(
        [Image(each, {"scope": f"$email{n}"}, {"scope": [f"$email{n}"]}) for n, each in enumerate(ids)]
    )

    assert [users.find_one({"_id": each})["scope"] for each in ids] == [[f"$email{place}"] for place in range(len(ids))]


async def test_what_the_database_refuses_is_told_and_the_rest_is_done(world: World, database: Database) -> None:
    """Some of those that are written together stand before the refused one, some behind it."""
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": number, "user_id": f"u{number}", "scope": "openid"} for number in range(30)])
    validator = {"$jsonSchema": {"properties": {"user_id": {"not": {"enum": ["u13", "u17"]}}}}}
    world.mongo[database.name].command("collMod", "users", validator=validator, validationLevel="strict")

    done = await normalized(database)

    assert (done.done.counts["changed"], done.done.counts["refused"]) == (28, 2)
    assert sorted(each["id"] for each in done.done.samples["refused"]) == ["13", "17"]
    assert users.count_documents({"scope": ["openid"]}) == 28


async def test_documents_too_large_for_one_update_are_written_one_by_one(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "WRITERS", 1)
    users = world.mongo[database.name]["users"]
    large = " ".join(CALENDAR) + " " * 6_000_000
    users.insert_many([{"_id": ObjectId(), "user_id": f"u{number}", "scopes": large} for number in range(3)])

    done = await normalized(database)

    assert done.done.counts["changed"] == 3
    assert users.count_documents({"scope": list(CALENDAR), "has_calendar_access": True}) == 3


@pytest.mark.parametrize("fault", [{"errorCode": 10107}, {"closeConnection": True}], ids=["stepped down", "cut off"])
async def test_a_run_goes_on_when_the_database_moves_to_another_server(
    world: World, database: Database, fault: Json
) -> None:
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": ObjectId(), "user_id": f"u{number}", "scope": "openid"} for number in range(30)])

    with failing(world, database.name, **fault) as failed:
        done = await normalized(database)
        assert failed() == 1

    assert (done.done.counts["changed"], done.done.counts["changed_meanwhile"]) == (30, 0)
    assert users.count_documents({"scope": ["openid"]}) == 30
