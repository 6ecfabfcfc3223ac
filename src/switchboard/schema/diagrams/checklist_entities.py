"""The lines of the checklist about each entity by itself."""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.registry import NINE, Entity, Field, Kind, Registry

_SECRET: Final = re.compile(r"(^|_)(token|secret|api_key|chatbot_key)$")
_PLAIN: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "id": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "date": (str,),
    "binary": (str, bytes), "object": (dict,), "json": (dict, list, str, int, float, bool),
}  # fmt: skip

Faults = Iterator[str]


def nine(registry: Registry, _: Diagrams) -> Faults:
    return (f"{name} is missing" for name in NINE if name not in registry.entities)


def purposes(registry: Registry, _: Diagrams) -> Faults:
    return (f"{entity.name} has none" for entity in registry if not entity.purpose)


def keys(registry: Registry, _: Diagrams) -> Faults:
    for entity in registry:
        names = {field.name for field in entity.fields}
        alone = any(index.tells_apart(*entity.key) for index in entity.indexes)
        if not entity.key or not names >= set(entity.key):
            yield f"{entity.name} has no key among its fields"
        elif not alone and not _is_id(entity):
            yield f"{entity.name} may have two documents with the same {' and '.join(entity.key)}"


def types(registry: Registry, _: Diagrams) -> Faults:
    for entity in registry:
        for path, field in entity.walk():
            yield from (f"{entity.name}.{path} {fault}" for fault in _type_faults(field))


def tokens(registry: Registry, _: Diagrams) -> Faults:
    user, token = registry["User"], registry["UserToken"]
    if token.owner != user.name or token.collection != user.collection:
        yield "UserToken stands elsewhere"
    if token.key != user.key:
        yield "UserToken has another key"
    both = {field.name for field in token.fields} & {field.name for field in user.fields} - set(user.key)
    for name in sorted(both - {"created_at"}):  # one field of the document, read as either's
        yield f"{name} is of both"


def secrets(registry: Registry, _: Diagrams) -> Faults:
    for entity in registry:
        for path, field in entity.walk():
            if field.secret is None and field.kind == "string" and _SECRET.search(field.name):
                yield f"{entity.name}.{path} is not marked"
            if field.secret is not None and path in entity.key:
                yield f"{entity.name}.{path} is a key"


def indexes(registry: Registry, _: Diagrams) -> Faults:
    for collection, entities in registry.collections().items():
        paths = {path for entity in entities for path, _ in entity.walk()}
        for index in entities[0].indexes:
            for name in (name for name, _ in index.keys if name not in paths):
                yield f"{index.name} of {collection} names {name}"


def references(registry: Registry, _: Diagrams) -> Faults:
    for entity in registry:
        for path, field in entity.walk():
            about = field.reference
            if about is None:
                continue
            target = registry.entities.get(about.entity)
            if target is None:
                yield f"{entity.name}.{path} refers to {about.entity}, which is no entity"
            elif (about.field or target.key[0]) not in {each.name for each in target.fields}:
                yield f"{entity.name}.{path} refers to {about.entity}.{about.field}, which is no field"
            elif about.field is None and len(target.key) > 1:
                yield f"{entity.name}.{path} refers to {about.entity}, whose key has {len(target.key)} fields"


def _is_id(entity: Entity) -> bool:
    """Whether documents are told apart by `_id`, which then is the key."""
    return entity.key == ("_id",) or (len(entity.key) == 1 and entity.field("_id").kind == "string")


def _type_faults(field: Field) -> Faults:
    if field.kind not in get_args(Kind):
        yield f"has the unknown type {field.kind}"
        return
    if field.kind == "object" and not field.fields:
        yield "is an object of no fields"
    if field.default is not None and not _fits(field, field.default):
        yield f"has the default {field.default!r}, which it cannot hold"
    if field.required and field.default is not None:
        yield "is required and has a default"


def _fits(field: Field, value: Any) -> bool:
    if field.many:
        return isinstance(value, list) and all(_fits_one(field, each) for each in value)
    return _fits_one(field, value)


def _fits_one(field: Field, value: Any) -> bool:
    known: bool = isinstance(value, _PLAIN[field.kind])
    if not known or (field.choices and value not in field.choices):
        return False
    low, high = field.minimum, field.maximum
    return (low is None or value >= low) and (high is None or value <= high)
