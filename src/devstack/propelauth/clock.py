"""The emulator's time, which tests can move forward."""

import time


class Clock:
    """Unix seconds, `offset` ahead of the machine's.

    Governs what is stored (creation times, expiry of invites and sessions). Access tokens and webhook signatures carry
    the machine's time instead, because those who check them compare with that.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> int:
        return int(time.time() + self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += seconds
