"""Agents of another service, taken over."""

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from switchboard.agent_imports.model import Given, Organizations, Row, TakenBack
from switchboard.agent_imports.schemas import NoAgents, line_of, numbered, numbers_of, read_mapping, records_of
from switchboard.bootstrap import running, set_up_logging
from switchboard.cli.output import FOUND, AsJson, DryRun, finish, now, progress_bar, tell
from switchboard.clients.agents_service import AgentsService
from switchboard.clients.patience import Patience
from switchboard.errors import Invalid, Misconfigured
from switchboard.organizations.documents import OrganizationDocument
from switchboard.runs import service as runs
from switchboard.settings import Settings, load_settings

commands = typer.Typer()

NAME: Final = "import-agents"
LARGEST_FILE: Final = 64_000_000  # bytes; of JSON lines one at a time is read
LONGEST_LINE: Final = 4_000_000
LINES: Final = (".jsonl", ".ndjson")
PACE: Final = 5.0
DEADLINE: Final = 30.0

Source = Callable[[], Iterable[Given]]


@commands.command(NAME)
def bring(  # noqa: PLR0913  (each is an option of the command)
    organizations: Annotated[
        Path, typer.Option(help="JSON or CSV: what records call an organization, and its id here.", dir_okay=False)
    ],
    source: Annotated[Path | None, typer.Argument(help="A dump: JSON, or JSON lines (.jsonl).", dir_okay=False)] = None,
    url: Annotated[str | None, typer.Option(help="Read from the agents service at this address instead.")] = None,
    key_env: Annotated[str, typer.Option(help="The environment variable with its key.")] = "LEGACY_AGENTS_KEY",
    update: Annotated[bool, typer.Option("--update", help="Let agents that are here already follow.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import agents from a dump of the old agents service, or from the service itself.

    It may be stopped and started again, and changes nothing the second time. Exit code 3 when records were refused.
    'take-back-agents' undoes it.
    """
    settings = load_settings()
    set_up_logging(settings.log.model_copy(update={"level": "warning"}))
    named = read_mapping(_text(organizations))
    if (source is None) == (url is None):
        raise Invalid("Give either the file of a dump or --url.")
    key = _key(key_env) if url else None
    run_id, rows = finish(_brought(settings, named, (source, url, key), update=update, dry_run=dry_run))
    counted = _counted(row.outcome for row in rows)
    report = {"run_id": run_id, "dry_run": dry_run, "counted": counted, "unmapped": _unmapped(rows)}
    tell({**report, "agents": [asdict(row) for row in rows]}, _lines(run_id, rows, counted), as_json=as_json)
    raise typer.Exit(FOUND if counted.get("refused") else 0)


@commands.command("take-back-agents")
def take_back(
    run_id: Annotated[str, typer.Argument(help="As 'switchboard runs list' shows it.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete the agents that a run of import-agents made, and put back those that it updated.

    Agents that were changed since stay. Deleted ones can be restored, also by the next import. May be repeated.
    """
    settings = load_settings()
    set_up_logging(settings.log.model_copy(update={"level": "warning"}))
    taken = finish(_taken_back(settings, run_id, dry_run=dry_run))
    counted = _counted(each.outcome for each in taken)
    lines = [f"{each.outcome}\t{each.org_id}\t{each.agent_id}" for each in taken]
    report = {"run_id": run_id, "dry_run": dry_run, "counted": counted, "agents": [asdict(each) for each in taken]}
    tell(report, [*lines, _sum(counted)], as_json=as_json)


async def _brought(
    settings: Settings,
    named: dict[str, str],
    where: tuple[Path | None, str | None, SecretStr | None],
    *,
    update: bool,
    dry_run: bool,
) -> tuple[str | None, list[Row]]:
    from switchboard.agent_imports import service as agent_imports  # here alone: a worker needs nothing of it

    async with running(settings, prepare=not dry_run) as services:
        path, url, key = where
        source = _dump(path) if path else await _asked(url or "", key or SecretStr(""))
        total = sum(1 for _ in source())
        work = agent_imports.Import(services, await _known(named), source, now, update=update)
        with progress_bar(total, "Agents") as advance:
            if dry_run:
                return None, await agent_imports.bring(work, _advancing(advance))
            options = {"source": path.name if path else url, "update": update}
            async with runs.begun(NAME, options, now) as run:
                work.run_id, work.resumed = run.run.run_id, run.run.fence > 1
                await run.checkpoint(run.run.position or 0)  # from here on it can be gone on with
                rows = await agent_imports.bring(work, _advancing(advance, run))
                await run.checkpoint(total, **_counted(row.outcome for row in rows))
                return work.run_id, rows


def _advancing(advance: Callable[[int], None], run: runs.Work | None = None) -> Callable[[int], Awaitable[None]]:
    async def done(place: int) -> None:
        if run is not None:
            await run.checkpoint(place)
        advance(1)

    return done


async def _known(named: dict[str, str]) -> Organizations:
    organizations = Organizations(named, frozenset(await OrganizationDocument.ids()))
    unknown = organizations.unknown()
    if unknown:
        names = ", ".join(unknown[:10])
        raise Invalid(f"--organizations names what is no organization here: {names}. Run 'switchboard backfill' first.")
    return organizations


async def _taken_back(settings: Settings, run_id: str, *, dry_run: bool) -> list[TakenBack]:
    from switchboard.agent_imports import service as agent_imports

    async with running(settings, prepare=not dry_run) as services:
        run = await runs.found(run_id)
        if run.name != NAME:
            raise Invalid(f"This is a run of {run.name}; 'switchboard runs undo' takes it back.")
        if run.held(now()):
            raise run.under_way()
        if run.open and not dry_run:  # else the next import would go on with it
            await runs.abandon(run_id, now)
        return await agent_imports.take_back(services, run_id, now, dry_run=dry_run)


async def _asked(url: str, key: SecretStr) -> Source:
    async with AgentsService.opened(url, key, Patience(PACE, DEADLINE)) as service:
        answer, numbers = await service.everything(), numbers_of(await service.trunks())
    found = [numbered(given, numbers) for given in records_of(answer)]
    return lambda: found


def _dump(path: Path) -> Source:
    if path.suffix in LINES:
        return lambda: _read_lines(path)
    found = list(records_of(_json(_text(path))))
    return lambda: found


def _read_lines(path: Path) -> Iterator[Given]:
    """A line that cannot be read is a record that cannot be read."""
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            if line.strip():
                yield line_of(line)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoAgents from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"{path.name} is larger than 64 MB. Of JSON lines (.jsonl) a file may have any size.")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"{path.name} cannot be read as a text in UTF-8.") from None


def _key(name: str) -> SecretStr:
    value = os.environ.get(name, "").strip()
    if not value:
        raise Misconfigured(f"The environment variable {name} is empty: it has the key of the agents service.")
    return SecretStr(value)


def _unmapped(rows: list[Row]) -> dict[str, int]:
    names = (row.organization or "" for row in rows if row.reason == "organization_unmapped")
    return dict(Counter(names))


def _lines(run_id: str | None, rows: list[Row], counted: dict[str, int]) -> list[str]:
    """A line for each agent that an operator has to look at, then those organizations that the file does not name."""
    told = [_line(row) for row in rows if row.reason or row.notes or row.missing or row.differing]
    unmapped = [f"not in --organizations\t{name or '(none)'}\t{count}" for name, count in _unmapped(rows).items()]
    end = "Nothing was written." if run_id is None else f"'switchboard take-back-agents {run_id}' undoes this."
    return [*told, *unmapped, _sum(counted), end]


def _line(row: Row) -> str:
    status = f" {row.status}" if row.status else ""
    why = [row.reason] if row.reason else []
    missing = [f"missing: {', '.join(row.missing)}"] if row.missing else []
    differing = [f"differs: {', '.join(row.differing)}"] if row.differing else []
    return f"{row.id}\t{row.outcome}{status}\t{'; '.join([*why, *missing, *differing, *row.notes]) or '-'}"


def _counted(outcomes: Iterable[str]) -> dict[str, int]:
    return dict(Counter(outcomes))


def _sum(counted: dict[str, int]) -> str:
    return " ".join(f"{name}={number}" for name, number in counted.items()) or "There are no agents."
