"""Rotation of the keys that secrets are sealed with, while everything goes on being read and written; losing one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from switchboard.crypto import KeyRing
from switchboard.rotation.documents import SHELVES, Shelf
from switchboard.rotation.model import Kept, KeyNotLost, Lost, Rotation, UnknownKey
from switchboard.sealing import service as sealing
from switchboard.sealing.documents import SealingCheckDocument

MOST_PASSES: Final = 5
Progress = Callable[[int], None]


async def count() -> int:
    """How many sealed values are stored."""
    return sum([await shelf.count() for shelf in SHELVES])


async def rotate(ring: KeyRing, progress: Progress, now: datetime, *, dry_run: bool) -> Rotation:
    """Seal everything anew by the newest key of the ring; `progress` is told of values looked at.

    Every process must have the newest key in its ring before, so that it reads what is sealed by it. It may be stopped
    and started again at any time. Keys that nothing is sealed by any more are retired: they may leave the ring. One
    that sealed what does not open is not.
    Raises `Misconfigured` for a ring that others could not read with.
    """
    if not dry_run:
        await sealing.verify(ring, now)
    first = await _pass(ring, progress, dry_run=dry_run)
    last = first
    for _ in range(MOST_PASSES):
        if dry_run or not last.renewed:
            break
        last = await _pass(ring, lambda _: None, dry_run=False)
    if not dry_run and not last.renewed:
        first.retired_keys = await _retire(ring, last.unreadable_keys)
    return first


async def forget(ring: KeyRing, key_id: str, *, dry_run: bool) -> Lost:
    """Let processes start without a key that is lost. What it sealed stays, and can be read by nobody.

    Raises `KeyNotLost` for a key of the ring, `UnknownKey` for one that no process here ever had.
    """
    if key_id in ring.key_ids:
        raise KeyNotLost
    if key_id not in {check.key_id for check in await SealingCheckDocument.all()}:
        raise UnknownKey
    agents = {shelf: await shelf.agents_sealed_by(key_id) for shelf in SHELVES}
    if not dry_run:
        await SealingCheckDocument.remove(key_id)
    in_force = dict.fromkeys(agent_id for shelf in SHELVES if shelf.in_force for agent_id in agents[shelf])
    return Lost(key_id, sum(map(len, agents.values())), list(in_force))


async def _pass(ring: KeyRing, progress: Progress, *, dry_run: bool) -> Rotation:
    found = Rotation()
    for shelf in SHELVES:
        async for batch in shelf.batches():
            replacements = _looked_at(batch, ring, found)
            if not dry_run:
                await _replace(shelf, replacements)
            progress(len(batch))
    return found


async def _replace(shelf: Shelf, replacements: list[tuple[Any, str, str]]) -> None:
    if replacements:
        await shelf.put(replacements)


def _looked_at(batch: list[tuple[Any, Kept]], ring: KeyRing, found: Rotation) -> list[tuple[Any, str, str]]:
    replacements = []
    for document_id, kept in batch:
        outcome = kept.renewed(ring)
        found.count(kept, outcome)
        if outcome not in ("current", "unreadable"):
            replacements.append((document_id, kept.value, outcome))
    return replacements


async def _retire(ring: KeyRing, needed: list[str]) -> list[str]:
    old = [check.key_id for check in await SealingCheckDocument.all() if check.key_id not in {ring.newest, *needed}]
    for key_id in old:
        await SealingCheckDocument.remove(key_id)
    return old
