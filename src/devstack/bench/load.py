"""Load on one HTTP address: a fixed number of keep-alive connections, each asking again as soon as it is answered.

Bare protocols and no HTTP library, so that the client costs little beside the server it measures.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle


class _Asker(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], expected: bytes, until: float) -> None:
        self._requests = requests
        self._expected = expected
        self._until = until
        self._buffer = b""
        self.answered = 0
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        self.answered += 1
        self.failed += not head.startswith(self._expected)
        if time.perf_counter() < self._until:
            self._transport.write(next(self._requests))
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    marker = b"content-length: "
    _, found, rest = head.lower().partition(marker)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def requests_per_second(
    port: int, requests: Sequence[bytes], seconds: float, connections: int, status: int = 200
) -> float:
    """Answers a second to these requests in turn; raises RuntimeError when one of them is not of this status."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    until = started + seconds
    turns, expected = cycle(requests), f"HTTP/1.1 {status}".encode()
    askers = [
        (await loop.create_connection(lambda: _Asker(turns, expected, until), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(asker.done for asker in askers))
    failed = sum(asker.failed for asker in askers)
    if failed:
        raise RuntimeError(f"{failed} answers were not {status}")
    return sum(asker.answered for asker in askers) / (time.perf_counter() - started)


def get(path: str, **headers: str) -> bytes:
    """A request; names of headers are written with underscores."""
    sent = {"Host": "127.0.0.1", "Accept": "application/json", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
