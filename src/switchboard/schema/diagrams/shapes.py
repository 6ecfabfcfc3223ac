"""What a drawing is made of; lengths in points, from the upper left corner, colours as in CSS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from switchboard.schema.diagrams.lettering import width_of

DARK, GREY, LIGHT, PALE, WHITE = "#0f172a", "#475569", "#64748b", "#eef2f6", "#ffffff"
_TAGS: Final = {
    "secret": ("#fee2e2", "#991b1b"), "sealed": ("#fee2e2", "#991b1b"), "cascade": ("#e0e7ff", "#3730a3"),
    "nullify": ("#fef3c7", "#854d0e"), "restrict": ("#fef3c7", "#854d0e"), "keep": ("#e2e8f0", "#334155"),
}  # fmt: skip
SMALL: Final = 9.5
AROUND: Final = 5.0


@dataclass(frozen=True)
class Rectangle:
    """`flat`: its lower corners are not round."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str = ""
    radius: float = 0
    flat: bool = False


@dataclass(frozen=True)
class Path:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.4
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True)
class Text:
    """`x`, `y` is where its base line begins."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False

    @property
    def width(self) -> float:
        return width_of(self.text, self.size, bold=self.bold)


Shape = Rectangle | Path | Dot | Text


def tag(x: float, y: float, word: str) -> Iterator[Shape]:
    """A word on a ground of its own, whose base line is at `y`."""
    ground, ink = _TAGS[word]
    yield Rectangle(x, y - 10, width_of(word, SMALL) + 2 * AROUND, 13, ground, radius=3)
    yield Text(x + AROUND, y - 0.5, word, SMALL, ink)
