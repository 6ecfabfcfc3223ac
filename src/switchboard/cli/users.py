"""Documents of people, in the collection that others write as well."""

import json

import typer

from switchboard.bootstrap import duplicate_users
from switchboard.cli.output import FOUND, AsJson, finish
from switchboard.settings import load_settings

commands = typer.Typer()


@commands.command()
def duplicates(
    as_json: AsJson = False,
) -> None:
    """List users that have more than one document. Exit code 3 when there are any."""
    found = finish(duplicate_users(load_settings()))
    if as_json:
        typer.echo(json.dumps([{"user_id": user_id, "documents": documents} for user_id, documents in found]))
    else:
        for user_id, documents in found:
            typer.echo(f"{user_id}\t{documents} documents")
        typer.echo(f"{len(found)} users with more than one document.")
    raise typer.Exit(FOUND if found else 0)
