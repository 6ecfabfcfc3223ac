"""Sealing of secrets at rest: AES-256-GCM under a ring of keys, bound to the place where the value is kept.

A sealed value is a text, `enc:v1:<key id>:<base64url of nonce, ciphertext and tag>`, so sealed and plain values can
stand side by side and are told apart by their beginning. The first key of the ring seals, every key opens. A value that
was moved to another document or field does not open (the shape of facts/reliability.md section 4, "Format").
"""

import base64
import binascii
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from switchboard.errors import DataError, Misconfigured

MARK: Final = "enc:v1:"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SHORTEST: Final = NONCE_BYTES + 16


class CannotOpen(DataError):
    """A sealed value was altered, cut short or moved, or its key is not in the ring. The message never holds it."""

    code = "sealed_value_unreadable"
    message = "A stored secret could not be opened."


@dataclass(frozen=True)
class Place:
    """Where a secret is kept: the collection, the document's own id and the path of the field."""

    collection: str
    document_id: str
    field: str

    @property
    def associated_data(self) -> bytes:
        """Bytes that no other place shares."""
        parts = (part.encode() for part in (MARK, self.collection, self.document_id, self.field))
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class KeyRing:
    """Keys by their ids, the newest first. Its repr shows the ids alone."""

    def __init__(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """Raises `Misconfigured` for no key, a key that is not 32 bytes, a strange or repeated id."""
        self._ciphers: dict[str, AESGCM] = {}
        for key_id, key in keys:
            if not KEY_ID.fullmatch(key_id) or key_id in self._ciphers:
                raise Misconfigured("Each sealing key has an id of its own: letters, digits, - and _, at most 32.")
            if len(key) != KEY_BYTES:
                raise Misconfigured(f"The sealing key {key_id} must be {KEY_BYTES} bytes.")
            self._ciphers[key_id] = AESGCM(key)
        if not self._ciphers:
            raise Misconfigured("There is no sealing key.")
        self.newest = next(iter(self._ciphers))

    @classmethod
    def read(cls, text: str) -> "KeyRing":
        """A ring from `id:base64,id:base64`, the newest first; raises `Misconfigured`."""
        return cls(_key(part.strip()) for part in text.split(",") if part.strip())

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._ciphers)})"

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(self._ciphers)

    def seal(self, secret: str, place: Place) -> str:
        """The secret as it may be stored at this place, and nowhere else."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self.newest].encrypt(nonce, secret.encode(), place.associated_data)
        return f"{MARK}{self.newest}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: Place) -> str:
        """The secret; raises `CannotOpen`. A plain value is never taken for a sealed one."""
        cipher = self._ciphers.get(key_id_of(sealed) or "")
        try:
            data = base64.b64decode(sealed.rpartition(":")[2], altchars=b"-_", validate=True)
            if cipher is None or len(data) < _SHORTEST:
                raise CannotOpen
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.associated_data).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise CannotOpen from None

    def is_old(self, sealed: str) -> bool:
        """Whether it was sealed by another key than the newest, so that it is due to be sealed anew."""
        return key_id_of(sealed) != self.newest


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and value.startswith(MARK)


def key_id_of(sealed: str) -> str | None:
    """The id of the key it was sealed by; None for what is not sealed."""
    parts = sealed.split(":")
    return parts[2] if is_sealed(sealed) and len(parts) == 4 else None


def _key(text: str) -> tuple[str, bytes]:
    key_id, _, encoded = text.partition(":")
    try:
        return key_id, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured("A sealing key is written as its id, a colon and 32 bytes in base64.") from None
