"""Secrets that are planted, the forms in which they could show, and the search for them."""

import base64
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import uuid4

HALF = 12
SENT = "m+=" + uuid4().hex[: HALF - 3]  # what all secrets begin with that are sent to where none belongs


@dataclass(frozen=True)
class Canary:
    """A secret by its name. `half` is a part of it that is nowhere else, its first twelve characters unless said."""

    name: str
    text: str = field(repr=False)
    half: str = field(default="", repr=False)

    @property
    def forms(self) -> set[bytes]:
        """Texts one of which shows wherever the secret or half of it does, plain or encoded."""
        half = (self.half or self.text[:HALF]).encode()
        quoted = quote(half, safe="")
        lower = re.sub("%..", lambda found: found.group().lower(), quoted)
        return {half, quoted.encode(), lower.encode(), half.hex().encode(), *_base64(half)}


def _base64(text: bytes) -> Iterable[bytes]:
    """The letters that base64 has for a text, whatever stands before and after it."""
    for before in range(3):
        inner = slice(-(-before * 8 // 6), (before + len(text)) * 8 // 6)
        encoded = base64.b64encode(b"\0" * before + text)[inner]
        yield from (encoded, encoded.translate(bytes.maketrans(b"+/", b"-_")))


def new(name: str) -> Canary:
    """A key that looks like a vendor's, with characters that are encoded in addresses."""
    return Canary(name, f"k+={uuid4().hex}/{secrets.token_hex(4)}")


def misplaced() -> str:
    """A secret that is sent to where none belongs; `SENT` finds them all, and each is another one."""
    return f"{SENT}{uuid4().hex}"


MISPLACED = Canary("a misplaced secret", SENT)
EACH = re.compile(re.escape(SENT.encode()) + b"[0-9a-f]{32}")


class Search:
    """Looks for canaries."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._forms = [(form, canary.name) for canary in canaries for form in canary.forms]

    def names(self, data: bytes) -> set[str]:
        """The canaries that show in it."""
        return {name for form, name in self._forms if form in data}
