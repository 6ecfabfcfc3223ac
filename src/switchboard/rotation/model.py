"""What a rotation does with a stored value, what it reports, and what is given up with a key that is lost."""

from dataclasses import dataclass, field
from typing import Literal

from switchboard.configurations.model import Safe
from switchboard.crypto import CannotOpen, KeyRing, is_sealed, key_id_of
from switchboard.errors import Conflict, NotFound

Outcome = Literal["current", "unreadable"]


@dataclass(frozen=True)
class Kept:
    """A secret as it is stored; `path` is that of the secret, wherever a copy of it is kept.

    Calls use what is in force; of the rest only the history has a copy.
    """

    agent_id: str
    path: str
    value: str = field(repr=False)
    in_force: bool

    def renewed(self, ring: KeyRing) -> str | Outcome:
        """The value to put in its place: `current` if it stays, `unreadable` if no key of the ring opens it."""
        if is_sealed(self.value) and not ring.is_old(self.value):
            return "current"
        safe = Safe(ring, self.agent_id)
        try:
            return safe.seal(self.path, safe.open(self.path, self.value))
        except CannotOpen:
            return "unreadable"


class KeyNotLost(Conflict):
    code = "key_not_lost"
    message = "This key is in SEALING_KEYS. 'switchboard secrets rotate' says when it may leave."


class UnknownKey(NotFound):
    code = "unknown_key"
    message = "No process that was started here had a sealing key of this id, or it is forgotten already."


@dataclass(frozen=True)
class Lost:
    """How many values a lost key sealed, and the agents for which one of them is in force."""

    key_id: str
    values: int
    agents: list[str]


@dataclass
class Rotation:
    """How many values there are, were sealed anew (or would be), stayed, and cannot be read.

    Of those, the agents for which one is in force, a hundred at most, and the ids of the keys that sealed them.
    """

    looked_at: int = 0
    renewed: int = 0
    current: int = 0
    unreadable: int = 0
    unreadable_agents: list[str] = field(default_factory=list)
    unreadable_keys: list[str] = field(default_factory=list)
    retired_keys: list[str] = field(default_factory=list)

    def count(self, kept: Kept, outcome: str) -> None:
        self.looked_at += 1
        if outcome == "current":
            self.current += 1
        elif outcome == "unreadable":
            self.unreadable += 1
            key_id = key_id_of(kept.value)
            if key_id is not None and key_id not in self.unreadable_keys:
                self.unreadable_keys.append(key_id)
            named = self.unreadable_agents
            if kept.in_force and kept.agent_id not in named and len(named) < 100:
                named.append(kept.agent_id)
        else:
            self.renewed += 1
