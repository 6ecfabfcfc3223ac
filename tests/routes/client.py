"""The API as its callers reach it, over a socket. Thousands of calls: aiohttp takes a third of the time of httpx."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from tests.world import World

Headers = dict[str, str]
Item = TypeVar("Item")
AT_ONCE = 6


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    world: World
    session: aiohttp.ClientSession

    async def ask(
        self,
        route: tuple[str, str],
        headers: Headers,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """What a path of a method answers; redirects are not followed."""
        method, path = route
        request = self.session.request(
            method, f"{self.world.url}{path}", headers=headers, params=params, json=body, allow_redirects=False
        )
        async with request as answer:
            return Answer(answer.status, await answer.read())


async def together(parts: Iterable[AsyncIterator[Item]]) -> list[Item]:
    """The items of all parts in their order, a few parts at a time."""
    few = asyncio.Semaphore(AT_ONCE)

    async def whole(part: AsyncIterator[Item]) -> list[Item]:
        async with few:
            return [item async for item in part]

    return [item for items in await asyncio.gather(*map(whole, parts)) for item in items]
