"""Checking the ring of keys against what is stored."""

from datetime import datetime

from switchboard.crypto import KeyRing
from switchboard.sealing.documents import SealingCheckDocument
from switchboard.sealing.model import new_check


async def verify(ring: KeyRing, now: datetime) -> None:
    """Raise `Misconfigured` if a key that may have sealed something is missing or another one.

    The newest key may seal from now on, so a check of it is kept, once all others were found right: a process that is
    refused leaves nothing behind.
    """
    known = await SealingCheckDocument.all()
    for check in known:
        check.verify(ring)
    if ring.newest not in {check.key_id for check in known}:
        kept = await SealingCheckDocument.add(new_check(ring, now))
        kept.verify(ring)
