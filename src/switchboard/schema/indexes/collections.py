"""Looking at the indexes of a database, and making them as the registry has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from switchboard.errors import Conflict
from switchboard.mongo import Database, patiently, query
from switchboard.schema.indexes.standing import Chosen, Standing, compared, definition_of
from switchboard.schema.integrity.duplicates import Duplicates, duplicates_against
from switchboard.schema.registry import Index, Registry
from switchboard.schema.validators.collections import allowed

_NO_COLLECTION: Final = 26


class DuplicatesInTheWay(Conflict):
    code = "duplicates_in_the_way"


@dataclass
class Applied:
    """What was done, or would be; and sentences about what could not be."""

    done: list[str]
    refused: list[str]


async def standings(database: Database, registry: Registry) -> list[Standing]:
    """How all indexes stand, those that are made later included."""
    found = []
    for name, entities in registry.collections().items():
        found += compared(name, entities[0].indexes, await stored_indexes(database, name))
    return found


async def apply(database: Database, found: Sequence[Standing], chosen: Chosen, *, dry_run: bool) -> Applied:
    """Make what is missing, replace and drop what was chosen. Where duplicates stand against it: a sentence."""
    applied = Applied([], [])
    for standing in found:
        named = (standing.collection, standing.name)
        try:
            if standing.state == "missing":
                await _made(database, standing, dry_run=dry_run)
                applied.done.append(f"{'.'.join(named)} was made.")
            elif named in chosen.replaced:
                await _replaced(database, standing, dry_run=dry_run)
                applied.done.append(f"{'.'.join(named)} was replaced.")
            elif named in chosen.dropped:
                await _dropped(database, standing, dry_run=dry_run)
                applied.done.append(f"{'.'.join(named)} was dropped.")
        except DuplicatesInTheWay as error:
            applied.refused.append(error.message)
    return applied


async def drop(database: Database, standings: Sequence[Standing], *, dry_run: bool) -> list[str]:
    """Drop these, ours too; what was done, as sentences."""
    for standing in standings:
        await _dropped(database, standing, dry_run=dry_run)
    return [f"{standing.collection}.{standing.found} was dropped." for standing in standings]


async def ensure(database: Database, registry: Registry, names: Sequence[str]) -> None:
    """Make the missing indexes of these collections."""
    for name in names:
        entity = registry.collections()[name][0]
        for standing in compared(name, entity.indexes, await stored_indexes(database, name)):
            if standing.state == "missing":
                await _made(database, standing, dry_run=False)


@query
async def stored_indexes(database: Database, name: str) -> list[dict[str, Any]]:
    """The indexes of a collection as MongoDB lists them; none when there is no collection."""
    try:
        return [dict(each) async for each in database[name].list_indexes()]
    except OperationFailure as error:
        if error.code == _NO_COLLECTION:
            return []
        raise


async def _made(database: Database, standing: Standing, *, dry_run: bool) -> None:
    assert standing.wanted is not None  # noqa: S101  (only what the registry has is missing)
    if standing.wanted.unique:
        await _check(database, standing.collection, standing.wanted)
    if dry_run:
        return
    try:
        await _create(database, standing.collection, standing.wanted)
    except DuplicatesInTheWay:  # some came after they were looked for
        await _check(database, standing.collection, standing.wanted)
        raise


async def _replaced(database: Database, standing: Standing, *, dry_run: bool) -> None:
    assert standing.wanted is not None  # noqa: S101
    if standing.wanted.unique:
        await _check(database, standing.collection, standing.wanted)
    await _dropped(database, standing, dry_run=dry_run)
    await _made(database, standing, dry_run=dry_run)


@query
async def _dropped(database: Database, standing: Standing, *, dry_run: bool) -> None:
    assert standing.found is not None  # noqa: S101
    if not dry_run:
        with patiently():
            async with allowed():
                await database[standing.collection].drop_index(standing.found)


@query
async def _create(database: Database, name: str, index: Index) -> None:
    told = definition_of(index)
    model = IndexModel(list(told.pop("key").items()), name=index.name, **told)
    with patiently():
        async with allowed():
            try:
                await database[name].create_indexes([model])
            except DuplicateKeyError:
                raise DuplicatesInTheWay(f"{name}.{index.name} cannot be made: duplicates stand against it.") from None


async def _check(database: Database, name: str, index: Index) -> None:
    found = await _counted(database, name, index)
    if found.keys:
        fields = " and ".join(field for field, _ in index.keys)
        raise DuplicatesInTheWay(
            f"{name}.{index.name} cannot be made: {found.documents} documents share {found.keys} values of {fields}. "
            "'switchboard doctor --only duplicates' names them."
        )


@query
async def _counted(database: Database, name: str, index: Index) -> Duplicates:
    with patiently():
        return await duplicates_against(database[name], index)
