"""Whatever documents hold, they are written as was decided: many by one update, and one by one where that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from random import Random
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError

from devstack.old_shapes import CALENDAR, old_user
from switchboard.errors import Misconfigured, Unavailable
from switchboard.merging import documents as merging_documents
from switchboard.mongo import Database, Transactions
from switchboard.normalization import documents, service
from switchboard.normalization.model import Options
from switchboard.runs.model import Image
from tests.fail_points import FailPoint, failing
from tests.normalization.test_decisions import CODEC, DIRTY, ODD
from tests.normalization.test_writers import AS_IT_IS, by_id, clean, encoded, normalized, now
from tests.world import World

Json = dict[str, Any]

DROPPING = Options(drop_obsolete=True)
MANY = 600
GONE = object()


def odd_user(number: int) -> Json:
    """An old document with some values that no version is known to have written."""
    random = Random(number)
    odd = {random.choice(DIRTY): random.choice(ODD) for _ in range(random.randrange(6))}
    return {**old_user(number), **odd}


def refuse_many(_: Any) -> None:
    raise PyMongoError


def refused_once(world: World, name: str, **fault: Any) -> AbstractContextManager[FailPoint]:
    """The next update of people fails."""
    return failing(world.mongo, "update", times=1, namespace=f"{name}.users", appName="switchboard", **fault)


@pytest.mark.parametrize("options", [AS_IT_IS, DROPPING], ids=["as it is", "dropping"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
async def test_whatever_documents_hold_they_are_written_as_was_decided(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, options: Options, *, together: bool
) -> None:
    users = world.mongo[database.name].get_collection("users", codec_options=CODEC)
    users.insert_many([odd_user(number) for number in range(MANY)])
    expected = {key: clean(each, options) for key, each in by_id(users).items()}
    if not together:
        monkeypatch.setattr(documents, "_together", refuse_many)

    done = await normalized(database, options)

    assert encoded(by_id(users)) == encoded(expected)
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
        ({"a": None}, {"a": GONE}, {"a": 1}, False),
        ({"a": 1}, {"a": GONE}, {"a": 2}, False),
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
        ({"a": 5.0}, {"a": [5.0, "theirs"]}, {"a": 5}, False),
        ({"a": ["x"]}, {"a": [["x"], "theirs"]}, {"a": "x"}, False),
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
    users.insert_many([{"_id": number, **read} for number in range(6)])
    theirs = {name: value for name, value in meanwhile.items() if value is not GONE}
    users.update_one({"_id": 3}, {"$set": {**theirs, "_id": 3}, "$unset": dict.fromkeys(meanwhile.keys() - theirs, "")})
    if not together:
        monkeypatch.setattr(documents, "_together", refuse_many)

    done = await documents.write([Image(number, read, after) for number in range(6)])

    assert (done.changed, done.refused) == (6 if written else 5, [])
    expected = {"_id": 3, **({**theirs, **after} if written else {**read, **meanwhile})}
    expected = {name: value for name, value in expected.items() if value is not GONE}
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


@pytest.mark.parametrize(
    ("number", "size"), [(3, 6_000_000), (200, 150_000)], ids=["refused by the database", "refused by the driver"]
)
async def test_documents_too_large_to_be_written_together_are_written_one_by_one(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, number: int, size: int
) -> None:
    monkeypatch.setattr(documents, "WRITERS", 1)
    users = world.mongo[database.name]["users"]
    large = " ".join(CALENDAR) + " " * size
    users.insert_many([{"_id": each, "user_id": f"u{each}", "scopes": large} for each in range(number)])

    done = await normalized(database)

    assert done.done.counts["changed"] == number
    assert users.count_documents({"scope": list(CALENDAR), "has_calendar_access": True}) == number


@pytest.mark.parametrize("fault", [{"errorCode": 10107}, {"closeConnection": True}], ids=["stepped down", "cut off"])
async def test_a_run_goes_on_when_the_database_moves_to_another_server(
    world: World, database: Database, fault: Json
) -> None:
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": ObjectId(), "user_id": f"u{number}", "scope": "openid"} for number in range(30)])

    with refused_once(world, database.name, **fault) as failed:
        done = await normalized(database)
        assert failed.lift() >= 1  # MongoDB counts those who ask at the same moment as well

    assert (done.done.counts["changed"], done.done.counts["changed_meanwhile"]) == (30, 0)
    assert users.count_documents({"scope": ["openid"]}) == 30


async def test_a_document_that_can_only_just_be_asked_for_is_written_and_one_that_cannot_is_told(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "WRITERS", 1)
    monkeypatch.setattr(documents, "_together", refuse_many)
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": number, "user_id": "x" * number * 1_500_000} for number in range(3, 10, 3)])

    images = [
        Image(number, {"user_id": "x" * number * 1_500_000}, {"user_id": "y" * 6_000_000}) for number in (3, 6, 9)
    ]
    done = await documents.write(images)

    assert (done.changed, [image.id for image in done.refused]) == (2, [9])
    assert users.count_documents({"user_id": "y" * 6_000_000}) == 2
    only = await documents.write([images[2]])
    assert (only.changed, [image.id for image in only.refused]) == (0, [9])


async def test_what_old_shells_wrote_as_undefined_is_read_as_null_and_made_clean(
    world: World, database: Database
) -> None:
    users = world.mongo[database.name]["users"]
    known = bson.encode({"_id": 1, "user_id": "u", "scopes": list(CALENDAR)})
    undefined = known[4:-1] + b"\x06scope\x00\x00"
    users.insert_one(RawBSONDocument((len(undefined) + 4).to_bytes(4, "little") + undefined))

    done = await normalized(database)

    assert (done.done.counts["changed"], done.done.counts["changed_meanwhile"]) == (1, 0)
    assert users.find_one()["scope"] == list(CALENDAR)


async def test_a_document_that_an_index_stands_against_is_told(world: World, database: Database) -> None:
    users = world.mongo[database.name]["users"]
    users.create_index([("scope", 1), ("scopes", 1)])  # of two lists there is none
    users.insert_one({"_id": 1, "user_id": "u1", "scope": "openid", "scopes": ["openid"]})
    users.insert_one({"_id": 2, "user_id": "u2", "scope": "openid"})

    done = await normalized(database)

    assert (done.done.counts["changed"], done.done.samples["refused"]) == (1, [{"id": "1"}])


async def test_a_refused_one_and_one_to_try_again_are_told_apart_by_the_type_of_their_ids_too(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = world.mongo[database.name]["users"]
    users.insert_many([{"_id": 1, "user_id": "u13", "scope": "openid"}, {"_id": True, "user_id": "u", "scope": "a"}])
    validator = {"$jsonSchema": {"properties": {"user_id": {"not": {"enum": ["u13"]}}}}}
    world.mongo[database.name].command("collMod", "users", validator=validator, validationLevel="strict")
    write, late = documents.write, ["a b"]

    async def written(images: Any) -> documents.Written:
        if late:
            users.update_one({"_id": True}, {"$set": {"scope": late.pop()}})
        return await write(images)

    monkeypatch.setattr(documents, "write", written)
    done = await normalized(database)

    assert (done.done.counts["changed"], done.done.counts["refused"]) == (1, 1)
    assert users.find_one({"user_id": "u"})["scope"] == ["a", "b"]


async def test_an_error_is_told_once_all_that_was_begun_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def one(images: Any) -> documents.Written:
        if images[0].id == 0:
            raise Unavailable
        for _ in range(10):  # turns in which an error would be told too early
            await asyncio.sleep(0)
        ended.append(images[0].id)
        return documents.Written(1, [])

    monkeypatch.setattr(documents, "_write", one)

    with pytest.raises(Unavailable):
        await documents.write([Image(number, {}, {"a": 1}) for number in range(3)])
    assert ended == [1, 2]


async def test_what_keeps_people_from_being_compared_ends_the_look_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_: Any) -> list[Json]:
        await asyncio.sleep(0)
        return [{"_id": 1, "user_id": "u"}]

    async def refused() -> AsyncIterator[list[Any]]:
        raise Misconfigured("not allowed")
        yield []

    monkeypatch.setattr(documents, "batch", endless)
    monkeypatch.setattr(merging_documents, "duplicates", refused)

    async with asyncio.timeout(10):
        with pytest.raises(Misconfigured):
            await service.preview(AS_IT_IS, Transactions(database), lambda _: None, now)
