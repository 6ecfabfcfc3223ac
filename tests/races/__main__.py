"""`scripts/races`: every race many times over; one JSON line each on standard output, what was violated on standard
error. Exit code 1 if there was anything.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from devstack.mongod import Mongod
from tests.races.cluster import Cluster, cluster
from tests.races.every import RACES
from tests.races.play import Outcome, play

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FAILED = 1
LAST_LINES = 10


def _known(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in RACES]
    if unknown:
        raise typer.BadParameter(f"there is no race {', '.join(unknown)}. There are: {', '.join(RACES)}.")
    return names


@cli.command(help=__doc__)
def races(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Which of: {', '.join(RACES)} (default: all).", callback=lambda v: _known(v or [])),
    ] = None,
    rounds: Annotated[int, typer.Option(help="How often each race is run.", min=1, max=100_000)] = 200,
    naive: Annotated[bool, typer.Option(help="Race a server without the conditional writes, which loses.")] = False,
) -> None:
    if asyncio.run(_races(names or list(RACES), rounds, naive=naive)):
        raise typer.Exit(FAILED)


async def _races(names: list[str], rounds: int, *, naive: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="switchboard-races-") as folder:
        async with Mongod() as mongod, cluster(mongod, Path(folder), naive=naive) as running:
            violations = await run(running, names, rounds)
            if violations and not naive:
                _told_by(running)
            return violations


async def run(running: Cluster, names: list[str], rounds: int) -> int:
    """How many rounds had a violation."""
    violations = 0
    for name in names:
        began = time.monotonic()
        outcome = await play(running, RACES[name], rounds, told=_progress)
        _tell(outcome, time.monotonic() - began)
        violations += outcome.violations
    return violations


def _progress(outcome: Outcome) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{outcome.race} {outcome.rounds} ({outcome.violations} violated)", err=True, nl=False)


def _tell(outcome: Outcome, seconds: float) -> None:
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)
    line = {"race": outcome.race, "rounds": outcome.rounds, "callers": outcome.callers}
    typer.echo(json.dumps({**line, "violations": outcome.violations}))
    answers = ", ".join(f"{times} x {answer}" for answer, times in sorted(outcome.answers.items()))
    typer.echo(f"  {seconds:.0f} s, {outcome.looks} looks in between; answers: {answers}", err=True)
    if outcome.found:
        typer.echo(outcome.sentences, err=True)


def _told_by(running: Cluster) -> None:
    """What the processes complained of last: it explains answers that nobody expected."""
    for log in running.logs:
        for line in log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]:
            typer.echo(f"  {log.name}: {line}", err=True)


if __name__ == "__main__":
    cli(prog_name="scripts/races")
