"""How the lines of the picture run: out of a field's row, along a channel, into the head of what the field refers to.

Lines to the same end share one trunk. Which lane a trunk has in a channel, in a gap between two boxes and at a head is
what `untangled` settles: the order with the fewest crossings that swapping two neighbours leads to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from switchboard.schema.diagrams.layout import HEAD, LANE, ROW, STUB, Placed
from switchboard.schema.registry import Relation

CLOSE: Final = 5.0  # two lines side by side that are nearer look like one
OVERLAP: Final = 60  # as bad as so many crossings
ROUNDS: Final = 12


class Segment(NamedTuple):
    """A straight piece, from the lower coordinate to the higher one."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def level(self) -> bool:
        return self.y1 == self.y2


class Slot(NamedTuple):
    """Where lines have an order: a `channel`, a `gap` of a column, or the `left` or `right` of a box's head."""

    kind: str
    place: int | str
    number: int = 0


@dataclass
class Net:
    """Lines with the same end. `gaps` says through which gap of a column it goes."""

    name: str
    target: str
    target_field: str | None
    many: bool
    stored: bool
    lines: list[Relation] = field(default_factory=list)
    gaps: dict[int, int] = field(default_factory=dict)


class End(NamedTuple):
    """Where a line meets a box: `left` of it or right; `many` is drawn as a crow's foot."""

    x: float
    y: float
    left: bool
    many: bool


def channels(holder: int, target: int) -> list[int]:
    """The channels between two columns, in the order that a line passes them; channel 0 is right of column 0."""
    if holder == target:
        return [max(holder - 1, 0)]
    return list(range(holder, target)) if holder < target else list(range(holder - 1, target - 1, -1))


