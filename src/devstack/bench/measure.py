"""A measure's result, as a JSON line and as a row of a table."""

import json
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measure:
    """`ours` and `floor` are medians over `runs` rounds in `unit`; `ratio` is ours over floor, higher is better.

    `figures` are others that the rounds showed.
    """

    measure: str
    ours: float
    floor: float
    ratio: float
    unit: str
    runs: int
    figures: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        facts = asdict(self)
        figures = facts.pop("figures")
        return json.dumps({**facts, **figures})

    def beside(self, **figures: float) -> Self:
        """The same with other figures."""
        return replace(self, figures=figures)


async def interleaved(
    name: str, unit: str, runs: int, ours: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]]
) -> Measure:
    """One round of each that does not count, then `runs` rounds of each in turn."""
    await floor()
    await ours()
    found: list[tuple[float, float]] = []
    for _ in range(runs):
        found.append((await floor(), await ours()))
    floor_median = statistics.median(low for low, _ in found)
    ours_median = statistics.median(high for _, high in found)
    return Measure(
        name, round(ours_median, 1), round(floor_median, 1), round(ours_median / floor_median, 3), unit, runs
    )


def show(measures: list[Measure]) -> None:
    """A table for people, on standard error, so that standard output stays one JSON line a measure."""
    table = Table("measure", "ours", "floor", "ratio", "unit", "runs")
    for found in measures:
        row = (found.measure, f"{found.ours:,.0f}", f"{found.floor:,.0f}", f"{found.ratio:.2f}", found.unit)
        table.add_row(*row, str(found.runs))
    Console(stderr=True).print(table)
