"""The published discovery document as JSON Schema 2020-12, strict about unknown fields."""

from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from devstack.google.discovery import methods, published

KEPT = ("type", "format", "pattern", "enum", "minimum", "maximum")


def converted(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if schema.get("type") == "any":
        return {}
    result: dict[str, Any] = {name: schema[name] for name in KEPT if name in schema}
    if result.get("format") in ("int64", "uint64"):
        result["pattern"] = r"^-?\d+$"
    if schema.get("type") == "object":
        result["properties"] = {name: converted(inner) for name, inner in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        result["additionalProperties"] = converted(more) if more else False
    if "items" in schema:
        result["items"] = converted(schema["items"])
    return result


@cache
def validator(name: str) -> Draft202012Validator:
    definitions = {known: converted(schema) for known, schema in published()["schemas"].items()}
    return Draft202012Validator({"$defs": definitions, "$ref": f"#/$defs/{name}"}, format_checker=FormatChecker())


class AnswerChecker:
    """Validates answers; an item seen before is not validated again."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.checked = 0

    def __call__(self, method_id: str, body: bytes) -> None:
        answer = orjson.loads(body)
        schema = methods()[method_id]["response"]["$ref"]
        if schema == "Events":
            for item in answer.pop("items", []):
                self._item(item)
        validator(schema).validate(answer)
        self.checked += 1

    def _item(self, item: dict[str, Any]) -> None:
        text = orjson.dumps({name: value for name, value in item.items() if name not in ("id", "etag")})
        if text not in self.known:
            validator("Event").validate(item)
            self.known.add(text)
