"""What a step is, and which of them may be applied."""

import hashlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple

from switchboard.errors import Conflict, NotFound
from switchboard.migrations.documents import AppliedStep
from switchboard.mongo import Database
from switchboard.runs.model import Image

NAME: Final = re.compile(r"step_(\d{4})_(\w+)")
State = Literal["applied", "pending"]


class StepChanged(Conflict):
    code = "step_changed"
    message = "A step that was applied is not the one in this version."


class OutOfOrder(Conflict):
    code = "step_out_of_order"
    message = "A step comes before one that was applied already."


class StepNotLast(Conflict):
    code = "step_not_last"
    message = "Only the step that was applied last can be taken back. 'switchboard migrate --dry-run' shows them."


class StepNotApplied(NotFound):
    code = "step_not_applied"
    message = "This step was not applied. 'switchboard migrate --dry-run' shows which were."


class Batch(NamedTuple):
    """Changes of some documents by their collections, made all or none, and the position after them."""

    changes: Sequence[tuple[str, Sequence[Image]]]
    position: Any


@dataclass(frozen=True)
class Step:
    """`pending` counts the documents it would still change; `batch` gives the next ones after a position, or None."""

    number: int
    name: str
    purpose: str
    checksum: str
    pending: Callable[[Database], Awaitable[int]]
    batch: Callable[[Database, Any], Awaitable[Batch | None]]

    @classmethod
    def of(cls, module: ModuleType) -> "Step":
        """The step of a module, which has a docstring, `pending` and `batch`."""
        named = NAME.fullmatch(module.__name__.rpartition(".")[2])
        assert named is not None, f"{module.__name__} is no name of a step"  # noqa: S101
        checksum = hashlib.sha256(inspect.getsource(module).encode()).hexdigest()
        purpose = (inspect.getdoc(module) or "").partition("\n")[0]
        return cls(int(named[1]), named[2], purpose, checksum, module.pending, module.batch)


def steps_of(package: ModuleType) -> list[Step]:
    """The steps of a package, by number."""
    names = [found.name for found in pkgutil.iter_modules(package.__path__) if NAME.fullmatch(found.name)]
    return [Step.of(importlib.import_module(f"{package.__name__}.{name}")) for name in sorted(names)]


def remaining(steps: Sequence[Step], applied: Sequence[AppliedStep]) -> list[Step]:
    """The steps that are still to be applied, in order. Raises `StepChanged`, `OutOfOrder`."""
    known = {step.number: step for step in steps}
    for done in applied:
        step = known.get(done.number)
        if step is None:
            raise StepChanged(
                f"Step {done.number} ({done.name}) was applied here, but this version does not have it. Run the "
                "version that has it, or a newer one."
            )
        if step.checksum != done.checksum:
            raise StepChanged(
                f"Step {done.number} ({done.name}) was changed after it had been applied here. Restore it as it was, "
                "and put what is new into a step of its own."
            )
    last = max((done.number for done in applied), default=0)
    numbers = {done.number for done in applied}
    left = [step for step in steps if step.number not in numbers]
    if left and left[0].number < last:
        raise OutOfOrder(
            f"Step {left[0].number} ({left[0].name}) comes before step {last}, which was applied already. Give it a "
            "number after that."
        )
    return left
