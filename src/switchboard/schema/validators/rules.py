"""`$jsonSchema` validators, made from the registry, and what a document has against one.

Fields that are not in the registry are allowed everywhere. Kinds `id` and `json` say nothing: MongoDB sees to `_id`,
and JSON may be anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bson import Binary, DatetimeMS, Decimal128, Int64, ObjectId

from switchboard.schema.registry import Entity, Field, Kind

MADE_BY: Final = "Made by 'switchboard validators apply' from the registry"

_TYPES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "string": ("string",),
    "integer": ("int", "long"),
    "number": ("int", "long", "double"),
    "boolean": ("bool",),
    "date": ("date",),
    "binary": ("binData",),
    "object": ("object",),
}
# What `users` may hold beside what we write: the older backend goes on writing these, and the models read them
# (facts/legacy.md 3.1). Any field but the key may be null there. All else is wrong, before and after normalising:
# a date, a flag, a name or a token of another type, a scope that is no text.
_TOLERATED: Final[Mapping[str, dict[str, Any]]] = {
    "scope": {"bsonType": ["array", "string", "null"], "items": {"bsonType": "string"}},
    "token_expiration": {"bsonType": ["int", "long", "double", "date", "null"]},
}
_FOUND: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "bool"),
    (Int64, "long"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    ((datetime, DatetimeMS), "date"),
    (ObjectId, "objectId"),
    ((bytes, Binary), "binData"),
    (Decimal128, "decimal"),
    (Mapping, "object"),
    (list, "array"),
    (type(None), "null"),
)

Schema = Mapping[str, Any]


def validator_of(entities: Sequence[Entity]) -> dict[str, Any]:
    """The validator of a collection: of its entity, and of those that stand flat in its documents."""
    fields = {field.name: field for entity in reversed(entities) for field in entity.fields}
    shared = len(entities) > 1  # others write it as well
    required = [name for name, field in fields.items() if field.required and name != "_id"]
    schema = {"bsonType": "object", "title": MADE_BY, **_required(required)}
    told = {name: _schema(field, nullable=shared and name not in required) for name, field in fields.items()}
    if shared:
        told |= {name: tolerant for name, tolerant in _TOLERATED.items() if name in told}
    return {"$jsonSchema": {**schema, "properties": {name: each for name, each in told.items() if each}}}


def is_ours(validator: Mapping[str, Any]) -> bool:
    """Whether a stored validator was made here."""
    schema = validator.get("$jsonSchema")
    return isinstance(schema, Mapping) and schema.get("title") == MADE_BY


def violations(schema: Schema, value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Which fields break which rule: the path, `[]` for any place in a list, and the rule. Never a value."""
    found = type_of(value)
    allowed = _listed(schema.get("bsonType", found))
    if found not in allowed:
        yield path, f"is {found}, must be {' or '.join(allowed)}"
        return
    yield from ((path, rule) for rule in _broken(schema, value))
    if isinstance(value, Mapping):
        yield from ((_within(path, name), "is missing") for name in schema.get("required", ()) if name not in value)
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from violations(inner, value[name], _within(path, name))
    if isinstance(value, list) and "items" in schema:
        for each in value:
            yield from violations(schema["items"], each, f"{path}[]")


def type_of(value: object) -> str:
    """The BSON type of a decoded value, by MongoDB's own name for it."""
    return next((name for kinds, name in _FOUND if isinstance(value, kinds)), type(value).__name__)


def _broken(schema: Schema, value: Any) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"must be one of {', '.join(str(each) for each in schema['enum'] if each is not None)}"
    if isinstance(value, (int, float)):
        if value < schema.get("minimum", value):
            yield f"must be at least {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"must be at most {schema['maximum']}"


def _schema(field: Field, *, nullable: bool) -> dict[str, Any]:
    one = _one(field)
    if not field.many:
        return _or_null(one, nullable or field.nullable) if one else {}
    whole = {"bsonType": "array", **({"items": one} if one else {})}
    return _or_null(whole, nullable or field.nullable)


def _one(field: Field) -> dict[str, Any]:
    """The schema of one value."""
    types = _TYPES.get(field.kind)
    if types is None:
        return {}
    schema: dict[str, Any] = {"bsonType": types[0] if len(types) == 1 else list(types)}
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    schema |= {name: bound for name, bound in bounds.items() if bound is not None}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.fields:
        schema |= _required([each.name for each in field.fields if each.required])
        inner = {each.name: _schema(each, nullable=False) for each in field.fields}
        schema["properties"] = {name: each for name, each in inner.items() if each}
    return schema


def _or_null(schema: dict[str, Any], nullable: bool) -> dict[str, Any]:
    if not nullable:
        return schema
    choices = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "bsonType": [*_listed(schema["bsonType"]), "null"], **choices}


def _required(names: list[str]) -> dict[str, Any]:
    return {"required": names} if names else {}  # MongoDB refuses an empty list


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
