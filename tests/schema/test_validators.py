"""Validators: what they say, what breaks them, and setting them without harm."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import Int64, ObjectId
from pymongo.errors import WriteError

from switchboard.crypto import KeyRing
from switchboard.schema.reading import read_registry
from switchboard.schema.validators.collections import Found, Plan, plan_all, planned
from switchboard.schema.validators.report import MOST_RULES, Report
from switchboard.schema.validators.rules import MADE_BY, is_ours, validator_of, violations
from tests.http.served import SEALING_KEY
from tests.operators import Operator
from tests.schema import clinic
from tests.world import World

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OTHERS: dict[str, Any] = {"name": {"$exists": True}}


def validator(collection: str) -> dict[str, Any]:
    return validator_of(read_registry().collections()[collection])


def schema(collection: str) -> dict[str, Any]:
    found: dict[str, Any] = validator(collection)["$jsonSchema"]
    return found


def test_types_requirements_choices_and_bounds_come_from_the_registry() -> None:
    agents, configurations = schema("agents"), schema("agent_configurations")

    assert {"agent_id", "org_id", "name", "etag"} <= set(agents["required"])
    assert not {"_id", "status", "phone_number"} & set(agents["required"])
    assert agents["properties"]["status"] == {"bsonType": "string", "enum": ["active", "inactive", "deleted"]}
    assert agents["properties"]["phone_number"] == {"bsonType": ["string", "null"]}
    assert agents["properties"]["org_ids"] == {"bsonType": "array", "items": {"bsonType": "string"}}
    speed = {"bsonType": ["int", "long", "double"], "minimum": 0.5, "maximum": 2.0}
    assert configurations["properties"]["tts_config"]["properties"]["speed"] == speed
    assert "options" not in configurations["properties"]["tts_config"]["properties"], "JSON may be anything"
    stages = schema("calendars")["properties"]["stage"]
    assert stages == {"bsonType": ["string", "null"], "enum": ["everything", "roll", "changes", None]}


def test_a_list_of_objects_is_described_to_its_fields() -> None:
    states = schema("calendar_events")["properties"]["attendee_states"]
    assert states["items"]["required"] == ["email"]
    assert states["items"]["properties"]["response"] == {"bsonType": ["string", "null"]}


def test_the_tokens_of_people_are_described_beside_their_names() -> None:
    users = schema("users")
    assert users["required"] == ["user_id"]
    assert {"email", "timezone", "refresh_token", "scope", "token_expiration"} <= users["properties"].keys()
    assert users["properties"]["created_at"] == {"bsonType": ["date", "null"]}


@pytest.mark.parametrize(
    "document",
    [
        {"scope": "openid email", "expires_in": 3599, "user_info": {"id": "1"}, "refresh_token": None},
        {"scope": ["openid"], "scopes": "a b", "token_expiration": 1_790_000_000.5},
        {"token_expiration": NOW, "has_calendar_access": None, "created_at": None},
        {"token_expiration": Int64(2**40), "propels_access_token": "x", "name": None},
        {"welcome_form_completed": True, "welcome_form_data": [1, {"a": None}], "updated_at": NOW},
    ],
)
def test_what_older_versions_left_in_a_persons_document_breaks_no_rule(document: dict[str, Any]) -> None:
    assert list(violations(schema("users"), {"_id": "any", "user_id": "u", **document})) == []


BROKEN: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("users", {"user_id": 7}, ("user_id", "is int, must be string")),
    ("users", {"user_id": None}, ("user_id", "is null, must be string")),
    ("users", {"email": ["a"]}, ("email", "is array, must be string or null")),
    ("users", {"scope": ["openid", 1]}, ("scope[]", "is int, must be string")),
    ("users", {"created_at": "2025-01-01"}, ("created_at", "is string, must be date or null")),
    ("users", {"locked": "no"}, ("locked", "is string, must be bool or null")),
    ("users", {"access_token": {}}, ("access_token", "is object, must be string or null")),
    ("agents", {"status": "sleeping"}, ("status", "must be one of active, inactive, deleted")),
    ("agents", {"created_at": ObjectId()}, ("created_at", "is objectId, must be date")),
    ("agents", {"revision": 1.5}, ("revision", "is double, must be int or long")),
    ("agent_configurations", {"tts_config": {"speed": 2.5}}, ("tts_config.speed", "must be at most 2.0")),
    ("agent_configurations", {"tts_config": {"speed": 0}}, ("tts_config.speed", "must be at least 0.5")),
    ("agent_configurations", {"stt_config": None}, ("stt_config", "is null, must be object")),
    ("calendar_events", {"attendee_states": [{"response": None}]}, ("attendee_states[].email", "is missing")),
    ("calendar_events", {"attendees": "a@example.com"}, ("attendees", "is string, must be array")),
]


@pytest.fixture(scope="module")
def sound() -> dict[str, dict[str, Any]]:
    """A document of each of some collections that breaks no rule."""
    agent = clinic.agent(KeyRing.read(SEALING_KEY))
    return {"users": clinic.person("u"), "calendar_events": clinic.event(), **agent}


@pytest.mark.parametrize(("collection", "fields", "expected"), BROKEN)
def test_what_is_wrong_is_named_by_field_and_rule(
    sound: dict[str, Any], collection: str, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert list(violations(schema(collection), {**sound[collection], **fields})) == [expected]


def test_a_missing_field_is_named_and_unknown_ones_are_allowed(sound: dict[str, Any]) -> None:
    stored = {**sound["agents"], "made_by_hand": 1}
    del stored["etag"]
    assert list(violations(schema("agents"), stored)) == [("etag", "is missing")]


def test_mongodb_refuses_just_what_is_named(world: World, sound: dict[str, Any]) -> None:
    """So that a report can trust both: what the server selects, and what is said of it."""
    for name in {collection for collection, _, _ in BROKEN}:
        place = world.database[f"validated_{uuid4().hex[:8]}"]
        world.database.create_collection(place.name, validator=validator(name))
        place.insert_one(sound[name])
        for collection, fields, _ in BROKEN:
            if collection == name:
                with pytest.raises(WriteError):
                    place.insert_one({**sound[name], "_id": uuid4().hex, **fields})
        place.drop()


def test_every_collection_can_be_given_its_validator(world: World) -> None:
    place = world.database.create_collection(f"validated_{uuid4().hex[:8]}")
    for name, entities in read_registry().collections().items():
        world.database.command("collMod", place.name, validator=validator_of(entities))
        told = world.database.command("listCollections", filter={"name": place.name})["cursor"]["firstBatch"]
        assert told[0]["options"]["validator"] == validator_of(entities), name
    place.drop()


WANTED = {"$jsonSchema": {"title": MADE_BY, "required": ["a"]}}
OLDER = {"$jsonSchema": {"title": MADE_BY, "required": ["b"]}}


@pytest.mark.parametrize(
    ("found", "may_create", "replace", "step", "action"),
    [
        (Found(), True, False, "create", "warn"),
        (Found(), False, False, "stay", "warn"),
        (Found("view"), True, True, "stay", "warn"),
        (Found("collection"), False, False, "add", "warn"),
        (Found("collection", WANTED, "moderate", "warn"), False, False, "none", "warn"),
        (Found("collection", WANTED, "moderate", "error"), False, False, "none", "error"),
        (Found("collection", WANTED, "strict", "error"), False, False, "change", "warn"),
        (Found("collection", WANTED, "off", "warn"), False, False, "change", "warn"),
        (Found("collection", OLDER, "moderate", "error"), False, False, "change", "warn"),
        (Found("collection", OTHERS), False, False, "stay", "warn"),
        (Found("collection", OTHERS), False, True, "replace", "warn"),
    ],
)
def test_what_is_done_depends_on_what_stands_there(
    found: Found, may_create: bool, replace: bool, step: str, action: str
) -> None:
    plan = planned("things", WANTED, found, may_create=may_create, replace=replace)
    assert (plan.step, plan.action, plan.changes) == (step, action, step not in ("none", "stay"))


def test_only_what_was_made_here_is_ours() -> None:
    assert is_ours(validator("agents"))
    assert not is_ours(OTHERS)
    assert not is_ours({"$jsonSchema": {"title": "Agents"}})


def test_rules_beyond_all_measure_take_no_memory() -> None:
    report = Report("things")
    for number in range(MOST_RULES * 2):
        report.count(number, [(f"field{number}", "is missing")], 2)
    assert (report.documents, len(report.rules), report.samples) == (MOST_RULES * 2, MOST_RULES, ["0", "1"])


def test_a_plan_is_told_without_what_documents_hold() -> None:
    assert "value" not in repr(Plan("things", "add", "It has no validator.", WANTED))


@pytest.fixture
def filled(operator: Operator) -> Any:
    clinic.fill(operator.database, KeyRing.read(SEALING_KEY))
    return operator.database


def here(world: World, operator: Operator) -> Any:
    """The operator's database, for this process."""
    return world.services.transactions._client[operator.name]


