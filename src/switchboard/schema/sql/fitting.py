"""What a row must be like to be loaded: its values fit their columns, and its references name rows that are there."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa

from switchboard.errors import Conflict
from switchboard.schema.sql.report import Findings, Kind
from switchboard.schema.sql.rows import Row, Value
from switchboard.schema.sql.tables import DialectName

DEEPEST: Final[Mapping[DialectName, int]] = {"mysql": 31}  # levels of JSON that MariaDB takes; the others take any
AT_ONCE: Final = 500
Reference = tuple[int, str, str, bool]  # place in the row, column, table it refers to, whether it may be empty


class KeyTwice(Conflict):
    code = "key_twice"


class Keys:
    """The keys of the rows that go into the tables others refer to: on disk, so that any number of them can be told.

    It is a database without a name, which ends with the process, however that ends.
    """

    def __init__(self, dialect: DialectName) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._known: set[str] = set()
        self._trailing = " " if dialect == "mysql" else ""  # it takes two texts that differ in these for one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._database.close()

    def add(self, table: str, key: str) -> bool:
        """Whether it was not there yet."""
        self._have(table)
        done = self._database.execute(f'INSERT OR IGNORE INTO "{table}" VALUES (?)', (self._folded(key),))  # noqa: S608
        return done.rowcount == 1

    def missing(self, table: str, keys: Iterable[str]) -> set[str]:
        """Those that no row has."""
        self._have(table)
        wanted = list(set(keys))
        found: set[str] = set()
        for begin in range(0, len(wanted), AT_ONCE):
            some = [self._folded(key) for key in wanted[begin : begin + AT_ONCE]]
            which = f'SELECT key FROM "{table}" WHERE key IN ({",".join("?" * len(some))})'  # noqa: S608
            with closing(self._database.execute(which, some)) as rows:
                found.update(key for (key,) in rows)
        return {key for key in wanted if self._folded(key) not in found}

    def _folded(self, key: str) -> str:
        return key.rstrip(self._trailing) if self._trailing else key

    def _have(self, table: str) -> None:
        if table not in self._known:
            self._database.execute(f'CREATE TABLE "{table}" (key TEXT PRIMARY KEY) WITHOUT ROWID')
            self._known.add(table)


@dataclass(frozen=True)
class Fitting:
    """Rows of one table as they can be loaded; what had to be changed or left out is noted in the findings."""

    table: sa.Table
    dialect: DialectName
    keys: Keys
    findings: Findings

    def fit(self, rows: Iterable[Row]) -> list[Row]:
        """Raises `KeyTwice`."""
        fitting = [row for row in map(self._sized, rows) if row is not None]
        for reference in self._references():
            fitting = self._referring(fitting, reference)
        if self._is_referred_to:
            for row in fitting:
                self._note(row)
        return fitting

    def _sized(self, row: Row) -> Row | None:
        if self.dialect == "postgresql" and any(_holds_nul(value) for value in row):
            self.findings.add("replaced", self.table.name, self._name(row))
            row = tuple(_without_nul(value) for value in row)
        for place, column in self._limited:
            if self._too_large(row[place], column):
                self.findings.add("too_large", self.table.name, self._name(row), column.name)
                if not column.nullable:
                    return None
                row = (*row[:place], None, *row[place + 1 :])
        return row

    @cached_property
    def _limited(self) -> list[tuple[int, sa.Column[Any]]]:
        """The columns that do not take everything, with their places."""
        return [
            (place, column)
            for place, column in enumerate(self.table.columns)
            if getattr(column.type, "length", None) is not None or isinstance(column.type, sa.JSON)
        ]

    def _too_large(self, value: Value, column: sa.Column[Any]) -> bool:
        if isinstance(value, str):
            length = column.type.length if isinstance(column.type, sa.String) else None
            return length is not None and len(value) > length
        return isinstance(value, (dict, list)) and _depth(value) > DEEPEST.get(self.dialect, 1000)

    def _references(self) -> list[Reference]:
        return [
            (place, column.name, key.column.table.name, bool(column.nullable))
            for place, column in enumerate(self.table.columns)
            for key in column.foreign_keys
        ]

    def _referring(self, rows: list[Row], reference: Reference) -> list[Row]:
        place, column, target, may_be_empty = reference
        missing = self.keys.missing(target, (str(row[place]) for row in rows if row[place] is not None))
        kept = []
        for row in rows:
            if row[place] in missing:
                kind: Kind = "emptied" if may_be_empty else "refers_to_nothing"
                self.findings.add(kind, self.table.name, self._name(row), column, target)
                if may_be_empty:
                    kept.append((*row[:place], None, *row[place + 1 :]))
            else:
                kept.append(row)
        return kept

    @property
    def _is_referred_to(self) -> bool:
        others = self.table.metadata.tables.values()
        return any(key.column.table is self.table for other in others for key in other.foreign_keys)

    def _note(self, row: Row) -> None:
        if not self.keys.add(self.table.name, str(row[0])):
            remedy = (
                "'switchboard normalize-users' merges them; then export again."
                if self.table.name == "users"
                else "Only one of them can be right; remove the other, then export again."
            )
            key = self.table.columns[0].name
            raise KeyTwice(f"Two documents for {self.table.name} have the {key} {row[0]}. {remedy}")

    def _name(self, row: Row) -> str:
        return " ".join(str(row[place]) for place, column in enumerate(self.table.columns) if column.primary_key)


def _depth(value: Value) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, parts), default=0)


def _holds_nul(value: Value) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(each) for name, each in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))


def _without_nul(value: Value) -> Value:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {str(_without_nul(name)): _without_nul(each) for name, each in value.items()}  # type: ignore[misc]
    return [_without_nul(each) for each in value] if isinstance(value, list) else value  # type: ignore[misc]
