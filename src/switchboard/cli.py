"""The operator's face."""

import asyncio
import json
from typing import Annotated

import typer
import uvicorn

from switchboard.bootstrap import check, duplicate_users, set_up_logging
from switchboard.errors import SwitchboardError
from switchboard.settings import load_settings
from switchboard.worker import work

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run Switchboard.")

FAILED = 1
FOUND = 3


@cli.command()
def serve() -> None:
    """Answer HTTP at SERVER_HOST and SERVER_PORT."""
    settings = load_settings()
    set_up_logging(settings.log)
    asyncio.run(check(settings))  # inside uvicorn the same refusals end in tracebacks
    uvicorn.run(
        "switchboard.app:serve",
        factory=True,
        host=settings.server.host,
        port=settings.server.port,
        workers=settings.server.workers,
        loop="uvloop",  # without it several workers lose TCP_NODELAY: 44 ms a request (facts/reliability.md, 11)
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


@cli.command("worker")
def run_worker() -> None:
    """Pull calendars in the background until SIGTERM; start as many as you like."""
    settings = load_settings()
    set_up_logging(settings.log)
    asyncio.run(work(settings))


@cli.command()
def duplicates(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of lines.")] = False,
) -> None:
    """List users that have more than one document. Exit code 3 when there are any."""
    found = asyncio.run(duplicate_users(load_settings()))
    if as_json:
        typer.echo(json.dumps([{"user_id": user_id, "documents": documents} for user_id, documents in found]))
    else:
        for user_id, documents in found:
            typer.echo(f"{user_id}\t{documents} documents")
        typer.echo(f"{len(found)} users with more than one document.")
    raise typer.Exit(FOUND if found else 0)


@cli.command("settings")
def check_settings() -> None:
    """Check the settings and connect to nothing."""
    load_settings()
    typer.echo("The settings are complete.")


def main() -> None:
    """Run a command; what we refuse on purpose is a sentence and exit code 1, never a traceback."""
    try:
        cli()
    except SwitchboardError as error:
        typer.echo(error.message, err=True)
        raise SystemExit(FAILED) from None
