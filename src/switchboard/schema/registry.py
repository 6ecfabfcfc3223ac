"""The registry: every entity with its fields, key, indexes and relations. `switchboard.schema.reading` makes it.

Diagrams, validators, the check of references, SQL and the pages about the data are made from this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from switchboard.annotations import DeleteRule, Reference, Secret

Kind = Literal["id", "string", "integer", "number", "boolean", "date", "binary", "json", "object"]
Cardinality = Literal["1:1", "1:N", "M:N"]

# The entities that the panel is about, in the order they are told of; whatever else is kept is there for their sake.
NINE: Final = (
    "User", "UserToken", "Organization", "UserOrganization", "PendingInvite", "CalendarEvent", "Agent",
    "AgentConfiguration", "OrganizationAgent",
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field as it is stored. `many`: a list of these; `fields` are those of an `object`; `choices` a Literal's.

    `default` is what no value reads as, in plain JSON, or a date; None also where there is none.
    """

    name: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    secret: Secret | None = None
    reference: Reference | None = None
    fields: tuple["Field", ...] = ()

    def walk(self, prefix: str = "") -> Iterator[tuple[str, "Field"]]:
        """This field and all within it, by their dotted paths."""
        yield f"{prefix}{self.name}", self
        for field in self.fields:
            yield from field.walk(f"{prefix}{self.name}.")


@dataclass(frozen=True)
class Index:
    """`keys` are fields with 1 or -1. `later`: it is not made at every start, but once the data allow it."""

    name: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    sparse: bool = False
    partial: Mapping[str, Any] | None = None
    expires_after: int | None = None
    later: bool = False

    def tells_apart(self, *names: str) -> bool:
        """Whether no two documents have the same in just these fields."""
        return self.unique and self.partial is None and {name for name, _ in self.keys} == set(names)


@dataclass(frozen=True)
class Entity:
    """`name` is the model's; `owner` the entity in whose documents it stands flat, with whose key."""

    name: str
    purpose: str
    collection: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    indexes: tuple[Index, ...]
    owner: str | None = None

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def walk(self) -> Iterator[tuple[str, Field]]:
        """All fields, those within others too, by their dotted paths."""
        for field in self.fields:
            yield from field.walk()

    @property
    def secrets(self) -> list[str]:
        return [path for path, field in self.walk() if field.secret]

    @property
    def has_open_secrets(self) -> bool:
        """Whether secrets stand in the clear in its documents."""
        return any(field.secret and not field.secret.sealed for _, field in self.walk())

    @property
    def is_junction(self) -> bool:
        """Whether it is there to join others: its key is nothing but references, none of them empty."""
        parts = [self.field(name) for name in self.key]
        return len(parts) > 1 and all(part.reference and not part.nullable for part in parts)


@dataclass(frozen=True)
class Relation:
    """That `holder` has `target`'s key in `field`. A relation that is not `stored` holds by a value, or through a
    junction (`through`), which then names both. `cardinality` is read from the target: one target, N holders.
    """

    holder: str
    field: str
    target: str
    target_field: str
    cardinality: Cardinality
    on_delete: DeleteRule
    required: bool
    stored: bool = True
    through: str | None = None


class Registry:
    """All entities by their names, in the order they are kept in."""

    def __init__(self, entities: list[Entity]) -> None:
        self.entities: Final = {entity.name: entity for entity in entities}

    def __getitem__(self, name: str) -> Entity:
        return self.entities[name]

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities.values())

    def collections(self) -> dict[str, list[Entity]]:
        """The entities of each collection: one, or one and those that stand flat in its documents."""
        found: dict[str, list[Entity]] = {}
        for entity in self:
            found.setdefault(entity.collection, []).append(entity)
        return found

    @cached_property
    def relations(self) -> list[Relation]:
        stored = [relation for entity in self for relation in self._of(entity)]
        joined = [self._joined(entity) for entity in self if entity.is_junction]
        return [*stored, *(each for each in joined if each is not None)]

    def _of(self, entity: Entity) -> Iterator[Relation]:
        if entity.owner is not None:
            key = entity.key[0]
            yield Relation(entity.name, key, entity.owner, key, "1:1", "cascade", required=True)
        for field in entity.fields:
            reference = field.reference
            if reference is None or (entity.owner is not None and field.name in entity.key):
                continue
            alone = any(index.tells_apart(field.name) for index in entity.indexes)
            yield Relation(
                entity.name,
                field.name,
                reference.entity,
                reference.field or self[reference.entity].key[0],
                "M:N" if field.many else "1:1" if alone else "1:N",
                reference.on_delete,
                required=field.required and not field.nullable and not field.many,
                stored=reference.field is None,
            )

    def _joined(self, junction: Entity) -> Relation | None:
        """What a junction of two different entities stands for."""
        first, second = (junction.field(name).reference for name in junction.key[:2])
        if len(junction.key) != 2 or first is None or second is None or first.entity == second.entity:
            return None
        one, other = first.entity, second.entity
        return Relation(one, self[one].key[0], other, self[other].key[0], "M:N", "cascade", False, False, junction.name)
