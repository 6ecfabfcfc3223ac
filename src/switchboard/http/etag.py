"""Entity tags (RFC 9110, section 8.8.3): making them, and comparing them with If-Match and If-None-Match."""

import hashlib
import re
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from switchboard.errors import PreconditionFailed, PreconditionRequired

JSON: Final = "application/json"
NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "The version the caller has is current"}}

_TAG: Final = r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")'
_LIST: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def etag_of(content: bytes | str) -> str:
    """A strong tag, in quotes: a digest of bytes, or a text that is a version already.

    Raises `ValueError` for a text with characters a tag can't have, such as spaces and quotes.
    """
    text = hashlib.sha256(content).hexdigest()[:32] if isinstance(content, bytes) else content
    tag = f'"{text}"'
    if not re.fullmatch(_TAG, tag):
        raise ValueError("an entity tag holds visible characters alone, and no quotes")
    return tag


def matches(header: str | None, etag: str, *, strong: bool = False) -> bool:
    """Whether a header names this tag, as `etag_of` made it; `*` names any. False for what is malformed or missing.

    If-None-Match compares weakly, where W/ does not matter. If-Match needs `strong`: a weak tag never matches.
    """
    if header is None:
        return False
    if header.strip(" \t") == "*":
        return True
    if not _LIST.fullmatch(header):
        return False
    weak, opaque = etag.startswith("W/"), etag.removeprefix("W/")
    return any(tag == opaque and not (strong and (mark or weak)) for mark, tag in re.findall(_TAG, header))


def check_match(if_match: str | None, etag: str) -> None:
    """Raise `PreconditionRequired` without If-Match, `PreconditionFailed` if it names another version."""
    if if_match is None:
        raise PreconditionRequired
    if not matches(if_match, etag, strong=True):
        raise PreconditionFailed


def tagged(body: BaseModel, etag: str, status: int = 200) -> Response:
    """A body as JSON with its tag; caches ask each time whether it is still the same."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return Response(body.model_dump_json(), status, headers, JSON)


def answered(body: BaseModel, etag: str, if_none_match: str | None) -> Response:
    """The same, or 304 without a body for who has it already."""
    if matches(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
    return tagged(body, etag)
