"""The SQL of the entities as a part of docs/data-model.md."""

from typing import Final

from switchboard.schema.reading import read_registry
from switchboard.schema.sql.tables import DialectName, ddl, tables

TITLES: Final[dict[DialectName, str]] = {
    "mysql": "MySQL and MariaDB",
    "postgresql": "PostgreSQL",
    "sqlite": "SQLite",
}
INTRODUCTION: Final = """\
## SQL appendix

What `switchboard export-sql` makes: the nine entities as tables, in an order that loads. Keys and references are those
of the registry: `ON DELETE` is the delete rule of a reference, and a reference that stays when its target goes has no
constraint. Lists and objects are JSON, times are UTC to the millisecond, texts are compared byte for byte. Secrets have
columns, which are NULL unless `--with-secrets` is given. `users.timezone` is NULL while nobody chose one.
"""


def sql_appendix() -> str:
    """Markdown: the statements for MySQL in full, and what is different elsewhere below them."""
    metadata = tables(read_registry())
    parts = [INTRODUCTION]
    for dialect, title in TITLES.items():
        statements = "\n\n".join(f"{statement};" for statement in ddl(metadata, dialect))
        parts.append(f"### {title}\n\n```sql\n{statements}\n```\n")
    return "\n".join(parts)
