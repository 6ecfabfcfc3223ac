"""A run of an operator's long work, and what it needs to be taken back."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from switchboard.annotations import SECRET, Reference
from switchboard.errors import Conflict, NotFound

State = Literal["running", "stopped", "done", "undone", "abandoned"]
Clock = Callable[[], datetime]

_LIST: Final = {"$type": "array"}
LEASE: Final = timedelta(seconds=30)
HEARTBEAT_SECONDS: Final = 8.0


class RunNotFound(NotFound):
    code = "run_not_found"
    message = "There is no such run. 'switchboard runs list' shows them."


class RunUnderWay(Conflict):
    code = "run_under_way"
    message = "This is being run right now. Start it again once that is over; it then goes on or has nothing to do."


class OtherOptions(Conflict):
    code = "other_options"
    message = "A run with other options was not finished."


class RunLost(Conflict):
    code = "run_lost"
    message = "Another process took this run over, because this one was silent for too long. It goes on there."


class UndoneOtherwise(Conflict):
    code = "undone_otherwise"
    message = "This run is taken back by another command."


class AlreadyOver(Conflict):
    code = "already_over"
    message = "This run is over already: there is nothing to give up."


class NothingToUndo(Conflict):
    code = "nothing_to_undo"
    message = "Nothing of this run can be taken back: it kept no images, they were forgotten, or it was undone already."


class StandsAgainst(Conflict):
    code = "stands_against"
    message = "A removed document cannot be put back beside what is there now."

    @classmethod
    def put_back(cls, collection: str, document_id: Any, what: str) -> "StandsAgainst":
        index = what.removeprefix("the index ")
        command = f"validators apply --off {collection}" if index == what else f"indexes drop {collection}.{index}"
        hint = f"Take it away by 'switchboard {command}'"
        return cls(
            f"The document {document_id} cannot be put back into {collection}: {what} stands against it. "
            f"What was put back so far stays. {hint}, then repeat this."
        )


class Run(BaseModel):
    """A run: what it does, how far it is, who works on it.

    It is `open` until it is done, undone or abandoned: the next start by this name goes on with it. `position` is
    where, in the work's own terms. `leased_until` says when a silent holder is taken for dead; `fence` grows with
    every holder. `packs` counts the stored before-images. Times are UTC.
    """

    run_id: str
    name: str
    arguments: dict[str, Any] = {}
    state: State = "running"
    open: bool = True
    position: Any = None
    counts: dict[str, int] = {}
    packs: int = 0
    holder: str
    leased_until: datetime
    fence: int = 1
    begun_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None

    @property
    def untouched(self) -> bool:
        """Whether it has done nothing yet that somebody would have to go on with."""
        return self.position is None and not self.packs and not self.counts

    def held(self, now: datetime) -> bool:
        """Whether somebody works on it. Who gave it back holds nothing, whatever a late heartbeat or clock says."""
        return self.state == "running" and self.leased_until > now

    def check_options(self, arguments: Mapping[str, Any]) -> None:
        """Raise unless it may be gone on with by these options."""
        if self.arguments != dict(arguments):
            given = ", ".join(f"{name}={value}" for name, value in self.arguments.items()) or "none"
            raise OtherOptions(
                f"A run of {self.name} with other options ({given}) was not finished. Finish it with those, or give it "
                f"up with 'switchboard runs abandon {self.run_id}'."
            )

    def under_way(self) -> RunUnderWay:
        return RunUnderWay(
            f"{self.name} is being run right now by {self.holder}. Start it again once that is over; it then goes on "
            f"or has nothing to do. If that process was killed, its lease ends at {self.leased_until:%H:%M:%S} UTC."
        )


@dataclass(frozen=True)
class Image:
    """A change of one document, before it is made.

    Of a changed document `before` and `after` hold the fields that change; a field that only one of them has is absent
    in the other. `before` None: the document is inserted, as `after`. `after` None: it is removed, and `before` is all
    of it.
    """

    id: Any
    before: Mapping[str, Any] | None = field(repr=False)
    after: Mapping[str, Any] | None = field(repr=False)

    def still_before(self) -> dict[str, Any]:
        """The filter that finds the document unless somebody else changed these fields since it was read."""
        return {"_id": self.id, **_these(self.before or {}, self.after or {}), **_nothing_else(self.before, self.after)}

    def still_after(self) -> dict[str, Any]:
        """The filter that finds the document unless somebody else changed these fields since they were written."""
        return {"_id": self.id, **_these(self.after or {}, self.before or {}), **_nothing_else(self.after, self.before)}

    def still_before_or_after(self) -> dict[str, Any]:
        """The filter for an attempt that may follow one of its own; what both sides say is in it once."""
        before, after = self.before or {}, self.after or {}
        same = {"_id", *(name for name in before if name in after and before[name] is after[name])}
        sides = [
            {name: side[name] for name in side if name not in same}
            for side in (self.still_before(), self.still_after())
        ]
        return {**{name: value for name, value in self.still_before().items() if name in same}, "$or": sides}

    def change(self) -> dict[str, Any]:
        """The update that makes the change."""
        return _update(self.after or {}, self.before or {})

    def undo(self) -> dict[str, Any]:
        """The update that takes it back."""
        return _update(self.before or {}, self.after or {})


class BeforeImages(BaseModel):
    """Some images of a run, ordered by `fence` and `number`. They hold what the documents held, secrets included."""

    run_id: Annotated[str, Reference("Run", "cascade")]
    fence: int
    number: int
    collection: str
    images: Annotated[list[dict[str, Any]], SECRET] = Field(repr=False)
    at: datetime


@dataclass
class Undone:
    """Documents that were put back, and those that stayed because others changed them since, or nothing had."""

    restored: int = 0
    already_back: int = 0
    changed_since: int = 0

    def told(self, *, dry_run: bool = False) -> str:
        """As a sentence, without what there was none of."""
        word = "would be" if dry_run else "were"
        parts = [f"{self.restored} changes {word} taken back"]
        parts += [f"{self.already_back} were back already"] if self.already_back else []
        parts += [f"{self.changed_since} stay, for others changed them since"] if self.changed_since else []
        return "; ".join(parts) + "."


def this_process() -> str:
    """Who holds a run, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _these(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: _just(value) for name, value in values.items()},
        **{name: {"$exists": False} for name in others if name not in values},
    }


def _just(value: Any) -> dict[str, Any]:
    """This value, and neither nothing at all nor a list that has it among others."""
    if isinstance(value, list):
        return {"$eq": value, "$not": {"$elemMatch": {"$eq": value}}}
    return {"$eq": value, "$not": _LIST, **({"$exists": True} if value is None else {})}


def _nothing_else(values: Mapping[str, Any] | None, others: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a document that comes or goes whole: that it has no field besides, which somebody else added."""
    if others is not None or values is None:
        return {}
    return {"$expr": {"$eq": [{"$size": {"$objectToArray": "$$ROOT"}}, len({*values, "_id"})]}}


def _update(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    gone = {name: "" for name in others if name not in values}
    return {**({"$set": dict(values)} if values else {}), **({"$unset": gone} if gone else {})}
