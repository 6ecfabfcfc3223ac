"""The lines of the picture as shapes: trunks with round corners, dots where they part, crow's feet at their ends."""

from collections.abc import Iterator
from typing import Final

from switchboard.schema.diagrams.routing import End, Net, Routing, Segment
from switchboard.schema.diagrams.shapes import Dot, Path, Shape

RADIUS: Final = 4.0
FOOT: Final = 10.0
SPREAD: Final = 5.0
THICK: Final = 1.5
_STEPS: Final = 4

Point = tuple[float, float]


def wires(routing: Routing, colours: dict[str, str]) -> Iterator[Shape]:
    """Dashed ones last, so that solid ones do not cover them."""
    for net in sorted(routing.nets, key=lambda net: not net.stored):
        yield from _wire(net, routing, colours[net.target])


def _wire(net: Net, routing: Routing, colour: str) -> Iterator[Shape]:
    pieces = joined(routing.segments(net))
    points = sorted({point for piece in pieces for point in _ends(piece)})
    arms = {point: _arms(point, pieces) for point in points}
    corners = {point for point, found in arms.items() if len(found) == 2 and not _straight(found)}
    for piece in pieces:
        yield Path(tuple(_trimmed(piece, corners)), colour, THICK, not net.stored)
    for point in sorted(corners):
        yield Path(_corner(point, arms[point]), colour, THICK)
    for point, found in arms.items():
        if len(found) > 2:
            yield Dot(*point, 2.6, colour)
    for end in sorted(set(routing.ends(net))):
        yield from foot(end, colour)


def joined(segments: set[Segment]) -> list[Segment]:
    """The same lines in as few pieces as there can be."""
    found: list[Segment] = []
    for piece in sorted(segments, key=lambda each: (each.level, each.y1 if each.level else each.x1, each)):
        if piece.x1 == piece.x2 and piece.y1 == piece.y2:
            continue
        last = found[-1] if found else None
        if last is not None and _continues(last, piece):
            found[-1] = Segment(last.x1, last.y1, max(last.x2, piece.x2), max(last.y2, piece.y2))
        else:
            found.append(piece)
    return found


def foot(end: End, colour: str) -> Iterator[Shape]:
    """Three toes for many, a bar for one."""
    away = -1 if end.left else 1
    if end.many:
        for toe in (-SPREAD, SPREAD):
            yield Path(((end.x, end.y + toe), (end.x + away * FOOT, end.y)), colour, THICK)
    else:
        x = end.x + away * FOOT * 0.7
        yield Path(((x, end.y - SPREAD), (x, end.y + SPREAD)), colour, THICK)


def _continues(last: Segment, piece: Segment) -> bool:
    if last.level != piece.level:
        return False
    if piece.level:
        return last.y1 == piece.y1 and piece.x1 <= last.x2
    return last.x1 == piece.x1 and piece.y1 <= last.y2


def _ends(piece: Segment) -> tuple[Point, Point]:
    return (piece.x1, piece.y1), (piece.x2, piece.y2)


def _arms(point: Point, pieces: list[Segment]) -> set[Point]:
    """The directions that lines leave a point in."""
    x, y = point
    found: set[Point] = set()
    for piece in pieces:
        if piece.level and piece.y1 == y and piece.x1 <= x <= piece.x2:
            found |= {(-1, 0)} if piece.x1 < x else set()
            found |= {(1, 0)} if x < piece.x2 else set()
        if not piece.level and piece.x1 == x and piece.y1 <= y <= piece.y2:
            found |= {(0, -1)} if piece.y1 < y else set()
            found |= {(0, 1)} if y < piece.y2 else set()
    return found


def _straight(arms: set[Point]) -> bool:
    return len({bool(x) for x, _ in arms}) == 1


def _trimmed(piece: Segment, corners: set[Point]) -> Iterator[Point]:
    """Its ends, short of the round corners."""
    length = max(piece.x2 - piece.x1, piece.y2 - piece.y1)
    cut = min(RADIUS, length / 2)
    for (x, y), way in zip(_ends(piece), (1, -1), strict=True):
        short = way * cut if (x, y) in corners else 0
        yield (x + short, y) if piece.level else (x, y + short)


def _corner(point: Point, arms: set[Point]) -> tuple[Point, ...]:
    (ax, ay), (bx, by) = sorted(arms)
    x, y = point
    steps = [i / _STEPS for i in range(_STEPS + 1)]
    return tuple(
        (
            round(x + RADIUS * (ax * (1 - t) ** 2 + bx * t**2), 2),
            round(y + RADIUS * (ay * (1 - t) ** 2 + by * t**2), 2),
        )
        for t in steps
    )
