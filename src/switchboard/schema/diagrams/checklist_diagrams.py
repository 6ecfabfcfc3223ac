"""The lines of the checklist about the diagrams: what they say, and that the picture can be read."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import combinations
from typing import Final, NamedTuple

from switchboard.schema.diagrams.drawing import Drawing
from switchboard.schema.diagrams.layout import Placed, label, tags
from switchboard.schema.diagrams.lettering import width_of
from switchboard.schema.diagrams.outline import Row, outline
from switchboard.schema.diagrams.routing import CLOSE, Net, Segment
from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.diagrams.wires import joined
from switchboard.schema.diagrams.written import expected, read_line
from switchboard.schema.registry import Registry

MARKS: Final = (
    "PK",
    "FK",
    "U",
    "name *",
    "type?",
    "type[]",
    "cascade",
    "nullify",
    "restrict",
    "keep",
    "secret",
    "sealed",
)
_TEXT: Final = re.compile(
    r'<text x="([\d.]+)" y="([\d.]+)" font-size="([\d.]+)" fill="[^"]*"( font-weight="bold")?[^>]*>(.*?)</text>'
)
_PATH: Final = re.compile(
    r'<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none"[^>]*?( stroke-dasharray="5 4")?/>'
)

Faults = Iterator[str]


class Written(NamedTuple):
    """A text of the picture; `y` is its base line."""

    x: float
    y: float
    width: float
    text: str


def boxes(registry: Registry, diagrams: Diagrams) -> Faults:
    names = list(outline(registry).boxes)
    texts = _texts(diagrams)
    for name in names:
        yield from (f"{name} is not in {file}" for file, read in diagrams.read.items() if name not in read.rows)
        placed = diagrams.drawing.boxes.get(name)
        if placed is None or [each.text for each in _within(placed, texts)].count(name) != 1:
            yield f"{name} is not in er.svg"
    shown = {file: set(read.rows) for file, read in diagrams.read.items()}
    shown["er.svg"] = set(diagrams.drawing.boxes)
    for file, found in shown.items():
        yield from (f"{name} in {file} is no entity" for name in sorted(found - set(names)))


def rows(registry: Registry, diagrams: Diagrams) -> Faults:
    shown = outline(registry)
    for name, wanted in expected(shown).rows.items():
        for file, read in diagrams.read.items():
            found = read.rows.get(name, {})
            yield from (f"{name}.{path} in {file}" for path in wanted if found.get(path) != wanted[path])
            yield from (f"{name}.{path} in {file} is no field" for path in found if path not in wanted)
        yield from _picture_rows(name, shown.boxes[name].rows, diagrams)


def lines(registry: Registry, diagrams: Diagrams) -> Faults:
    wanted = {each._replace(stored=True) for each in expected(outline(registry)).lines}
    found = {file: {each._replace(stored=True) for each in read.lines} for file, read in diagrams.read.items()}
    drawn = [line for net in diagrams.drawing.routing.nets for line in net.lines]
    found["er.svg"] = {read_line(line)._replace(stored=True) for line in drawn}
    for file, said in found.items():
        for line in sorted(wanted ^ said):
            yield f"{line.holder}.{line.field} to {line.target} in {file}"


def styles(registry: Registry, diagrams: Diagrams) -> Faults:
    wanted = expected(outline(registry)).lines
    for file, read in diagrams.read.items():
        for line in sorted(wanted - read.lines):
            yield f"{line.holder}.{line.field} in {file}"
    dashed, solid = _straight(diagrams, dashed=True), _straight(diagrams, dashed=False)
    for net in diagrams.drawing.routing.nets:
        pieces = joined(diagrams.drawing.routing.segments(net))
        if not all(_covered(piece, solid if net.stored else dashed) for piece in pieces):
            yield f"the line to {net.target} in er.svg"


def apart(_: Registry, diagrams: Diagrams) -> Faults:
    for one, other in combinations(diagrams.drawing.boxes.values(), 2):
        if _meet(_area(one), _area(other)):
            yield f"{one.box.name} and {other.box.name}"


def around(_: Registry, diagrams: Diagrams) -> Faults:
    for net in diagrams.drawing.routing.nets:
        for piece in joined(diagrams.drawing.routing.segments(net)):
            for placed in diagrams.drawing.boxes.values():
                if _meet(_area(placed), piece):
                    yield f"the line to {net.target} through {placed.box.name}"


def leading(_: Registry, diagrams: Diagrams) -> Faults:
    """From the side of the one box to that of the other, all of it hanging together."""
    routing = diagrams.drawing.routing
    for net in routing.nets:
        pieces = joined(routing.segments(net))
        reached = _reached(pieces)
        if len(reached) != len(pieces):
            yield f"the line to {net.target} has a gap"
        for end in routing.ends(net):
            if not any((end.x, end.y) in ((piece.x1, piece.y1), (piece.x2, piece.y2)) for piece in reached):
                yield f"the line to {net.target} ends short of {end.x:g}, {end.y:g}"
        yield from _lost(net, diagrams.drawing)


def distinct(_: Registry, diagrams: Diagrams) -> Faults:
    routing = diagrams.drawing.routing
    pieces = [(net, piece) for net in routing.nets for piece in joined(routing.segments(net))]
    for (one, piece), (other, beside) in combinations(pieces, 2):
        if one is not other and piece.level == beside.level and _meet(_wide(piece), _wide(beside)):
            yield f"those to {one.target} and {other.target} at {piece.x1:g}, {piece.y1:g}"


def fitting(_: Registry, diagrams: Diagrams) -> Faults:
    texts = _texts(diagrams)
    for placed in diagrams.drawing.boxes.values():
        inside = _within(placed, texts)
        for each in inside:
            if each.x + each.width > placed.x + placed.width:
                yield f"{each.text} leaves {placed.box.name}"
        for one, other in combinations(inside, 2):
            if abs(one.y - other.y) < 6 and one.x < other.x + other.width and other.x < one.x + one.width:
                yield f"{one.text} and {other.text} in {placed.box.name}"


def legend(_: Registry, diagrams: Diagrams) -> Faults:
    below = max(placed.bottom for placed in diagrams.drawing.boxes.values())
    found = {each.text for each in _texts(diagrams) if each.y > below}
    return (f"{mark} is not explained" for mark in MARKS if mark not in found)


def _picture_rows(name: str, rows: tuple[Row, ...], diagrams: Diagrams) -> Faults:
    placed = diagrams.drawing.boxes.get(name)
    if placed is None:
        return
    inside = _within(placed, _texts(diagrams))
    for row in rows:
        if row.path not in {each.path for each in placed.box.rows}:
            yield f"{name}.{row.path} in er.svg"
            continue
        y = placed.row_y(row.path)
        said = sorted(each.text for each in inside if abs(each.y - 4 - y) < 2)
        if said != sorted(text for text in (" ".join(row.marks), label(row), row.type, *tags(row)) if text):
            yield f"{name}.{row.path} in er.svg"


def _lost(net: Net, drawing: Drawing) -> Faults:
    for line, (start, goal) in zip(net.lines, _pairs(net, drawing), strict=True):
        holder, target = drawing.boxes[line.holder], drawing.boxes[line.target]
        wanted = holder.row_y(line.field) if line.through is None else start[1]
        sides = start[0] in (holder.side(left=True), holder.side(left=False)) and start[1] == wanted
        if not sides or goal[0] not in (target.side(left=True), target.side(left=False)):
            yield f"{line.holder}.{line.field} does not begin or end at its box"
        if not (holder.y <= start[1] <= holder.bottom and target.y <= goal[1] <= target.bottom):
            yield f"{line.holder}.{line.field} misses its box"


def _pairs(net: Net, drawing: Drawing) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    ends = [(end.x, end.y) for end in drawing.routing.ends(net)]
    return zip(ends[::2], ends[1::2], strict=True)


def _texts(diagrams: Diagrams) -> list[Written]:
    found = []
    for x, y, size, bold, text in _TEXT.findall(diagrams.texts["er.svg"]):
        plain = unescape(text)
        found.append(Written(float(x), float(y), width_of(plain, float(size), bold=bool(bold)), plain))
    return found


def _straight(diagrams: Diagrams, *, dashed: bool) -> list[Segment]:
    found = _PATH.findall(diagrams.texts["er.svg"])
    return [Segment(*map(float, points)) for *points, dashes in found if bool(dashes) == dashed]


def _covered(piece: Segment, drawn: list[Segment]) -> bool:
    """Whether it is drawn, but for the round corners at its ends."""
    near = 4.1
    return any(
        each.level == piece.level and all(abs(a - b) <= near for a, b in zip(each, piece, strict=True))
        for each in drawn
    )


def _reached(pieces: list[Segment]) -> list[Segment]:
    """What hangs together with the first piece."""
    found, left = pieces[:1], pieces[1:]
    for piece in found:
        more = [each for each in left if _meet(_wide(piece, 0.01), _wide(each, 0.01))]
        found += more
        left = [each for each in left if each not in more]
    return found


def _within(placed: Placed, texts: list[Written]) -> list[Written]:
    x, y = placed.x, placed.y
    return [each for each in texts if x <= each.x < x + placed.width and y <= each.y < placed.bottom]


def _area(placed: Placed) -> Segment:
    return Segment(placed.x, placed.y, placed.x + placed.width, placed.bottom)


def _wide(piece: Segment, by: float = CLOSE / 2 - 0.1) -> Segment:
    return Segment(piece.x1 - by, piece.y1 - by, piece.x2 + by, piece.y2 + by)


def _meet(one: Segment, other: Segment) -> bool:
    """Whether two areas have more than a border in common."""
    return one.x1 < other.x2 and other.x1 < one.x2 and one.y1 < other.y2 and other.y1 < one.y2
