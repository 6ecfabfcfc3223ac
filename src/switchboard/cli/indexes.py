"""Indexes, as the registry has them."""

from typing import Annotated

import typer

from switchboard.cli.output import FAILED, FOUND, AsJson, DryRun, tell, with_documents
from switchboard.schema.indexes.collections import Applied, apply, drop, standings
from switchboard.schema.indexes.standing import Standing, chosen, existing
from switchboard.schema.integrity.walk import database_at_hand
from switchboard.schema.reading import read_registry

commands = typer.Typer(no_args_is_help=True, help="Indexes of the collections, as the registry has them.")


@commands.command("diff")
def diff_indexes(as_json: AsJson = False) -> None:
    """Show indexes that are missing, differ, or were made by hand. Exit code 3 when one is missing or differs."""
    found = with_documents(_standings, indexes=False)
    wrong = [each for each in found if each.state not in ("fine", "unknown")]
    shown = [
        {"collection": each.collection, "name": each.name, "state": each.state, "sentence": each.sentence}
        for each in found
    ]
    lines = [f"{each.collection}.{each.name}\t{each.state}\t{each.sentence}" for each in found if each.state != "fine"]
    lines.append(f"{len(wrong)} indexes are missing or differ.")
    tell({"indexes": shown, "wrong": len(wrong)}, lines, as_json=as_json)
    raise typer.Exit(FOUND if wrong else 0)


@commands.command("apply")
def apply_indexes(
    replace: Annotated[
        list[str] | None,
        typer.Option(help="Drop this differing index and make it anew; repeat it.", metavar="[COLLECTION.]NAME"),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="Drop this index, which was made by hand; repeat it.", metavar="COLLECTION.NAME"),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make the indexes that are missing. What differs stays unless --replace names it; what was made by hand stays
    unless --drop does. Exit code 1 when duplicates stand against a unique one.
    """

    async def work() -> Applied:
        found = await _standings()
        return await apply(database_at_hand(), found, chosen(found, replace or [], drop or []), dry_run=dry_run)

    applied = with_documents(work, indexes=False)
    done = [line.replace(" was ", " would be ") if dry_run else line for line in applied.done]
    lines = [*done, *applied.refused, f"{len(done)} indexes {'would be' if dry_run else 'were'} changed."]
    tell({"done": done, "refused": applied.refused, "dry_run": dry_run}, lines, as_json=as_json)
    raise typer.Exit(FAILED if applied.refused else 0)


@commands.command("drop")
def drop_indexes(
    names: Annotated[
        list[str], typer.Argument(metavar="COLLECTION.NAME...", help="As 'switchboard indexes diff' says.")
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Drop indexes, ours too: so that what one of them stands against can be put back by 'switchboard runs undo'.

    Stop the service before; its next start makes its indexes again.
    """

    async def work() -> list[str]:
        return await drop(database_at_hand(), existing(await _standings(), names), dry_run=dry_run)

    dropped = with_documents(work, indexes=False)
    done = [line.replace(" was ", " would be ") if dry_run else line for line in dropped]
    tell({"done": done, "dry_run": dry_run}, done, as_json=as_json)


async def _standings() -> list[Standing]:
    return await standings(database_at_hand(), read_registry())
