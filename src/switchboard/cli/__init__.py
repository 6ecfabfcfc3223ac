"""The operator's face."""

import typer

from switchboard.cli import migrate, runs, serving, users
from switchboard.cli.calendars import calendar_commands
from switchboard.cli.keys import keys
from switchboard.cli.output import FAILED
from switchboard.cli.secrets import secret_commands
from switchboard.errors import SwitchboardError

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run Switchboard.")
cli.add_typer(serving.commands)
cli.add_typer(users.commands)
cli.add_typer(migrate.commands)
cli.add_typer(keys, name="keys")
cli.add_typer(calendar_commands, name="calendars")
cli.add_typer(secret_commands, name="secrets")
cli.add_typer(runs.commands, name="runs")


def main() -> None:
    """Run a command; what we refuse on purpose is a sentence and exit code 1, never a traceback."""
    try:
        cli()
    except SwitchboardError as error:
        typer.echo(error.message, err=True)
        raise SystemExit(FAILED) from None
