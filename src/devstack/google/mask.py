"""The `fields` parameter: `nextPageToken,items(id,start/dateTime)`."""

import re
from functools import lru_cache
from typing import Any

from devstack.google.errors import invalid

Mask = dict[str, Any]
TOKEN = re.compile(r"[^,()/\s]+|[,()/]")


@lru_cache(maxsize=256)
def parsed(text: str) -> Mask:
    """A tree of names; an empty tree means everything below. 400 for a text that is no mask."""
    tokens = TOKEN.findall(text)
    mask, position = _names(tokens, 0)
    if position != len(tokens) or not mask:
        raise invalid(f"Invalid field selection {text}", "fields", "invalidParameter")
    return mask


def _names(tokens: list[str], position: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while position < len(tokens) and tokens[position] not in ",()/":
        name = tokens[position]
        below, position = _below(tokens, position + 1)
        mask[name] = {**mask[name], **below} if mask.get(name) and below else below
        if position >= len(tokens) or tokens[position] != ",":
            break
        position += 1
    return mask, position


def _below(tokens: list[str], position: int) -> tuple[Mask, int]:
    mark = tokens[position] if position < len(tokens) else ""
    if mark == "(":
        mask, position = _names(tokens, position + 1)
        return mask, position + 1
    if mark == "/" and position + 1 < len(tokens):
        below, after = _below(tokens, position + 2)
        return {tokens[position + 1]: below}, after
    return {}, position


def applied(mask: Mask, value: Any) -> Any:
    """The part of a JSON value that the mask selects; an empty mask selects all."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [applied(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: applied(mask[name], inner) for name, inner in value.items() if name in mask}
