"""Revisions on the wire; keys only by their masks."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from switchboard.agents.model import AgentRevision, Holding
from switchboard.agents.schemas import ConfigurationShown
from switchboard.configurations.model import Safe
from switchboard.crypto import KeyRing
from switchboard.editing.schemas import Reason
from switchboard.history.model import author_for
from switchboard.http.paging import Cursor, InvalidCursor, Limit, decode_cursor, encode_cursor
from switchboard.organizations.schemas import AuditActor, Moment

LAST: Final = 2**31
Number = Annotated[int, Field(ge=1, le=LAST)]


class RevisionRow(BaseModel):
    """`author.name` is null for members of another organization."""

    number: int
    at: datetime
    author: AuditActor
    reason: str | None

    @classmethod
    def of(cls, held: Holding, revision: AgentRevision) -> "RevisionRow":
        author = AuditActor.model_validate(author_for(held, revision).model_dump())
        return cls(number=revision.number, at=revision.at, author=author, reason=revision.reason)


class RevisionList(BaseModel):
    """The newest first. `next_cursor` is null on the last page."""

    revisions: list[RevisionRow]
    next_cursor: str | None

    @classmethod
    def of(cls, held: Holding, revisions: list[AgentRevision], more: int | None) -> "RevisionList":
        rows = [RevisionRow.of(held, revision) for revision in revisions]
        return cls(revisions=rows, next_cursor=None if more is None else encode_cursor(more))


class RevisionsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    cursor: Cursor = None
    limit: Limit = 50

    def page(self) -> tuple[int | None, int]:
        """Raises `InvalidCursor`."""
        before = None if self.cursor is None else int(decode_cursor(self.cursor, int)[0])
        if before is not None and before > LAST:
            raise InvalidCursor
        return before, self.limit


class RevisionShown(RevisionRow):
    """A state of the configuration."""

    configuration: ConfigurationShown

    @classmethod
    def whole(cls, found: tuple[Holding, AgentRevision], ring: KeyRing) -> "RevisionShown":
        held, revision = found
        safe = Safe(ring, held.agent.agent_id)
        shown = ConfigurationShown.model_validate(revision.configuration.masked(safe))
        return cls(**dict(RevisionRow.of(held, revision)), configuration=shown)


class AsOf(BaseModel):
    """A time (RFC 3339)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    as_of: Moment


class Difference(BaseModel):
    """A field by its path, as it was and as it is. Of a key only the mask is told, which may be the same."""

    field: str
    before: JsonValue
    after: JsonValue


class Differences(BaseModel):
    differences: list[Difference]

    @classmethod
    def of(cls, found: tuple[Holding, AgentRevision, AgentRevision], ring: KeyRing) -> "Differences":
        held, before, after = found
        safe = Safe(ring, held.agent.agent_id)
        differ = before.configuration.differences(after.configuration, safe)
        rows = [Difference(field=path, before=was, after=is_) for path, (was, is_) in sorted(differ.items())]
        return cls(differences=rows)


class RevisionRestore(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: Reason = None
