"""`Idempotency-Key` on POSTs: the same key with the same request gets the same answer, for two days.

The contract is Stripe's (docs.stripe.com, idempotent requests): the key belongs to its caller and its request; only
successes are kept, so what failed or was refused is tried again by its repetition. What is made gets an id that
belongs to the key (`service.new_id`), so a request whose process died makes nothing twice. An answer that its route
marks `Cache-Control: no-store` is not kept either: it holds a secret. Only a route that creates nothing may mark it so.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchboard.errors import SwitchboardError
from switchboard.http.bodies import again
from switchboard.http.errors import problem_of, problems
from switchboard.idempotency import service
from switchboard.idempotency.model import (
    KEY,
    Answer,
    Attempt,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    StillUnderWay,
    checked_key,
    digest_of,
)
from switchboard.services import Services

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"


def describe(operation: dict[str, Any]) -> None:
    """Add the header, and what it can lead to, to the description of a POST."""
    text = "Repeat a request with the same key to get the same answer; a success without secrets is kept for two days."
    schema = {"type": "string", "pattern": f"^{KEY.pattern}$"}
    header = {"name": "Idempotency-Key", "in": "header", "required": False, "description": text, "schema": schema}
    operation.setdefault("parameters", []).append(header)
    for status, described in problems(StillUnderWay, IdempotencyKeyReused, InvalidIdempotencyKey).items():
        known = operation["responses"].setdefault(str(status), described)
        if status in (409, 422) and known is not described:
            known["description"] += "\n" + described["description"]


class Idempotency:
    """Stands inside `Bodies`, so that a body is read and bounded before it is looked at."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        key = Headers(raw=scope["headers"]).get(HEADER) if is_post else None
        if key is None:
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        try:
            caller = await _caller(scope)
            digest = digest_of(scope["raw_path"], scope["query_string"], body)
            attempt = await service.begin(digest_of(caller, checked_key(key).encode()), digest, datetime.now(UTC))
        except SwitchboardError as refusal:
            await problem_of(refusal)(scope, receive, send)
            return
        if attempt.status is not None:
            told = {REPLAYED: "true"} | ({} if attempt.etag is None else {"ETag": attempt.etag})
            replayed = Response(attempt.body, attempt.status, told, attempt.media_type or None)
            await replayed(scope, receive, send)
            return
        await self._answer(attempt, scope, again(body, receive), send)

    async def _answer(self, attempt: Attempt, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and keep the answer before its last part leaves: who has read it can rely on its repetition."""
        status, headers, answer = 500, Headers(), bytearray()

        async def kept(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], Headers(raw=message["headers"])
            else:
                answer.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    with suppress(SwitchboardError):  # then the key is free again a minute later
                        await _end(attempt, status, headers, bytes(answer))
            await send(message)

        try:
            with service.carrying_out(attempt):
                await self._app(scope, receive, kept)
        except BaseException:
            with suppress(SwitchboardError):
                await service.let_go(attempt)
            raise


async def _end(attempt: Attempt, status: int, headers: Headers, answer: bytes) -> None:
    if "no-store" in headers.get("cache-control", ""):
        await service.give_up(attempt)
    else:
        await service.end(attempt, Answer(status, headers.get("content-type", ""), headers.get("etag"), answer))


async def _caller(scope: Scope) -> bytes:
    """Who is calling: a person whatever their token, a service by its key. Raises `Unauthenticated`."""
    headers = Headers(raw=scope["headers"])
    services: Services = scope["app"].state.services
    authorization = headers.get("authorization")
    if authorization is None and "x-api-key" in headers:
        service_calling = await services.identify_service(headers["x-api-key"], datetime.now(UTC))
        return b"service:" + service_calling.key_id.encode()
    return b"user:" + services.propelauth.identify(authorization).user_id.encode()
