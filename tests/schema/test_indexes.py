"""Indexes: how those of a database stand beside the registry's, and making them so without a drop by surprise."""

import asyncio
from typing import Any

import pytest

from switchboard.crypto import KeyRing
from switchboard.errors import Conflict, NotFound
from switchboard.schema.indexes.collections import standings
from switchboard.schema.indexes.standing import Standing, chosen, compared, definition_of
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import Index
from tests.http.served import SEALING_KEY
from tests.operators import Operator
from tests.schema import clinic
from tests.schema.clinic import OWNER
from tests.world import World

UNIQUE = Index("user_id_unique", (("user_id", 1),), unique=True)
LATER = Index("user_id_unique", (("user_id", 1),), unique=True, sparse=True, later=True)
TTL = Index("at_ttl", (("at", 1),), expires_after=60)
PARTIAL = Index("one_pending", (("org_id", 1), ("email", 1)), unique=True, partial={"status": "pending"})


def stored(index: Index, **other: Any) -> dict[str, Any]:
    """As MongoDB lists it."""
    return {"v": 2, "name": index.name, **definition_of(index), **other}


def states(*wanted: Index, found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each.name, each.state) for each in compared("things", wanted, found)]


def test_an_index_that_is_there_is_fine_whatever_says_the_same() -> None:
    as_the_shell = {**stored(TTL), "key": {"at": 1.0}, "unique": False, "background": True}
    id_index = {"v": 2, "key": {"_id": 1}, "name": "_id_"}
    assert states(TTL, PARTIAL, found=[id_index, as_the_shell, stored(PARTIAL)]) == [
        ("at_ttl", "fine"),
        ("one_pending", "fine"),
    ]


def test_one_of_the_same_name_may_differ_in_fields_order_and_options() -> None:
    for other in (
        {"key": {"email": 1, "org_id": 1}},
        {"unique": False},
        {"partialFilterExpression": {"status": "open"}},
        {"hidden": True},
        {"collation": {"locale": "de"}},
    ):
        assert states(PARTIAL, found=[stored(PARTIAL, **other)]) == [("one_pending", "differs")], other
    (standing,) = compared("things", [TTL], [stored(TTL, expireAfterSeconds=5)])
    assert standing.sentence == "It differs: expireAfterSeconds is 5, not 60."


def test_one_in_the_place_of_another_differs_and_one_that_may_stand_beside_it_was_made_by_hand() -> None:
    in_its_place = stored(TTL, name="at_1", expireAfterSeconds=5)
    beside = {"v": 2, "key": {"user_id": 1}, "name": "user_id_1"}
    assert states(TTL, found=[in_its_place]) == [("at_ttl", "differs")]
    assert states(UNIQUE, found=[beside]) == [("user_id_unique", "missing"), ("user_id_1", "unknown")]


def test_the_same_index_under_another_name_serves_where_it_is_made_later() -> None:
    by_hand = stored(UNIQUE, name="by_hand")
    assert states(UNIQUE, found=[by_hand]) == [("user_id_unique", "other name")]
    assert states(LATER, found=[by_hand]) == [("user_id_unique", "fine")], "sparse or not"


STANDINGS = [
    Standing("users", "user_id_unique", "differs", "", LATER, "user_id_unique"),
    Standing("turns", "user_id_unique", "differs", "", UNIQUE, "user_id_unique"),
    Standing("turns", "until_ttl", "differs", "", TTL, "until_1"),
    Standing("turns", "fine", "fine", "It is as it should be.", TTL, "fine"),
    Standing("a.b", "c_1", "unknown", "", None, "c_1"),
]


def test_what_is_named_is_found_by_its_name_or_with_its_collection() -> None:
    found = chosen(STANDINGS, ["until_ttl", "users.user_id_unique"], ["a.b.c_1"])
    assert found.replaced == {("turns", "until_ttl"), ("users", "user_id_unique")}
    assert found.dropped == {("a.b", "c_1")}


def test_what_cannot_be_meant_is_refused_with_a_sentence() -> None:
    with pytest.raises(Conflict, match=r"several have this name. Say which: users\.user_id_unique, turns"):
        chosen(STANDINGS, ["user_id_unique"], [])
    with pytest.raises(NotFound, match=r"--drop x\.y: there is no such index"):
        chosen(STANDINGS, [], ["x.y"])
    with pytest.raises(Conflict, match="belongs to the registry"):
        chosen(STANDINGS, [], ["turns.until_ttl"])
    with pytest.raises(Conflict, match=r"there is nothing to replace\. It is as it should be\."):
        chosen(STANDINGS, ["fine"], [])


def names(database: Any, collection: str) -> set[str]:
    return set(database[collection].index_information())


async def test_missing_ones_are_made_the_rest_stays_and_duplicates_are_counted(
    world: World, operator: Operator
) -> None:
    database = operator.database
    clinic.fill(database, KeyRing.read(SEALING_KEY))
    database["users"].insert_many([clinic.person(OWNER), clinic.person(OWNER)])
    database["users"].create_index([("email", 1)], name="by_hand")
    database["turns"].create_index([("until", 1)], name="until_ttl", expireAfterSeconds=5)

    with operator.untouched():
        differs, tried = await asyncio.gather(
            operator.run("indexes", "diff"), operator.run("indexes", "apply", "--dry-run", "--json")
        )
    assert (differs.code, tried.code) == (3, 1), differs.err + tried.err
    for line in (
        "users.user_id_unique\tmissing\tIt is missing.",
        "users.by_hand\tunknown\tIt was made by hand; it stays.",
        "turns.until_ttl\tdiffers\tIt differs: expireAfterSeconds is 5, not 3600.",
    ):
        assert line in differs.out

    applied = await operator.run("indexes", "apply", "--json")
    duplicates = (
        "users.user_id_unique cannot be made: 3 documents share 1 values of user_id. "
        "'switchboard doctor --only duplicates' names them."
    )
    assert (applied.code, applied.report["refused"]) == (1, [duplicates])
    assert applied.report["done"] == [line.replace(" would be ", " was ") for line in tried.report["done"]]
    assert names(database, "users") == {"_id_", "by_hand"}
    assert database["turns"].index_information()["until_ttl"]["expireAfterSeconds"] == 5

    database["users"].delete_many({"user_id": OWNER})
    chosen_ones = ("--replace", "until_ttl", "--drop", "users.by_hand")
    finished = await operator.run("indexes", "apply", *chosen_ones)

    assert finished.out.splitlines() == [
        "users.user_id_unique was made.",
        "users.by_hand was dropped.",
        "turns.until_ttl was replaced.",
        "3 indexes were changed.",
    ]
    here = world.services.transactions._client[operator.name]
    assert {each.state for each in await standings(here, read_registry())} == {"fine"}
    wanted = {index.name for index in read_registry()["User"].indexes}
    assert names(database, "users") == {"_id_", *wanted}
