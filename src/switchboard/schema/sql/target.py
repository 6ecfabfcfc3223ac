"""Where rows go."""

from collections.abc import Iterator
from typing import Protocol

import sqlalchemy as sa

from switchboard.schema.sql.rows import Row


class Target(Protocol):
    """A database or a folder of files. Until `keep` everything there is as it was before, except for empty tables."""

    place: str

    def check(self) -> None:
        """Raise unless this may be written to. Writes nothing itself."""

    def begin(self) -> None:
        """Make the tables."""

    def write(self, table: sa.Table, rows: list[Row]) -> None: ...

    def read(self, table: sa.Table) -> Iterator[list[Row]]:
        """What was written so far, from where it was written to."""

    def keep(self) -> None:
        """Make it last."""

    def close(self) -> None:
        """Let go of it; without `keep` what was written is gone."""
