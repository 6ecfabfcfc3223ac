"""What the validators of a database are, what they should be, and making them so."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pymongo.errors import CollectionInvalid, OperationFailure

from switchboard.errors import Misconfigured
from switchboard.mongo import Database, patiently, query
from switchboard.schema.registry import Registry
from switchboard.schema.validators.rules import is_ours, validator_of

Step = Literal["none", "create", "add", "change", "replace", "stay"]
Action = Literal["warn", "error"]

LEVEL: Final = "moderate"  # a document that was wrong before may still be changed
NOT_AUTHORIZED: Final = 13
_EXISTS: Final = 48


@dataclass(frozen=True)
class Found:
    """A collection as it stands. `kind` is None where there is none; a view cannot be validated."""

    kind: str | None = None
    validator: Mapping[str, Any] = field(default_factory=dict)
    level: str = "strict"
    action: str = "error"


@dataclass(frozen=True)
class Plan:
    """What is to be done about a collection's validator, and why. `before` is what stood there."""

    collection: str
    step: Step
    sentence: str
    validator: Mapping[str, Any]
    action: Action = "warn"
    before: Mapping[str, Any] | None = None

    @property
    def changes(self) -> bool:
        return self.step not in ("none", "stay")


def planned(name: str, wanted: Mapping[str, Any], found: Found, *, may_create: bool, replace: bool = False) -> Plan:
    """What `apply` does. It lets a collection that refuses what is wrong go on so, unless the rules have changed."""
    if found.kind is None:
        if may_create:
            return Plan(name, "create", "It is not there; it is made, with its validator.", wanted)
        return Plan(
            name, "stay", "It is not there, and is not made: see 'switchboard validators apply --help'.", wanted
        )
    if found.kind != "collection":
        return Plan(name, "stay", f"It is a {found.kind}, which has no validator.", wanted)
    if not found.validator:
        return Plan(name, "add", "It has no validator.", wanted)
    if not is_ours(found.validator):
        if replace:
            return Plan(
                name, "replace", "Its validator was made by others; it is replaced.", wanted, "warn", found.validator
            )
        return Plan(name, "stay", "Its validator was made by others, and stays unless --replace names it.", wanted)
    return _of_ours(name, wanted, found)


def _of_ours(name: str, wanted: Mapping[str, Any], found: Found) -> Plan:
    if found.validator != wanted:
        back = " It only warns until it is switched to error again." if found.action == "error" else ""
        return Plan(name, "change", f"Its validator differs from the registry.{back}", wanted, "warn", found.validator)
    if found.level != LEVEL or found.action not in ("warn", "error"):
        return Plan(name, "change", f"Its level is {found.level}, its action {found.action}.", wanted)
    action: Action = "error" if found.action == "error" else "warn"
    return Plan(name, "none", f"Its validator is as it should be, its action {action}.", wanted, action)


async def plan_all(database: Database, registry: Registry, replace: Collection[str] = ()) -> list[Plan]:
    """What is to be done, by collection in the registry's order.

    A missing collection is made where that can do no harm: not the one of people, whose name is a setting and which
    others fill, and none in a database that holds nothing of ours, which may be another one's.
    """
    found = await _found(database)
    collections = registry.collections()
    ours = any(name in found for name in collections)
    return [
        planned(
            name,
            validator_of(entities),
            found.get(name, Found()),
            may_create=ours and len(entities) == 1,
            replace=name in replace,
        )
        for name, entities in collections.items()
    ]


@query
async def apply(database: Database, plan: Plan) -> None:
    """Do it; raises `Misconfigured` when the user of the database may not."""
    options: dict[str, Any] = {
        "validator": dict(plan.validator),
        "validationLevel": LEVEL,
        "validationAction": plan.action,
    }
    with patiently():
        async with allowed():
            if plan.step == "create":
                try:
                    await database.create_collection(plan.collection, **options)
                    return
                except CollectionInvalid:  # somebody's first write was faster
                    pass
                except OperationFailure as error:
                    if error.code != _EXISTS:
                        raise
            await database.command("collMod", plan.collection, **options)


@asynccontextmanager
async def allowed() -> AsyncIterator[None]:
    """Raises `Misconfigured` when the user of the database may not do what is within."""
    try:
        yield
    except OperationFailure as error:
        if error.code != NOT_AUTHORIZED:
            raise
        raise Misconfigured(
            "The user of MONGODB_URI may not change collections: it needs the rights collMod, createCollection and "
            "createIndex on the database, as the role dbAdmin has them."
        ) from error


@query
async def _found(database: Database) -> dict[str, Found]:
    with patiently():
        listed = await database.list_collections()
        return {each["name"]: _read(each) async for each in listed}


def _read(listed: Mapping[str, Any]) -> Found:
    options = listed.get("options", {})
    level, action = options.get("validationLevel", "strict"), options.get("validationAction", "error")
    return Found(listed["type"], options.get("validator", {}), level, action)
