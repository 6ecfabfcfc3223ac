"""Applying steps: each once, in order, by one process at a time, whatever ends it in the middle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from switchboard.errors import Conflict
from switchboard.migrations.documents import AppliedStep, AppliedStepDocument
from switchboard.migrations.step import Batch, Step, StepNotApplied, StepNotLast, remaining
from switchboard.mongo import Database, Session, Transactions
from switchboard.runs import service as runs
from switchboard.runs.documents import put
from switchboard.runs.model import Clock, Image, NothingToUndo, Undone
from switchboard.runs.service import Work

RUN: Final = "migrate"
MOST_PASSES: Final = 5
MOST_TRIES: Final = 20
Progress = Callable[[int], None]


class OthersKeepChanging(Conflict):
    code = "others_keep_changing"
    message = "Others keep changing the documents of this step. Start it again in a quieter moment; it goes on there."

    @classmethod
    def of(cls, batch: Batch) -> "OthersKeepChanging":
        ids = [str(image.id) for _, images in batch.changes for image in images][:5]
        return cls(
            f"{cls.message} If that does not help, look at the documents {', '.join(ids)} and those after them: one of "
            "them cannot be changed, or stands in both collections with different fields."
        )


class _Overtaken(Conflict):
    """Somebody changed a document since it was read; nothing was written."""


@dataclass(frozen=True)
class Planned:
    """A step that would be applied: how many documents it changes, and which fields of some of them."""

    step: Step
    documents: int
    samples: Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Done:
    """A step that was applied, by which run; `left` documents appeared in the old shape meanwhile."""

    step: Step
    run_id: str
    changed: int
    left: int

    @property
    def numbers(self) -> dict[str, object]:
        return {"run_id": self.run_id, "changed": self.changed, "left": self.left}


async def plan(database: Database, steps: Sequence[Step]) -> tuple[list[AppliedStep], list[Planned]]:
    """What was applied, and what would be; writes nothing. Raises `StepChanged`, `OutOfOrder`."""
    applied = await AppliedStepDocument.all()
    planned = [
        Planned(step, await step.pending(database), await _samples(database, step))
        for step in remaining(steps, applied)
    ]
    return applied, planned


async def apply(
    database: Database, steps: Sequence[Step], clock: Clock, progress: Progress, *, wait: float = 0
) -> list[Done]:
    """Apply what is to be applied; `progress` is told of documents. Killed at any point, the next call goes on there.

    Raises `StepChanged`, `OutOfOrder`, `RunUnderWay`, `OthersKeepChanging`.
    """
    done = []
    for step in remaining(steps, await AppliedStepDocument.all()):
        arguments = {"step": step.number, "name": step.name, "checksum": step.checksum}
        async with runs.begun(RUN, arguments, clock, wait=wait) as work:
            if step in remaining(steps, await AppliedStepDocument.all()):  # another may have been faster
                done.append(await _applied(database, step, work, progress))
    return done


async def undo(number: int, clock: Clock, progress: Progress, *, dry_run: bool = False) -> Undone:
    """Take back the step that was applied last. Killed at any point, it may be repeated.

    Raises `StepNotApplied`, `StepNotLast`, `RunUnderWay`, and `NothingToUndo` when its images were forgotten.
    """
    if dry_run:
        return await _undone(number, clock, progress, dry_run=True)
    async with runs.begun(RUN, {"undo": number}, clock):
        undone = await _undone(number, clock, progress, dry_run=False)
        await AppliedStepDocument.remove(number)
    return undone


async def _undone(number: int, clock: Clock, progress: Progress, *, dry_run: bool) -> Undone:
    applied = await AppliedStepDocument.all()
    step = next((step for step in applied if step.number == number), None)
    if step is None:
        raise StepNotApplied
    if step is not applied[-1]:
        raise StepNotLast
    try:
        return await runs.undo(step.run_id, clock, progress, dry_run=dry_run)
    except NothingToUndo:
        if (await runs.found(step.run_id)).packs:  # it changed something, and that was forgotten
            raise
        return Undone()


async def _applied(database: Database, step: Step, work: Work, progress: Progress) -> Done:
    for _ in range(MOST_PASSES):
        await _pass(database, step, work, progress)
        left = await step.pending(database)
        if not left:
            break
        await work.checkpoint(None)  # processes of an older version may have written behind us
    run = work.run
    about = {"number": step.number, "name": step.name, "checksum": step.checksum}
    await AppliedStepDocument.add(AppliedStep(**about, run_id=run.run_id, applied_at=work.clock()))
    return Done(step, run.run_id, run.counts.get("changed", 0), left)


async def _pass(database: Database, step: Step, work: Work, progress: Progress) -> None:
    tries = 0
    while (batch := await step.batch(database, work.run.position)) is not None:
        for of, images in batch.changes:
            await work.keep(of, images)
        try:
            await Transactions(database).run(_writing(batch))
        except _Overtaken:
            tries += 1
            if tries >= MOST_TRIES:
                raise OthersKeepChanging.of(batch) from None
            continue
        tries = 0
        documents = len({image.id for _, images in batch.changes for image in images})
        await work.checkpoint(batch.position, changed=documents)
        progress(documents)


def _writing(batch: Batch) -> Callable[[Session], Any]:
    async def write(session: Session) -> None:
        for of, images in batch.changes:
            if await put(of, images, session) < len(images):
                raise _Overtaken

    return write


async def _samples(database: Database, step: Step) -> list[dict[str, object]]:
    """Some of the changes, by ids and names of fields: values may be secrets."""
    batch = await step.batch(database, None)
    return [_told(of, image) for of, images in (batch.changes if batch else ()) for image in images[:3]]


def _told(of: str, image: Image) -> dict[str, object]:
    if image.before is None or image.after is None:
        return {"collection": of, "id": str(image.id), "change": "added" if image.before is None else "removed"}
    return {"collection": of, "id": str(image.id), "change": sorted({*image.before, *image.after})}
