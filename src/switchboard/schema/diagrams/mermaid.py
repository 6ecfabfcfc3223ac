"""The outline as a Mermaid erDiagram."""

import re
from collections.abc import Iterator
from typing import Final

from switchboard.schema.diagrams.outline import Box, Outline, Row
from switchboard.schema.diagrams.written import MADE, Diagram, ReadLine, ReadRow, cardinality, kind_of, retold, told
from switchboard.schema.registry import Relation

_LEGEND: Final = (
    "Solid lines are stored references, dotted ones hold by a value or through a junction. A line tells the field and",
    "what becomes of its holder when the other is deleted. A field within another is written outer[inner].",
)
_LINE: Final = re.compile(r'^ {2}(\w+) (\S{2})(--|\.\.)(\S{2}) (\w+) : "(\S+?)[," ]')
_ROW: Final = re.compile(r'^ {4}(\S+) (\S+)((?: [PF]K,?)*)(?: "(.*)")?$')


def mermaid(outline: Outline) -> str:
    lines = [f"%% {MADE}", *(f"%% {line}" for line in _LEGEND), "erDiagram"]
    for box in outline.boxes.values():
        lines += _box(box)
    lines += [_line(line) for line in outline.lines]
    return "\n".join([*lines, ""])


def read(text: str) -> Diagram:
    """What is said in a text that `mermaid` has made."""
    found, name = Diagram(), ""
    for line in text.splitlines():
        if begun := re.match(r"^ {2}(\w+) \{$", line):
            name = begun.group(1)
            found.rows[name] = {}
        elif row := _ROW.match(line):
            kind, path, marks, words = row.groups(default="")
            said = retold(words) | set(re.findall(r"[PF]K", marks))
            found.rows[name][path.replace("[", ".").replace("]", "")] = ReadRow(kind, frozenset(said))
        elif drawn := _LINE.match(line):
            target, one, style, many, holder, path = drawn.groups()
            found.lines.add(ReadLine(holder, path, target, cardinality("{" in many, "}" in one), style == "--"))
    return found


def _box(box: Box) -> Iterator[str]:
    yield f"  %% {box.told}"
    yield f"  {box.name} {{"
    yield from (f"    {_row(row)}" for row in box.rows)
    yield "  }"


def _row(row: Row) -> str:
    outer, *inner = row.path.split(".")
    name = outer + "".join(f"[{each}]" for each in inner)
    keys = ", ".join(mark for mark in row.marks if mark != "U")
    words = f'"{told(row)}"' if told(row) else ""
    return " ".join(part for part in (kind_of(row), name, keys, words) if part)


def _line(line: Relation) -> str:
    target = "}o" if line.cardinality == "M:N" else "||" if line.required else "|o"
    holder = "o|" if line.cardinality == "1:1" else "o{"
    style = "--" if line.stored else ".."
    label = f"{line.field}, {line.on_delete}" if line.through is None else f"{line.field} through {line.through}"
    return f'  {line.target} {target}{style}{holder} {line.holder} : "{label}"'
