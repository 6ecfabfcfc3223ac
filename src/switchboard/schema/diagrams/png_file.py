"""PNG files with a note in them; to read the note takes no library, so a check of the picture needs none either."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

NOTE: Final = "Drawing"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PALETTE: Final = 3


def written(size: tuple[int, int], palette: bytes, pixels: bytes, note: str) -> bytes:
    """A picture whose pixels are numbers of colours, a byte each; the palette has three bytes for each colour."""
    width, height = size
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tEXt", f"{NOTE}\0{note}".encode("latin-1")),
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_part(name, content) for name, content in parts)


def note_of(png: bytes) -> str | None:
    """The note, or None when this is no PNG of ours."""
    return next((text for name, text in _texts(png) if name == NOTE), None)


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _texts(png: bytes) -> Iterator[tuple[str, str]]:
    at = len(_SIGNATURE)
    while png.startswith(_SIGNATURE) and at + 8 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"tEXt":
            name, _, text = png[at + 8 : at + 8 + length].partition(b"\0")
            yield name.decode("latin-1"), text.decode("latin-1")
        at += 12 + length
