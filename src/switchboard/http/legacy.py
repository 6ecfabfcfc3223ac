"""How failures are told on the paths of the older servers.

Their pages read the sentence from `error`, from `message` or from `detail`, and most of them never look at the status
(facts/legacy.md section 9, row 5), so a problem of these paths says it in all three places. All of them parse JSON
without looking at its media type (section 2), so a problem stays `application/problem+json`.
"""

from typing import Any, Final

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchboard.http.errors import MEDIA_TYPE

PREFIXES: Final = ("/api/v1", "/calendar-api", "/api/org", "/api/user", "/user", "/agents", "/api/agents")

# What a sign-in that failed was told by the older server, by our codes (facts/legacy.md section 1.2).
SIGN_IN: Final = "/auth/callback"
_INVALID_REQUEST: Final = ("invalid_request", "Invalid request format.")
_SERVER_ERROR: Final = ("server_error", "An error occurred during OAuth callback.")
_OF_SIGN_IN: Final = {
    "no_access_token": ("no_access_token", "No access token provided."),
    "no_google_tokens": ("not_logged_in_with_google", "User is not logged in with Google."),
    **dict.fromkeys(("invalid", "invalid_json", "too_large"), _INVALID_REQUEST),
    **dict.fromkeys(("invalid_token", "unavailable", "propelauth_unavailable", "error"), _SERVER_ERROR),
}


class Legacy:
    """Adds `error` and `message` to the problems of older paths; what a route put there itself stays.

    Stands around all that answers with problems, crashes and refused bodies included.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_legacy(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def told(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send(start, spoken(scope["path"], bytes(body)), send)

        await self._app(scope, receive, told)


def is_legacy(path: str) -> bool:
    """Whether a path is one of the older servers', known or not."""
    return path.startswith(PREFIXES) and any(path == prefix or path.startswith(f"{prefix}/") for prefix in PREFIXES)


def spoken(path: str, body: bytes) -> bytes:
    """A problem with its sentence in the other two places as well."""
    problem: dict[str, Any] = orjson.loads(body)
    said = (problem["detail"], problem["detail"])
    if path.endswith(SIGN_IN):
        said = _OF_SIGN_IN.get(problem["code"], said)
    return orjson.dumps({"error": said[0], "message": said[1], **problem})


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type") == MEDIA_TYPE


async def _send(start: Message, body: bytes, send: Send) -> None:
    MutableHeaders(scope=start)["content-length"] = str(len(body))
    await send(start)
    await send({"type": "http.response.body", "body": body})
