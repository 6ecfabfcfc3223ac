"""The picture as shapes, from which SVG and PNG are made: boxes, lines, legend."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from switchboard.schema.diagrams import layout
from switchboard.schema.diagrams.layout import EDGE, FOOT, HEAD, MARGIN, MARKS, NAME, SMALL, TAG, TEXT, Placed
from switchboard.schema.diagrams.legend import legend
from switchboard.schema.diagrams.lettering import width_of
from switchboard.schema.diagrams.outline import Outline, Row
from switchboard.schema.diagrams.routing import Routing
from switchboard.schema.diagrams.shapes import DARK, GREY, LIGHT, PALE, WHITE, Rectangle, Shape, Text, tag
from switchboard.schema.diagrams.wires import wires

_COLOURS: Final = {
    "User": "#1d5fa8", "Organization": "#7a3e9d", "Agent": "#b4530f", "CalendarEvent": "#1f7a4d", "Calendar": "#0f7480",
}  # fmt: skip
_OTHERS: Final = ("#8a6d00", "#9d174d", "#3f6212", "#475569")
_JUNCTION: Final = "#334155"


@dataclass(frozen=True)
class Drawing:
    """All shapes in the order they are drawn in, and what they were made from."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    boxes: dict[str, Placed]
    routing: Routing


def draw(outline: Outline) -> Drawing:
    """The same outline always makes the same drawing, to the last digit."""
    columns = layout.columns_of(outline)
    boxes = layout.place(outline, columns, {}, {})
    routing = Routing(outline.lines, boxes, columns)
    gaps = {(int(slot.place), slot.number): number for slot, number in routing.lanes("gap").items()}
    lanes = {int(slot.place): number for slot, number in routing.lanes("channel").items()}
    boxes = layout.place(outline, columns, gaps, lanes)
    routing.moved(boxes)
    routing.untangled()
    colours = colours_of(outline)
    width = max(placed.x + placed.width for placed in boxes.values()) + MARGIN
    bottom = max(placed.bottom for placed in boxes.values())
    shapes = [*wires(routing, colours)]
    for placed in boxes.values():
        shapes += _box(placed, _head_colour(placed, colours))
    below, height = legend(MARGIN, bottom + 30, width - 2 * MARGIN)
    return Drawing(width, height + MARGIN - 8, (*_title(outline), *shapes, *below), boxes, routing)


def colours_of(outline: Outline) -> dict[str, str]:
    """A line has the colour of what it refers to."""
    targets = dict.fromkeys(line.target for line in outline.lines)
    others = cycle(_OTHERS)
    return {name: _COLOURS.get(name) or next(others) for name in outline.boxes if name in targets or name in _COLOURS}


def _head_colour(placed: Placed, colours: dict[str, str]) -> str:
    if not placed.box.whole:
        return colours.get(placed.box.name, "")
    return colours.get(placed.box.name, _JUNCTION)


def _title(outline: Outline) -> Iterator[Shape]:
    whole = sum(box.whole for box in outline.boxes.values())
    rest = len(outline.boxes) - whole
    yield Text(MARGIN, 40, "Switchboard: entities and relations", 22, DARK, bold=True)
    told = f"The {whole} entities with all their fields, and {rest} collections beside them by key and references."
    yield Text(MARGIN, 60, told, 12.5, GREY)


def _box(placed: Placed, colour: str) -> Iterator[Shape]:
    x, y, width = placed.x, placed.y, placed.width
    light = not placed.box.whole
    yield Rectangle(x, y, width, placed.height, WHITE, colour or "#94a3b8", radius=5)
    yield Rectangle(x, y, width, HEAD, PALE if light else colour, colour or "#94a3b8", radius=5, flat=True)
    ink = (colour or DARK) if light else WHITE
    yield Text(x + EDGE, y + 18, placed.box.name, layout.HEADING, ink, bold=True)
    yield Text(x + EDGE, y + 32, layout.subtitle(placed.box), SMALL, GREY if light else "#e8edf3")
    for row in placed.box.rows:
        yield from _row(placed, row)
    if placed.box.left_out:
        yield Text(x + EDGE + MARKS, placed.bottom - FOOT - 5, placed.box.more, SMALL + 0.5, LIGHT)


def _row(placed: Placed, row: Row) -> Iterator[Shape]:
    x, y = placed.x + EDGE, placed.row_y(row.path) + 4
    yield Text(x, y - 0.5, " ".join(row.marks), SMALL, "#9a3412" if "PK" in row.marks else GREY, bold="PK" in row.marks)
    yield Text(x + MARKS + 12 * row.depth, y, layout.label(row), NAME, DARK, bold=row.required)
    right = placed.x + placed.width - EDGE
    for word in reversed(layout.tags(row)):
        right -= width_of(word, SMALL) + TAG
        yield from tag(right, y, word)
        right -= 5
    yield Text(right - width_of(row.type, TEXT), y, row.type, TEXT, GREY)
