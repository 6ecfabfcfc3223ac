"""Calendars and their pulls."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from switchboard.calendars import service as calendars
from switchboard.cli.output import FOUND, AsJson, at, with_documents

calendar_commands = typer.Typer(no_args_is_help=True, help="Calendars and their pulls.")


@calendar_commands.command("status")
def show_calendars(
    late: Annotated[int, typer.Option(help="Seconds a calendar may be due before that counts as late.", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """How all calendars stand: for each status and reason how many, pulled right now, watched by Google, and due.

    Exit code 3 when one has been due for longer than --late: then the workers are too few, stopped, or out of budget.
    """
    found = with_documents(lambda: calendars.standing(datetime.now(UTC)), indexes=False)
    is_late = found.late_seconds > late
    if as_json:
        lines = [{**line._asdict(), "due_since": line.due_since and at(line.due_since)} for line in found.lines]
        typer.echo(json.dumps({"late_seconds": round(found.late_seconds, 1), "late": is_late, "calendars": lines}))
    else:
        for line in found.lines:
            told = f"{line.calendars} calendars\t{line.leased} being pulled\t{line.watched} watched\t{line.due} due"
            typer.echo(f"{line.status}\t{told}\t{line.reason or '-'}")
        typer.echo(f"The calendar that waits longest has been due for {found.late_seconds:.0f} s.")
    raise typer.Exit(FOUND if is_late else 0)
