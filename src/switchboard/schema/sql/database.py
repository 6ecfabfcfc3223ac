"""A SQL database that is filled in one transaction: it holds the whole export, checked, or nothing of it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from switchboard.errors import Conflict
from switchboard.schema.sql.address import engine, file_of, place
from switchboard.schema.sql.errors import told, told_of_files
from switchboard.schema.sql.rows import Row
from switchboard.schema.sql.tables import DialectName
from switchboard.schema.sql.types import as_json

CONNECT_SECONDS: Final = 10
SECONDS: Final = 600  # for one statement
AT_ONCE: Final = 1000
_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "pymysql": {"connect_timeout": CONNECT_SECONDS, "read_timeout": SECONDS, "write_timeout": SECONDS},
    "psycopg": {"connect_timeout": CONNECT_SECONDS, "options": f"-c statement_timeout={SECONDS}s"},
    "pysqlite": {"timeout": CONNECT_SECONDS},
}
_SETTINGS: Final[dict[DialectName, tuple[str, ...]]] = {
    "mysql": ("SET SESSION sql_mode = 'STRICT_ALL_TABLES'",),
    "postgresql": (),
    "sqlite": (),
}


class DatabaseTarget:
    """With `replace` the tables that are there go; without it there must be no rows in them.

    `private`: nobody else may read the file of a SQLite database.
    """

    def __init__(self, url: sa.URL, metadata: sa.MetaData, *, replace: bool, private: bool) -> None:
        self.place = place(url)
        self._file, self._private = file_of(url), private
        self._metadata, self._replace = metadata, replace
        self._connection: sa.Connection | None = None
        self._is_new = self._file is not None and not self._file.exists()
        known = _ARGUMENTS.get(url.drivername.partition("+")[2] or "pysqlite", {})
        self._engine = engine(
            url,
            connect_args={name: value for name, value in known.items() if name not in url.query},
            json_serializer=as_json,
            json_deserializer=json.loads,
            hide_parameters=True,
            poolclass=sa.NullPool,
        )
        if self._file is not None:
            sa.event.listen(self._engine, "connect", _as_we_like_it)
            sa.event.listen(self._engine, "begin", _begin_at_once)

    def check(self) -> None:
        if self._file is not None and not self._file.exists():
            with told_of_files(str(self._file.parent)):
                os.stat(self._file.parent)
            return
        with told(), self._engine.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
            for table in self._metadata.tables.values():
                if table.name in there and not self._replace and _has_rows(connection, table):
                    raise Conflict(
                        f"{self.place} has rows in {table.name}: nothing was exported. With --replace the tables of "
                        "the export are dropped first, with all that is in them."
                    )

    def begin(self) -> None:
        if self._file is not None and self._private:
            with told_of_files(str(self._file)):
                os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
                self._file.chmod(0o600)
        with told():
            self._connection = self._engine.connect()
            for setting in _SETTINGS[self._dialect]:
                self._connection.exec_driver_sql(setting)
            if self._replace:
                self._metadata.drop_all(self._connection)
            self._metadata.create_all(self._connection)

    @property
    def _dialect(self) -> DialectName:
        found: DialectName = self._engine.dialect.name  # type: ignore[assignment]
        return found

    @property
    def _open(self) -> sa.Connection:
        assert self._connection is not None  # noqa: S101  (`begin` comes first)
        return self._connection

    def write(self, table: sa.Table, rows: list[Row]) -> None:
        names = [column.name for column in table.columns]
        if rows:
            with told():
                self._open.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])

    def read(self, table: sa.Table) -> Iterator[list[Row]]:
        with told():
            found = self._open.execution_options(yield_per=AT_ONCE).execute(sa.select(table))
            for some in found.partitions():
                yield [tuple(row) for row in some]

    def keep(self) -> None:
        with told():
            self._open.commit()
        self._is_new = False

    def close(self) -> None:
        with told():
            if self._connection is not None:
                self._connection.close()
        if self._is_new and self._file is not None and self._connection is not None:
            self._file.unlink(missing_ok=True)


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _as_we_like_it(connection: sqlite3.Connection, _: object) -> None:
    """References are checked; Python's own idea of when a transaction begins is off."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_at_once(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
