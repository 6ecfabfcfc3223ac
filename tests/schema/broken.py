"""Registries with one thing changed, to see that it is noticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from switchboard.schema.reading import read_registry
from switchboard.schema.registry import Entity, Field, Registry

Change = Callable[[Entity], Entity]


def registry_with(*changed: tuple[str, Change], without: str = "") -> Registry:
    """The registry of the code with entities changed, or one of them left out."""
    changes = dict(changed)
    entities = [changes.get(entity.name, lambda same: same)(entity) for entity in read_registry()]
    return Registry([entity for entity in entities if entity.name != without])


def field(entity: str, name: str, **fields: Any) -> tuple[str, Change]:
    """A field with other properties."""

    def changed(each: Field) -> Field:
        return replace(each, **fields) if each.name == name else each

    return entity, lambda whole: replace(whole, fields=tuple(map(changed, whole.fields)))


def entity(name: str, **fields: Any) -> tuple[str, Change]:
    return name, lambda whole: replace(whole, **fields)
