"""The agents service that this one replaces: reading what it holds (facts/legacy.md 4.3)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final

import httpx
import orjson
from pydantic import SecretStr

from switchboard.clients.patience import Patience
from switchboard.errors import Invalid, Misconfigured, Unavailable

LARGEST_ANSWER: Final = 64_000_000  # bytes
REFUSED: Final = frozenset({401, 403})


class AddressRefused(Invalid):
    code = "agents_service_address_refused"
    message = "The address of the agents service must begin with https://, for a key is sent there."


class AgentsService:
    """Use `opened()`. All calls go at the pace of its patience, and raise `Unavailable` and `Misconfigured`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str, key: SecretStr, patience: Patience) -> AsyncIterator["AgentsService"]:
        """Raises `AddressRefused`; plain http is for this machine alone."""
        url = _checked(address)
        headers = {"X-API-Key": key.get_secret_value(), "Accept-Encoding": "identity"}
        transport = _Transport(patience)
        async with httpx.AsyncClient(base_url=url, headers=headers, transport=transport, trust_env=False) as http:
            yield cls(http)

    async def everything(self) -> object:
        """What it answers to `/agents/all`."""
        return await self._get("agents/all")

    async def trunks(self) -> object:
        """Which numbers lead to which agents; None where it does not say."""
        return await self._get("agents/trunks", optional=True)

    async def _get(self, path: str, *, optional: bool = False) -> object:
        try:
            response = await self._http.get(path)
        except (httpx.HTTPError, TimeoutError):
            raise Unavailable("The agents service does not answer right now. Try again in a moment.") from None
        if response.status_code in REFUSED:
            raise Misconfigured("The agents service does not accept the key.")
        if optional and response.status_code == httpx.codes.NOT_FOUND:
            return None
        try:
            answer: object = orjson.loads(response.content) if response.is_success else None
        except orjson.JSONDecodeError:
            answer = None
        if answer is None:
            raise Unavailable(f"The agents service answers /{path} with {response.status_code}, and without agents.")
        return answer


class _Transport(httpx.AsyncBaseTransport):
    """Patient, and never larger than memory."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._patience(self._sent, request, repeatable=True)

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise httpx.DecodingError("too large", request=request)
        finally:
            await response.aclose()
        return httpx.Response(response.status_code, headers={**_retry_after(response)}, content=bytes(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _retry_after(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in ("Retry-After",) if name in response.headers}


def _checked(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        raise AddressRefused from None
    bare = not (url.userinfo or url.query or url.fragment) and bool(url.host)
    if not bare or not (url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.host))):
        raise AddressRefused
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
