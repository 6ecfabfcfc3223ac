"""How requests to the Calendar API are made and sent: through aiogoogle, on a discovery document of our own.

Traps this closes are listed in facts/google-calendar.md section 1. `GoogleAPI` builds requests and one shared
session sends them, so credentials are never kept in a shared object (1.4), pages share one connection (1.5), every
request has a deadline (1.5) and an answer is judged by its status, whatever its reason phrase (1.6).
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any, Final

import aiohttp
import orjson
from aiogoogle import GoogleAPI  # type: ignore[attr-defined]
from aiogoogle.excs import AiogoogleError
from aiogoogle.models import Request
from aiogoogle.sessions.aiohttp_session import AiohttpSession
from prometheus_client import Counter

from switchboard.clients.google_errors import Busy, GoogleUnavailable, Retries, as_our_error
from switchboard.errors import SwitchboardError
from switchboard.settings import GoogleSettings

REQUESTS: Final = Counter("switchboard_google_requests", "Requests to Google by how they ended", ("method", "outcome"))
WITHOUT_ANSWER: Final = frozenset({"events.delete", "channels.stop"})
PATH: Final = {"calendarId": "", "eventId": ""}  # in these no character is left as it is, "/" neither (1.1)

AsError = Callable[[int, Any, str | None], SwitchboardError]


@asynccontextmanager
async def one_session() -> AsyncIterator[aiohttp.ClientSession]:
    """No cookie of one person's answer goes with another's request, and no proxy of the environment is used."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100),
        response_class=_OrjsonResponse,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as http:
        yield http


class GoogleCalls:
    """A method is named as in the discovery document, `events.list`; its parameters are those named there."""

    def __init__(self, settings: GoogleSettings, http: aiohttp.ClientSession, retries: Retries) -> None:
        self.retries = retries
        self._session = _SharedSession(http)
        self._api: Any = GoogleAPI(discovery_document(settings.api_address))  # type: ignore[no-untyped-call]
        self._deadline = aiohttp.ClientTimeout(total=settings.timeout, connect=min(5.0, settings.timeout))

    async def ask(
        self,
        method: str,
        access_token: str,
        body: dict[str, Any] | None = None,
        as_error: AsError = as_our_error,
        **parameters: Any,
    ) -> dict[str, Any]:
        """The answer's JSON; what may pass is tried again."""
        return await self.retries(self.once, method, access_token, body, as_error, **parameters)

    async def once(
        self,
        method: str,
        access_token: str,
        body: dict[str, Any] | None = None,
        as_error: AsError = as_our_error,
        **parameters: Any,
    ) -> dict[str, Any]:
        """The answer's JSON, empty where the method has none. A parameter that is None is left out."""
        request = self._request(method, body, parameters)
        request.headers["Authorization"] = f"Bearer {access_token}"
        request.timeout = self._deadline  # type: ignore[assignment]
        response: Any = None
        with suppress(aiohttp.ClientError, TimeoutError, AiogoogleError, ValueError):
            response = await self._session.send(request, full_res=True, raise_for_status=False)  # type: ignore[no-untyped-call]
        # What failed is raised outside of `except`: those errors hold the address and the token.
        outcome, error = _judged(method, response, as_error)
        REQUESTS.labels(method, outcome).inc()
        if error is not None:
            raise error
        return response.json or {}

    def _request(self, method: str, body: dict[str, Any] | None, parameters: dict[str, Any]) -> Request:
        resource, name = method.split(".")
        build = getattr(getattr(self._api, resource), name)
        request: Request = build(path_params_safe_chars=PATH, validate=True, **parameters)
        request.json = body
        return request


def _judged(method: str, response: Any, as_error: AsError) -> tuple[str, SwitchboardError | None]:
    """How a request ended, in a word of a short list, and the error it is for us."""
    if response is None:
        return "no_answer", GoogleUnavailable()
    if response.status_code >= 400:
        error = as_error(response.status_code, response.json, response.headers.get("Retry-After"))
        return _outcome(response.status_code, error), error
    if not isinstance(response.json, dict) and not (method in WITHOUT_ANSWER and _empty(response)):
        return "unreadable", GoogleUnavailable()
    return "ok", None


def _outcome(status: int, error: SwitchboardError) -> str:
    """A word for an answer that was an error: of a short list, so that it can be counted by."""
    if isinstance(error, Busy):
        return "slow_down" if status < 500 else "5xx"
    return error.code


def _empty(response: Any) -> bool:
    return response.json is None and not response.data


def discovery_document(address: str) -> dict[str, Any]:
    """A copy each time: the library rewrites the document it gets (1.1)."""
    text = files("switchboard.clients").joinpath("google_calendar.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return {**document, "rootUrl": f"{address}/"}


class _SharedSession(AiohttpSession):
    """The library's session over our one connection pool (1.5)."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._session = http


class _OrjsonResponse(aiohttp.ClientResponse):
    """JSON by orjson; what is not JSON stays an error the library knows (1.7)."""

    async def json(self, **_: Any) -> Any:
        body = await self.read()
        if "json" not in self.content_type:
            raise aiohttp.ContentTypeError(self.request_info, self.history, status=self.status)
        return orjson.loads(body) if body else None
