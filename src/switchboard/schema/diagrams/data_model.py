"""docs/data-model.md: every entity with its fields, indexes and relations, and the checklist."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from switchboard.schema.diagrams.checklist import Ticked
from switchboard.schema.diagrams.written import MADE
from switchboard.schema.registry import NINE, Entity, Field, Index, Registry, Relation
from switchboard.schema.sql.appendix import sql_appendix

_THEN: Final = {
    "cascade": "goes as well", "restrict": "stands against that", "nullify": "stays, with this field emptied",
    "keep": "stays as it is",
}  # fmt: skip

_ENTRY: Final = "stays, without this entry of its list"


def data_model(registry: Registry, ticked: list[Ticked], folder: str) -> str:
    """The page, over pictures in this folder. The same registry always makes the same page."""
    nine = [registry[name] for name in NINE if name in registry.entities]
    rest = [entity for entity in registry if entity not in nine]
    parts = [
        *_begin(folder),
        *_overview(nine, rest),
        "## The nine entities", "", *(line for entity in nine for line in _entity(entity, registry)),
        "## What is kept beside them", "", *(line for entity in rest for line in _entity(entity, registry)),
        *_checklist(ticked),
        sql_appendix().rstrip(), "",
    ]  # fmt: skip
    return "\n".join(parts)


def _begin(folder: str) -> Iterator[str]:
    yield from ("# Data model", "", f"<!-- {MADE} -->", "")
    yield from (f"[![Entities and relations]({folder}/er.png)]({folder}/er.svg)", "")
    others = ", ".join(f"[{name}]({folder}/er.{end})" for name, end in _FORMATS.items())
    yield f"The same as {others}. Times are UTC. Every document has an `_id` besides its key; references are plain"
    yield from ("ids, and what goes with a deletion is deleted by the code, not by the database.", "")


_FORMATS: Final = {"SVG": "svg", "PNG": "png", "Mermaid": "mmd", "DBML": "dbml", "Graphviz": "dot"}


def _overview(nine: list[Entity], rest: list[Entity]) -> Iterator[str]:
    for title, entities in (("Entity", nine), ("Beside them", rest)):
        rows = [(_link(each.name), f"`{each.collection}`", _key(each), _first(each.purpose)) for each in entities]
        yield from (*_table((title, "Kept in", "Key", "Purpose"), rows), "")


def _entity(entity: Entity, registry: Registry) -> Iterator[str]:
    yield from (f"### {entity.name}", "", entity.purpose, "")
    flat = f", flat in the document of its [{entity.owner}](#{entity.owner.lower()})" if entity.owner else ""
    yield from (f"Kept in `{entity.collection}`{flat}. Key: {_key(entity)}.", "")
    rows = [_field(path, field, entity) for path, field in entity.walk()]
    yield from (*_table(("Field", "Type", "Required", "Default", "Choices", "About"), rows), "")
    if entity.owner is None:
        yield from (*_table(("Index", "Fields", "About"), [_index(index) for index in entity.indexes]), "")
    relations = [_relation(each, entity.name) for each in registry.relations if entity.name in _of(each)]
    if relations:
        titles = ("Relation", "With", "Cardinality", "Held by", "When the one referred to is deleted, the holder")
        yield from (*_table(titles, relations), "")


def _field(path: str, field: Field, entity: Entity) -> tuple[str, ...]:
    kind = f"{field.kind}{' list' if field.many else ''}{' or null' if field.nullable else ''}"
    return (
        f"`{path}`", kind, "yes" if field.required else "", _default(field), _choices(field),
        ", ".join(_about(path, field, entity)),
    )  # fmt: skip


def _about(path: str, field: Field, entity: Entity) -> Iterator[str]:
    if path in entity.key:
        yield "key" if len(entity.key) == 1 else "part of the key"
    if field.secret:
        yield "**secret**, never stored in the clear" if field.secret.sealed else "**secret**"
    if field.reference:
        by = f" by its `{field.reference.field}`" if field.reference.field else ""
        yield f"refers to {_link(field.reference.entity)}{by}"


def _default(field: Field) -> str:
    if field.required:
        return ""
    if field.fields and field.default == {each.name: each.default for each in field.fields}:
        return "those of its fields"
    return f"`{json.dumps(field.default, ensure_ascii=False)}`" if field.default is not None else "`null`"


def _choices(field: Field) -> str:
    bounds = [f"{sign} {bound:g}" for sign, bound in (("at least", field.minimum), ("at most", field.maximum)) if bound]
    return ", ".join([*(f"`{choice}`" for choice in field.choices), *bounds])


def _index(index: Index) -> tuple[str, ...]:
    about = ["unique"] if index.unique else []
    about += [f"only where `{json.dumps(index.partial)}`"] if index.partial is not None else []
    about += ["sparse"] if index.sparse else []
    if index.expires_after is not None:
        about.append(f"documents go {_after(index.expires_after)} this time")
    about += ["made once no two documents stand against it"] if index.later else []
    keys = ", ".join(f"`{name}`{' descending' if way < 0 else ''}" for name, way in index.keys)
    return f"`{index.name}`", keys, ", ".join(about)


def _after(seconds: int) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds and seconds % length == 0:
            number = seconds // length
            return f"{number} {unit}{'s' if number > 1 else ''} after"
    return f"{seconds} seconds after" if seconds else "at"


def _relation(relation: Relation, name: str) -> tuple[str, ...]:
    out = relation.holder == name
    other = relation.target if out else relation.holder
    held = f"`{relation.holder}.{relation.field}`"
    if relation.through is not None:
        return (
            "both ways",
            _link(other),
            "M:N, conceptual",
            f"through {_link(relation.through)}",
            "`cascade`: what joins them goes",
        )
    kind = relation.cardinality if relation.stored else f"{relation.cardinality}, conceptual"
    entry = relation.on_delete == "cascade" and relation.cardinality == "M:N"
    then = f"`{relation.on_delete}`: {_ENTRY if entry else _THEN[relation.on_delete]}"
    return "refers to" if out else "is referred to by", _link(other), kind, held, then


def _of(relation: Relation) -> tuple[str, str]:
    return relation.holder, relation.target


def _checklist(ticked: list[Ticked]) -> Iterator[str]:
    yield from ("## Checklist", "", "Each line is looked at by code whenever this page is written or checked.", "")
    group = ""
    for each in ticked:
        if each.group != group:
            yield from (*([""] if group else []), f"**{each.group}**", "")
            group = each.group
        faults = f": {'; '.join(each.faults)}" if each.faults else ""
        yield f"- [{' ' if faults else 'x'}] {each.line}{faults}"
    yield ""


def _table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for row in (titles, ("---",) * len(titles), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _key(entity: Entity) -> str:
    return ", ".join(f"`{name}`" for name in entity.key)


def _first(purpose: str) -> str:
    return purpose.split(". ")[0].rstrip(".") + "."