def options(database: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = database[name].options()
    return found


async def test_applying_warns_first_and_leaves_what_others_made(world: World, operator: Operator, filled: Any) -> None:
    filled.command("collMod", "calendars", validator=OTHERS)
    with operator.untouched():
        differs, tried = await asyncio.gather(
            operator.run("validators", "diff"), operator.run("validators", "apply", "--dry-run", "--json")
        )
    assert (differs.code, tried.code, tried.report["done"]) == (3, 0, False), differs.err + tried.err
    assert "agents\tadd\tIt has no validator." in differs.out
    assert "users\tstay\tIt holds secrets, and MongoDB would log what is wrong whole." in differs.out
    assert "calendars\tstay\tIts validator was made by others, and stays unless --replace names it." in differs.out

    applied = await operator.run("validators", "apply", "--json")

    assert (applied.code, applied.report["changes"]) == (0, tried.report["changes"])
    revealing = {entity.collection for entity in read_registry() if entity.has_open_secrets}
    left = {plan.collection for plan in await plan_all(here(world, operator), read_registry()) if plan.changes}
    assert {"users", "calendar_consents"} <= left <= revealing, "what is wrong in them would be in MongoDB's log"
    assert "validator" not in options(filled, "users")
    assert options(filled, "agents") == {
        "validator": validator("agents"),
        "validationLevel": "moderate",
        "validationAction": "warn",
    }
    assert options(filled, "calendars")["validator"] == OTHERS
    filled["agents"].insert_one({"agent_id": 1})  # what is wrong is only logged

    assert (await operator.run("validators", "apply", "--although-logged")).code == 0
    assert [plan for plan in await plan_all(here(world, operator), read_registry()) if plan.changes] == []


async def test_in_a_database_that_may_be_anothers_nothing_is_made(world: World, operator: Operator) -> None:
    plans = await plan_all(here(world, operator), read_registry())
    assert {plan.step for plan in plans} == {"stay"}

    operator.database.create_collection("agents")
    plans = await plan_all(here(world, operator), read_registry())
    steps = {plan.collection: plan.step for plan in plans}
    assert (steps.pop("agents"), steps.pop("users"), set(steps.values())) == ("add", "stay", {"create"})


async def test_a_collection_refuses_what_is_wrong_only_once_nothing_in_it_is(operator: Operator, filled: Any) -> None:
    filled["agents"].insert_one({**clinic.agent(KeyRing.read(SEALING_KEY))["agents"], "_id": "odd", "name": 7})
    refused, reported, people = await asyncio.gather(
        operator.run("validators", "apply", "--error", "agents"),
        operator.run("validators", "report", "--json"),
        operator.run("validators", "apply", "--error", "users"),
    )
    assert (refused.code, refused.out) == (1, "")
    assert "agents stays as it is: 1 of its documents break its rules, for example odd." in refused.err
    assert "validator" not in options(filled, "agents")
    [agents] = [each for each in reported.report["collections"] if each["documents"]]
    rule = {"path": "name", "rule": "is int, must be string", "documents": 1, "samples": ["odd"]}
    assert (reported.code, agents["collection"], agents["rules"]) == (3, "agents", [rule])
    assert (people.code, "--although-others-write" in people.err) == (1, True)

    filled["agents"].delete_one({"_id": "odd"})
    switched, also = await asyncio.gather(
        operator.run("validators", "apply", "--error", "agents"),
        operator.run("validators", "apply", "--error", "users", "--although-others-write"),
    )
    assert (switched.code, also.code) == (0, 0), switched.err + also.err
    assert {options(filled, name)["validationAction"] for name in ("agents", "users")} == {"error"}
    with pytest.raises(WriteError):
        filled["agents"].insert_one({"agent_id": 1})
    assert "validator" in options(filled, "users")

    warned, logged, off, again = [
        await operator.run("validators", "apply", *arguments)
        for arguments in (
            ("--warn", "users"),
            ("--warn", "users", "--although-logged"),
            ("--off", "users"),
            ("--off", "users"),
        )
    ]
    assert (warned.code, "MongoDB would log what is wrong whole" in warned.err) == (1, True)
    assert (logged.code, off.code, again.code) == (0, 0, 1), logged.err + off.err
    assert again.err.startswith("There is no validator of ours on users.")
    assert "validator" not in options(filled, "users")
