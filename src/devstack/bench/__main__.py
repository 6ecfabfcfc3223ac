"""`scripts/bench`: measures against their floors; one JSON line each on standard output, a table on standard error."""

import asyncio
import random
from typing import Annotated

import typer

from devstack.bench.data import measure_commands, measure_normalize
from devstack.bench.idle import measure_idle
from devstack.bench.me import measure_me
from devstack.bench.measure import Measure, show
from devstack.bench.memory import measure_memory
from devstack.bench.org_view import measure_org_view
from devstack.bench.pull import measure_pull
from devstack.bench.runtime import measure_runtime
from devstack.bench.soak import measure_soak

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

FAILED = 1
NAMED = 20  # differences that are told of

Runs = Annotated[int, typer.Option(help="Rounds of ours and of the floor, in turn.", min=1, max=99)]


@cli.command()
def me(runs: Runs = 7, seconds: Annotated[float, typer.Option(help="Length of a round.", min=0.5, max=60)] = 3) -> None:
    """GET /v1/me through one worker, in requests a second."""
    _tell([asyncio.run(measure_me(runs, seconds))])


@cli.command()
def pull(runs: Runs = 7) -> None:
    """The first pull of a calendar of 10,000 events, in events a second."""
    _tell([asyncio.run(measure_pull(runs))])


@cli.command()
def idle(
    runs: Runs = 5,
    calendars: Annotated[int, typer.Option(help="How many are due in a round.", min=50, max=100_000)] = 2_000,
) -> None:
    """Unchanged calendars a second, and what each costs in requests to Google and to MongoDB."""
    _tell([asyncio.run(measure_idle(calendars, runs))])


@cli.command()
def memory(events: Annotated[int, typer.Option(help="Of the one calendar.", min=1000)] = 100_000) -> None:
    """The most that a worker process takes while it pulls a very large calendar; exit code 1 when over its limit."""
    found = asyncio.run(measure_memory(events))
    typer.echo(found.line())
    if not found.good:
        raise typer.Exit(FAILED)


@cli.command()
def data(
    runs: Annotated[int, typer.Option(help="Rounds of normalising and of its floor.", min=1, max=9)] = 1,
    users: Annotated[int, typer.Option(help="User documents, in the ten variants.", min=1000)] = 1_000_000,
    organizations: Annotated[int, typer.Option(help="With 20,000 events each.", min=1, max=4000)] = 100,
    exported: Annotated[int, typer.Option(help="Such organizations to export.", min=1, max=4000)] = 10,
) -> None:
    """The data scripts: normalize-users beside the barest loop and its memory, doctor and export-sql over events.

    Exit code 1 when doctor takes longer than its limit, which is five minutes for two million events.
    """
    _tell([asyncio.run(measure_normalize(users, runs))])
    commands = asyncio.run(measure_commands(organizations, exported))
    for found in commands:
        typer.echo(found.line())
    if not all(found.good for found in commands):
        raise typer.Exit(FAILED)


@cli.command()
def soak(
    people: Annotated[int, typer.Option(help="People, two thirds of them with two calendars.", min=1)] = 1_000,
    minutes: Annotated[float, typer.Option(help="How long everything changes and fails.", min=0.1, max=600)] = 10,
    seed: Annotated[int, typer.Option(help="Of the changes; 0 draws one.", min=0)] = 0,
) -> None:
    """Calendars change, requests fail, workers are killed and frozen; at the end MongoDB must hold what Google shows.

    Exit code 1 when it does not, and the first differences on standard error.
    """
    found = asyncio.run(measure_soak(people, minutes, seed or random.randrange(1, 10**6), _say))
    typer.echo(found.line())
    for line in [*found.differences, *found.crashes][:NAMED]:
        _say(line)
    if not found.good:
        raise typer.Exit(FAILED)


@cli.command()
def runtime(
    runs: Runs = 7, seconds: Annotated[float, typer.Option(help="Length of a round.", min=0.5, max=60)] = 3
) -> None:
    """An agent's runtime configuration, sent (runtime-200) and known already (runtime-304), in requests a second."""
    _tell(asyncio.run(measure_runtime(runs, seconds)))


@cli.command("org-view")
def org_view(runs: Runs = 7, requests: Annotated[int, typer.Option(help="Requests a round.", min=2)] = 40) -> None:
    """A week of an organization's calendars at 20 thousand (floor) and 2 million events (ours): medians in ms.

    A ratio below one and a half is what it is for. Takes some minutes, most of them to write the events.
    """
    _tell(asyncio.run(measure_org_view(runs, requests)))


@cli.command("all")
def every() -> None:
    """Every measure."""
    _tell([asyncio.run(measure_me(7, 3)), asyncio.run(measure_pull(7)), *asyncio.run(measure_runtime(7, 3))])


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _tell(measures: list[Measure]) -> None:
    for measure in measures:
        typer.echo(measure.line())
    show(measures)


if __name__ == "__main__":
    cli()