class Routing:
    """The nets over placed boxes, and their orders."""

    def __init__(self, lines: list[Relation], boxes: dict[str, Placed], columns: list[list[str]]) -> None:
        self.boxes, self.columns = boxes, columns
        self.nets = _nets(lines, boxes)
        for net in self.nets:
            net.gaps = {c: self._best_gap(net, c) for c in self._crossed(net)}
        self.orders: dict[Slot, list[str]] = {}
        for net in self.nets:
            for slot in self._slots(net):
                names = self.orders.setdefault(slot, [])
                names.extend([net.name] if net.name not in names else [])

    def channels_of(self, line: Relation) -> list[int]:
        return channels(self.boxes[line.holder].column, self.boxes[line.target].column)

    def lanes(self, kind: str) -> dict[Slot, int]:
        return {slot: len(names) for slot, names in self.orders.items() if slot.kind == kind}

    def moved(self, boxes: dict[str, Placed]) -> None:
        """The boxes stand elsewhere, in the same order."""
        self.boxes = boxes

    def segments(self, net: Net) -> set[Segment]:
        return {segment for line in net.lines for segment in self._path(net, line)}

    def ends(self, net: Net) -> Iterator[End]:
        for line in net.lines:
            passed = self.channels_of(line)
            holder, target = self.boxes[line.holder], self.boxes[line.target]
            left, many = passed[0] < holder.column, line.cardinality != "1:1"
            yield End(holder.side(left), self._start(net, line), left, many)
            left = passed[-1] < target.column
            yield End(target.side(left), self._goal(net), left, net.many)

    def lane_x(self, channel: int, net: str) -> float:
        slot = Slot("channel", channel)
        right = max(self.boxes[name].side(left=False) for name in self.columns[channel])
        return right + STUB + LANE * self.orders[slot].index(net)

    def untangled(self) -> int:
        """Swap neighbours as long as that helps; the crossings that are left, overlaps counted as many."""
        best = self.tangles()
        for _ in range(ROUNDS):
            before = best
            for names in self.orders.values():
                best = self._improved(names, best)
            if best == before:
                break
        return best

    def tangles(self) -> int:
        pieces = [(net.name, segment) for net in self.nets for segment in self.segments(net)]
        level = [(name, piece) for name, piece in pieces if piece.level]
        upright = [(name, piece) for name, piece in pieces if not piece.level]
        crossings = sum(
            h.x1 < v.x1 < h.x2 and v.y1 < h.y1 < v.y2
            for name, h in level for other, v in upright if name != other
        )  # fmt: skip
        return crossings + OVERLAP * _overlaps(level)

    def _improved(self, names: list[str], best: int) -> int:
        for i in range(len(names)):
            for j in range(i):
                names[i], names[j] = names[j], names[i]
                found = self.tangles()
                if found < best:
                    best = found
                else:
                    names[i], names[j] = names[j], names[i]
        return best

    def _path(self, net: Net, line: Relation) -> Iterator[Segment]:
        passed, holder, target = self.channels_of(line), self.boxes[line.holder], self.boxes[line.target]
        x, y = holder.side(passed[0] < holder.column), self._start(net, line)
        for before, channel in zip([None, *passed], passed, strict=False):
            lane = self.lane_x(channel, net.name)
            if before is not None:
                level = self._gap_y(max(before, channel), net)
                yield _segment(x, y, x, level)
                y = level
            yield _segment(x, y, lane, y)
            x = lane
        goal = self._goal(net)
        yield _segment(x, y, x, goal)
        yield _segment(x, goal, target.side(passed[-1] < target.column), goal)

    def _start(self, net: Net, line: Relation) -> float:
        """The row of the field; of what a junction joins, the head."""
        holder = self.boxes[line.holder]
        if line.through is None:
            return holder.row_y(line.field)
        left = self.channels_of(line)[0] < holder.column
        return self._port(line.holder, net, left)

    def _goal(self, net: Net) -> float:
        target = self.boxes[net.target]
        if net.target_field is not None:
            return target.row_y(net.target_field)
        return self._port(net.target, net, self.channels_of(net.lines[0])[-1] < target.column)

    def _port(self, name: str, net: Net, left: bool) -> float:
        """Heads have room for a few lines; the row of the key too, where no line of its own leaves it."""
        names = self.orders[Slot("left" if left else "right", name)]
        placed = self.boxes[name]
        high = HEAD + (ROW if "FK" not in placed.box.rows[0].marks else 0) - 12
        step = min(high / len(names), 15)
        return placed.y + 8 + (high - step * (len(names) - 1)) / 2 + step * names.index(net.name)

    def _gap_y(self, column: int, net: Net) -> float:
        slot = Slot("gap", column, net.gaps[column])
        names = self.orders[slot]
        middle = self._gap_middle(column, net.gaps[column])
        return middle + LANE * (names.index(net.name) - (len(names) - 1) / 2)

    def _gap_middle(self, column: int, number: int) -> float:
        boxes = [self.boxes[name] for name in self.columns[column]]
        if number == 0:
            lanes = len(self.orders.get(Slot("gap", column, 0), "1"))
            return boxes[0].y - LANE * (lanes + 1) / 2
        return (boxes[number - 1].bottom + boxes[number].y) / 2

    def _crossed(self, net: Net) -> set[int]:
        passed = [self.channels_of(line) for line in net.lines]
        return {max(pair) for each in passed for pair in pairwise(each)}

    def _best_gap(self, net: Net, column: int) -> int:
        """Where the detour is shortest; for what a junction joins, right above it."""
        names = self.columns[column]
        through = net.lines[0].through
        if through in names:
            return names.index(through)
        line = next(line for line in net.lines if len(self.channels_of(line)) > 1)
        ends = self.boxes[line.holder].row_y(line.field), self.boxes[line.target].y + HEAD / 2
        y = [self.boxes[name].y for name in names]
        return min(range(1, len(names)), key=lambda i: sum(abs(y[i] - end) for end in ends), default=0)

    def _slots(self, net: Net) -> Iterator[Slot]:
        for line in net.lines:
            passed = self.channels_of(line)
            yield from (Slot("channel", channel) for channel in passed)
            yield from (Slot("gap", max(pair), net.gaps[max(pair)]) for pair in pairwise(passed))
            if net.target_field is None:
                left = passed[-1] < self.boxes[line.target].column
                yield Slot("left" if left else "right", line.target)
            if line.through is not None:
                left = passed[0] < self.boxes[line.holder].column
                yield Slot("left" if left else "right", line.holder)


def _nets(lines: list[Relation], boxes: dict[str, Placed]) -> list[Net]:
    nets: dict[str, Net] = {}
    for line in lines:
        last = channels(boxes[line.holder].column, boxes[line.target].column)[-1]
        many = line.cardinality == "M:N"
        by_value = line.target_field if not line.stored and line.through is None else None
        name = f"{line.target} {last} {many} {by_value} {line.through} {line.holder if line.through else ''}"
        nets.setdefault(name, Net(name, line.target, by_value, many, line.stored)).lines.append(line)
    return list(nets.values())


def _segment(x1: float, y1: float, x2: float, y2: float) -> Segment:
    return Segment(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _overlaps(level: list[tuple[str, Segment]]) -> int:
    """How many pairs of level pieces of different lines lie in or right beside each other."""
    found = 0
    ordered = sorted(level, key=lambda each: each[1].y1)
    for i, (name, piece) in enumerate(ordered):
        for other, beside in ordered[i + 1 :]:
            if beside.y1 - piece.y1 >= CLOSE:
                break
            found += name != other and piece.x1 <= beside.x2 and beside.x1 <= piece.x2
    return found
