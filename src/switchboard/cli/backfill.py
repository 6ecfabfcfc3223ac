"""Everything of PropelAuth, brought here."""

import time
from typing import Annotated, Final

import typer

from switchboard.backfill import service as backfill
from switchboard.backfill.model import Drift, Line, Position
from switchboard.backfill.service import Backfill
from switchboard.bootstrap import running, set_up_logging
from switchboard.cli.output import FOUND, AsJson, DryRun, finish, now, progress_bar, tell
from switchboard.clients.patience import Patience
from switchboard.runs import service as runs
from switchboard.settings import Settings, load_settings

commands = typer.Typer()

NAME: Final = "backfill"
KINDS: Final = {
    "missing_here": "missing here",
    "missing_there": "unknown to PropelAuth",
    "differs": "differs",
    "kept": "differs, and stays as people set it here",
}


@commands.command(NAME)
def fill(
    requests_per_second: Annotated[
        float, typer.Option(help="Requests to PropelAuth at most; it publishes no limit.", min=0.1, max=100)
    ] = 5.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring organizations, members, roles, invites and people of PropelAuth here, and say what differed.

    It may be stopped and started again: it goes on after the last organization. Exit code 3 when something still
    differs at the end, with --dry-run when anything does.
    """
    settings = load_settings()
    set_up_logging(settings.log.model_copy(update={"level": "warning"}))  # what is mirrored is told by the report
    patience = Patience(requests_per_second, settings.propelauth.timeout)
    began = time.monotonic()
    work = _dry(settings, patience) if dry_run else _carried_out(settings, patience)
    position, run_id, done_before = finish(work)
    seconds = time.monotonic() - began
    organizations = position.counted.get("organizations", 0) - done_before
    pace = {"seconds": round(seconds, 1), "organizations_per_second": round(organizations / seconds, 2)}
    sent = {"requests": patience.requests, "repeated": patience.repeated}
    report = {"run_id": run_id, "dry_run": dry_run, **position.model_dump(include={"counted"}), **pace, **sent}
    drifts = {"found": _told(position.found), "remaining": _told(position.remaining)}
    tell({**report, **drifts}, _lines(position, {**pace, **sent}, dry_run=dry_run), as_json=as_json)
    raise typer.Exit(FOUND if (position.found if dry_run else position.remaining) else 0)


async def _dry(settings: Settings, patience: Patience) -> tuple[Position, str | None, int]:
    async with running(settings, prepare=False) as services:
        services.propelauth.be_patient(patience)
        work = Backfill(services, Position(), now, progress_bar, keep=None)
        await backfill.go_on(work)
        return work.position, None, 0


async def _carried_out(settings: Settings, patience: Patience) -> tuple[Position, str | None, int]:
    project = {"project": settings.propelauth.auth_url}
    async with running(settings) as services, runs.begun(NAME, project, now) as run:
        services.propelauth.be_patient(patience)
        position = Position.model_validate(run.run.position or {})
        done_before = position.counted.get("organizations", 0)
        work = Backfill(services, position, now, progress_bar, keep=run.checkpoint)
        await backfill.go_on(work)
        await run.checkpoint(position.model_dump(), **position.counted)
        return position, run.run.run_id, done_before


def _told(drift: Drift) -> list[dict[str, object]]:
    return [line.model_dump(mode="json") for line in drift.lines]


def _lines(position: Position, work: dict[str, float], *, dry_run: bool) -> list[str]:
    counts = " ".join(f"{name}={number}" for name, number in {**position.counted, **work}.items())
    found = [_line(line) for line in position.found.lines]
    left = [f"still\t{_line(line)}" for line in position.remaining.lines]
    if dry_run:
        end = "Nothing was written." if position.found else "Nothing differs. Nothing was written."
    else:
        end = "What still differs is above: run it again." if position.remaining else "All is as PropelAuth has it."
    return [*found, *left, counts, end]


def _line(line: Line) -> str:
    field = f".{line.field}" if line.field else ""
    samples = ", ".join(
        each.id if each.there is None and each.here is None else f"{each.id} ({each.there} there, {each.here} here)"
        for each in line.samples
    )
    return f"{line.entity}{field}\t{KINDS[line.kind]}\t{line.count}\t{samples}"
