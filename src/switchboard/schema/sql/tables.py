"""The nine entities as SQL tables, made from the registry: keys, references, choices, defaults and indexes.

Only what SQL needs beyond the registry is said here; docs/decisions/0022-export-to-sql.md says why it is so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.ddl import ExecutableDDLElement as DDLElement
from sqlalchemy.sql.type_api import TypeEngine

from switchboard.schema.registry import NINE, Entity, Field, Index, Registry, Relation
from switchboard.schema.sql.types import JsonText, Moment

DialectName = Literal["mysql", "postgresql", "sqlite"]
DIALECTS: Final[tuple[DialectName, ...]] = get_args(DialectName)

DRIVERS: Final[Mapping[DialectName, str]] = {
    "mysql": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "sqlite": "sqlite",
}
KEY_LENGTH: Final = 191  # characters of four bytes that any MySQL can index
SHORT_LENGTH: Final = 255
FILLED: Final = {"$type": "string"}
INDEX: Final = re.compile(r"CREATE (UNIQUE )?INDEX")
ON_DELETE: Final = {"cascade": "CASCADE", "restrict": "RESTRICT", "nullify": "SET NULL"}  # `keep` is no constraint
NAMES: Final = {
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(constraint_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
# Texts are compared byte for byte, as MongoDB does: MySQL's own order would take many ids for one.
MYSQL: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

Column = sa.Column[Any]


def tables(registry: Registry) -> sa.MetaData:
    """All tables, in the order of `NINE`, which loads: none refers to a later one. `info["entity"]` is a table's."""
    metadata = sa.MetaData(naming_convention=NAMES)
    for name in NINE:
        entity = registry[name]
        columns = {column.name: column for column in _columns(entity, registry)}
        indexes = [_index(entity, each, columns) for each in _kept(entity)]
        parts: list[SchemaItem] = [*columns.values(), *indexes]
        sa.Table(table_name(name), metadata, *parts, info={"entity": entity}, **MYSQL)
    return metadata


def table_name(entity: str) -> str:
    """`CalendarEvent` is kept in `calendar_events`, whatever its collection is called."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in entity).lstrip("_") + "s"


def fields(entity: Entity) -> list[Field]:
    """The fields that become columns, those of the key first. MongoDB's own `_id` is none of them."""
    key = [entity.field(name) for name in entity.key]
    return [*key, *(field for field in entity.fields if field.name not in (*entity.key, "_id"))]


def references(entity: Entity, registry: Registry) -> dict[str, Relation]:
    """The references of an entity that become foreign keys, by their fields."""
    return {
        relation.field: relation
        for relation in registry.relations
        if relation.holder == entity.name
        and relation.stored
        and relation.on_delete in ON_DELETE
        and relation.target in NINE
        and relation.cardinality != "M:N"
    }


def _columns(entity: Entity, registry: Registry) -> Iterator[Column]:
    relations = references(entity, registry)
    short = {name for index in _kept(entity) for name, _ in index.keys} | set(entity.key) | set(relations)
    for field in fields(entity):
        keys = [_foreign_key(relations[field.name])] if field.name in relations else []
        default = _default(field)
        size = KEY_LENGTH if field.name in short else SHORT_LENGTH if default is not None else None
        yield sa.Column(
            field.name,
            _type(field, f"{table_name(entity.name)}_{field.name}", size),
            *keys,
            primary_key=field.name in entity.key,
            autoincrement=False,
            nullable=field.nullable or field.secret is not None,
            server_default=default,
        )


def _foreign_key(relation: Relation) -> sa.ForeignKey:
    place = f"{table_name(relation.target)}.{relation.target_field}"
    return sa.ForeignKey(place, ondelete=ON_DELETE[relation.on_delete])


def _type(field: Field, name: str, size: int | None) -> TypeEngine[Any]:
    """`name` is that of the type, where a dialect wants one for a choice."""
    if is_json(field):
        json_or = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
        return json_or.with_variant(JsonText(), "sqlite")
    if field.choices:
        return sa.Enum(*field.choices, name=name, create_constraint=True)
    if field.kind == "integer":
        return sa.BigInteger()
    if field.kind == "string":
        return sa.String(size) if size else sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
    plain: dict[str, TypeEngine[Any]] = {"number": sa.Double(), "boolean": sa.Boolean(), "date": Moment()}
    return plain[field.kind]


def is_json(field: Field) -> bool:
    """Lists, objects and anything else that has parts stand in one column each."""
    return field.many or field.kind in ("json", "object")


def _default(field: Field) -> sa.TextClause | sa.ColumnElement[bool] | str | None:
    value = field.default
    if value is None:
        return None
    if is_json(field):
        return sa.text("('{}')".format(json.dumps(value).replace("'", "''").replace(":", r"\:")))
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    return str(value) if field.kind == "string" else sa.text(str(value))


def _kept(entity: Entity) -> list[Index]:
    """The indexes that can stand in SQL: of fields with one value each, and the key has its own."""
    lists = {field.name for field in entity.fields if is_json(field)}
    if entity.owner is not None:
        return []
    return [
        index
        for index in entity.indexes
        if not {name for name, _ in index.keys} & lists
        and not index.tells_apart(*entity.key)
        and (index.unique or index.partial is None)
    ]


def _index(entity: Entity, index: Index, columns: Mapping[str, Column]) -> sa.Index:
    """With a condition it stands only where there are such indexes: MySQL has none."""
    parts = [columns[name] if way > 0 else columns[name].desc() for name, way in index.keys if name in columns]
    name = f"{'uq' if index.unique else 'ix'}_{table_name(entity.name)}_{index.name}"
    keys = {each for each, _ in index.keys}
    if all(each in keys and wanted == FILLED for each, wanted in (index.partial or {}).items()):
        return sa.Index(name, *parts, unique=index.unique)  # nothing is like nothing, in SQL
    where = sa.and_(*(_test(columns[each], wanted) for each, wanted in (index.partial or {}).items()))
    made = sa.Index(name, *parts, unique=index.unique, postgresql_where=where, sqlite_where=where)
    return made.ddl_if(callable_=_has_partial)


def _has_partial(*_: object, dialect: sa.Dialect, **__: object) -> bool:
    return dialect.name != "mysql"


def _test(column: Column, wanted: Any) -> sa.ColumnElement[bool]:
    if wanted == FILLED:
        return column.is_not(None)
    return column.in_(wanted["$in"]) if isinstance(wanted, Mapping) else column == wanted


def ddl(metadata: sa.MetaData, dialect: DialectName) -> list[str]:
    """The statements that make the tables, always in the same order; no driver is needed for them."""
    made: list[str] = []

    def note(statement: DDLElement, *_: object, **__: object) -> None:
        lines = str(statement.compile(dialect=engine.dialect)).strip().replace("\t", "    ").splitlines()
        made.append("\n".join(line.rstrip() for line in lines).replace(")ENGINE", ") ENGINE"))

    engine = sa.create_mock_engine(f"{DRIVERS[dialect]}://", note)
    statements: list[str] = []
    for table in metadata.tables.values():
        made.clear()
        table.create(engine, checkfirst=False)
        statements += sorted(made, key=lambda statement: statement if INDEX.match(statement) else "")
    return statements
