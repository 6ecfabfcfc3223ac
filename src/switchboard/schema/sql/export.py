"""Exporting the nine entities to SQL: read at one moment, fitted, written, read back and compared, then kept.

It writes nothing to MongoDB. Nothing of it lasts until all of it is checked, so whatever ends it early leaves the
target as it was, and it starts anew.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from switchboard.errors import DataError, SwitchboardError
from switchboard.mongo import Database
from switchboard.schema.sql.fitting import Fitting, Keys
from switchboard.schema.sql.reading import Moment
from switchboard.schema.sql.report import Checksum, Report
from switchboard.schema.sql.rows import Row, Source, sources
from switchboard.schema.sql.tables import DialectName
from switchboard.schema.sql.target import Target

# Given a total and a title, a bar that is told how much more was done.
Bars = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]


class NotTheSame(DataError):
    code = "export_differs"


@dataclass(frozen=True)
class Export:
    """What goes where. A dry run reads everything and writes nothing anywhere."""

    metadata: sa.MetaData
    dialect: DialectName
    target: Target
    with_secrets: bool = False
    dry_run: bool = False

    async def run(self, database: Database, bars: Bars) -> Report:
        """Raises `Conflict` when the target holds an export or a key is there twice, `NotTheSame`."""
        began = time.monotonic()
        report = Report(self.target.place, self.dialect, self.with_secrets, self.dry_run)
        report.tables = {name: Checksum() for name in self.metadata.tables}
        with closing(self.target):
            self.target.check()
            if not self.dry_run:
                self.target.begin()
            await self._copy(database, report, bars)
            if not self.dry_run:
                self._compare(report, bars)
                self.target.keep()
        report.seconds = time.monotonic() - began
        return report

    def make_tables(self) -> None:
        """The tables without rows. Raises `Conflict`."""
        with closing(self.target):
            self.target.check()
            if not self.dry_run:
                self.target.begin()
                self.target.keep()

    async def _copy(self, database: Database, report: Report, bars: Bars) -> None:
        moment = Moment(database)
        found = sources(self.metadata, with_secrets=self.with_secrets)
        try:
            total = sum([await moment.size(source.collection) for source in found])
            with Keys(self.dialect) as keys, bars(total, "Exporting") as advance:
                for source in found:
                    writing = [self._writing(part.table, keys, report) for part in source.parts]
                    async for batch in moment.batches(source.collection):
                        self._pass_on(source, batch, writing, report)
                        advance(len(batch))
        finally:
            await moment.close()
        report.moments = moment.number

    def _writing(self, table: sa.Table, keys: Keys, report: Report) -> Callable[[list[Row]], None]:
        fitting = Fitting(table, self.dialect, keys, report.findings)

        def write(rows: list[Row]) -> None:
            fitted = fitting.fit(rows)
            report.tables[table.name].add(fitted)
            if not self.dry_run:
                self.target.write(table, fitted)

        write([])
        return write

    def _pass_on(
        self, source: Source, batch: list[dict[str, Any]], writing: list[Callable[[list[Row]], None]], report: Report
    ) -> None:
        documents = []
        for stored in batch:
            document = source.read(stored)
            if document is None:
                report.findings.add("unreadable", source.collection, str(stored.get("_id")))
            else:
                documents.append(document)
        for part, write in zip(source.parts, writing, strict=True):
            write([row for document in documents if (row := part.row(document)) is not None])

    def _compare(self, report: Report, bars: Bars) -> None:
        with bars(sum(found.rows for found in report.tables.values()), "Reading back") as advance:
            for table in self.metadata.tables.values():
                written, found = report.tables[table.name], Checksum()
                for rows in self.target.read(table):
                    found.add(rows)
                    advance(len(rows))
                if found != written:
                    raise NotTheSame(
                        f"What was read back from {table.name} is not what was written: {found.rows} rows with the "
                        f"checksum {found} instead of {written.rows} with {written}. Nothing was exported."
                    )


@contextmanager
def closing(target: Target) -> Iterator[None]:
    """Let go of the target, whatever happens; of two errors the first counts."""
    try:
        yield
    except BaseException:
        _close_quietly(target)
        raise
    target.close()


def _close_quietly(target: Target) -> None:
    try:
        target.close()
    except SwitchboardError:
        return
