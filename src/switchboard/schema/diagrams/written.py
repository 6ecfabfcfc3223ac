"""What a diagram says, read back from its text: so that a check looks at what was drawn, not at what was meant."""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from switchboard.schema.diagrams.outline import Outline, Row
from switchboard.schema.registry import Cardinality, Relation

MADE: Final = "Made by 'switchboard er' from the models; do not edit."


class ReadRow(NamedTuple):
    """`said` are its marks and the words about it."""

    kind: str
    said: frozenset[str]


class ReadLine(NamedTuple):
    holder: str
    field: str
    target: str
    cardinality: str
    stored: bool


@dataclass
class Diagram:
    """Rows by entity and path, and lines."""

    rows: dict[str, dict[str, ReadRow]] = field(default_factory=dict)
    lines: set[ReadLine] = field(default_factory=set)


def expected(outline: Outline) -> Diagram:
    """What a diagram of this outline has to say."""
    rows = {name: {row.path: read_row(row) for row in box.rows} for name, box in outline.boxes.items()}
    return Diagram(rows, {read_line(line) for line in outline.lines})


def read_row(row: Row) -> ReadRow:
    return ReadRow(kind_of(row), frozenset([*row.marks, *row.words, *row.choices]) - {"U"})


def kind_of(row: Row) -> str:
    return f"{'enum' if row.choices else row.kind}{'[]' if row.many else ''}"


def read_line(line: Relation) -> ReadLine:
    return ReadLine(line.holder, line.field, line.target, line.cardinality, line.stored)


def told(row: Row) -> str:
    """All words about a row, the choices last."""
    return ", ".join([*row.words, *([f"one of {' '.join(row.choices)}"] if row.choices else [])])


def retold(words: str) -> set[str]:
    """The words that `told` has put together."""
    plain, _, choices = words.partition("one of ")
    return {word for word in re.split(r", ?", plain) if word} | set(choices.split())


def cardinality(holder_many: bool, target_many: bool) -> Cardinality:
    return "M:N" if target_many else "1:N" if holder_many else "1:1"
