"""Normalising the documents of people, while the front end, the older backend and this service go on writing them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from switchboard.merging import service as merging
from switchboard.merging.model import Outcome
from switchboard.mongo import Transactions
from switchboard.normalization import documents
from switchboard.normalization.model import Change, Options, Tally, decide
from switchboard.runs.model import Clock, Image
from switchboard.runs.service import Work, begun
from switchboard.users.documents import UserDocument

ATTEMPTS: Final = 5  # at a document that others change at the same time
OUTCOMES: Final = 100  # merges between two checkpoints
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Normalization:
    """What was done, and how the documents stand afterwards; of a dry run how they stand is all there is."""

    run_id: str | None
    done: Tally
    standing: Tally


@dataclass
class _Task:
    work: Work
    options: Options
    clock: Clock
    done: Tally
    turn: asyncio.Lock  # images are kept one after the other

    def part(self) -> Tally:
        """Counts of a part of the work, which become those of the run with its checkpoint."""
        return Tally(samples=self.done.samples)

    def decided(self, found: list[dict[str, Any]]) -> list[Change]:
        now = self.clock()
        return [decide(document, self.options, now) for document in found]

    async def keep(self, changes: list[Change]) -> list[Image]:
        """The images of these changes, once they are stored."""
        images = [Image(each.stored["_id"], each.before, each.after) for each in changes if each.kinds]
        if images:
            async with self.turn:
                await self.work.keep(UserDocument.Settings.name, images)
        return images


async def count() -> int:
    """How many documents there are, about."""
    return await documents.count()


async def normalize(options: Options, transactions: Transactions, progress: Progress, clock: Clock) -> Normalization:
    """Merge what is to be merged, make every document clean, and look at all of them once more.

    `progress` is told of documents made clean, then of documents looked at. It may be stopped, killed and started
    again at any time, and taken back by its run id. Raises `RunUnderWay`, `OtherOptions`.
    """
    arguments = {"drop_obsolete": options.drop_obsolete, "merge_by_email": options.merge_by_email}
    async with begun("normalize-users", arguments, clock) as work:
        task = _Task(work, options, clock, Tally(), asyncio.Lock())
        await _merge(task, "duplicates", merging.merge_all_duplicates(work, transactions))
        if options.merge_by_email:
            await _merge(task, "people", merging.merge_all_people(work, transactions))
        await _clean_all(task, progress)
        standing = await _survey(options, transactions, progress, clock)
    task.done.counts.update(work.run.counts)
    return Normalization(work.run.run_id, task.done, standing)


async def preview(options: Options, transactions: Transactions, progress: Progress, clock: Clock) -> Normalization:
    """Look at every document, and write nothing."""
    standing = await _survey(options, transactions, progress, clock)
    return Normalization(None, standing, standing)


async def _survey(options: Options, transactions: Transactions, progress: Progress, clock: Clock) -> Tally:
    """What is not clean, and which documents are one person's: that MongoDB finds out meanwhile."""
    found = Tally()
    looks = [
        asyncio.ensure_future(_look_at_all(found, options, progress, clock)),
        asyncio.ensure_future(_look_for_merges(found, transactions)),
    ]
    try:
        await asyncio.gather(*looks)
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
    return found


async def _look_at_all(found: Tally, options: Options, progress: Progress, clock: Clock) -> None:
    async with aclosing(_batches(None)) as batches:
        async for batch in batches:
            now = clock()
            for document in batch:
                found.look(decide(document, options, now))
            progress(len(batch))


async def _look_for_merges(found: Tally, transactions: Transactions) -> None:
    async for outcome in merging.merge_all_duplicates(None, transactions):
        _tell(found, "duplicates", outcome)
    async for outcome in merging.merge_all_people(None, transactions):
        _tell(found, "people", outcome)


async def _merge(task: _Task, what: str, outcomes: AsyncIterator[Outcome]) -> None:
    """Merge, and make clean what became of it: it may stand before the place where a run goes on."""
    part, survivors = task.part(), list[Any]()
    async for outcome in outcomes:
        _tell(part, what, outcome)
        survivors.extend([outcome.merge.survivor] if outcome.merge else [])
        if len(survivors) >= OUTCOMES:
            await _clean_survivors(task, part, survivors)
            part, survivors = task.part(), []
    await _clean_survivors(task, part, survivors)


async def _clean_survivors(task: _Task, part: Tally, survivors: list[Any]) -> None:
    images = await task.keep(task.decided(await documents.these(survivors)))
    await _write(task, part, images, task.work.run.position)


async def _clean_all(task: _Task, progress: Progress) -> None:
    """Decide about documents and keep their images while those before them are being written."""
    writing = asyncio.ensure_future(asyncio.sleep(0))
    try:
        async with aclosing(_batches(task.work.run.position)) as batches:
            async for batch in batches:
                part, changes = task.part(), task.decided(batch)
                for change in changes:
                    part.look(change)
                images = await task.keep(changes)
                await writing
                progress(len(batch))
                writing = asyncio.ensure_future(_write(task, part, images, {"_id": batch[-1]["_id"]}))
        await writing
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _batches(after: dict[str, Any] | None) -> AsyncGenerator[list[dict[str, Any]], None]:
    """All documents behind this one; the next ones are read while these are worked on."""
    reading = asyncio.ensure_future(documents.batch(after))
    try:
        while batch := await reading:
            reading = asyncio.ensure_future(documents.batch(batch[-1]))
            yield batch
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _write(task: _Task, part: Tally, images: list[Image], position: Any) -> None:
    """Make the changes of these images, and note that all is done up to this position."""
    left: list[Change] = []
    for attempt in range(ATTEMPTS if images else 0):
        images = await task.keep(left) if attempt else images
        left = await _left(task, part, images)
        if not left:
            break
    for change in left:
        part.add("changed_meanwhile", {"id": str(change.stored["_id"])})
    await task.work.checkpoint(position, **part.counts)


async def _left(task: _Task, part: Tally, images: list[Image]) -> list[Change]:
    """Make the changes; what has to change in documents that somebody else changed meanwhile."""
    written = await documents.write(images)
    part.counts["changed"] += written.changed
    for image in written.refused:
        part.add("refused", {"id": str(image.id)})
    if written.changed + len(written.refused) == len(images):
        return []
    refused = {id(image) for image in written.refused}
    again = [image.id for image in images if id(image) not in refused]
    return [change for change in task.decided(await documents.these(again)) if change.kinds]


def _tell(tally: Tally, what: str, outcome: Outcome) -> None:
    told: dict[str, object] = {"ids": [str(each) for each in outcome.ids], "user_ids": outcome.user_ids}
    if outcome.merge is not None:
        told |= {"stays": str(outcome.merge.survivor), "conflicts": outcome.merge.conflicts}
        tally.counts[f"{what}_removed"] += len(outcome.merge.removed)
        tally.counts[f"{what}_in_conflict"] += bool(outcome.merge.conflicts)
    tally.add(f"{what}_{outcome.result}", told)
