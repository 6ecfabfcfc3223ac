"""The operator's face."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
import uvicorn

from switchboard.bootstrap import check, documents, duplicate_users, set_up_logging
from switchboard.errors import SwitchboardError
from switchboard.runtime import service as service_keys
from switchboard.runtime.model import SCOPES
from switchboard.settings import load_settings
from switchboard.worker import work

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run Switchboard.")

Result = TypeVar("Result")

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
    """Pull calendars and keep organizations true in the background until SIGTERM; start as many as you like."""
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


keys = typer.Typer(no_args_is_help=True, help="Keys of internal services.")
cli.add_typer(keys, name="keys")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the service is called, for logs and lists.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do; repeat it. {', '.join(SCOPES)}")],
    organization: Annotated[str | None, typer.Option(help="Bind it to this organization.")] = None,
    role: Annotated[str | None, typer.Option(help="The role it acts in there.")] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires.", min=1, max=3650)] = None,
) -> None:
    """Make a key and print it, as JSON. It is shown this once; only a hash is kept."""
    grant = service_keys.Grant(scope, organization, role, days)
    key, text = _with_documents(lambda: service_keys.create(name, grant, datetime.now(UTC)))
    typer.echo(json.dumps({"key_id": key.key_id, "name": key.name, "key": text}))


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys by what may be shown of them."""
    now = datetime.now(UTC)
    for key in _with_documents(service_keys.listed):
        shown = {**key.model_dump(mode="json", exclude={"key_hash"}), "state": key.state(now)}
        line = "\t".join((key.key_id, key.prefix, key.state(now), key.name, ",".join(key.scopes)))
        typer.echo(json.dumps(shown) if as_json else line)


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="As 'switchboard keys list' shows it.")]) -> None:
    """End a key at once."""
    key = _with_documents(lambda: service_keys.revoke(key_id, datetime.now(UTC)))
    typer.echo(f"{key.name} ({key.prefix}...) is revoked.")


def _with_documents(call: Callable[[], Awaitable[Result]]) -> Result:
    async def called() -> Result:
        async with documents(load_settings()):
            return await call()

    return asyncio.run(called())


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
