"""Runs of long work: looking at them, taking them back, giving them up."""

from typing import Annotated

import typer

from switchboard.cli import import_agents
from switchboard.cli.output import AsJson, DryRun, at, now, progress_bar, tell, with_documents
from switchboard.migrations.documents import AppliedStepDocument
from switchboard.runs import service as runs
from switchboard.runs.model import Run, Undone, UndoneOtherwise

commands = typer.Typer(no_args_is_help=True, help="Runs of long work: list them, take them back, give them up.")
RunId = Annotated[str, typer.Argument(help="As 'switchboard runs list' shows it.")]


@commands.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """List the last fifty runs, the newest first: id, name, state, when it began, and what it counted."""
    found = with_documents(runs.newest, indexes=False)
    lines = [_line(run) for run in found] or ["There are no runs."]
    tell({"runs": [_shown(run) for run in found]}, lines, as_json=as_json)


@commands.command("undo")
def undo_run(run_id: RunId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Put back what a run changed, as far as nobody changed it since. It may be stopped and started again."""
    undone = with_documents(lambda: _undone(run_id, dry_run=dry_run), indexes=False)
    tell({**vars(undone), "run_id": run_id, "dry_run": dry_run}, [undone.told(dry_run=dry_run)], as_json=as_json)


@commands.command("abandon")
def abandon_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Give up a run that was not finished: the next start begins anew. What it changed can still be taken back."""
    run = with_documents(lambda: runs.abandon(run_id, now), indexes=False)
    tell(_shown(run), [f"{run.name} ({run.run_id}) is {run.state}."], as_json=as_json)


@commands.command("forget")
def forget_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Remove what a run kept to be taken back by; it holds what the documents held, secrets included."""
    with_documents(lambda: runs.forget(run_id), indexes=False)
    lines = ["It is forgotten: the run cannot be taken back any more."]
    tell({"run_id": run_id, "forgotten": True}, lines, as_json=as_json)


async def _undone(run_id: str, *, dry_run: bool) -> Undone:
    run = await runs.found(run_id)
    otherwise = await _otherwise(run)
    if otherwise is not None:
        raise UndoneOtherwise(f"A run of {run.name} is taken back by '{otherwise}'.")
    with progress_bar(run.packs, "Taking back") as advance:
        return await runs.undo(run_id, now, advance, dry_run=dry_run)


async def _otherwise(run: Run) -> str | None:
    """The command that takes this run back, where that is more than its images."""
    step = await AppliedStepDocument.of_run(run.run_id)
    if step is not None:
        return f"switchboard migrate --undo {step.number}"
    return f"switchboard take-back-agents {run.run_id}" if run.name == import_agents.NAME else None


def _shown(run: Run) -> dict[str, object]:
    return run.model_dump(exclude={"open", "packs", "fence", "position"})


def _line(run: Run) -> str:
    kinds = ("variant_", "change_", "note_")  # those are in the report of the run, and in --json
    shown = {name: number for name, number in run.counts.items() if not name.startswith(kinds)}
    counts = " ".join(f"{name}={number}" for name, number in shown.items()) or "-"
    return "\t".join((run.run_id, run.name, run.state, at(run.begun_at), counts))
