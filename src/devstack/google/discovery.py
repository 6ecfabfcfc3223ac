"""The published discovery document, read from google-api-python-client, a development dependency."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache
import orjson


@cache
def published() -> dict[str, Any]:
    """The document as published; do not change it."""
    folder = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    document: dict[str, Any] = orjson.loads((folder / "calendar.v3.json").read_bytes())
    return document


def rooted(url: str) -> dict[str, Any]:
    """A copy whose addresses point at `url` (without a trailing slash)."""
    document = copy.deepcopy(published())
    document["rootUrl"] = f"{url}/"
    document["baseUrl"] = f"{url}{document['basePath']}"
    return document


@cache
def methods() -> dict[str, dict[str, Any]]:
    """All methods by id, e.g. `calendar.events.list`."""
    found: dict[str, dict[str, Any]] = {}
    _collect(published(), found)
    return found


def _collect(resource: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    for method in resource.get("methods", {}).values():
        found[method["id"]] = method
    for inner in resource.get("resources", {}).values():
        _collect(inner, found)
