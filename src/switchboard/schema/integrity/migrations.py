"""Documents in the shape of before a step that was not applied yet: other checks take them for something broken."""

from collections.abc import AsyncIterator
from typing import Final

from switchboard.migrations import runner, steps
from switchboard.migrations.documents import AppliedStepDocument
from switchboard.migrations.step import OutOfOrder, StepChanged, steps_of
from switchboard.schema.integrity.findings import Examination, Fault, Kind

_ADVICE: Final = "Run 'switchboard migrate' first, then this again."


async def size(_: Examination) -> int:
    return 1


async def run(examination: Examination) -> AsyncIterator[Fault]:
    name = AppliedStepDocument.Settings.name
    try:
        _, planned = await runner.plan(examination.database, steps_of(steps))
    except (StepChanged, OutOfOrder) as refusal:
        yield Fault(Kind("migrations.refused", name, refusal.message), ())
        return
    for each in planned:
        code, sentence = f"migrations.{each.step.name}", f"Step {each.step.number} was not applied: {each.step.purpose}"
        if each.documents:
            kind = Kind(code, name, sentence, advice=_ADVICE)
            yield Fault(kind, [sample["id"] for sample in each.samples], each.documents)
    examination.advance(1)
