"""Load on one HTTP address: a fixed number of keep-alive connections, each asking again as soon as it is answered.

Bare protocols and no HTTP library, so that the client costs little beside the server it measures.
"""

import asyncio
import time


class _Asker(asyncio.Protocol):
    def __init__(self, request: bytes, until: float) -> None:
        self._request = request
        self._until = until
        self._buffer = b""
        self.answered = 0
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        self.answered += 1
        self.failed += not head.startswith(b"HTTP/1.1 200")
        if time.perf_counter() < self._until:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    marker = b"content-length: "
    lowered = head.lower()
    start = lowered.index(marker) + len(marker)
    return int(lowered[start:].split(b"\r\n", 1)[0])


async def requests_per_second(port: int, request: bytes, seconds: float, connections: int) -> float:
    """Answers a second; raises RuntimeError when one of them is not 200."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    until = started + seconds
    askers = [
        (await loop.create_connection(lambda: _Asker(request, until), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(asker.done for asker in askers))
    failed = sum(asker.failed for asker in askers)
    if failed:
        raise RuntimeError(f"{failed} answers were not 200")
    return sum(asker.answered for asker in askers) / (time.perf_counter() - started)


def get(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n\r\n"
    ).encode()
