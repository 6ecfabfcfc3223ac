"""The feed on the wire."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from switchboard.changes.model import LONGEST_WAIT, MOST_AT_ONCE, AgentChange, Asked, Kind
from switchboard.http.paging import InvalidCursor, decode_cursor, encode_cursor

_POSITION: Final = re.compile(r"(?:[0-9A-F]{2}){12,800}")


class FeedQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    cursor: Annotated[
        str | None, Field(max_length=2500, description="`cursor` of the answer before; none: only where the feed ends")
    ] = None
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT, description="Seconds to wait for a change")] = 25
    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="How many at most")] = 100

    def asked(self) -> Asked:
        """Raises `InvalidCursor`."""
        return Asked(None if self.cursor is None else _position(self.cursor), self.wait, self.limit)


class ChangeShown(BaseModel):
    """`etag` is the agent's after the change, null when it is there no more. One change may have several kinds."""

    change_id: str
    agent_id: str
    kinds: list[Kind]
    etag: str | None
    at: datetime


class ChangeFeed(BaseModel):
    """In the order in which the changes were made, each once; `cursor` leads on, also from an empty answer."""

    changes: list[ChangeShown]
    cursor: str

    @classmethod
    def of(cls, changes: list[AgentChange], position: str) -> "ChangeFeed":
        shown = [ChangeShown(**change.model_dump(include=set(ChangeShown.model_fields))) for change in changes]
        return cls(changes=shown, cursor=encode_cursor(position))


def _position(cursor: str) -> str:
    position = str(decode_cursor(cursor, str)[0])
    if _POSITION.fullmatch(position) is None:
        raise InvalidCursor
    return position
