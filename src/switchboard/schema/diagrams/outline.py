"""What all the diagrams show: the nine entities whole, the others by key and references, and the lines between them.

Mermaid, DBML, Graphviz and the picture are written from this alone, so none of them says more than another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from switchboard.schema.registry import NINE, Entity, Field, Registry, Relation

MOST_CHOICES: Final = 32  # letters; longer lists of choices are counted here and listed in docs/data-model.md


@dataclass(frozen=True)
class Row:
    """A field. `marks` are of PK, FK and U; `secret` is empty, `secret` or `sealed`; `rule` a reference's."""

    path: str
    kind: str
    marks: tuple[str, ...] = ()
    required: bool = False
    nullable: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    secret: str = ""
    rule: str = ""

    @property
    def type(self) -> str:
        """As `string`, `string[]` for a list, `string?` for what may be null, or the choices."""
        choices = "|".join(self.choices)
        kind = self.kind if not choices else choices if len(choices) <= MOST_CHOICES else f"{len(self.choices)} choices"
        return f"{kind}{'[]' if self.many else ''}{'?' if self.nullable else ''}"

    @property
    def words(self) -> list[str]:
        """What is said of the field beside its name and kind."""
        said = {"required": self.required, "may be null": self.nullable, "unique": "U" in self.marks}
        return [word for word, so in said.items() if so] + [word for word in (self.secret, self.rule) if word]

    @property
    def depth(self) -> int:
        return self.path.count(".")

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Box:
    """An entity. `joins` says what a junction joins; `left_out` how many fields have no row."""

    name: str
    collection: str
    rows: tuple[Row, ...]
    whole: bool = True
    joins: str = ""
    left_out: int = 0

    def row(self, path: str) -> Row:
        return next(row for row in self.rows if row.path == path)

    @property
    def more(self) -> str:
        """What is said of the fields that have no row; empty when all have one."""
        return f"and {self.left_out} more field{'s' if self.left_out > 1 else ''}" if self.left_out else ""

    @property
    def told(self) -> str:
        """Where it is kept, and what else is said of it."""
        return ", ".join(part for part in (self.collection, self.joins, self.more) if part)

    @property
    def key(self) -> list[str]:
        return [row.path for row in self.rows if "PK" in row.marks]


@dataclass(frozen=True)
class Outline:
    boxes: dict[str, Box]
    lines: list[Relation] = field(default_factory=list)


def outline(registry: Registry) -> Outline:
    """The nine first, each in the registry's order. What a junction beside the nine joins is left to its two lines."""
    names: list[str] = [name for name in NINE if name in registry.entities]
    names += [entity.name for entity in registry if entity.name not in NINE]
    lines = [each for each in registry.relations if each.through is None or each.through in NINE]
    joins = {each.through: f"joins {each.holder} M:N {each.target}" for each in lines if each.through}
    boxes = {name: _box(registry[name], joins.get(name, ""), registry) for name in names}
    return Outline(boxes, lines)


def _box(entity: Entity, joins: str, registry: Registry) -> Box:
    whole = entity.name in NINE
    held = {each.field: each for each in registry.relations if each.holder == entity.name and each.through is None}
    fields = [(path, each) for path, each in entity.walk() if not _hidden(path, entity)]
    shown = [(path, each) for path, each in fields if whole or path in entity.key or path in held]
    rows = tuple(_row(path, each, entity, held.get(path)) for path, each in shown)
    left_out = [each for path, each in fields if each in entity.fields and path not in {row.path for row in rows}]
    return Box(entity.name, entity.collection, rows, whole, joins, len(left_out))


def _hidden(path: str, entity: Entity) -> bool:
    """`_id` is in every document and says nothing, unless it is the key."""
    return path == "_id" and "_id" not in entity.key


def _row(path: str, field: Field, entity: Entity, relation: Relation | None) -> Row:
    secret = "" if field.secret is None else "sealed" if field.secret.sealed else "secret"
    rule = relation.on_delete if relation else ""
    marks = tuple(_marks(path, entity, relation))
    return Row(path, field.kind, marks, field.required, field.nullable, field.many, tuple(field.choices), secret, rule)


def _marks(path: str, entity: Entity, relation: Relation | None) -> Iterator[str]:
    if path in entity.key:
        yield "PK"
    if relation is not None and relation.stored:
        yield "FK"
    if any(index.unique and path in dict(index.keys) and path not in entity.key for index in entity.indexes):
        yield "U"
