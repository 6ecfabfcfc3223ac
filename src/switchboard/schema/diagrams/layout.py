"""Where the boxes of the picture stand: five columns, with channels between them that the lines run in.

The nine have their columns; the others stand beside what they refer to: what joins people and organizations between
these two, the rest outside. What refers to nothing fills the shortest columns up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from switchboard.schema.diagrams.lettering import width_of
from switchboard.schema.diagrams.outline import Box, Outline, Row

COLUMNS: Final = 5
MIDDLE: Final = 2
HEAD, ROW, FOOT = 40, 18, 7
MARKS, GUTTER, EDGE, TAG = 46, 14, 9, 10
NAME, TEXT, SMALL, HEADING = 12.0, 11.5, 9.5, 14.0
GAP, LANE, STUB, MARGIN, TOP = 26, 13, 27, 28, 86

_COLUMN: Final = {
    "UserToken": 0, "User": 1, "CalendarEvent": 1, "UserOrganization": MIDDLE, "PendingInvite": MIDDLE,
    "Organization": 3, "OrganizationAgent": 3, "Agent": 3, "AgentConfiguration": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A box with its place, in points from the upper left corner."""

    box: Box
    column: int
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        return height_of(self.box)

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def row_y(self, path: str) -> float:
        """The middle of a field's row."""
        return self.y + HEAD + ROW * ([row.path for row in self.box.rows].index(path) + 0.5)

    def side(self, left: bool) -> float:
        return self.x if left else self.x + self.width


Gaps = Mapping[tuple[int, int], int]
"""How many lanes run through a column's gap; number 0 is above its first box."""


def columns_of(outline: Outline) -> list[list[str]]:
    """The names in each column, from above."""
    placed = {name: _COLUMN[name] for name in outline.boxes if name in _COLUMN}
    loose = [name for name in outline.boxes if name not in placed]
    while True:
        found = {name: _beside(name, outline, placed) for name in loose}
        new = {name: column for name, column in found.items() if column is not None}
        if not new:
            break
        placed |= new
        loose = [name for name in loose if name not in new]
    columns = _ordered(outline, placed)
    for group in sorted(_groups(loose, outline), key=lambda names: -_height(names, outline)):
        min(columns, key=lambda names: (_height(names, outline), columns.index(names))).extend(group)
    return columns


def place(outline: Outline, columns: list[list[str]], gaps: Gaps, lanes: Mapping[int, int]) -> dict[str, Placed]:
    """Every box in its place; columns end at the same height, and are as far apart as the lanes in between need."""
    spaces = [[_space(gaps.get((c, i), 0)) for i in range(len(names))] for c, names in enumerate(columns)]
    heights = [
        sum(height_of(outline.boxes[name]) for name in names) + sum(space[1:])
        for names, space in zip(columns, spaces, strict=True)
    ]
    top = TOP + max(LANE * gaps.get((c, 0), 0) for c in range(COLUMNS))
    placed: dict[str, Placed] = {}
    x: float = MARGIN
    for c, names in enumerate(columns):
        width = max((width_of_box(outline.boxes[name]) for name in names), default=0)
        slack, y = (max(heights) - heights[c]) / max(len(names) - 1, 1), float(top)
        for i, name in enumerate(names):
            y += spaces[c][i] + slack if i else 0
            placed[name] = Placed(outline.boxes[name], c, x, float(round(y)), width)
            y += placed[name].height
        x += width + channel_width(lanes.get(c, 0))
    return placed


def channel_width(lanes: int) -> float:
    return 2 * STUB + LANE * max(lanes - 1, 0)


def height_of(box: Box) -> float:
    return HEAD + ROW * (len(box.rows) + bool(box.left_out)) + FOOT


def width_of_box(box: Box) -> float:
    rows = [MARKS + _indent(row) + name_width(row) + GUTTER + _right(row) for row in box.rows]
    heads = [width_of(box.name, HEADING, bold=True), width_of(subtitle(box), SMALL)]
    return float(round(max(*rows, *heads) + 2 * EDGE))


def subtitle(box: Box) -> str:
    return f"{box.collection}, {box.joins}" if box.joins else box.collection


def name_width(row: Row) -> float:
    return width_of(label(row), NAME, bold=row.required)


def label(row: Row) -> str:
    return f"{row.name} *" if row.required else row.name


def tags(row: Row) -> list[str]:
    return [tag for tag in (row.secret, row.rule) if tag]


def _indent(row: Row) -> float:
    return 12.0 * row.depth


def _right(row: Row) -> float:
    return width_of(row.type, TEXT) + sum(width_of(tag, SMALL) + TAG + 5 for tag in tags(row))


def _space(lanes: int) -> float:
    return max(GAP, LANE * (lanes + 1))


def _beside(name: str, outline: Outline, placed: Mapping[str, int]) -> int | None:
    """The column of a box beside the nine, as far as what it refers to has one."""
    held = [line for line in outline.lines if line.holder == name and line.cardinality != "M:N"]
    targets = {line.target for line in held} & placed.keys()
    if not targets:
        return None
    if {"User", "Organization"} <= targets:
        return MIDDLE
    return 0 if sum(placed[target] for target in targets) / len(targets) < MIDDLE else COLUMNS - 1


def _ordered(outline: Outline, placed: Mapping[str, int]) -> list[list[str]]:
    """The nine that stand inside in their order, the others as high as what they refer to."""
    columns = [[name for name in _COLUMN if placed.get(name) == c] for c in range(COLUMNS)]
    heights = {name: float(i) for c in (1, 3) for i, name in enumerate(columns[c])}
    for c in (MIDDLE, 0, COLUMNS - 1):
        fixed = columns[c] if c == MIDDLE else []
        rest = [name for name in outline.boxes if placed.get(name) == c and name not in fixed]
        for name in rest:
            heights[name] = _level(name, outline, heights)
        columns[c] = fixed + sorted(rest, key=lambda name: heights[name])
    return columns


def _level(name: str, outline: Outline, heights: Mapping[str, float]) -> float:
    joined = [line.target for line in outline.lines if line.holder == name]
    joined += [line.holder for line in outline.lines if line.target == name]
    found = [heights[each] for each in joined if each in heights]
    return sum(found) / len(found) if found else 0.0


def _groups(loose: list[str], outline: Outline) -> list[list[str]]:
    """Of what refers to none of the placed: those that belong together."""
    groups: list[list[str]] = []
    for name in loose:
        of = {line.target for line in outline.lines if line.holder == name}
        group = next((group for group in groups if of & set(group)), None)
        groups.append([name]) if group is None else group.append(name)
    return groups


def _height(names: list[str], outline: Outline) -> float:
    return sum(height_of(outline.boxes[name]) + GAP for name in names)
