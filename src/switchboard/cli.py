"""The operator's face."""

import asyncio
import base64
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
import uvicorn
from rich.console import Console
from rich.progress import Progress

from switchboard.bootstrap import check, documents, duplicate_users, set_up_logging
from switchboard.calendars import service as calendars
from switchboard.crypto import KEY_BYTES, KeyRing
from switchboard.errors import SwitchboardError
from switchboard.rotation import service as rotation
from switchboard.rotation.model import Rotation
from switchboard.runtime import service as service_keys
from switchboard.runtime.model import SCOPES, ServiceKey
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
    typer.echo(json.dumps({**_shown(key, datetime.now(UTC)), "key": text}))


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, the newest first: id, prefix, state, name, scopes, organization and role, expiry, last use."""
    now = datetime.now(UTC)
    found = _with_documents(service_keys.listed)
    if as_json:
        typer.echo(json.dumps([_shown(key, now) for key in found]))
    else:
        for key in found:
            typer.echo(_line(key, now))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="As 'switchboard keys list' shows it.")], as_json: AsJson = False
) -> None:
    """End a key at once."""
    now = datetime.now(UTC)
    key = _with_documents(lambda: service_keys.revoke(key_id, now))
    typer.echo(json.dumps(_shown(key, now)) if as_json else f"{key.name} ({key.prefix}...) is revoked.")


def _shown(key: ServiceKey, now: datetime) -> dict[str, object]:
    """What may be shown of a key."""
    return {**key.model_dump(mode="json", exclude={"key_hash"}), "state": key.state(now)}


def _line(key: ServiceKey, now: datetime) -> str:
    where = "any organization" if key.org_id is None else f"{key.org_id} as {key.role}"
    expires = "never expires" if key.expires_at is None else f"expires {_at(key.expires_at)}"
    used = "never used" if key.last_used_at is None else f"last used {_at(key.last_used_at)}"
    columns = (key.key_id, key.prefix, key.state(now), key.name, ",".join(key.scopes), where, expires, used)
    return "\t".join(columns)


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


calendar_commands = typer.Typer(no_args_is_help=True, help="Calendars and their pulls.")
cli.add_typer(calendar_commands, name="calendars")


@calendar_commands.command("status")
def show_calendars(
    late: Annotated[int, typer.Option(help="Seconds a calendar may be due before that counts as late.", min=1)] = 300,
    as_json: AsJson = False,
) -> None:
    """How all calendars stand: for each status and reason how many, pulled right now, watched by Google, and due.

    Exit code 3 when one has been due for longer than --late: then the workers are too few, stopped, or out of budget.
    """
    found = _with_documents(lambda: calendars.standing(datetime.now(UTC)))
    is_late = found.late_seconds > late
    if as_json:
        lines = [{**line._asdict(), "due_since": line.due_since and _at(line.due_since)} for line in found.lines]
        typer.echo(json.dumps({"late_seconds": round(found.late_seconds, 1), "late": is_late, "calendars": lines}))
    else:
        for line in found.lines:
            told = f"{line.calendars} calendars\t{line.leased} being pulled\t{line.watched} watched\t{line.due} due"
            typer.echo(f"{line.status}\t{told}\t{line.reason or '-'}")
        typer.echo(f"The calendar that waits longest has been due for {found.late_seconds:.0f} s.")
    raise typer.Exit(FOUND if is_late else 0)


secret_commands = typer.Typer(no_args_is_help=True, help="Keys that secrets are sealed with.")
cli.add_typer(secret_commands, name="secrets")


@secret_commands.command("key")
def make_sealing_key(
    key_id: Annotated[str, typer.Argument(help="Its id: letters, digits, - and _; new for each key.")],
) -> None:
    """Make a key for SEALING_KEYS and print it. It is stored nowhere."""
    key = secrets.token_bytes(KEY_BYTES)
    KeyRing([(key_id, key)])
    typer.echo(f"{key_id}:{base64.b64encode(key).decode()}")


@secret_commands.command("rotate")
def rotate_secrets(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Seal every stored secret anew by the first key of SEALING_KEYS, while the service runs.

    Give the new key to all processes first: as last key, then as first. Stop it and start it again as you like; once it
    says so, the old keys may leave SEALING_KEYS. Exit code 3 when secrets cannot be read.
    """
    ring = load_settings().sealing.ring
    found = _with_documents(lambda: _rotated(ring, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps({**vars(found), "dry_run": dry_run, "key_id": ring.newest}))
    else:
        typer.echo(_told(found, ring.newest, dry_run=dry_run))
    raise typer.Exit(FOUND if found.unreadable else 0)


async def _rotated(ring: KeyRing, *, dry_run: bool) -> Rotation:
    with progress_bar(await rotation.count(), "Sealing anew") as advance:
        return await rotation.rotate(ring, advance, datetime.now(UTC), dry_run=dry_run)


def _told(found: Rotation, newest: str, *, dry_run: bool) -> str:
    done = "would be sealed anew" if dry_run else "were sealed anew"
    lines = [f"{found.renewed} of {found.looked_at} secrets {done} by the key {newest}."]
    if found.unreadable:
        agents = ", ".join(found.unreadable_agents)
        lines.append(f"{found.unreadable} cannot be read by any key. Enter the keys of these agents again: {agents}.")
    if found.retired_keys:
        lines.append(f"Nothing needs these keys any more: {', '.join(found.retired_keys)}.")
    return "\n".join(lines)


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe; what it gives is told how much was done."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)


def _with_documents(call: Callable[[], Awaitable[Result]]) -> Result:
    async def called() -> Result:
        async with documents(load_settings()):
            return await call()

    return asyncio.run(called())


@cli.command("openapi")
def print_openapi() -> None:
    """Print the description of all routes as JSON; docs/openapi.json is this."""
    from switchboard.app import described  # here alone: a worker without the routes takes 20 MB less

    typer.echo(json.dumps(described(), indent=1, sort_keys=True, ensure_ascii=False))


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
