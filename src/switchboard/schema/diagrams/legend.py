"""What the marks and lines of the picture mean."""

from collections.abc import Callable, Iterator
from typing import Final

from switchboard.schema.diagrams.routing import End
from switchboard.schema.diagrams.shapes import DARK, GREY, LIGHT, PALE, Dot, Path, Rectangle, Shape, Text, tag
from switchboard.schema.diagrams.wires import THICK, foot

_LINE: Final = 22
_SIZE: Final = 12.0
_COLOUR: Final = "#1d5fa8"


def legend(x: float, y: float, width: float) -> tuple[list[Shape], float]:
    """Its shapes, and where it ends."""
    columns = (_marks, _tags, _lines, _ends)
    height = 40 + _LINE * 6
    shapes: list[Shape] = [Rectangle(x, y, width, height, "#f8fafc", "#cbd5e1", radius=5)]
    shapes.append(Text(x + 14, y + 22, "How to read it", 13.5, DARK, bold=True))
    step = (width - 28) / len(columns)
    for i, column in enumerate(columns):
        shapes += column(x + 14 + step * i, y + 46)
    return shapes, y + height


def _listed(x: float, y: float, rows: list[tuple[Callable[[float, float], Iterator[Shape]], str]]) -> Iterator[Shape]:
    for i, (sign, meaning) in enumerate(rows):
        at = y + i * _LINE
        yield from sign(x, at)
        yield Text(x + 66, at, meaning, _SIZE, GREY)


def _word(word: str, *, bold: bool = False) -> Callable[[float, float], Iterator[Shape]]:
    def shown(x: float, y: float) -> Iterator[Shape]:
        yield Text(x, y, word, _SIZE, DARK, bold=bold)

    return shown


def _tagged(word: str) -> Callable[[float, float], Iterator[Shape]]:
    return lambda x, y: tag(x, y, word)


def _marks(x: float, y: float) -> Iterator[Shape]:
    yield from _listed(x, y, [
        (_word("PK"), "key, or part of it: one document each"),
        (_word("FK"), "holds the key of another entity"),
        (_word("U"), "unique, maybe with others or conditions"),
        (_word("name *", bold=True), "required: in every document"),
        (_word("type?"), "may be null"),
        (_word("type[]"), "a list of these"),
    ])  # fmt: skip


def _tags(x: float, y: float) -> Iterator[Shape]:
    yield from _listed(x, y, [
        (_tagged("cascade"), "goes with the other, of a list the entry"),
        (_tagged("nullify"), "is emptied when the other is deleted"),
        (_tagged("restrict"), "the other cannot be deleted"),
        (_tagged("keep"), "stays, and names what is no more"),
        (_tagged("secret"), "never shown, logged or exported unasked"),
        (_tagged("sealed"), "secret, and never stored in the clear"),
    ])  # fmt: skip


def _lines(x: float, y: float) -> Iterator[Shape]:
    yield from _listed(x, y, [
        (_drawn(dashed=False), "stored: the field holds the other's key"),
        (_drawn(dashed=True), "conceptual: by a value, or through a junction"),
        (_foot(many=True), "many (N)"),
        (_foot(many=False), "one (1)"),
        (_joined, "lines to the same end join"),
        (_crossed, "lines that only cross"),
    ])  # fmt: skip


def _ends(x: float, y: float) -> Iterator[Shape]:
    told = (
        "A line begins at the field and ends at the head of",
        "what the field refers to, and has its colour.",
        "A box in pale shows its key and references alone.",
        "A junction joins two entities, many to many.",
        "Every document has an _id as well. Defaults, indexes",
        "and all other fields are in docs/data-model.md.",
    )
    for i, line in enumerate(told):
        yield Text(x, y + i * _LINE, line, _SIZE, GREY)


def _drawn(*, dashed: bool) -> Callable[[float, float], Iterator[Shape]]:
    def shown(x: float, y: float) -> Iterator[Shape]:
        yield Path(((x, y - 4), (x + 48, y - 4)), _COLOUR, THICK, dashed)

    return shown


def _foot(*, many: bool) -> Callable[[float, float], Iterator[Shape]]:
    def shown(x: float, y: float) -> Iterator[Shape]:
        yield Path(((x, y - 4), (x + 40, y - 4)), _COLOUR, THICK)
        yield Rectangle(x + 40, y - 11, 10, 14, PALE, LIGHT, radius=2)
        yield from foot(End(x + 40, y - 4, left=True, many=many), _COLOUR)

    return shown


def _joined(x: float, y: float) -> Iterator[Shape]:
    yield from _crossed(x, y)
    yield Dot(x + 24, y - 4, 2.6, _COLOUR)


def _crossed(x: float, y: float) -> Iterator[Shape]:
    yield Path(((x, y - 4), (x + 48, y - 4)), _COLOUR, THICK)
    yield Path(((x + 24, y - 12), (x + 24, y + 4)), _COLOUR, THICK)
