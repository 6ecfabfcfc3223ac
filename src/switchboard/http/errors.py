"""The one table from our kinds of error to HTTP, and problem+json (RFC 9457).

Nothing a caller sent is ever repeated in a problem: what failed is named by its place, never by its value
(facts/reliability.md, finding 4).
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchboard import errors, mongo
from switchboard.clients.propelauth_errors import InvalidToken

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()

STATUSES: dict[type[errors.SwitchboardError], int] = {
    errors.TooLarge: 413,
    errors.Malformed: 400,
    errors.Invalid: 422,
    errors.Unverified: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.PreconditionRequired: 428,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.Misconfigured: 500,
    errors.DataError: 500,
    errors.SwitchboardError: 500,
}


class FieldProblem(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """What went wrong. `code` is stable and meant for programs; `detail` is a sentence for people."""

    model_config = ConfigDict(json_schema_extra={"description": "RFC 9457 problem with a stable code"})

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem]


def status_of(error: type[errors.SwitchboardError]) -> int:
    """The status of the nearest kind in the table."""
    return next(STATUSES[kind] for kind in error.__mro__ if kind in STATUSES)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    fields: Mapping[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem as a response; `headers` are added to it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", "")),
        "errors": [{"field": field, "message": message} for field, message in (fields or {}).items()],
    }
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def problem_of(error: errors.SwitchboardError) -> Response:
    """The problem an error of ours becomes."""
    status = status_of(type(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request.failed", code=error.code, message=error.message)
    if not isinstance(error, errors.Refusal):
        return problem(status, error.code, errors.SwitchboardError.message)
    return problem(status, error.code, error.message, fields=error.fields, headers=_headers(error))


def _headers(error: errors.Refusal) -> dict[str, str]:
    if isinstance(error, (errors.RateLimited, errors.Unavailable)):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def install(app: FastAPI) -> None:
    """Make every failure of the application a problem."""
    app.add_exception_handler(errors.SwitchboardError, _ours)
    app.add_exception_handler(mongo.DriverError, _driver)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.SwitchboardError)  # noqa: S101  (the handler is registered for this type)
    return problem_of(error)


async def _driver(_: Request, error: Exception) -> Response:
    assert isinstance(error, mongo.DriverError)  # noqa: S101
    return problem_of(mongo.as_our_error(error))


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = {_place(item): _reason(item) for item in error.errors()}
    return problem(422, "invalid", "The request is not valid: see errors.", fields=fields)


def _place(item: Mapping[str, Any]) -> str:
    """Where it is: `query.limit`, `body.timezone`. A name that came from the caller is left out."""
    location = [str(part) for part in item["loc"]]
    known = location[:-1] if item["type"] == "extra_forbidden" else location
    return ".".join(known if len(known) == len(location) else [*known, "?"])


def _reason(item: Mapping[str, Any]) -> str:
    """The message without the value: pydantic quotes input only for the few types named here."""
    if item["type"] == "extra_forbidden":
        return "This field is not known here."
    if item["type"] in ("json_invalid", "json_type"):
        return "This is not valid JSON."
    if item["type"] == "model_attributes_type":
        return "This must be a JSON object, sent as application/json."
    message = str(item["msg"]).removeprefix("Value error, ").replace("Input should", "Must")
    return message if message.endswith(".") else f"{message}."


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    sentences = {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        400: "The request could not be read.",
    }
    headers = dict(error.headers or {})
    return problem(status, status.name.lower(), sentences.get(status, f"{status.phrase}."), headers=headers)


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("request.crashed", exc_info=error)
    return problem(500, "error", errors.SwitchboardError.message)


class Crashes:
    """Answers what nobody expected, inside CORS, request id and metrics: the framework does it outside of them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # the one broad catch of the HTTP face
            if started or scope["type"] != "http":
                raise
            response = await _unexpected(Request(scope), error)
            await response(scope, receive, send)


def problems(*refusals: type[errors.Refusal]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these refusals, and those every route can give."""
    documented: dict[int, list[type[errors.Refusal]]] = {}
    tokens = (InvalidToken,) if errors.Unauthenticated in refusals else ()
    for refusal in (*refusals, *tokens, errors.Invalid, errors.TooLarge, errors.Unavailable):
        documented.setdefault(status_of(refusal), []).append(refusal)
    return {status: _documented(kinds) for status, kinds in sorted(documented.items())}


def _documented(kinds: list[type[errors.Refusal]]) -> dict[str, Any]:
    return {
        "description": "\n".join(f"`{kind.code}`: {kind.message}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
