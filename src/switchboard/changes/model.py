"""A change of an agent, written in the transaction that makes it, and what a follower of the feed asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import uuid4

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.errors import Gone

Kind = Literal["created", "configuration", "keys", "status", "sharing", "deleted", "restored", "removed"]
LONGEST_WAIT: Final = 30.0  # seconds
MOST_AT_ONCE: Final = 500


class FeedExpired(Gone):
    code = "feed_expired"
    message = "Read your agents again, then follow the feed from its new start."


class AgentChange(BaseModel):
    """That an agent changed, for those who follow its changes.

    `org_ids` are all organizations that may see the agent before or after it, so also one that just lost access.
    `etag` is the agent's after it, None when the agent was removed; `at` is UTC.
    """

    change_id: str
    agent_id: Annotated[str, Reference("Agent", "keep")]
    org_ids: Annotated[list[str], Reference("Organization", "keep")]
    kinds: list[Kind]
    etag: str | None
    at: datetime


@dataclass(frozen=True)
class Asked:
    """Changes after a position, at most `limit`; without a position only where the feed ends now. `wait` in seconds."""

    after: str | None
    wait: float
    limit: int

    @property
    def patience(self) -> float:
        """How long to wait for a change, in seconds: who has no position yet wants one at once."""
        return self.wait if self.after is not None else 0.0


def new_change(
    agent_id: str, org_ids: Iterable[str], kinds: Iterable[Kind], etag: str | None, now: datetime
) -> AgentChange:
    return AgentChange(
        change_id=uuid4().hex,
        agent_id=agent_id,
        org_ids=sorted(set(org_ids)),
        kinds=list(dict.fromkeys(kinds)),
        etag=etag,
        at=now,
    )
