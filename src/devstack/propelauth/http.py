"""What all routes share: the key check, error bodies, reading of bodies and paging."""

import hmac
import json
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel, ConfigDict, ValidationError

from devstack.propelauth.model import is_id
from devstack.propelauth.refusals import Refused, invalid, not_found

BACKEND = "/api/backend/v1"
METADATA_PATH = "/api/v1/token_verification_metadata"
MAXIMUM_PAGE_SIZE = 100
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_READS_BY_POST = ("/user/user_ids", "/user/emails", "/user/usernames", "/org/query")


class Body(BaseModel):
    """A request body; types are strict, as the vendor's server is written in Rust. Unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


AnyBody = TypeVar("AnyBody", bound=Body)


class Keys:
    """The project's backend keys, and the check every backend request passes first."""

    def __init__(self, full: str, read_only: str) -> None:
        self.full = full
        self.read_only = read_only
        self.auth_host = ""

    def check(self, request: web.Request) -> None:
        """401 for the wrong key, before anything else; 403 for a change with the read-only key.

        `X-Propelauth-url` names the project: a key is unknown to any other one.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        full, read_only = (hmac.compare_digest(token.encode(), key.encode()) for key in (self.full, self.read_only))
        if scheme.lower() != "bearer" or not (full or read_only):
            raise Refused(401)
        if request.headers.get("X-Propelauth-url", self.auth_host) != self.auth_host:
            raise Refused(404 if request.path == METADATA_PATH else 401)
        if read_only and request.method != "GET" and not request.path.endswith(_READS_BY_POST):
            raise Refused(403)


def _needs_key(request: web.Request) -> bool:
    """Refreshing and signing out by a server-rendered front end go by the refresh token instead."""
    if request.path in (f"{BACKEND}/refresh_token", f"{BACKEND}/logout"):
        return False
    return request.path.startswith("/api/backend/") or request.path == METADATA_PATH


def answering(keys: Keys) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if _needs_key(request):
                keys.check(request)
            return _readable(request, await handler(request))
        except Refused as refused:
            return _readable(request, web.json_response(refused.body, status=refused.status))
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return web.json_response({}, status=404)

    return middleware


def _readable(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Lets a UI on another port of this machine read what the front-end paths answer, refusals too."""
    origin = request.headers.get("Origin", "")
    if request.path.startswith("/api/v1/") and urlsplit(origin).hostname in LOOPBACK:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Access-Control-Allow-Headers"] = "authorization, content-type, x-csrf-token"
        answer.headers["Vary"] = "Origin"
    return answer


def done(body: object = None) -> web.Response:
    """Success is always 200 with JSON: the official Go SDK takes 201 for an error."""
    return web.json_response({} if body is None else body)


async def read(request: web.Request, model: type[AnyBody]) -> AnyBody:
    """The JSON body; 400 with the messages by field where it does not fit."""
    try:
        data = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refused(400, {"body": ["Not JSON"]}) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Refused(400, _messages(error)) from error


def _messages(error: ValidationError) -> dict[str, object]:
    messages: dict[str, list[str]] = {}
    for detail in error.errors():
        field = str(detail["loc"][0]) if detail["loc"] else "body"
        messages.setdefault(field, []).append(detail["msg"])
    return dict(messages)


def path_id(request: web.Request, name: str) -> str:
    """404 for what cannot be an id."""
    value = request.match_info[name]
    if not is_id(value):
        raise not_found()
    return value


def include_orgs(request: web.Request) -> bool:
    return request.query.get("include_orgs") == "true"


def paging(request: web.Request) -> tuple[int, int]:
    """Page number (from 0) and size (10 unless told); 400 outside 1 to 100."""
    return check_paging(_number(request, "page_number", 0), _number(request, "page_size", 10))


def check_paging(number: int, size: int) -> tuple[int, int]:
    if number < 0:
        raise invalid("page_number", "Must not be negative")
    if not 1 <= size <= MAXIMUM_PAGE_SIZE:
        raise invalid("page_size", f"Must be from 1 to {MAXIMUM_PAGE_SIZE}")
    return number, size


def _number(request: web.Request, name: str, default: int) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError as error:
        raise invalid(name, "Not a number") from error


def host_of(url: str) -> str:
    return urlsplit(url).netloc
