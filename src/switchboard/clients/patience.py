"""Requests of long work that nobody waits for: evenly paced, and sent again when what went wrong may pass."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

ATTEMPTS: Final = 5
LONGEST_WAIT_SECONDS: Final = 60.0
TOO_MANY: Final = 429

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Patience:
    """Sends no more than `requests_per_second`, repetitions included, whoever in this process asks.

    `deadline` is for one try with its whole answer, `backoff` the first wait's upper bound, both in seconds.
    `requests` counts the tries, `repeated` those of them that were not the first.
    """

    def __init__(self, requests_per_second: float, deadline: float, backoff: float = 1.0) -> None:
        self.requests = 0
        self.repeated = 0
        self._deadline = deadline
        self._backoff = backoff
        self._pause = 1 / requests_per_second
        self._next_turn = 0.0

    async def __call__(self, send: Send, request: httpx.Request, *, repeatable: bool) -> httpx.Response:
        """The answer, read to its end, whatever it says. Raises what httpx raises, and `TimeoutError`."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, TimeoutError)) | retry_if_result(_may_pass),
            stop=stop_after_attempt(ATTEMPTS if repeatable else 1),
            wait=self._wait,
            before_sleep=self._count_repetition,
            retry_error_callback=_last_one,
        )
        answer: httpx.Response = await retrying(self._once, send, request)
        return answer

    async def _once(self, send: Send, request: httpx.Request) -> httpx.Response:
        await self._turn()
        self.requests += 1
        async with asyncio.timeout(self._deadline):
            response = await send(request)
            await response.aread()
        return response

    async def _turn(self) -> None:
        """Turns are a pause apart, however many wait for theirs: nothing is saved up for a burst."""
        now = asyncio.get_running_loop().time()
        self._next_turn = max(self._next_turn + self._pause, now)
        await asyncio.sleep(self._next_turn - now)

    def _wait(self, state: RetryCallState) -> float:
        outcome = state.outcome
        asked = None if outcome is None or outcome.failed else _asked_to_wait(outcome.result())
        wait = wait_random_exponential(multiplier=self._backoff, max=LONGEST_WAIT_SECONDS)
        return min(wait(state) if asked is None else asked, LONGEST_WAIT_SECONDS)

    def _count_repetition(self, _: RetryCallState) -> None:
        self.repeated += 1


def _may_pass(response: httpx.Response) -> bool:
    return response.status_code == TOO_MANY or response.is_server_error


def _asked_to_wait(response: httpx.Response) -> float | None:
    """Seconds, None when it does not say."""
    seconds = response.headers.get("Retry-After", "").strip()
    return float(seconds) if seconds.isascii() and seconds.isdecimal() else None


def _last_one(state: RetryCallState) -> httpx.Response:
    """What the last try came to, as if it had been the only one."""
    assert state.outcome is not None  # noqa: S101  (it is called after a try)
    response: httpx.Response = state.outcome.result()
    return response
