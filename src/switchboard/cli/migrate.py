"""Applying numbered steps to the stored data."""

from collections.abc import Sequence
from typing import Annotated

import typer

from switchboard.bootstrap import documents
from switchboard.cli.output import FOUND, AsJson, DryRun, at, finish, now, progress_bar, tell
from switchboard.migrations import runner, steps
from switchboard.migrations.runner import Done
from switchboard.migrations.step import Step, steps_of
from switchboard.settings import load_settings

commands = typer.Typer()


@commands.command()
def migrate(
    dry_run: DryRun = False,
    undo: Annotated[int | None, typer.Option(help="Take back the step of this number; it must be the last.")] = None,
    to: Annotated[int | None, typer.Option(help="Apply steps up to this number.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another process that does this.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Bring stored data into the shape of this version: apply the numbered steps that were not applied yet.

    Run it before the version starts. It may be stopped, even killed, and started again; of several at once one works.
    A dry run ends with exit code 3 when there is something to apply.
    """
    known = [step for step in steps_of(steps) if to is None or step.number <= to]
    if undo is not None:
        finish(_undo(undo, dry_run=dry_run, as_json=as_json))
    elif dry_run:
        finish(_plan(known, as_json=as_json))
    else:
        finish(_apply(known, wait, as_json=as_json))


async def _plan(known: Sequence[Step], *, as_json: bool) -> None:
    """Exit code 3 when there is something to apply."""
    async with documents(load_settings(), indexes=False) as database:
        applied, planned = await runner.plan(database, known)
    lines = [f"{step.number:04}\t{step.name}\tapplied {at(step.applied_at)} by run {step.run_id}" for step in applied]
    lines += [f"{_line(each.step)}\t{each.documents} documents\t{each.step.purpose}" for each in planned]
    pending = [{**_named(each.step), "documents": each.documents, "samples": each.samples} for each in planned]
    tell({"applied": [step.model_dump() for step in applied], "pending": pending}, lines, as_json=as_json)
    raise typer.Exit(FOUND if planned else 0)


async def _apply(known: Sequence[Step], wait: float, *, as_json: bool) -> None:
    async with documents(load_settings(), indexes=False) as database:
        _, planned = await runner.plan(database, known)
        with progress_bar(sum(each.documents for each in planned), "Migrating") as advance:
            done = await runner.apply(database, known, now, advance, wait=wait)
    lines = [line for each in done for line in _told(each)] or ["There is nothing to apply."]
    tell({"applied": [{**_named(each.step), **each.numbers} for each in done]}, lines, as_json=as_json)


def _told(done: Done) -> list[str]:
    lines = [f"{_line(done.step)}\t{done.changed} documents changed by run {done.run_id}"]
    if done.left:
        lines.append(f"{done.left} more came in the old shape meanwhile: stop the older version, then undo and repeat.")
    return lines


async def _undo(number: int, *, dry_run: bool, as_json: bool) -> None:
    async with documents(load_settings(), indexes=False):
        with progress_bar(0, "Taking back") as advance:
            undone = await runner.undo(number, now, advance, dry_run=dry_run)
    line = f"Step {number} {'would be' if dry_run else 'is'} taken back: {undone.told(dry_run=dry_run)}"
    tell({"step": number, "dry_run": dry_run, **vars(undone)}, [line], as_json=as_json)


def _line(step: Step) -> str:
    return f"{step.number:04}\t{step.name}"


def _named(step: Step) -> dict[str, object]:
    return {"number": step.number, "name": step.name, "purpose": step.purpose}
