"""From documents to rows: each is read by its model, in any shape that was ever stored, and laid out in columns."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import sqlalchemy as sa
from beanie import Document
from pydantic import BaseModel, JsonValue, ValidationError, create_model

from switchboard.annotations import Flat
from switchboard.schema.documents import DOCUMENTS
from switchboard.schema.registry import Entity, Field
from switchboard.schema.sql.tables import fields, is_json

Value = str | int | float | bool | datetime | JsonValue
Row = tuple[Value, ...]
Convert = Callable[[Any], Value]
TOKENS: Final = ("access_token", "refresh_token")  # with neither, a person has no row in `user_tokens`


@dataclass(frozen=True)
class Part:
    """What becomes of a document in one table. `held_in` is the model's field that holds a flat entity."""

    table: sa.Table
    held_in: str | None
    converters: tuple[tuple[str, Convert], ...]

    def row(self, document: Mapping[str, Any]) -> Row | None:
        held = document
        if self.held_in is not None:
            held = {**document, **document[self.held_in]}
            if not any(held[name] for name in TOKENS):
                return None
        return tuple(convert(held[name]) for name, convert in self.converters)


@dataclass(frozen=True)
class Source:
    """A collection and the tables its documents go to, first those that others refer to."""

    collection: str
    model: type[BaseModel]
    parts: tuple[Part, ...]

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        """The document as its model says it; None for one that cannot be read."""
        try:
            return self.model.model_validate(stored).model_dump(by_alias=True)
        except ValidationError:
            return None


def sources(metadata: sa.MetaData, *, with_secrets: bool) -> list[Source]:
    """In the order of the tables."""
    together: dict[str, list[sa.Table]] = {}
    for table in metadata.tables.values():
        entity: Entity = table.info["entity"]
        together.setdefault(entity.owner or entity.name, []).append(table)
    return [_source(name, found, with_secrets=with_secrets) for name, found in together.items()]


def _source(name: str, found: list[sa.Table], *, with_secrets: bool) -> Source:
    """What the collection is called counts as it is now: that of users may have been read from settings since."""
    document = next(each for each in DOCUMENTS if each.__mro__[1].__name__ == name)
    model = _model(document)
    flat = [name for name, info in model.model_fields.items() if any(isinstance(mark, Flat) for mark in info.metadata)]
    parts = tuple(
        Part(table, flat[0] if table.info["entity"].owner else None, tuple(_converters(table, with_secrets)))
        for table in found
    )
    return Source(str(vars(document)["Settings"].name), model, parts)


def _model(document: type[Document]) -> type[BaseModel]:
    """The model of a document, with what is only kept beside it, and without the driver's part."""
    model = cast("type[BaseModel]", document.__mro__[1])
    beside = {
        name: (info.annotation, info)
        for name, info in document.model_fields.items()
        if name not in (*model.model_fields, "id", "revision_id")
    }
    return create_model(model.__name__, __base__=model, **cast("dict[str, Any]", beside)) if beside else model


def _converters(table: sa.Table, with_secrets: bool) -> Iterator[tuple[str, Convert]]:
    entity: Entity = table.info["entity"]
    for field in fields(entity):
        hidden = [] if with_secrets else [path for path, part in field.walk() if part.secret]
        yield field.name, _converter(field, hidden)


def _converter(field: Field, hidden: list[str]) -> Convert:
    if field.name in hidden:
        return _nothing
    if is_json(field):
        paths = [tuple(path.split(".")[1:]) for path in hidden]
        return lambda value: _without(plain(value), paths)
    return {"date": _moment, "string": _text}.get(field.kind, _same)


def _nothing(_: object) -> None:
    return None


def _same(value: Value) -> Value:
    return value


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _moment(value: datetime | None) -> datetime | None:
    """In UTC, to the millisecond, as MongoDB keeps it."""
    if value is None:
        return None
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def plain(value: Any) -> JsonValue:
    """JSON of a value; numbers that JSON does not have become null, as in any JSON that is written elsewhere."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def _without(value: JsonValue, paths: list[tuple[str, ...]]) -> JsonValue:
    """The same with null in these places; whatever is in a list is in each of its parts."""
    for path in paths:
        if isinstance(value, list):
            value = [_without(each, [path]) for each in value]
        elif isinstance(value, dict) and path[0] in value:
            value = {**value, path[0]: _without(value[path[0]], [path[1:]]) if path[1:] else None}
    return value
