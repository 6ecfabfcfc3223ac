"""What an export counts, finds and says."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from switchboard.schema.sql.rows import Row

EXACT: Final = 2**53  # beyond it, databases keep the numbers inside JSON as doubles, or write doubles as integers
MOST_SAMPLES: Final = 100
MOST_SHOWN: Final = 5
Kind = Literal["unreadable", "refers_to_nothing", "emptied", "too_large", "replaced"]


@dataclass
class Checksum:
    """The number of rows, and the sum of a hash of each: the same in whatever order they come.

    A row that is there twice, is missing or differs in one value makes another sum.
    """

    rows: int = 0
    total: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            told = orjson.dumps([_alike(value) for value in row], option=orjson.OPT_SORT_KEYS)
            digest = hashlib.blake2b(told, digest_size=16).digest()
            self.total = (self.total + int.from_bytes(digest)) % 2**128
            self.rows += 1

    def __str__(self) -> str:
        return f"{self.total:032x}"


def _alike(value: Any) -> Any:
    """The same for numbers that are equal, however a database writes them inside JSON."""
    if isinstance(value, dict):
        return {name: _alike(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_alike(each) for each in value]
    if isinstance(value, int) and not -EXACT <= value <= EXACT:
        return float(value)
    if isinstance(value, float) and value.is_integer() and -EXACT <= value <= EXACT:
        return int(value)
    return value


@dataclass
class Finding:
    """Something of the data that could not be kept as it is, with how often, and the ids of the first."""

    kind: Kind
    table: str
    column: str | None
    target: str | None = None
    count: int = 0
    ids: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        more = f" and {self.count - MOST_SHOWN} more" if self.count > MOST_SHOWN else ""
        which = ", ".join(self.ids[:MOST_SHOWN]) + more
        told = {
            "unreadable": f"{self.count} documents of {self.table} cannot be read and are left out",
            "refers_to_nothing": f"{self.count} rows of {self.table} are left out: their {self.column} is not in "
            f"{self.target}",
            "emptied": f"{self.count} rows of {self.table} have no {self.column} any more: it is not in {self.target}",
            "too_large": f"{self.count} values of {self.table}.{self.column} are too large for their column; they are "
            "left out, and their rows as well where the column must be filled",
            "replaced": f"{self.count} rows of {self.table} have NUL characters, which PostgreSQL has not, replaced",
        }
        return f"{told[self.kind]} ({which})."


class Findings:
    """All findings of an export; of ids only so many are kept."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, str | None], Finding] = {}

    def add(
        self, kind: Kind, table: str, identifier: str, column: str | None = None, target: str | None = None
    ) -> None:
        found = self._found.setdefault((kind, table, column), Finding(kind, table, column, target))
        found.count += 1
        if len(found.ids) < MOST_SAMPLES:
            found.ids.append(identifier)

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> list[Finding]:
        return list(self._found.values())


@dataclass
class Report:
    """`moments` are the points in time the documents were read at: one, unless MongoDB could not keep it so long."""

    target: str
    dialect: str
    with_secrets: bool
    dry_run: bool
    tables: dict[str, Checksum] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    moments: int = 1
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        tables = [{"table": name, "rows": found.rows, "checksum": str(found)} for name, found in self.tables.items()]
        findings = [vars(found) for found in self.findings.all()]
        told = {name: value for name, value in vars(self).items() if name not in ("tables", "findings", "seconds")}
        return {**told, "seconds": round(self.seconds, 1), "tables": tables, "findings": findings}

    def lines(self) -> list[str]:
        rows = sum(found.rows for found in self.tables.values())
        checked = "would be written" if self.dry_run else "were written, read back and found the same"
        lines = [f"{name}\t{found.rows} rows\t{found}" for name, found in self.tables.items()]
        lines.append(f"{rows} rows {checked}: {self.target}, in {self.seconds:.1f} s.")
        lines += [found.sentence() for found in self.findings.all()]
        if any(found.kind in ("refers_to_nothing", "emptied") for found in self.findings.all()):
            lines.append("'switchboard doctor' looks for references to nothing.")
        if self.moments > 1:
            lines.append(
                f"The documents were read at {self.moments} points in time, for MongoDB kept none long enough; "
                "a longer minSnapshotHistoryWindowInSeconds makes it one."
            )
        return lines
