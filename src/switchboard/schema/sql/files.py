"""A folder of SQL files that the databases' own clients load: `schema.sql`, and one with the rows of each table."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import sqlalchemy as sa

from switchboard.errors import Conflict, DataError
from switchboard.schema.sql.errors import told_of_files
from switchboard.schema.sql.literals import read_line, statements
from switchboard.schema.sql.rows import Row
from switchboard.schema.sql.tables import DRIVERS, DialectName, ddl

SCHEMA: Final = "schema.sql"
AT_ONCE: Final = 1000
# A client that went on after an error would load half a file.
HEADS: Final[dict[DialectName, str]] = {
    "mysql": "SET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES';\n",
    "postgresql": "\\set ON_ERROR_STOP on\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n",
    "sqlite": ".bail on\nPRAGMA foreign_keys = ON;\n",
}
BEGIN: Final[dict[DialectName, str]] = {"mysql": "START TRANSACTION;\n", "postgresql": "BEGIN;\n", "sqlite": "BEGIN;\n"}
END: Final = "COMMIT;\n"


class FilesTarget:
    """Files get their names once all are complete, `schema.sql` last: where it is there, so are the others.

    `private`: nobody else may read them.
    """

    def __init__(
        self, folder: Path, dialect: DialectName, metadata: sa.MetaData, *, replace: bool, private: bool
    ) -> None:
        self.place = str(folder)
        self._folder, self._metadata, self._replace = folder, metadata, replace
        self._mode = 0o600 if private else 0o666
        self._name = dialect
        self._dialect = sa.make_url(f"{DRIVERS[dialect]}://").get_dialect()()
        self._is_new = False
        self._files: dict[str, TextIO] = {}
        self._written: list[str] = []

    def check(self) -> None:
        with told_of_files(self.place):
            there = (self._folder / SCHEMA).exists()
            if self._folder.exists() and not self._folder.is_dir():
                raise NotADirectoryError(0, "it is not a folder")
        if there and not self._replace:
            raise Conflict(f"{self.place} holds an export: nothing was exported. --replace replaces it.")

    def begin(self) -> None:
        with told_of_files(self.place):
            self._is_new = not self._folder.exists()
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._opened(SCHEMA) as file:
                file.write(HEADS[self._name] + "".join(f"{each};\n" for each in ddl(self._metadata, self._name)))

    def write(self, table: sa.Table, rows: list[Row]) -> None:
        with told_of_files(self.place):
            file = self._file(table)
            for statement in statements(table, rows, self._dialect, self._name):
                file.write(statement)

    def read(self, table: sa.Table) -> Iterator[list[Row]]:
        columns, rows = list(table.columns), []
        with told_of_files(self.place):
            self._file(table).flush()
            with self._part(self._name_of(table)).open(encoding="utf-8", newline="\n") as file:
                for line in file:
                    if line.startswith("("):
                        rows.append(self._row(line, columns))
                    if len(rows) == AT_ONCE:
                        yield rows
                        rows = []
        yield rows

    def _row(self, line: str, columns: list[sa.Column[Any]]) -> Row:
        try:
            return read_line(line.rstrip("\n")[:-1], columns, self._name)
        except (ValueError, KeyError):
            raise DataError(f"A file in {self.place} holds a line that was not written there.") from None

    def keep(self) -> None:
        with told_of_files(self.place):
            for file in self._files.values():
                file.write(END)
                file.flush()
                os.fsync(file.fileno())
                file.close()
            (self._folder / SCHEMA).unlink(missing_ok=True)
            for name in reversed(self._written):
                self._part(name).replace(self._folder / name)
            self._written.clear()
            self._is_new = False

    def close(self) -> None:
        with told_of_files(self.place):
            for file in self._files.values():
                _let_go(file)
            for name in self._written:
                self._part(name).unlink(missing_ok=True)
            if self._is_new:
                self._folder.rmdir()

    def _file(self, table: sa.Table) -> TextIO:
        name = self._name_of(table)
        if name not in self._files:
            self._files[name] = self._opened(name)
            self._files[name].write(HEADS[self._name] + BEGIN[self._name])
        return self._files[name]

    def _name_of(self, table: sa.Table) -> str:
        number = list(self._metadata.tables).index(table.name) + 1
        return f"{number:02d}-{table.name}.sql"

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.part"

    def _opened(self, name: str) -> TextIO:
        part = self._part(name)
        part.unlink(missing_ok=True)  # of a run that was killed, perhaps with other rights
        self._written.append(name)
        opened = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, self._mode)
        return os.fdopen(opened, "w", encoding="utf-8", newline="\n")


def _let_go(file: TextIO) -> None:
    """On a full disk closing fails as well; the file goes anyway."""
    try:
        file.close()
    except OSError:
        os.close(file.fileno()) if not file.closed else None
