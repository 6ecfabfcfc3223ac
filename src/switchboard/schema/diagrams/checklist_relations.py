"""The lines of the checklist about what the entities have to do with each other."""

from collections.abc import Iterator

from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.registry import NINE, Registry, Relation

Faults = Iterator[str]


def types(registry: Registry, _: Diagrams) -> Faults:
    for relation in _held(registry):
        field = registry[relation.holder].field(relation.field)
        other = registry[relation.target].field(relation.target_field)
        if field.kind != other.kind or other.many:
            yield f"{relation.holder}.{relation.field} is {field.kind}, {relation.target_field} is {other.kind}"


def cardinality(registry: Registry, _: Diagrams) -> Faults:
    for relation in _held(registry):
        holder = registry[relation.holder]
        field = holder.field(relation.field)
        alone = any(index.tells_apart(field.name) for index in holder.indexes)
        right = "M:N" if field.many else "1:1" if alone else "1:N"
        if relation.cardinality != right:
            yield f"{relation.holder}.{relation.field} is {relation.cardinality}, and stored as {right}"


def junctions(registry: Registry, _: Diagrams) -> Faults:
    joined = {relation.through for relation in registry.relations if relation.cardinality == "M:N"}
    for name in (name for name in NINE if len(registry[name].key) > 1):
        entity = registry[name]
        if len(entity.key) != 2:
            yield f"{name} has a key of {len(entity.key)} fields"
        for part in map(entity.field, entity.key):
            if part.reference is None or part.nullable or not part.required:
                yield f"{name}.{part.name} is not a required reference"
        if name not in joined:
            yield f"{name} stands for no M:N"


def delete_rules(registry: Registry, _: Diagrams) -> Faults:
    for relation in _held(registry):
        holder = registry[relation.holder]
        field = holder.field(relation.field)
        if relation.on_delete == "nullify" and (not field.nullable or field.name in holder.key):
            yield f"{relation.holder}.{relation.field} cannot be emptied"
        if not relation.stored and relation.on_delete not in ("keep", "nullify"):
            yield f"{relation.holder}.{relation.field} is held by value, and nothing can find it by a key"


def connected(registry: Registry, _: Diagrams) -> Faults:
    for name in NINE:
        ends = ({relation.holder, relation.target} for relation in registry.relations)
        if not any(name in pair and len(pair & set(NINE)) > 1 for pair in ends):
            yield f"{name} has none"


def _held(registry: Registry) -> list[Relation]:
    return [relation for relation in registry.relations if relation.through is None]
