"""The data as SQL."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switchboard.bootstrap import documents
from switchboard.cli.output import FOUND, INTERRUPTED, AsJson, DryRun, finish, progress_bar, tell
from switchboard.errors import Misconfigured
from switchboard.settings import load_settings

if TYPE_CHECKING:
    from switchboard.schema.sql.export import Export
    from switchboard.schema.sql.report import Report

STOPPED = "Stopped. Nothing was exported: what was there before is as it was. The same command starts anew."
commands = typer.Typer()


@commands.command("export-sql")
def export_sql(  # noqa: PLR0913  (each is an option)
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="EXPORT_SQL_TO",
            help="A database: postgresql://user:password@host/name, mysql://..., sqlite:///file.db. Others can see "
            "the password of a command line; the variable hides it.",
        ),
    ] = None,
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Or SQL files, which psql, mysql and sqlite3 load.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="Of the files: mysql, postgresql or sqlite.")] = None,
    schema_only: Annotated[bool, typer.Option("--schema-only", help="Only make the tables; needs no MongoDB.")] = False,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Keys and tokens as well, as they are stored.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Drop an earlier export.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write users, organizations, agents, events and what joins them to a SQL database, or to SQL files.

    Read at one moment, written in one transaction, read back and compared by counts and checksums, and only then kept:
    stopped or failed, it leaves nothing but empty tables, and starts anew. Secrets are NULL unless asked for. Rows
    whose references name nothing are left out and told: exit code 3.
    """
    export = _read(to, files, dialect, with_secrets=with_secrets, replace=replace, dry_run=dry_run)
    if schema_only:
        export.make_tables()
        word = "would be made" if dry_run else "are made"
        made = {"target": export.target.place, "tables": list(export.metadata.tables), "dry_run": dry_run}
        tell(made, [f"{len(export.metadata.tables)} tables {word}: {export.target.place}"], as_json=as_json)
        return
    report = finish(_exported(export))
    tell(report.as_json(), report.lines(), as_json=as_json)
    raise typer.Exit(FOUND if len(report.findings) else 0)


async def _exported(export: "Export") -> "Report":
    try:
        async with documents(load_settings(), indexes=False) as database:
            return await export.run(database, progress_bar)
    except asyncio.CancelledError:
        typer.echo(STOPPED, err=True)
        raise typer.Exit(INTERRUPTED) from None


def _read(  # noqa: PLR0913  (each is an option)
    to: str | None, files: Path | None, dialect: str | None, *, with_secrets: bool, replace: bool, dry_run: bool
) -> "Export":
    """What the options ask for. Raises `Misconfigured`."""
    try:
        from switchboard.schema.reading import read_registry
        from switchboard.schema.sql.address import read_address, read_dialect
        from switchboard.schema.sql.database import DatabaseTarget
        from switchboard.schema.sql.export import Export
        from switchboard.schema.sql.files import FilesTarget
        from switchboard.schema.sql.tables import tables
    except ModuleNotFoundError:
        raise Misconfigured("SQL needs the extra 'sql': pip install 'switchboard[sql]'") from None
    if (to is None) == (files is None):
        raise Misconfigured("Say where to: --to URL for a database, or --files FOLDER --dialect NAME for files.")
    metadata = tables(read_registry())
    if to is not None:
        if dialect is not None:
            raise Misconfigured("--dialect is for --files; the address of a database says what it is.")
        url, name = read_address(to)
        target = DatabaseTarget(url, metadata, replace=replace, private=with_secrets)
        return Export(metadata, name, target, with_secrets, dry_run)
    assert files is not None  # noqa: S101  (one of them is given)
    name = read_dialect(dialect or "")
    folder = FilesTarget(files, name, metadata, replace=replace, private=with_secrets)
    return Export(metadata, name, folder, with_secrets, dry_run)
