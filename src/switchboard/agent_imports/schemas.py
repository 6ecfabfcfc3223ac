"""What the agents service answers and what its dumps look like, and the file that says whose records are."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import orjson

from switchboard.agent_imports.model import Given
from switchboard.errors import Malformed

LISTS: Final = ("agents", "data")
RECORD: Final = frozenset({"chatbot_api", "chatbot_key", "tts_config", "stt_config"})
EXTENDED: Final = frozenset({"$oid", "$date", "$numberInt", "$numberLong", "$numberDouble"})


class NoAgents(Malformed):
    code = "no_agents"
    message = (
        "This holds no agents: a list of records, a map of them by id, or a record a line is needed, as the agents "
        "service answers /agents/all."
    )


class UnreadableMapping(Malformed):
    code = "unreadable_mapping"
    message = (
        "The file for --organizations cannot be read: it is a JSON object, or CSV of two columns: what records call "
        "an organization (empty for none), and the id of the organization here."
    )


def records_of(document: object) -> Iterator[Given]:
    """The records in what the agents service answers, or a dump of it; raises `NoAgents`."""
    inside = _inside(document)
    if isinstance(inside, list):
        yield from (Given(_plain(each)) for each in inside)
    elif isinstance(inside, Mapping) and _is_record(inside):
        yield Given(_plain(inside))
    elif isinstance(inside, Mapping) and inside.get("status") != "error":
        yield from (Given(_plain(_only(each)), str(key)) for key, each in inside.items())
    else:
        raise NoAgents


def line_of(line: bytes) -> Given:
    """The record of a line; what cannot be read is a record without anything."""
    try:
        return Given(_plain(orjson.loads(line)))
    except orjson.JSONDecodeError:
        return Given(None)


def numbered(given: Given, numbers: Mapping[str, list[str]]) -> Given:
    """The same with the numbers that are bound to it elsewhere."""
    record = given.record if isinstance(given.record, Mapping) else {}
    names = (given.key, record.get("agentId"), record.get("agent_id"))
    return replace(given, numbers=next((numbers[str(name)] for name in names if name in numbers), ()))


def _inside(document: object) -> object:
    """Without the envelope: `{status, agents}`, `{success, count, agents}` or `{success, data}`."""
    if not isinstance(document, Mapping) or _is_record(document):
        return document
    return next((document[name] for name in LISTS if isinstance(document.get(name), (list, Mapping))), document)


def _is_record(document: Mapping[str, object]) -> bool:
    return bool(RECORD & document.keys())


def _only(value: object) -> object:
    """The record of a list of one, as a sample of such an answer has it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _plain(value: object, depth: int = 0) -> object:
    """Without the marks of MongoDB's export around dates, ids and numbers."""
    if isinstance(value, Mapping):
        if len(value) == 1 and EXTENDED & value.keys():
            return _unmarked(*value.items())
        return {name: _plain(each, depth + 1) if depth < 3 else each for name, each in value.items()}
    return value


def _unmarked(item: tuple[str, object]) -> object:
    mark, value = item
    if isinstance(value, Mapping):  # {"$date": {"$numberLong": "1727346600500"}}
        inner = _plain(value)
        return inner / 1000 if mark == "$date" and isinstance(inner, int) else inner
    with suppress(ValueError):
        if isinstance(value, str) and mark.startswith("$number"):
            return float(value) if mark == "$numberDouble" else int(value)
    return value


def numbers_of(trunks: object) -> dict[str, list[str]]:
    """The numbers of each agent, from what the agents service answers to /agents/trunks."""
    inside = trunks
    if isinstance(trunks, Mapping):
        inside = next((trunks[name] for name in ("trunks", "data") if isinstance(trunks.get(name), list)), [])
    found: dict[str, list[str]] = {}
    for trunk in inside if isinstance(inside, list) else []:
        name, numbers = (trunk.get("name"), trunk.get("numbers")) if isinstance(trunk, Mapping) else (None, None)
        if isinstance(name, str) and isinstance(numbers, list):
            found.setdefault(name, []).extend(each for each in numbers if isinstance(each, str))
    return found


def read_mapping(text: str) -> dict[str, str]:
    """From JSON or CSV; raises `UnreadableMapping`."""
    if text.lstrip().startswith("{"):
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise UnreadableMapping from None
        pairs = list(found.items())
    else:
        rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
        if any(len(row) != 2 for row in rows):
            raise UnreadableMapping
        pairs = [(name, org_id) for name, org_id in rows if org_id.strip() != "org_id"]  # the line of titles
    if not pairs or not all(isinstance(org_id, str) for _, org_id in pairs):
        raise UnreadableMapping
    return {name.strip(): org_id.strip() for name, org_id in pairs}
