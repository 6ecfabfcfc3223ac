"""The processes, and what needs no database."""

import asyncio
import json

import typer
import uvicorn

from switchboard.bootstrap import check, set_up_logging
from switchboard.settings import load_settings
from switchboard.worker import work

commands = typer.Typer()


@commands.command()
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
        timeout_keep_alive=settings.server.keep_alive,
        timeout_graceful_shutdown=10,
    )


@commands.command("worker")
def run_worker() -> None:
    """Pull calendars and keep organizations true in the background until SIGTERM; start as many as you like."""
    settings = load_settings()
    set_up_logging(settings.log)
    asyncio.run(work(settings))


@commands.command("openapi")
def print_openapi() -> None:
    """Print the description of all routes as JSON; docs/openapi.json is this."""
    from switchboard.app import described  # here alone: a worker without the routes takes 20 MB less

    typer.echo(json.dumps(described(), indent=1, sort_keys=True, ensure_ascii=False))


@commands.command("settings")
def check_settings() -> None:
    """Check the settings and connect to nothing."""
    load_settings()
    typer.echo("The settings are complete.")
