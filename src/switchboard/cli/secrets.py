"""Keys that secrets are sealed with."""

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from switchboard.cli.output import FOUND, AsJson, DryRun, progress_bar, tell, with_documents
from switchboard.crypto import KEY_BYTES, KeyRing
from switchboard.rotation import service as rotation
from switchboard.rotation.model import Rotation
from switchboard.settings import load_settings

secret_commands = typer.Typer(no_args_is_help=True, help="Keys that secrets are sealed with.")


@secret_commands.command("key")
def make_sealing_key(
    key_id: Annotated[str, typer.Argument(help="Its id: letters, digits, - and _; new for each key.")],
) -> None:
    """Make a key for SEALING_KEYS and print it. It is stored nowhere."""
    key = secrets.token_bytes(KEY_BYTES)
    KeyRing([(key_id, key)])
    typer.echo(f"{key_id}:{base64.b64encode(key).decode()}")


@secret_commands.command("rotate")
def rotate_secrets(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Seal every stored secret anew by the first key of SEALING_KEYS, while the service runs.

    Give the new key to all processes first: as last key, then as first. Stop it and start it again as you like; once it
    says so, the old keys may leave SEALING_KEYS. Exit code 3 when secrets cannot be read.
    """
    ring = load_settings().sealing.ring
    found = with_documents(lambda: _rotated(ring, dry_run=dry_run), indexes=not dry_run)
    if as_json:
        typer.echo(json.dumps({**vars(found), "dry_run": dry_run, "key_id": ring.newest}))
    else:
        typer.echo(_told(found, ring.newest, dry_run=dry_run))
    raise typer.Exit(FOUND if found.unreadable else 0)


@secret_commands.command("forget")
def forget_key(
    key_id: Annotated[str, typer.Argument(help="The id of the lost key.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let all processes start without a sealing key that is lost. Nobody can read any more what it sealed.

    Take it out of SEALING_KEYS everywhere first. What it sealed stays as it is: should the key be found, add it again.
    Until then the agents that are named are not ready; enter their keys again. Exit code 3 when it sealed something.
    """
    ring = load_settings().sealing.ring
    lost = with_documents(lambda: rotation.forget(ring, key_id, dry_run=dry_run), indexes=not dry_run)
    lines = [f"{lost.values} stored secrets were sealed by the key {key_id}."]
    lines += [_to_do(lost.agents)] if lost.values else []
    lines.append("Nothing was written." if dry_run else "Processes start without this key from now on.")
    tell({**vars(lost), "dry_run": dry_run}, lines, as_json=as_json)
    raise typer.Exit(FOUND if lost.values else 0)


async def _rotated(ring: KeyRing, *, dry_run: bool) -> Rotation:
    with progress_bar(await rotation.count(), "Sealing anew") as advance:
        return await rotation.rotate(ring, advance, datetime.now(UTC), dry_run=dry_run)


def _told(found: Rotation, newest: str, *, dry_run: bool) -> str:
    done = "would be sealed anew" if dry_run else "were sealed anew"
    lines = [f"{found.renewed} of {found.looked_at} secrets {done} by the key {newest}."]
    if found.unreadable:
        lines.append(f"{found.unreadable} cannot be read by any key. {_to_do(found.unreadable_agents)}")
    if found.retired_keys:
        lines.append(f"Nothing needs these keys any more: {', '.join(found.retired_keys)}.")
    return "\n".join(lines)


def _to_do(agents: list[str]) -> str:
    if not agents:
        return "Only the history of agents holds them."
    return f"Enter the keys of these agents again: {', '.join(agents)}."
