"""Request bodies held against the types of the published discovery document."""

from typing import Any

from devstack.google.discovery import published
from devstack.google.errors import ApiError, invalid

KINDS: dict[str, type | tuple[type, ...]] = {
    "string": (str, int),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


def check(schema_name: str, body: dict[str, Any]) -> None:
    """400 for a known field of the wrong type; unknown fields are ignored and null means absent."""
    _check_object(published()["schemas"][schema_name], body)


def _check(schema: dict[str, Any], value: object, name: str) -> None:
    schema = published()["schemas"][schema["$ref"]] if "$ref" in schema else schema
    kind = schema.get("type", "any")
    if value is None or kind == "any":
        return
    if not isinstance(value, KINDS[kind]):
        raise _wrong(name)
    if isinstance(value, dict):
        _check_object(schema, value)
    elif isinstance(value, list):
        for item in value:
            _check(schema["items"], item, name)


def _check_object(schema: dict[str, Any], value: dict[str, Any]) -> None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, inner in value.items():
        if name in known:
            _check(known[name], inner, name)
        elif others is not None:
            _check(others, inner, name)


def _wrong(name: str) -> ApiError:
    return invalid(f"Invalid value for: {name}", name, "parseError")
