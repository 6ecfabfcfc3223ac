"""The operator's face."""

import errno
from typing import Final

import typer

from switchboard.cli import (
    backfill,
    doctor,
    er,
    erasure,
    export_sql,
    import_agents,
    indexes,
    migrate,
    runs,
    serving,
    users,
    validators,
)
from switchboard.cli.calendars import calendar_commands
from switchboard.cli.keys import keys
from switchboard.cli.output import FAILED
from switchboard.cli.secrets import secret_commands
from switchboard.errors import SwitchboardError

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Run Switchboard.",
)
cli.add_typer(serving.commands)
cli.add_typer(users.commands)
cli.add_typer(erasure.commands)
cli.add_typer(migrate.commands)
cli.add_typer(backfill.commands)
cli.add_typer(import_agents.commands)
cli.add_typer(doctor.commands)
cli.add_typer(er.commands)
cli.add_typer(export_sql.commands)
cli.add_typer(keys, name="keys")
cli.add_typer(calendar_commands, name="calendars")
cli.add_typer(secret_commands, name="secrets")
cli.add_typer(runs.commands, name="runs")
cli.add_typer(validators.commands, name="validators")
cli.add_typer(indexes.commands, name="indexes")

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Run a command; what we refuse on purpose is a sentence and exit code 1, never a traceback."""
    try:
        cli()
    except SwitchboardError as error:
        typer.echo(error.message, err=True)
        raise SystemExit(FAILED) from None
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        typer.echo("The disk is full here. Make room, then start this again.", err=True)
        raise SystemExit(FAILED) from None
