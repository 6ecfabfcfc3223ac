"""Asking every route as every caller, and looking for secrets in all that comes back or is left behind."""

import asyncio
import io
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import aiohttp
from yarl import URL

from tests.secrets import asks
from tests.secrets.asks import Route, Sent
from tests.secrets.canaries import EACH, MISPLACED, Search, misplaced
from tests.secrets.stage import FRESH, Stage

AT_ONCE = 8
MANY = 200
FEW = ("owner", "user owner", "ada", "service", "service of owner", "nobody")
IN_USERS = ("access_token", "refresh_token", "propels_access_token", "client_secret")  # plain, as others read them


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes


@dataclass
class Walk:
    """`due` are secrets that were seen where they have their business, `leaks` the others."""

    stage: Stage
    session: aiohttp.ClientSession
    due: set[str] = field(default_factory=set)
    answered: dict[Route, set[int]] = field(default_factory=lambda: defaultdict(set))
    refused: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.search = Search(self.stage.canaries)
        self.sent = Search([MISPLACED])
        self.anywhere = Search([*self.stage.canaries, MISPLACED])
        self._found: set[str] = set()
        self._waiting: list[tuple[str, bytes]] = []  # many small texts are searched as one

    @property
    def leaks(self) -> set[str]:
        """Each place where a secret showed that has no business there."""
        self._search_waiting()
        return self._found

    @cached_property
    def routes(self) -> dict[Route, Any]:
        """All of them, with their descriptions; what is not described has none."""
        world, others = self.stage.world, ("/openapi.json", "/docs")
        described = world.app.openapi()["paths"].items()
        found = {(method.upper(), path): each for path, methods in described for method, each in methods.items()}
        return {**found, **{("GET", path): {} for path in others}}

    async def all_callers(self) -> None:
        """Every route as it should be asked, as every caller, but for those that take something away."""
        for route in self.routes:
            if not asks.is_last(route):
                await self._together(self._as(caller, route) for caller in self._callers(route))

    async def all_endings(self) -> None:
        """The others, one after the other, by those first who may not."""
        last = [route for route in self.routes if asks.is_last(route) and route not in asks.LAST]
        for route in (*asks.LAST[:-1], *last, asks.LAST[-1]):
            for caller in sorted(self._callers(route), key=lambda caller: caller in ("owner", "ada")):
                await self._as(caller, route)

    @cached_property
    def others(self) -> set[Route]:
        """Addresses for older front ends that lead to where another one leads."""
        first: dict[str, Route] = {}
        for route, described in self.routes.items():
            names = ("summary", "requestBody", "security", "parameters")
            first.setdefault(str([route[0], *(described.get(name) for name in names)]), route)
        return {route for route in self.routes if not asks.is_new(route)} - set(first.values())

    def _callers(self, route: Route) -> list[str]:
        if route in self.others or not self.routes[route].get("security"):
            return ["owner", "nobody"]
        return [*self.stage.callers] if route[1].startswith(asks.HERE) else [*FEW]

    async def all_places(self) -> None:
        """Every route with secrets in all places where none belongs, by somebody who may ask it."""
        schemas = self.stage.world.app.openapi()["components"]["schemas"]
        for route, described in self.routes.items():
            if route in self.others:
                continue
            caller = "service" if route[1].startswith("/internal") else "owner"
            await self._together(self.ask(caller, route, sent) for sent in asks.wrong(route, described, schemas))
        for method in ("GET", "POST", "OPTIONS", "PROPFIND"):
            for path in ("/{canary}", "/v1/{canary}", "/v1/me/{canary}", "/health/live/{canary}"):
                canary = misplaced()
                sent = Sent({"canary": canary}, {canary: canary}, headers={"Origin": canary}, canary=canary)
                await self.ask("owner", (method, path), sent)

    async def _as(self, caller: str, route: Route) -> None:
        for org_id in self.stage.places[caller] if "{org_id}" in route[1] else self.stage.places[caller][:1]:
            for sent in asks.right(route, self.keys()):
                if route == ("POST", f"{asks.AGENT}/restore"):
                    sent = replace(sent, names={"agent_id": self.stage.deleted.agent_id})
                headers = {**sent.headers, **({"Idempotency-Key": uuid4().hex} if route[0] == "POST" else {})}
                request = replace(sent, names={"org_id": org_id, **sent.names}, headers=headers)
                answer = await self.ask(caller, route, request)
                if route[0] == "POST" and answer.status < 300:  # answered from what is kept
                    await self.ask(caller, route, request)

    def keys(self) -> dict[str, Any]:
        """An agent's keys to be sent again: those that were entered later, to the letter."""
        texts = {canary.name: canary.text for canary in self.stage.canaries}
        kept = [texts[f"{kind} entered later"] for kind in ("chatbot_key", "tts_api_key", "api_key")]
        tts, stt = {"tts_api_key": kept[1], "voice_id": "v"}, {"api_key": kept[2], "model": "nova-3"}
        return {"chatbot_key": kept[0], "tts_config": tts, "stt_config": stt}

    async def ask(self, caller: str, route: Route, sent: Sent) -> Answer:
        answer = await self._send(caller, route, sent)
        self.answered[route].add(answer.status)
        where = f"{' '.join(route)} as {caller}: {answer.status}"
        self._see(where, answer.head, set())
        self._see(where, answer.body, self._due(route, answer))
        if answer.status >= 400 and sent.canary:
            self.refused.add(sent.canary.encode())
            if self.sent.names(answer.head + answer.body):
                self._found.add(f"{where}: {MISPLACED.name}")
        return answer

    def _see(self, where: str, data: bytes, due: set[str]) -> None:
        if due:
            names = self.search.names(data)
            self.due |= names & due
            self._found |= {f"{where}: {name}" for name in names - due}
        else:
            self._waiting.append((where, data))
            if len(self._waiting) > MANY:
                self._search_waiting()

    def _search_waiting(self) -> None:
        if self.search.names(b"\n".join(data for _, data in self._waiting)):
            self._found |= {f"{where}: {name}" for where, data in self._waiting for name in self.search.names(data)}
        self._waiting.clear()

    def _due(self, route: Route, answer: Answer) -> set[str]:
        if answer.status != 200:
            return set()
        if route[1] in (asks.RUNTIME, asks.AT_NUMBER):
            return self.stage.keys()
        return {FRESH} if route[1] == asks.TOKEN else set()

    async def _send(self, caller: str, route: Route, sent: Sent) -> Answer:
        method, path = route
        org_id = self.stage.places[caller][0]
        number = self.stage.agent.shown["phone_number"] if "phone" in path else 1
        names = {**self.stage.names(org_id), "number": number, **sent.names}
        query = f"?{urlencode(sent.params)}" if sent.params else ""
        quoted = {name: quote(str(text), safe="") for name, text in names.items()}
        url = URL(f"{self.stage.world.url}{_filled(path, quoted)}{query}", encoded=True)
        headers = {"If-Match": "*", **self.stage.callers[caller]}
        data = sent.content
        if sent.json is not None:
            data = _filled(json.dumps(sent.json), names).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        headers.update(sent.headers)
        request = self.session.request(
            method, url, data=data and io.BytesIO(data), headers=headers, allow_redirects=False
        )
        async with request as answer:
            head = "\n".join(f"{name}: {text}" for name, text in answer.headers.items())
            return Answer(answer.status, head.encode(), await answer.read())

    @staticmethod
    async def _together(parts: Iterable[Any]) -> None:
        few = asyncio.Semaphore(AT_ONCE)

        async def one(part: Any) -> None:
            async with few:
                await part

        await asyncio.gather(*map(one, parts))

    def look(self, where: str, data: bytes) -> None:
        """Look at what belongs to no single answer: nobody's secret may be in there, however it came."""
        self._found |= {f"{where}: {name}" for name in self.anywhere.names(data)}

    def look_at_database(self) -> None:
        """Every document as it is stored. What somebody sent in a field that takes any text may be there."""
        database = self.stage.world.database
        for name in database.list_collection_names():
            fields = {"$unset": list(IN_USERS)} if name == "users" else {"$match": {}}
            for batch in database[name].aggregate_raw_batches([fields]):
                self._found |= {f"collection {name}: {each}" for each in self.search.names(batch)}
                kept = self.refused.intersection(EACH.findall(batch))
                self._found |= {f"collection {name}: {MISPLACED.name} of a refused request" for _ in kept}


def _filled(pattern: str, names: dict[str, Any]) -> str:
    """With what stands for its parameters; for one that is not known, anything."""
    return re.sub(r"\{(\w+)\}", lambda found: str(names.get(found[1], "anything")), pattern)


@asynccontextmanager
async def walking(stage: Stage) -> AsyncIterator[Walk]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield Walk(stage, session)
