"""That what must be sealed is sealed, and opens. No value leaves the server, unless it is to be opened."""

from collections.abc import AsyncIterator
from typing import Any, Final

from switchboard.configurations.model import SECRETS, Safe
from switchboard.crypto import MARK, CannotOpen, KeyRing
from switchboard.mongo import patiently, query
from switchboard.schema.integrity.findings import Examination, Fault, Kind
from switchboard.schema.integrity.walk import pieces, size_of
from switchboard.schema.registry import Registry

Place = tuple[str, str]  # collection and path

_SEALED: Final = {"$regex": f"^{MARK}"}


def places(registry: Registry) -> list[Place]:
    """Where sealed values are kept."""
    return [
        (entity.collection, path)
        for entity in registry
        for path, field in entity.walk()
        if field.secret is not None and field.secret.sealed
    ]


def secret_at(path: str) -> str:
    """The path that a value is sealed for: revisions keep copies of it."""
    return next(secret for secret in SECRETS if path in (secret, f"configuration.{secret}"))


async def size(examination: Examination) -> int:
    return len(places(examination.registry))


async def run(examination: Examination) -> AsyncIterator[Fault]:
    for name, path in places(examination.registry):
        count, samples = await _plain(examination, name, path)
        if count:
            yield Fault(_kind(name, path), samples, count)
        examination.advance(1)


async def opened_size(examination: Examination) -> int:
    return sum([await size_of(examination.database[name]) for name, _ in places(examination.registry)])


async def opened(examination: Examination) -> AsyncIterator[Fault]:
    """Those that no key of the ring opens; nothing without a ring."""
    if examination.ring is None:
        return
    for name, path in places(examination.registry):
        async for piece in pieces(examination.database[name]):
            async for batch in piece.find({path: _SEALED}, {"agent_id": 1, path: 1}):
                for stored in batch:
                    if not _opens(examination.ring, stored, path):
                        yield Fault(_closed(name, path), (stored["_id"],))
            examination.advance(piece.size)


@query
async def _plain(examination: Examination, name: str, path: str) -> tuple[int, list[Any]]:
    which = {path: {"$exists": True, "$ne": None, "$not": _SEALED}}
    place = examination.database[name]
    with patiently():
        count = await place.count_documents(which)
        return count, [each["_id"] async for each in place.find(which, {"_id": 1}, limit=examination.samples)]


def _opens(ring: KeyRing, stored: dict[str, Any], path: str) -> bool:
    value: Any = stored
    for name in path.split("."):
        value = value[name]
    try:
        Safe(ring, str(stored.get("agent_id"))).open(secret_at(path), value)
    except CannotOpen:
        return False
    return True


def _kind(name: str, path: str) -> Kind:
    sentence, advice = f"{path} is stored in the clear.", "'switchboard secrets rotate' seals it."
    return Kind(f"secrets.{name}.{path}", name, sentence, advice=advice)


def _closed(name: str, path: str) -> Kind:
    sentence, advice = f"No key of SEALING_KEYS opens {path}.", "Give the missing key, or enter the secret again."
    return Kind(f"unopened.{name}.{path}", name, sentence, advice=advice)
