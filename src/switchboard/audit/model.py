"""An entry of the audit log: who did what to which thing of which organization, and what it was before and after."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from switchboard.annotations import Reference

ActorKind = Literal["user", "service", "propelauth", "system"]
TargetKind = Literal["organization", "member", "invite", "agent", "user"]
Action = Literal[
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "member.joined",
    "member.role_changed",
    "member.removed",
    "member.left",
    "ownership.transferred",
    "invite.created",
    "invite.resent",
    "invite.changed",
    "invite.accepted",
    "invite.declined",
    "invite.revoked",
    "invite.expired",
    "agent.created",
    "agent.updated",
    "agent.activated",
    "agent.deactivated",
    "agent.deleted",
    "agent.restored",
    "agent.shared",
    "agent.share_changed",
    "agent.share_revoked",
    "agent.secrets_read",
    "calendar.token_read",
    "calendar.event_booked",
    "calendar.event_changed",
    "calendar.event_cancelled",
]


class Actor(BaseModel):
    """Who did it. `propelauth`: it was done there, past us; `system`: the passing of time."""

    model_config = ConfigDict(frozen=True)

    kind: ActorKind
    id: str
    name: str | None = None


OUTSIDE: Final = Actor(kind="propelauth", id="propelauth", name="PropelAuth")
SYSTEM: Final = Actor(kind="system", id="switchboard", name="Switchboard")


class Target(BaseModel):
    model_config = ConfigDict(frozen=True)

    kind: TargetKind
    id: str


@dataclass(frozen=True)
class AuditFilter:
    """Which entries: None is any; `since` and `until` bound the time, the latter excluded."""

    action: str | None = None
    actor_id: str | None = None
    target_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditEntry(BaseModel):
    """What somebody did in an organization. `before` and `after` hold the fields that changed, never a secret."""

    entry_id: str
    org_id: Annotated[str, Reference("Organization", "keep")]
    at: datetime
    actor: Actor
    action: Action
    target: Target
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str | None = None


def new_entry(action: Action, org_id: str, target: Target, actor: Actor, at: datetime, **changes: Any) -> AuditEntry:
    """`changes` are `before`, `after` and `request_id`. Ids grow, so entries of one moment keep their order."""
    entry_id = f"{time.time_ns():016x}{secrets.token_hex(8)}"
    return AuditEntry(entry_id=entry_id, org_id=org_id, at=at, actor=actor, action=action, target=target, **changes)


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as they were and as they are."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
