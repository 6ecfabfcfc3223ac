"""Opaque sync and page tokens, sealed with a key of the emulator so that a mangled one is recognised."""

import base64
import hashlib
import hmac
from typing import Any

import orjson

SEAL_BYTES = 9


class TokenSeal:
    """Turns small JSON values into opaque text and back."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def seal(self, kind: str, value: list[Any]) -> str:
        payload = orjson.dumps(value)
        return base64.urlsafe_b64encode(self._mark(kind, payload) + payload).decode()

    def open(self, kind: str, token: str) -> list[Any]:
        """The sealed value; ValueError for anything this emulator did not give out as that kind."""
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except ValueError as error:
            raise ValueError("not a token") from error
        mark, payload = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
        if not hmac.compare_digest(mark, self._mark(kind, payload)):
            raise ValueError("not a token of ours")
        value: list[Any] = orjson.loads(payload)
        return value

    def _mark(self, kind: str, payload: bytes) -> bytes:
        return hmac.new(self.key, kind.encode() + payload, hashlib.sha256).digest()[:SEAL_BYTES]


def fingerprint(*parts: object) -> str:
    """A short digest of a query, to recognise a token of another one."""
    return hashlib.sha256(orjson.dumps([str(part) for part in parts])).hexdigest()[:12]
