"""What the commands have in common: options, progress, reports, and how they end."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from switchboard.bootstrap import documents
from switchboard.settings import load_settings

FAILED: Final = 1
FOUND: Final = 3
INTERRUPTED: Final = 130
SECONDS_BETWEEN_LINES: Final = 5.0

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; write nothing.")]

Result = TypeVar("Result")


def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """What the work returns. On Ctrl-C it gets to tidy up; then this ends with a sentence and exit code 130."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        typer.echo("Stopped. What was done is kept; the same command goes on from there.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def with_documents(call: Callable[[], Awaitable[Result]], *, indexes: bool = True) -> Result:
    """What a call returns that needs MongoDB alone. Without `indexes` nothing but the call writes anything."""

    async def called() -> Result:
        async with documents(load_settings(), indexes=indexes):
            return await call()

    return finish(called())


def tell(report: Mapping[str, object], lines: list[str], *, as_json: bool) -> None:
    """The report as one JSON object, or these lines."""
    typer.echo(json.dumps(report, default=_plain) if as_json else "\n".join(lines))


def now() -> datetime:
    return datetime.now(UTC)


def at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: object) -> str:
    return at(value) if isinstance(value, datetime) else str(value)


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """What it gives is told how much more was done: a bar on a terminal, now and then a line in a pipe."""
    if sys.stderr.isatty() and total:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.advance(task, done)
    else:
        yield _Lines(total, title).advance


class _Lines:
    """Progress as plain lines on standard error, none for what is over soon."""

    def __init__(self, total: int, title: str) -> None:
        self._total, self._title, self._done = total, title, 0
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES

    def advance(self, done: int) -> None:
        self._done += done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            typer.echo(f"{self._title}: {self._done} of {self._total}", err=True)
