"""The doctor: what is wrong with stored data, and mending what can be mended safely while the service runs.

A check finds faults. What can be mended carries a `Mend`: it looks again, inside a transaction, and says what to
change, so that a fault that was none, or is no more, changes nothing. Before-images are kept before a change is made.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId

from switchboard.crypto import KeyRing
from switchboard.errors import Conflict, Misconfigured, NotFound
from switchboard.mongo import Database, Session, Transactions
from switchboard.runs.model import Image
from switchboard.runs.service import Work
from switchboard.schema.registry import Registry

GRACE: Final = timedelta(minutes=10)  # so long the service may take over what it writes in several steps
MOST_AT_ONCE: Final = 200  # documents changed by one transaction
MENDING_SECONDS: Final = 20.0

Change = tuple[str, Image]  # with the collection
Mend = Callable[[Session], Awaitable[list[Change]]]


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `fix` says what --fix does, `advice` what a person can do where it does nothing.

    What is there `for_information` is no fault: it is told, and leads to no exit code.
    """

    code: str
    collection: str
    sentence: str
    fix: str | None = None
    advice: str | None = None
    for_information: bool = False


@dataclass(frozen=True)
class Fault:
    """A fault of one document, or of `count` that belong together; `samples` are ids of some."""

    kind: Kind
    samples: Sequence[Any]
    count: int = 1
    mend: Mend | None = None


@dataclass
class Finding:
    """All faults of one kind: `count` documents, of which `fixable` are --fix's and `fixed` were."""

    kind: Kind
    count: int = 0
    fixable: int = 0
    fixed: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, fault: Fault, most_samples: int) -> None:
        self.count += fault.count
        self.fixable += fault.count if fault.mend else 0
        room = most_samples - len(self.samples)
        self.samples += [str(each) for each in fault.samples[: max(room, 0)]]

    @property
    def left(self) -> int:
        """Faults that are still there."""
        return 0 if self.kind.for_information else self.count - self.fixed


@dataclass(frozen=True)
class Examination:
    """What a check has at hand. `ring` opens sealed values, where that was asked for; `advance` is for a bar."""

    database: Database
    registry: Registry
    transactions: Transactions
    now: datetime
    samples: int = 5
    ring: KeyRing | None = None
    advance: Callable[[int], None] = lambda _: None

    @property
    def settled(self) -> datetime:
        """What was written before that is not being worked on any more."""
        return self.now - GRACE

    @property
    def settled_id(self) -> ObjectId:
        """The same as an id that MongoDB's drivers give."""
        return ObjectId.from_datetime(self.settled)

    @property
    def users(self) -> str:
        return self.registry["User"].collection


@dataclass(frozen=True)
class Check:
    """`size` is how much `run` tells the bar of in the end; `mends` whether it finds what can be mended."""

    name: str
    title: str
    size: Callable[[Examination], Awaitable[int]]
    run: Callable[[Examination], AsyncIterator[Fault]]
    mends: bool = False


Bar = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]


def selected(checks: Sequence[Check], names: Sequence[str]) -> list[Check]:
    """Those of these names, all for none; raises `NotFound`."""
    unknown = [name for name in names if name not in {check.name for check in checks}]
    if unknown:
        raise NotFound(f"There is no check {unknown[0]}. There are: {', '.join(check.name for check in checks)}.")
    return [check for check in checks if not names or check.name in names]


async def examine(
    examination: Examination, checks: Sequence[Check], bar: Bar, work: Work | None = None
) -> list[Finding]:
    """What is wrong, by kind, in the order of the checks. With `work` what can be mended is."""
    findings: dict[str, Finding] = {}
    for check in checks:
        with bar(await check.size(examination), check.title) as advance:
            async for fault in check.run(_with(examination, advance)):
                finding = findings.setdefault(fault.kind.code, Finding(fault.kind))
                finding.add(fault, examination.samples)
                if work is not None and fault.mend is not None:
                    finding.fixed += await _mended(examination, work, fault)
    return list(findings.values())


def fixable(findings: Sequence[Finding]) -> bool:
    return any(finding.fixable for finding in findings)


def _with(examination: Examination, advance: Callable[[int], None]) -> Examination:
    return Examination(**{**vars(examination), "advance": advance})


async def _mended(examination: Examination, work: Work, fault: Fault) -> int:
    """How many documents of a fault were mended. What others mended, or are writing just now, is not counted."""
    assert fault.mend is not None  # noqa: S101
    total = 0
    while changed := await _step(examination, work, fault.mend):
        await work.checkpoint(None, changed=changed)
        total += changed
    return min(total, fault.count)


async def _step(examination: Examination, work: Work, mend: Mend) -> int:
    """Make some of the changes, all or none; how many."""

    async def once(session: Session) -> int:
        changes = await mend(session)
        for of in dict.fromkeys(of for of, _ in changes):
            await work.keep(of, [image for name, image in changes if name == of])
        for of, image in changes:
            await _write(examination, of, image, session)
        return len(changes)

    return await examination.transactions.run(once, MENDING_SECONDS)


async def _write(examination: Examination, of: str, image: Image, session: Session) -> None:
    """Raises `Conflict` when the document is not as it was just read, and then takes all of it back."""
    if of == examination.users:
        raise Misconfigured("People's documents are changed by 'switchboard normalize-users' alone.")
    place = examination.database[of]
    if image.before is None:
        await place.insert_one(dict(image.after or {}), session=session)
        return
    if image.after is None:
        done = (await place.delete_one({"_id": image.id}, session=session)).deleted_count
    else:
        done = (await place.update_one(image.still_before(), image.change(), session=session)).matched_count
    if not done:
        raise Conflict(f"A document of {of} was changed at the same moment. Start the doctor again.")
