"""The outline as DBML, as dbdiagram and its relatives read it."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from switchboard.schema.diagrams.outline import Box, Outline, Row
from switchboard.schema.diagrams.written import MADE, Diagram, ReadLine, ReadRow, cardinality, kind_of, retold, told
from switchboard.schema.registry import Relation

_NOTE: Final = (
    "The collections of Switchboard. References named conceptual hold by a value or through a junction; the others are "
    "stored. What is said of a field is in its note."
)
_DELETES: Final = {"cascade": "cascade", "restrict": "restrict", "nullify": "set null", "keep": "no action"}
_SIGNS: Final = {"1:1": "-", "1:N": ">", "M:N": "<>"}
_ROW: Final = re.compile(r'^ {2}"([^"]+)" "([^"]+)"(?: \[(.*)\])?$')
_LINE: Final = re.compile(r'^Ref(?: "(conceptual)[^"]*")?: "(\w+)"\."([^"]+)" (\S+) "(\w+)"\."[^"]+"')


def dbml(outline: Outline, colours: Mapping[str, str]) -> str:
    lines = [f"// {MADE}", "", "Project Switchboard {", "  database_type: 'MongoDB'", f"  Note: '{_NOTE}'", "}"]
    for box in outline.boxes.values():
        for row in box.rows:
            lines += _enum(box, row)
    for box in outline.boxes.values():
        lines += _table(box, colours.get(box.name, ""))
    lines += ["", *(_line(line) for line in outline.lines)]
    return "\n".join([*lines, ""])


def read(text: str) -> Diagram:
    """What is said in a text that `dbml` has made."""
    found, name = Diagram(), ""
    for line in text.splitlines():
        if begun := re.match(r'^(?:Table|(Enum)) "(\w+)', line):
            name = "" if begun.group(1) else begun.group(2)
            found.rows.update({name: {}} if name else {})
        elif keys := re.match(r"^ {4}\((.*)\) \[pk\]$", line):
            for path in keys.group(1).replace('"', "").split(", "):
                _mark(found.rows[name], path)
        elif name and (row := _ROW.match(line)):
            path, kind, words = row.groups(default="")
            found.rows[name][path] = _read_row(kind, words)
        elif drawn := _LINE.match(line):
            conceptual, holder, path, sign, target = drawn.groups()
            many = cardinality(sign != "-", sign == "<>")
            found.lines.add(ReadLine(holder, path, target, many, conceptual is None))
    return found


def _read_row(kind: str, words: str) -> ReadRow:
    noted = re.search(r"note: '(.*)'", words)
    said = retold(noted.group(1)) if noted else set()
    said |= {"PK"} if words.startswith("pk") else set()
    return ReadRow(f"enum{'[]' if '[]' in kind else ''}" if "." in kind else kind, frozenset(said))


def _mark(rows: dict[str, ReadRow], path: str) -> None:
    rows[path] = ReadRow(rows[path].kind, rows[path].said | {"PK"})


def _enum(box: Box, row: Row) -> Iterator[str]:
    if row.choices:
        yield from ("", f'Enum "{_type(box, row)}" {{', *(f'  "{choice}"' for choice in row.choices), "}")


def _table(box: Box, colour: str) -> Iterator[str]:
    settings = [f"headercolor: {colour}"] if colour else []
    settings.append(f"note: '{box.told}'")
    yield from ("", f'Table "{box.name}" [{", ".join(settings)}] {{')
    for row in box.rows:
        yield f"  {_row(box, row)}"
    if len(box.key) > 1:
        keys = ", ".join(f'"{path}"' for path in box.key)
        yield from ("", "  indexes {", f"    ({keys}) [pk]", "  }")
    yield "}"


def _row(box: Box, row: Row) -> str:
    settings = ["pk"] if box.key == [row.path] else []
    settings += ["not null"] if row.required and not row.nullable else []
    words = ", ".join(part for part in ("FK" if "FK" in row.marks else "", told(row)) if part)
    settings += [f"note: '{words}'"] if words else []
    return f'"{row.path}" "{_type(box, row)}"' + (f" [{', '.join(settings)}]" if settings else "")


def _type(box: Box, row: Row) -> str:
    return f"{box.name}.{row.path}{'[]' if row.many else ''}" if row.choices else kind_of(row)


def _line(line: Relation) -> str:
    name = "" if line.stored else f' "conceptual {"through " + line.through if line.through else "by value"}"'
    ends = f'"{line.holder}"."{line.field}" {_SIGNS[line.cardinality]} "{line.target}"."{line.target_field}"'
    return f"Ref{name}: {ends} [delete: {_DELETES[line.on_delete]}]"
