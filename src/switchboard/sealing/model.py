"""A known value that each key that may have sealed something has sealed as well."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, Field

from switchboard.annotations import SECRET
from switchboard.crypto import CannotOpen, KeyRing, Place
from switchboard.errors import Misconfigured

KNOWN: Final = "switchboard"


class SealingCheck(BaseModel):
    """A known value, sealed by one key: by it a process that starts finds out that it has the right keys."""

    key_id: str
    sealed: Annotated[str, SECRET] = Field(repr=False)
    created_at: datetime

    @property
    def place(self) -> Place:
        return Place("sealing_checks", self.key_id, "sealed")

    def verify(self, ring: KeyRing) -> None:
        """Raise `Misconfigured` unless the ring holds the key that sealed this."""
        if self.key_id not in ring.key_ids:
            raise Misconfigured(
                f"The key {self.key_id} is missing from SEALING_KEYS, and secrets may be sealed by it. Add it again; "
                "'switchboard secrets rotate' seals everything by the newest key, then it can go. If it is lost, "
                "'switchboard secrets forget' lets everything start without it."
            )
        try:
            known = ring.open(self.sealed, self.place)
        except CannotOpen:
            known = None
        if known != KNOWN:
            raise Misconfigured(
                f"The key {self.key_id} in SEALING_KEYS is not the one that sealed the stored secrets under this id."
            )


def new_check(ring: KeyRing, now: datetime) -> SealingCheck:
    """What the newest key seals; a process with another key of this id cannot open it."""
    check = SealingCheck(key_id=ring.newest, sealed="", created_at=now)
    return check.model_copy(update={"sealed": ring.seal(KNOWN, check.place)})
