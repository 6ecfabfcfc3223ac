"""The outline for Graphviz."""

import re
from collections.abc import Iterator, Mapping
from html import escape, unescape
from typing import Final

from switchboard.schema.diagrams.outline import Box, Outline, Row
from switchboard.schema.diagrams.written import MADE, Diagram, ReadLine, ReadRow, cardinality, kind_of, retold, told
from switchboard.schema.registry import Relation

_BEGIN: Final = (
    'digraph "Switchboard" {',
    '  graph [rankdir=LR, nodesep=0.35, ranksep=1.4, fontname="Helvetica", labelloc=t, fontsize=20,',
    '         label="Switchboard: entities and relations. Solid: stored references; dashed: by a value or through a '
    "junction.\\nCrow's foot: many; bar: one.\"]",
    '  node [shape=plain, fontname="Helvetica", fontsize=11]',
    "  edge [dir=both, arrowsize=0.8]",
)
_ROW: Final = re.compile(r'^ {4}<TR><TD ALIGN="LEFT" PORT="(.*?)/in">(.*?)</TD><TD ALIGN="LEFT">.*?</TD>(.*)</TR>$')
_LINE: Final = re.compile(
    r'^ {2}"(\w+)":"(.+?)/out":e -> "(\w+)":".+?/in":w \[arrowtail=(\w+), arrowhead=(\w+), style=(\w+)'
)


def dot(outline: Outline, colours: Mapping[str, str]) -> str:
    """`dot -Tsvg er.dot` draws it, in Graphviz's own way."""
    lines = [f"// {MADE}", *_BEGIN]
    for box in outline.boxes.values():
        lines += _box(box, colours.get(box.name, "#334155" if box.whole else "#64748b"))
    lines += [_line(line, colours.get(line.target, "#334155")) for line in outline.lines]
    return "\n".join([*lines, "}", ""])


def read(text: str) -> Diagram:
    """What is said in a text that `dot` has made."""
    found, name = Diagram(), ""
    for line in text.splitlines():
        if begun := re.match(r'^ {2}"(\w+)" \[label=<$', line):
            name = begun.group(1)
            found.rows[name] = {}
        elif row := _ROW.match(line):
            path, marks, rest = row.groups()
            kind, words = (unescape(each) for each in re.findall(r"<TD[^>]*>(.*?)</TD>", rest))
            said = retold(words) | set(re.findall(r"[PF]K", marks))
            found.rows[name][path] = ReadRow(kind, frozenset(said))
        elif drawn := _LINE.match(line):
            holder, path, target, tail, head, style = drawn.groups()
            many = cardinality(tail == "crow", head == "crow")
            found.lines.add(ReadLine(holder, path, target, many, style == "solid"))
    return found


def _box(box: Box, colour: str) -> Iterator[str]:
    yield f'  "{box.name}" [label=<'
    yield '    <TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" BGCOLOR="#ffffff">'
    head = f'<FONT COLOR="#ffffff"><B>{box.name}</B><BR/>{box.told}</FONT>'
    yield f'    <TR><TD COLSPAN="4" BGCOLOR="{colour}">{head}</TD></TR>'
    yield from (f"    {_row(row)}" for row in box.rows)
    yield "    </TABLE>>]"


def _row(row: Row) -> str:
    name = f"<B>{row.path} *</B>" if row.required else row.path
    cells = [
        f'<TD ALIGN="LEFT" PORT="{row.path}/in">{" ".join(row.marks)}</TD>',
        f'<TD ALIGN="LEFT">{name}</TD>',
        f'<TD ALIGN="LEFT">{kind_of(row)}</TD>',
        f'<TD ALIGN="LEFT" PORT="{row.path}/out">{escape(told(row))}</TD>',
    ]
    return f"<TR>{''.join(cells)}</TR>"


def _line(line: Relation, colour: str) -> str:
    tail = "tee" if line.cardinality == "1:1" else "crow"
    head = "crow" if line.cardinality == "M:N" else "tee"
    style = "solid" if line.stored else "dashed"
    ends = f'"{line.holder}":"{line.field}/out":e -> "{line.target}":"{line.target_field}/in":w'
    return f'  {ends} [arrowtail={tail}, arrowhead={head}, style={style}, color="{colour}"]'
