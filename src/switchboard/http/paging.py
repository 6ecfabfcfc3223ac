"""Lists go page by page: `limit`, and an opaque `cursor` that the page before gave as `next_cursor`."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from pydantic import Field

from switchboard.errors import Invalid
from switchboard.mongo import Place

_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)

Limit = Annotated[int, Field(ge=1, le=1000, description="How many at most")]
Cursor = Annotated[str | None, Field(max_length=2000, description="`next_cursor` of the page before")]


class InvalidCursor(Invalid):
    code = "invalid_cursor"
    message = "This cursor is not one this service gave out. Start again without it."


def encode_cursor(*position: str | int) -> str:
    """A position as an opaque text for `decode_cursor`."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_cursor(cursor: str, *shape: type[str] | type[int]) -> list[str | int]:
    """The position back; raises `InvalidCursor` unless its parts are of the types in `shape`."""
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    if not isinstance(position, list) or [type(part) for part in position] != list(shape):
        raise InvalidCursor
    return position


def encode_place(at: datetime, identifier: str) -> str:
    """A place in a list that is ordered by a time and an id."""
    return encode_cursor((at - _EPOCH) // _MILLISECOND, identifier)


def decode_place(cursor: str | None) -> Place | None:
    """The place back; raises `InvalidCursor`."""
    if cursor is None:
        return None
    milliseconds, identifier = decode_cursor(cursor, int, str)
    try:
        return _EPOCH + int(milliseconds) * _MILLISECOND, str(identifier)
    except OverflowError:
        raise InvalidCursor from None
