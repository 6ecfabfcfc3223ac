"""How the older pages of organizations and people speak: camelCase, epoch seconds, two envelopes at once.

Both eras of them are served alike (facts/legacy.md section 9, rows 8 and 13); `http.legacy` adds what all older pages
read of a failure.
"""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from switchboard.clients.propelauth_organizations import NameRefused
from switchboard.errors import Malformed, SwitchboardError
from switchboard.http.deps import current_time
from switchboard.http.errors import problem_of

Data = TypeVar("Data")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Seconds = Annotated[int, BeforeValidator(lambda moment: int(moment.timestamp()))]
NAMES: Final = frozenset(("name", "orgName"))


class Sent(BaseModel):
    """A body of theirs: null is not sent, and what is not known is not read."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: Any) -> Any:
        return {name: value for name, value in sent.items() if value is not None} if isinstance(sent, dict) else sent


class Read(BaseModel):
    """What they read."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Answer(BaseModel, Generic[Data]):
    """Both envelopes: `success` of one era, `status` and `timestamp` of the other."""

    success: Literal[True] = True
    status: Literal["success"] = "success"
    message: str
    data: Data
    timestamp: str

    @classmethod
    def of(cls, data: Data, message: str, now: datetime) -> Self:
        return cls(message=message, data=data, timestamp=_iso(now))


class Told(APIRoute):
    """Refuses as they read it: `success` is false, and `error` says in their words what a request lacks."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as invalid:
                return _failure(malformed(invalid.errors()))
            except SwitchboardError as error:
                return _failure(error)

        return handler


def malformed(items: Sequence[Mapping[str, Any]]) -> Malformed:
    """What the framework found wrong with a request; what is missing comes first, as `Missing orgId`."""
    missing = next((item for item in items if _is_missing(item)), None)
    if missing is not None:
        return Malformed(f"Missing {_place(missing)}" if _place(missing) else "Send a JSON object.")
    fields = {_place(item): _reason(item) for item in items}
    place, reason = next(iter(fields.items()))
    return Malformed(f"{place}: {reason}" if place else reason, fields=fields)


def _failure(error: SwitchboardError) -> Response:
    answer = problem_of(error)
    told = {**orjson.loads(answer.body), "success": False, "timestamp": _iso(current_time())}
    about_name = _about_name(error)
    if about_name is not None:  # the page that creates organizations looks for it in JSON
        told["error"] = json.dumps({"name": [about_name]})
    kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(orjson.dumps(told), answer.status_code, kept)


def _about_name(error: SwitchboardError) -> str | None:
    if isinstance(error, NameRefused):
        return error.message
    fields = error.fields if isinstance(error, Malformed) else {}
    return next((fields[name] for name in fields if name in NAMES), None)


def _is_missing(item: Mapping[str, Any]) -> bool:
    """Not there, or blank."""
    sent = item["input"]
    return item["type"] == "missing" or sent is None or (isinstance(sent, str) and not sent.strip())


def _place(item: Mapping[str, Any]) -> str:
    """The field, empty for the body as a whole."""
    return ".".join(str(part) for part in item["loc"][1:])


def _reason(item: Mapping[str, Any]) -> str:
    """A sentence without the value."""
    if item["type"] in ("json_invalid", "model_attributes_type"):
        return "Send a JSON object, as application/json."
    if item["type"] == "string_pattern_mismatch":
        return "There are characters in it that cannot be used here."
    reason = str(item["msg"]).removeprefix("Value error, ")
    reason = reason.replace("Input should", "Must").replace("String should", "Must")
    return reason[:1].upper() + reason[1:]


def _iso(moment: datetime) -> str:
    """As JavaScript writes a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
