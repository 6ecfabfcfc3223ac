"""Stored users as bytes: what 'left as it was' is measured by."""

from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

from tests.world import World

RAW: CodecOptions[Any] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)


def raw(world: World, user_id: str) -> bytes:
    found: Any = world.database["users"].with_options(codec_options=RAW).find_one({"user_id": user_id})
    return bytes(found.raw)


def fields(world: World, user_id: str) -> dict[str, bytes]:
    """Each field of the document with the type and bytes of its value."""
    document = RawBSONDocument(raw(world, user_id), RAW)
    return {name: bson.encode({"": value}) for name, value in document.items()}
