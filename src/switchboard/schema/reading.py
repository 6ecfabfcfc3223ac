"""Reading the registry from the models and the documents."""

import inspect
import types
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le
from beanie import Document
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python
from pymongo import IndexModel
from typing_extensions import TypeAliasType

from switchboard.annotations import Flat, ReadAs, Reference, Secret
from switchboard.schema.documents import DOCUMENTS
from switchboard.schema.registry import Entity, Field, Index, Kind, Registry

_KINDS: Final[dict[type, Kind]] = {
    str: "string", int: "integer", float: "number", bool: "boolean", datetime: "date", date: "string", bytes: "binary",
}  # fmt: skip
_BEANIES: Final = ("revision_id",)  # never stored: revisions are not used
_UNIONS: Final = (Union, types.UnionType)


class _Type(NamedTuple):
    kind: Kind
    many: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()
    model: type[BaseModel] | None = None


def read_registry() -> Registry:
    """The registry of the documents as they are now; `users` may have another name once settings are read."""
    return Registry([entity for document in DOCUMENTS for entity in _entities(document)])


def _entities(document: type[Document]) -> Iterator[Entity]:
    model = document.__mro__[1] if document.__mro__[1] is not Document else document
    indexes = tuple(_indexes(document))
    infos = {name: info for name, info in document.model_fields.items() if name not in _BEANIES}
    flat = {name: info for name, info in infos.items() if _mark(info, Flat)}
    fields = [_field(name, info, name == "id") for name, info in infos.items() if name not in flat]
    collection = str(vars(document)["Settings"].name)
    key = _key(document, indexes)
    purpose = purpose_of(model if model is not document else document)
    yield Entity(model.__name__.removesuffix("Document"), purpose, collection, key, tuple(fields), indexes)
    for info in flat.values():
        inner = _type(info.annotation).model
        assert inner is not None  # noqa: S101  (only a model can be marked so)
        own = [_field(name, each) for name, each in inner.model_fields.items()]
        held = tuple(field for field in fields if field.name in key)
        owner = model.__name__
        yield Entity(inner.__name__, purpose_of(inner), collection, key, (*held, *own), indexes, owner)


def _key(document: type[Document], indexes: tuple[Index, ...]) -> tuple[str, ...]:
    """By what a document is told apart: its first whole unique index, or `_id`."""
    unique = [index for index in indexes if index.unique and index.partial is None]
    if unique:
        return tuple(name for name, _ in unique[0].keys)
    named = [name for name in document.model_fields if name == f"{_snake(document)}_id" or name == "event_id"]
    return tuple(named[:1]) or ("_id",)


def _snake(document: type[Document]) -> str:
    name = document.__name__.removesuffix("Document")
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def purpose_of(model: type[BaseModel]) -> str:
    """Its own docstring in one line, not an inherited one."""
    return " ".join(inspect.cleandoc(vars(model).get("__doc__") or "").split())


def _indexes(document: type[Document]) -> Iterator[Index]:
    settings = vars(document)["Settings"]
    later: IndexModel | None = getattr(settings, "later", None)
    for model in [*getattr(settings, "indexes", []), *([later] if later is not None else [])]:
        told: dict[str, Any] = model.document
        yield Index(
            told["name"],
            tuple((name, int(direction)) for name, direction in told["key"].items()),
            bool(told.get("unique")),
            bool(told.get("sparse")),
            told.get("partialFilterExpression"),
            told.get("expireAfterSeconds"),
            model is later,
        )


def _field(name: str, info: FieldInfo, is_id: bool = False) -> Field:
    found = _type(info.annotation)
    return Field(
        "_id" if is_id else str(info.serialization_alias or info.alias or name),
        "id" if is_id and found.kind != "string" else found.kind,
        info.is_required() or is_id,
        found.nullable and not is_id,
        found.many,
        found.choices,
        None if is_id else _default(info),
        _bound(info, Ge, "ge"),
        _bound(info, Le, "le"),
        _mark(info, Secret),
        _mark(info, Reference),
        tuple(_field(each, about) for each, about in found.model.model_fields.items()) if found.model else (),
    )


def _default(info: FieldInfo) -> Any:
    read_as = _mark(info, ReadAs)
    value = info.default if read_as is None else read_as.value
    return None if value is PydanticUndefined else to_jsonable_python(value)


def _bound(info: FieldInfo, kind: type[Any], name: str) -> float | None:
    return next((getattr(mark, name) for mark in info.metadata if isinstance(mark, kind)), None)


def _mark(info: FieldInfo, kind: type[Any]) -> Any:
    return next((mark for mark in info.metadata if isinstance(mark, kind)), None)


def _type(annotation: Any) -> _Type:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in _UNIONS:
        return _of_union(arguments)
    if origin in (list, tuple):
        return _type(arguments[0])._replace(many=True, nullable=False)
    if origin is Literal:
        return _Type("string", choices=tuple(map(str, arguments)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _Type("object", model=annotation)
    known = next((kind for each, kind in _KINDS.items() if annotation is each), None)
    free = annotation is Any or isinstance(annotation, TypeAliasType)  # pydantic's JsonValue is one
    return _Type(known or "json", nullable=free)


def _of_union(arguments: tuple[Any, ...]) -> _Type:
    rest = [each for each in arguments if each is not type(None)]
    found = _type(rest[0]) if len(rest) == 1 else _Type("json")
    return found._replace(nullable=found.nullable or len(rest) < len(arguments))
