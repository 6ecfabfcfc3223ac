"""Documents of people, in the collection that others write as well."""

import json
from typing import Annotated

import typer

from switchboard.bootstrap import documents, duplicate_users
from switchboard.cli.output import FOUND, AsJson, DryRun, finish, now, progress_bar, tell
from switchboard.mongo import Transactions
from switchboard.normalization import service as normalization
from switchboard.normalization.model import Options
from switchboard.normalization.schemas import Report
from switchboard.settings import Settings, load_settings

commands = typer.Typer()

DropObsolete = Annotated[
    bool,
    typer.Option(
        "--drop-obsolete",
        help="Also remove propels_access_token and expires_in, scopes where scope holds them, and client_id with "
        "client_secret where they are the client of GOOGLE_CLIENT_ID. The older backend reads some of these: only "
        "once it runs no more.",
    ),
]
MergeByEmail = Annotated[
    bool,
    typer.Option(
        "--merge-by-email",
        help="Also make one document of a person's two, named by Google's id and by PropelAuth's, where both confirmed "
        "the same e-mail; PropelAuth's id stays. Only once the first version of the older backend runs no more.",
    ),
]


@commands.command()
def duplicates(
    as_json: AsJson = False,
) -> None:
    """List users that have more than one document. Exit code 3 when there are any."""
    found = finish(duplicate_users(load_settings()))
    if as_json:
        typer.echo(json.dumps([{"user_id": user_id, "documents": count} for user_id, count in found]))
    else:
        for user_id, count in found:
            typer.echo(f"{user_id}\t{count} documents")
        typer.echo(f"{len(found)} users with more than one document.")
    raise typer.Exit(FOUND if found else 0)


@commands.command()
def normalize_users(
    dry_run: DryRun = False,
    drop_obsolete: DropObsolete = False,
    merge_by_email: MergeByEmail = False,
    as_json: AsJson = False,
) -> None:
    """Bring all documents of people to one shape and merge those of one user_id, while others go on writing them.

    Nothing that the older backend reads is removed. It may be stopped, killed and started again at any time, and taken
    back by 'switchboard runs undo'. Exit code 3 when something is left for a person to decide about or was changed by
    others meanwhile (a dry run: when there is something to do); it is told by id, never with a token or an address.
    """
    settings = load_settings()
    options = Options(drop_obsolete, merge_by_email, settings.google.client_id)
    report = finish(_normalized(settings, options, dry_run=dry_run))
    tell({**report.model_dump(), "clean": report.clean}, report.lines(merge_by_email=merge_by_email), as_json=as_json)
    raise typer.Exit(FOUND if (report.to_do and dry_run) or not report.clean else 0)


async def _normalized(settings: Settings, options: Options, *, dry_run: bool) -> Report:
    async with documents(settings, indexes=not dry_run) as database:
        transactions = Transactions(database)
        passes = 1 if dry_run else 2
        with progress_bar(
            await normalization.count() * passes, "Looking at users" if dry_run else "Normalising"
        ) as told:
            if dry_run:
                found = await normalization.preview(options, transactions, told, now)
            else:
                found = await normalization.normalize(options, transactions, told, now)
    return Report.of(found, options)
