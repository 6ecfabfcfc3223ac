"""What every Calendar API request passes: bearer token, quota, scopes; and how answers and errors are written."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from devstack.google import errors, request_bodies
from devstack.google.discovery import methods
from devstack.google.grants import AccessToken, Grants
from devstack.google.mask import applied, parsed
from devstack.google.state import Account, Store
from devstack.google.switches import Switches

JSON_TYPE = "application/json"


@dataclass
class Call:
    """One authorised request of a method of the API. `answer_headers` are added to the answer."""

    request: web.Request
    account: Account
    token: AccessToken
    body_schema: str = ""
    answer_headers: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    @property
    def parameters(self) -> dict[str, list[str]]:
        query = self.request.query
        return {name: query.getall(name) for name in query}

    @property
    def fields(self) -> str:
        return self.request.query.get("fields", "")

    async def json(self) -> dict[str, Any]:
        """The request's body; 400 parseError if it is no JSON object."""
        try:
            body = orjson.loads(await self.request.read() or b"{}")
        except orjson.JSONDecodeError as error:
            raise errors.invalid("Parse Error", reason="parseError") from error
        if not isinstance(body, dict):
            raise errors.invalid("Parse Error", reason="parseError")
        if self.body_schema:
            request_bodies.check(self.body_schema, body)
        return body


Answer = dict[str, Any] | bytes | None
Method = Callable[[Call], Awaitable[Answer]]


class Quota:
    """Requests in a sliding minute, per user and over all."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self._asked: dict[str, deque[float]] = {}

    def take(self, email: str) -> None:
        now = self.store.clock.now()
        self._take("", now, self.switches.quota_per_minute)
        self._take(email, now, self.switches.quota_per_minute_per_user)

    def _take(self, who: str, now: float, limit: int) -> None:
        asked = self._asked.setdefault(who, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= limit:
            raise errors.rate_limited(per_user=bool(who))
        asked.append(now)


class Gateway:
    def __init__(self, store: Store, grants: Grants, switches: Switches) -> None:
        self.grants = grants
        self.store = store
        self.quota = Quota(store, switches)
        self.watch_answers: list[Callable[[str, bytes], None]] = []

    def route(self, app: web.Application, method_id: str, handler: Method) -> None:
        """Serve one method of the discovery document."""
        method = methods()[method_id]
        needed = frozenset(method["scopes"])

        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                call = self._authorised(request, needed)
                call.body_schema = method.get("request", {}).get("$ref", "")
                return self._answer(method_id, call, await handler(call))
            except errors.ApiError as error:
                return _failure(error)

        app.router.add_route(method["httpMethod"], f"/calendar/v3/{method['path']}", serve)

    def _authorised(self, request: web.Request, needed: frozenset[str]) -> Call:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        value = value if scheme.lower() == "bearer" else request.query.get("access_token", "")
        if not value:
            raise errors.login_required()
        token = self.grants.valid(value)
        if token is None:
            raise errors.invalid_credentials()
        self.quota.take(token.email)
        if not needed & set(token.scopes):
            raise errors.insufficient_scopes()
        return Call(request, self.store.accounts[token.email], token)

    def _answer(self, method_id: str, call: Call, answer: Answer) -> web.Response:
        if answer is None:
            return web.Response(status=204)
        if isinstance(answer, dict):
            fields = call.fields
            answer = orjson.dumps(applied(parsed(fields), answer) if fields else answer)
        for watcher in self.watch_answers:
            watcher(method_id, answer)
        headers = call.answer_headers
        if "ETag" in headers and call.request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        response = web.Response(body=answer, content_type=JSON_TYPE, charset="utf-8", headers=headers)
        if "gzip" in call.request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response


def _failure(error: errors.ApiError) -> web.Response:
    return web.Response(
        status=error.code, body=orjson.dumps(error.body()), content_type=JSON_TYPE, headers=error.headers()
    )
