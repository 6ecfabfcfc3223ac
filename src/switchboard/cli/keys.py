"""Keys of internal services."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from switchboard.cli.output import AsJson, at, with_documents
from switchboard.runtime import service as service_keys
from switchboard.runtime.model import SCOPES, ServiceKey

keys = typer.Typer(no_args_is_help=True, help="Keys of internal services.")


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
    key, text = with_documents(lambda: service_keys.create(name, grant, datetime.now(UTC)))
    typer.echo(json.dumps({**_shown(key, datetime.now(UTC)), "key": text}))


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, the newest first: id, prefix, state, name, scopes, organization and role, expiry, last use."""
    now = datetime.now(UTC)
    found = with_documents(service_keys.listed, indexes=False)
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
    key = with_documents(lambda: service_keys.revoke(key_id, now))
    typer.echo(json.dumps(_shown(key, now)) if as_json else f"{key.name} ({key.prefix}...) is revoked.")


def _shown(key: ServiceKey, now: datetime) -> dict[str, object]:
    """What may be shown of a key."""
    return {**key.model_dump(mode="json", exclude={"key_hash"}), "state": key.state(now)}


def _line(key: ServiceKey, now: datetime) -> str:
    where = "any organization" if key.org_id is None else f"{key.org_id} as {key.role}"
    expires = "never expires" if key.expires_at is None else f"expires {at(key.expires_at)}"
    used = "never used" if key.last_used_at is None else f"last used {at(key.last_used_at)}"
    columns = (key.key_id, key.prefix, key.state(now), key.name, ",".join(key.scopes), where, expires, used)
    return "\t".join(columns)
