"""The indexes of a collection beside those of the registry: what is missing, differs, or was made by hand."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from switchboard.errors import Conflict, NotFound
from switchboard.schema.registry import Index

State = Literal["fine", "missing", "differs", "other name", "unknown"]

_SAID: Final = frozenset({"v", "ns", "background", "key", "name"})  # by every index, whatever it is


@dataclass(frozen=True)
class Standing:
    """How an index stands. `found` is the name of the stored one it is about, if there is one."""

    collection: str
    name: str
    state: State
    sentence: str
    wanted: Index | None = None
    found: str | None = None


@dataclass(frozen=True)
class Chosen:
    """What `apply` may take away: differing indexes that it replaces, and those made by hand that it drops."""

    replaced: frozenset[tuple[str, str]] = frozenset()
    dropped: frozenset[tuple[str, str]] = frozenset()


def compared(collection: str, wanted: Sequence[Index], found: Sequence[Mapping[str, Any]]) -> list[Standing]:
    """How the indexes of a collection stand; `found` as MongoDB lists them."""
    rest = {str(each["name"]): each for each in found if each["name"] != "_id_"}
    standings = []
    for index in wanted:
        standing = _of(collection, index, rest)
        standings.append(standing)
        if standing.found is not None:
            rest.pop(standing.found, None)
    return [*standings, *_unknown(collection, wanted, rest)]


def definition_of(index: Index) -> dict[str, Any]:
    """An index as MongoDB lists it, without its name."""
    options = {
        "unique": index.unique or None,
        "sparse": index.sparse or None,
        "partialFilterExpression": dict(index.partial) if index.partial is not None else None,
        "expireAfterSeconds": index.expires_after,
    }
    return {"key": dict(index.keys), **{name: value for name, value in options.items() if value is not None}}


def chosen(standings: Sequence[Standing], replace: Collection[str], drop: Collection[str]) -> Chosen:
    """What was named, as NAME or COLLECTION.NAME; raises `NotFound` and `Conflict`."""
    replaced = [_named(standings, text, ("differs", "other name"), "--replace") for text in replace]
    dropped = [_named(standings, text, ("unknown",), "--drop") for text in drop]
    return Chosen(frozenset(replaced), frozenset(dropped))


def existing(standings: Sequence[Standing], names: Collection[str]) -> list[Standing]:
    """Those of these names that are there, ours too; raises `NotFound` and `Conflict`."""
    there = [each for each in standings if each.found is not None]
    named = [_named(there, text, ("fine", "differs", "other name", "unknown"), "drop") for text in names]
    return [each for each in there if (each.collection, each.name) in named]


def _of(collection: str, index: Index, rest: Mapping[str, Mapping[str, Any]]) -> Standing:
    wanted = definition_of(index)
    if index.name in rest:
        same = _same(_definition(rest[index.name]), wanted)
        sentence = "It is as it should be." if same else f"It differs: {_difference(rest[index.name], wanted)}."
        return Standing(collection, index.name, "fine" if same else "differs", sentence, index, index.name)
    for name, stored in rest.items():
        if _serves(stored, index, wanted):
            sentence = f"It is there under the name {name}."
            fine = index.later  # that one is looked for by what it does, every other by its name
            return Standing(collection, index.name, "fine" if fine else "other name", sentence, index, name)
        if _stands_against(stored, wanted):
            sentence = f"{name} stands in its place and differs: {_difference(stored, wanted)}."
            return Standing(collection, index.name, "differs", sentence, index, name)
    return Standing(collection, index.name, "missing", "It is missing.", index)


def _serves(stored: Mapping[str, Any], index: Index, wanted: Mapping[str, Any]) -> bool:
    found = _definition(stored)
    if index.later:
        found, wanted = ({name: each[name] for name in each if name != "sparse"} for each in (found, wanted))
    return _same(found, wanted)


def _same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """The order of options says nothing, that of fields within them does."""
    return found.keys() == wanted.keys() and all(_ordered(found[name]) == _ordered(wanted[name]) for name in found)


def _stands_against(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether MongoDB builds no such index beside it: it tells indexes apart by these, and by nothing else."""
    apart = ("key", "unique", "sparse", "partialFilterExpression", "collation")
    return all(_ordered(stored.get(name) or None) == _ordered(wanted.get(name) or None) for name in apart)


def _unknown(collection: str, wanted: Sequence[Index], rest: Mapping[str, Mapping[str, Any]]) -> Iterator[Standing]:
    for name, stored in rest.items():
        like = next((index.name for index in wanted if _ordered(stored["key"]) == list(index.keys)), None)
        beside = f", on the same fields as {like}" if like else ""
        yield Standing(collection, name, "unknown", f"It was made by hand{beside}; it stays.", None, name)


def _definition(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored index without what says nothing; a flag that is false is as good as none."""
    told = {name: value for name, value in stored.items() if name not in _SAID and value is not False}
    return {"key": _numbers(stored["key"]), **told}


def _numbers(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Directions as whole numbers: the shell stores them as 1.0."""
    return {name: int(each) if isinstance(each, float) else each for name, each in keys.items()}


def _ordered(value: Any) -> Any:
    """In a form in which the order of fields counts."""
    return [(name, _ordered(each)) for name, each in value.items()] if isinstance(value, Mapping) else value


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    found = _definition(stored)
    names = [name for name in {**wanted, **found} if _ordered(found.get(name)) != _ordered(wanted.get(name))]
    return ", ".join(f"{name} is {_told(found.get(name))}, not {_told(wanted.get(name))}" for name in names)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items())
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _named(standings: Sequence[Standing], text: str, states: Sequence[State], option: str) -> tuple[str, str]:
    found = [each for each in standings if text in (each.name, f"{each.collection}.{each.name}")]
    may = [each for each in found if each.state in states]
    if not found:
        raise NotFound(f"{option} {text}: there is no such index. 'switchboard indexes diff' shows them.")
    if not may:
        raise Conflict(f"{option} {text}: {_why_not(found[0], option)}")
    if len(may) > 1:
        each = ", ".join(f"{one.collection}.{one.name}" for one in may)
        raise Conflict(f"{option} {text}: several have this name. Say which: {each}.")
    return may[0].collection, may[0].name


def _why_not(standing: Standing, option: str) -> str:
    if option == "--drop":
        return "it belongs to the registry; the next start of the service would make it again."
    return "there is nothing to replace. " + standing.sentence
