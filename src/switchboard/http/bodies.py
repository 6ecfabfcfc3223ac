"""Request bodies: bounded, and JSON that MongoDB and every later reader can hold.

The six hostile classes of facts/reliability.md finding 5 end here with a 4xx: deep nesting, integers beyond 64 bits,
lone surrogates, NUL, NaN and Infinity, and sheer size.
"""

import json
import math
from collections.abc import Iterator

from fastapi import Response
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchboard import errors
from switchboard.http.errors import problem_of

MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_KEY_LENGTH = 1_000
INTEGERS = range(-(2**63), 2**63)


class InvalidJson(errors.Invalid):
    code = "invalid_json"
    message = "The body is not JSON this service can keep."


class Bodies:
    """Reads the body before the route does, refuses what is too large or not plain JSON, and hands it on."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(raw=scope.get("headers", []))
        if scope["type"] != "http" or not ("content-length" in headers or "transfer-encoding" in headers):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(headers.get("content-length", ""), receive)
            if "json" in headers.get("content-type", "").lower():
                check_json(body)
        except ClientDisconnect:  # half a body could be taken for a whole one
            return
        except errors.Invalid as refusal:
            await self._refuse(refusal, scope, receive, send)
            return
        await self._app(scope, again(body, receive), send)

    async def _read(self, declared: str, receive: Receive) -> bytes:
        if declared.isdigit() and int(declared[:20]) > self._limit:
            raise errors.TooLarge(f"The body is larger than {self._limit:,} bytes.")
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                raise errors.TooLarge(f"The body is larger than {self._limit:,} bytes.")
        return bytes(body)

    @staticmethod
    async def _refuse(refusal: errors.Invalid, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = problem_of(refusal)
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, for whoever reads it next."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def check_json(body: bytes) -> None:
    """Raise `InvalidJson` with a sentence when a body is not JSON that can be stored and read again."""
    if not body.strip():
        return
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except RecursionError:
        raise InvalidJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError:
        raise InvalidJson("The body is not valid JSON.") from None
    check_value(value)


def check_value(value: object, max_depth: int = MAX_DEPTH) -> None:
    """Raise `InvalidJson` for nesting, numbers or text that a document can't hold."""
    for count, (item, depth) in enumerate(_walk(value)):
        if depth > max_depth:
            raise InvalidJson(f"The JSON is nested deeper than {max_depth} levels.")
        if count > MAX_VALUES:
            raise InvalidJson(f"The JSON has more than {MAX_VALUES:,} values.")
        _check_scalar(item)


def _walk(value: object) -> Iterator[tuple[object, int]]:
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        yield item, depth
        if isinstance(item, dict):
            for key in item:
                _check_key(key)
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            waiting.extend((child, depth + 1) for child in item)


def _check_key(key: str) -> None:
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidJson(f"A key is longer than {MAX_KEY_LENGTH:,} characters.")
    _check_text(key)


def _check_scalar(item: object) -> None:
    if isinstance(item, str):
        _check_text(item)
    elif isinstance(item, int) and item not in INTEGERS:
        raise InvalidJson("A whole number needs more than 64 bits.")
    elif isinstance(item, float) and not math.isfinite(item):
        raise InvalidJson("A number is not finite.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidJson("A text or key holds the character NUL.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidJson("A text or key holds half of a surrogate pair.") from None


def _no_constant(_: str) -> object:
    raise ValueError
