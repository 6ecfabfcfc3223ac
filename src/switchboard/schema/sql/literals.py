"""Rows as SQL text, each on a line of its own, and back from it. No value can end the text it stands in."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from switchboard.schema.sql.rows import Row, Value
from switchboard.schema.sql.tables import DialectName
from switchboard.schema.sql.types import Moment, as_json, as_text

# MySQL's client ends lines and statements at some of these, whatever they stand in; as MySQL's manual has them.
MYSQL_ESCAPES: Final = {
    "\0": "0",
    "'": "'",
    '"': '"',
    "\b": "b",
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "\x1a": "Z",
    "\\": "\\",
}
_MYSQL: Final = str.maketrans({plain: f"\\{written}" for plain, written in MYSQL_ESCAPES.items()})
_MYSQL_BACK: Final = {written: plain for plain, written in MYSQL_ESCAPES.items()}
_MYSQL_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_OR_BACKSLASH: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_ESCAPED: Final = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)
_TOKENS: Final[Mapping[DialectName, re.Pattern[str]]] = {
    "mysql": re.compile(r"(?P<text>'(?:[^'\\]|\\.)*')|(?P<word>[^,()'\s]+)", re.DOTALL),
    "postgresql": re.compile(r"(?P<text>E?'(?:[^']|'')*')|(?P<word>[^,()'\s]+)", re.DOTALL),
    "sqlite": re.compile(r"(?P<text>'(?:[^']|'')*'|CAST\(X'[0-9a-f]*' AS TEXT\))|(?P<word>[^,()'\s]+)", re.DOTALL),
}


def line(row: Row, columns: list[sa.Column[Any]], dialect: DialectName) -> str:
    """A row as `(1, 'text', NULL)`."""
    told = (
        _json(value) if isinstance(column.type, sa.JSON) else value for value, column in zip(row, columns, strict=True)
    )
    return f"({', '.join(_literal(value, dialect) for value in told)})"


def read_line(text: str, columns: list[sa.Column[Any]], dialect: DialectName) -> Row:
    """The row that a line holds. Raises `ValueError` or `KeyError` for a line that is none."""
    found = _TOKENS[dialect].finditer(text[1:-1])
    tokens = [_untold(match["text"], dialect) if match["text"] else _word(match["word"]) for match in found]
    return tuple(_typed(value, column) for value, column in zip(tokens, columns, strict=True))


def _literal(value: Value, dialect: DialectName) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower() if dialect == "postgresql" else str(int(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        moment = as_text(value)
        return _QUOTED[dialect](moment[:-1].replace("T", " ") if dialect == "mysql" else moment)
    return _QUOTED[dialect](str(value))


def _json(value: Value) -> str | None:
    """Any value may be the JSON of a column, a text included; nothing is none."""
    return None if value is None else as_json(value)


def _mysql(text: str) -> str:
    return f"'{text.translate(_MYSQL)}'"


def _postgresql(text: str) -> str:
    quoted = text.replace("'", "''")
    if not _CONTROL_OR_BACKSLASH.search(quoted):
        return f"'{quoted}'"
    escaped = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted.replace("\\", "\\\\"))
    return f"E'{escaped}'"


def _sqlite(text: str) -> str:
    """Its client takes returns off the ends of lines, and ends texts at NUL: such texts are written as bytes."""
    if _CONTROL.search(text):
        return f"CAST(X'{text.encode().hex()}' AS TEXT)"
    return "'{}'".format(text.replace("'", "''"))


_QUOTED: Final[Mapping[DialectName, Callable[[str], str]]] = {
    "mysql": _mysql,
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}


def _untold(token: str, dialect: DialectName) -> str:
    """The text that a token stands for."""
    if token.startswith("CAST("):
        return bytes.fromhex(token[len("CAST(X'") : -len("' AS TEXT)")]).decode()
    if dialect == "mysql":
        return _MYSQL_ESCAPED.sub(lambda found: _MYSQL_BACK[found[1]], token[1:-1])
    if not token.startswith("E"):
        return token[1:-1].replace("''", "'")
    return _ESCAPED.sub(_unescaped, token[2:-1].replace("''", "'"))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1][1:], 16)) if len(found[1]) > 1 else found[1]


def _word(word: str) -> Value:
    known: dict[str, Value] = {"NULL": None, "true": True, "false": False}
    if word in known:
        return known[word]
    return int(word) if re.fullmatch(r"-?\d+", word) else float(word)


def _typed(value: Value, column: sa.Column[Any]) -> Value:
    if value is None:
        return None
    if isinstance(column.type, Moment):
        found = datetime.fromisoformat(str(value))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    if isinstance(column.type, sa.JSON):
        parsed: Value = json.loads(str(value))
        return parsed
    return bool(value) if isinstance(column.type, sa.Boolean) else value


def statements(table: sa.Table, rows: list[Row], dialect: sa.Dialect, name: DialectName) -> Iterator[str]:
    """Inserts of some rows each, so that none is larger than what servers take at once, unless one row is."""
    quote = dialect.identifier_preparer.quote
    head = f"INSERT INTO {quote(table.name)} ({', '.join(quote(column.name) for column in table.columns)}) VALUES\n"
    lines: list[str] = []
    columns, size = list(table.columns), 0
    for row in rows:
        text = line(row, columns, name)
        if lines and size + len(text) > MOST_CHARACTERS:
            yield head + ",\n".join(lines) + ";\n"
            lines, size = [], 0
        lines.append(text)
        size += len(text)
    if lines:
        yield head + ",\n".join(lines) + ";\n"


MOST_CHARACTERS: Final = 250_000
