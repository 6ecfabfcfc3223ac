"""Looking up and calling the addresses that users give, without ever connecting to one that is not public.

The addresses that were checked are the ones connected to; the name is looked up once and never again, so a server of
names that answers differently the second time gains nothing (facts/reliability.md, threats 19, 20 and 22).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import httpcore

from switchboard.clients.endpoints import Endpoint, EndpointRefused, is_public, parse_endpoint
from switchboard.settings import AgentSettings

LOOKUPS: Final = 8
MOST_ADDRESSES: Final = 4

Resolve = Callable[[str, int], Awaitable[list[str]]]
State = Literal["answers", "refused", "unreachable", "certificate", "unresolved", "redirects"]


@dataclass(frozen=True)
class Probe:
    """What became of a call. `status` is there when there was an answer: `answers`, whatever it is, or `redirects`.

    `refused`: the address is not allowed, and nothing was connected to. `unresolved`: no IP address is known for its
    name right now. `certificate`: none that is valid for the name. `unreachable`: no answer in time, or none in HTTP.
    """

    state: State
    status: int | None = None


class Endpoints:
    """The guard for addresses that users give.

    `resolve` gives the IP addresses of a name and raises `OSError` when there are none. `allows` and `trust` are for
    tests, whose servers are on loopback.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        resolve: Resolve | None = None,
        allows: Callable[[str], bool] = is_public,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._ports = settings.endpoint_ports
        self._seconds = settings.endpoint_timeout
        self._resolve = resolve or SystemResolver()
        self._allows = allows
        self._trust = trust or httpcore.default_ssl_context()

    def parse(self, text: str) -> Endpoint:
        """What `parse_endpoint` says with the ports of the settings; raises `EndpointRefused`."""
        return parse_endpoint(text, self._ports)

    async def check(self, text: str) -> Literal["public", "unresolved"]:
        """Whether an address leads to the public internet, as far as its name can be looked up right now.

        Raises `EndpointRefused` if it must not be called, one IP address of several that is not public included.
        """
        return "public" if await self._addresses(self.parse(text)) else "unresolved"

    async def probe(self, text: str) -> Probe:
        """Call an address with a GET without any key, and say what became of it. Never raises.

        It takes `endpoint_timeout` at most, whatever the other side does. Redirects are not followed, proxies of the
        environment not used, and the body of the answer is not read.
        """
        deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            endpoint = self.parse(text)
            addresses = await self._addresses(endpoint)
        except EndpointRefused:
            return Probe("refused")
        if not addresses:
            return Probe("unresolved")
        try:
            async with asyncio.timeout_at(deadline):
                status = await self._status(endpoint, addresses)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return Probe("certificate" if _is_about_certificate(error) else "unreachable")
        return Probe("redirects" if 300 <= status < 400 else "answers", status)

    async def _addresses(self, endpoint: Endpoint) -> list[str]:
        """Where a name leads, all of it public; nothing when it has no address or the resolver takes too long."""
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await self._resolve(endpoint.host, endpoint.port)
        except OSError:  # TimeoutError is one
            return []
        if not all(self._allows(address) for address in addresses):
            raise EndpointRefused("The host of the address does not lead to the public internet.")
        return addresses

    async def _status(self, endpoint: Endpoint, addresses: Sequence[str]) -> int:
        tried = addresses[:MOST_ADDRESSES]
        url = httpcore.URL(scheme="https", host=endpoint.host, port=endpoint.port, target=endpoint.target)
        headers = (("Accept", "*/*"), ("User-Agent", "switchboard"))
        async with (
            aclosing(_Pinned(endpoint, tried, self._seconds / len(tried))) as pinned,
            httpcore.AsyncConnectionPool(self._trust, max_connections=1, network_backend=pinned) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            return response.status


class SystemResolver:
    """The resolver of the machine, in threads of its own.

    The names are users': servers of names that never answer must not take the threads that all other lookups of this
    process share.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="endpoint-lookup")

    async def __call__(self, host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [str(place[0]) for *_, place in found]


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to one endpoint at the addresses that were checked, each given `seconds`, and to nothing else.

    TLS and the request above it go on with the name: it is what SNI, the certificate and Host are about. What was
    connected is closed at the end: httpcore leaves a connection open when its TLS handshake is cancelled.
    """

    def __init__(self, endpoint: Endpoint, addresses: Sequence[str], seconds: float) -> None:
        self._place = endpoint.host, endpoint.port
        self._addresses = addresses
        self._seconds = seconds
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        network = httpcore.AnyIOBackend()
        for address in self._addresses if (host, port) == self._place else ():
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                self._stream = await network.connect_tcp(address, port, self._seconds, local_address, socket_options)
                return self._stream
        raise httpcore.ConnectError("no address that was checked answers")


def _is_about_certificate(error: BaseException | None) -> bool:
    """Whether a failed verification is at the root, under what httpcore and anyio made of it."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
