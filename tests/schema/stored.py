"""A real database against the registry: what it holds that the registry does not know of, and what it lacks."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bson import Int64, ObjectId

from switchboard.schema.registry import Entity, Field, Index, Registry

KINDS: Final[dict[str, tuple[type, ...]]] = {
    "id": (ObjectId,), "string": (str,), "integer": (int, Int64), "number": (int, float), "boolean": (bool,),
    "date": (datetime,), "binary": (bytes,), "object": (dict,), "json": (object,),
}  # fmt: skip
OTHERS: Final = ("users",)  # written by others as well, in any shape


def differences(database: Any, registry: Registry) -> list[str]:
    """Unknown collections, other indexes, unknown or missing fields, values of another type."""
    known = registry.collections()
    there = {name for name in database.list_collection_names() if not name.startswith("system.")}
    found = [f"{name}: unknown collection" for name in sorted(there - known.keys())]
    for name in sorted(there & known.keys()):
        found += _indexes(database[name], known[name][0])
        if name not in OTHERS:
            [entity] = known[name]
            for document in database[name].find():
                found += _fields(f"{name}", document, entity.fields)
    return list(dict.fromkeys(found))


def _indexes(place: Any, entity: Entity) -> Iterator[str]:
    there = {name: about for name, about in place.index_information().items() if name != "_id_"}
    for index in entity.indexes:
        about = there.pop(index.name, None)
        if about is None:
            if not index.later:
                yield f"{place.name}: no index {index.name}"
        elif _told(index) != _as_told(about):
            yield f"{place.name}: another index {index.name}"
    yield from (f"{place.name}: unknown index {name}" for name in there)


def _told(index: Index) -> tuple[Any, ...]:
    partial = None if index.partial is None else dict(index.partial)
    return index.keys, index.unique, index.sparse, partial, index.expires_after


def _as_told(about: dict[str, Any]) -> tuple[Any, ...]:
    keys = tuple((name, int(way)) for name, way in about["key"])
    partial = about.get("partialFilterExpression")
    partial = None if partial is None else dict(partial)
    return keys, bool(about.get("unique")), bool(about.get("sparse")), partial, about.get("expireAfterSeconds")


def _fields(path: str, stored: dict[str, Any], fields: tuple[Field, ...]) -> Iterator[str]:
    known = {field.name: field for field in fields}
    yield from (f"{path}.{name}: unknown field" for name in stored.keys() - known.keys())
    for name, field in known.items():
        if name not in stored:
            if field.required:
                yield f"{path}.{name}: missing"
            continue
        yield from _value(f"{path}.{name}", stored[name], field)


def _value(path: str, value: Any, field: Field) -> Iterator[str]:
    if value is None:
        if not field.nullable:
            yield f"{path}: null"
        return
    values = value if field.many else [value]
    for each in values:
        if not isinstance(each, KINDS[field.kind]) or (isinstance(each, bool) and field.kind in ("integer", "number")):
            yield f"{path}: {type(each).__name__}, not {field.kind}"
        elif field.choices and each not in field.choices:
            yield f"{path}: not one of its choices"
        elif field.fields:
            yield from _fields(path, each, field.fields)
