"""Requests of long work: even, and repeated only where that does no harm."""

import httpx
import pytest

from switchboard.clients.patience import ATTEMPTS, Patience

REQUEST = httpx.Request("GET", "https://vendor.example.com/")


def answering(*statuses: int) -> tuple[Patience, list[int]]:
    return Patience(10_000, 5.0, backoff=0.001), list(statuses)


async def test_an_answer_that_may_pass_is_asked_for_again_and_the_last_one_counts() -> None:
    patience, left = answering(503, 429, 200)
    never, always = answering(*[500] * 20)

    async def send(_: httpx.Request) -> httpx.Response:
        return httpx.Response(left.pop(0), headers={"Retry-After": "0"})

    async def fail(_: httpx.Request) -> httpx.Response:
        return httpx.Response(always.pop(0))

    assert (await patience(send, REQUEST, repeatable=True)).status_code == 200
    assert (patience.requests, patience.repeated) == (3, 2)
    assert (await never(fail, REQUEST, repeatable=True)).status_code == 500
    assert never.requests == ATTEMPTS


async def test_what_must_not_happen_twice_is_sent_once() -> None:
    patience, _ = answering()

    async def send(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    with pytest.raises(httpx.ReadError):
        await patience(send, REQUEST, repeatable=False)
    assert patience.requests == 1
