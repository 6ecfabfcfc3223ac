"""Asking every route as every caller, and looking for secrets in all that comes back or is left behind."""

import asyncio
import io
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
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
IN_USERS = ("access_token", "refresh_token", "propels_access_token")  # plain there, as others read them


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes


@dataclass
class Walk:
    """`leaks` are the places where a secret showed that has no business there, `due` the secrets seen where they do."""

    stage: Stage
    session: aiohttp.ClientSession
    leaks: set[str] = field(default_factory=set)
    due: set[str] = field(default_factory=set)
    answered: dict[Route, set[int]] = field(default_factory=lambda: defaultdict(set))
    refused: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.search = Search(self.stage.canaries)
        self.anywhere = Search([*self.stage.canaries, MISPLACED])

    @property
    def routes(self) -> dict[Route, Any]:
        """All of them, with their descriptions; what is not described has none."""
        world, others = self.stage.world, ("/openapi.json", "/docs")
        described = world.app.openapi()["paths"].items()
        found = {(method.upper(), path): each for path, methods in described for method, each in methods.items()}
        return {**found, **{("GET", path): {} for path in others}}

    async def all_callers(self) -> None:
        """Every route as it should be asked, as every caller."""
        first = [route for route in self.routes if route not in asks.LAST]
        for route in first:
            await self._callers(route)
        for route in asks.LAST:
            await self._callers(route)

    async def all_places(self) -> None:
        """Every route with secrets in all places where none belongs, by somebody who may ask it."""
        schemas = self.stage.world.app.openapi()["components"]["schemas"]
        for route, described in self.routes.items():
            caller = "service" if route[1].startswith("/internal") else "owner"
            await self._together(self.ask(caller, route, sent) for sent in asks.wrong(route, described, schemas))
        for method in ("GET", "POST", "OPTIONS", "PROPFIND"):
            for path in ("/{canary}", "/v1/{canary}", "/v1/me/{canary}", "/health/live/{canary}"):
                canary = misplaced()
                sent = Sent({"canary": canary}, {canary: canary}, headers={"Origin": canary}, canary=canary)
                await self.ask("owner", (method, path), sent)

    async def _callers(self, route: Route) -> None:
        callers = [*self.stage.callers]
        if route in asks.LAST:  # who may not, first
            callers.append(callers.pop(callers.index("owner")))
            callers.append(callers.pop(callers.index("ada")))
        parts = [self._as(caller, route) for caller in callers]
        if route in asks.LAST:
            for part in parts:
                await part
        else:
            await self._together(parts)

    async def _as(self, caller: str, route: Route) -> None:
        for org_id in self.stage.places[caller] if "{org_id}" in route[1] else self.stage.places[caller][:1]:
            for sent in asks.right(route, self.keys()):
                if route == ("POST", f"{asks.AGENT}/restore"):
                    sent = replace(sent, names={"agent_id": self.stage.deleted.agent_id})
                headers = {**sent.headers, **({"Idempotency-Key": uuid4().hex} if route[0] == "POST" else {})}
                for _ in range(2 if route[0] == "POST" else 1):  # the repetition is answered from what is kept
                    names = {"org_id": org_id, **sent.names}
                    await self.ask(caller, route, replace(sent, names=names, headers=headers))

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
            if MISPLACED.name in self.anywhere.names(answer.head + answer.body):
                self.leaks.add(f"{where}: {MISPLACED.name}")
        return answer

    def _see(self, where: str, data: bytes, due: set[str]) -> None:
        names = self.search.names(data)
        self.due |= names & due
        self.leaks |= {f"{where}: {name}" for name in names - due}

    def _due(self, route: Route, answer: Answer) -> set[str]:
        if answer.status != 200:
            return set()
        if route[1] in (asks.RUNTIME, asks.AT_NUMBER):
            return self.stage.keys()
        return {FRESH} if route[1] == asks.TOKEN else set()

    async def _send(self, caller: str, route: Route, sent: Sent) -> Answer:
        method, path = route
        org_id = self.stage.places[caller][0]
        number = self.stage.agent.shown["phone_number"] if "by-phone" in path else 1
        names = {**self.stage.names(org_id), "number": number, **sent.names}
        names = {name: quote(str(text), safe="") for name, text in names.items()}
        query = f"?{urlencode(sent.params)}" if sent.params else ""
        url = URL(f"{self.stage.world.url}{path.format(**names)}{query}", encoded=True)
        headers = {"If-Match": "*", **self.stage.callers[caller]}
        data = sent.content
        if sent.json is not None:
            data = json.dumps(sent.json).replace("{grantee}", names["grantee"]).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        headers.update(sent.headers)
        request = self.session.request(method, url, data=data and io.BytesIO(data), headers=headers, allow_redirects=False)
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
        self.leaks |= {f"{where}: {name}" for name in self.anywhere.names(data)}

    def look_at_database(self) -> None:
        """Every document as it is stored. What somebody sent in a field that takes any text may be there."""
        database = self.stage.world.database
        for name in database.list_collection_names():
            fields = {"$unset": list(IN_USERS)} if name == "users" else {"$match": {}}
            for batch in database[name].aggregate_raw_batches([fields]):
                self.leaks |= {f"collection {name}: {each}" for each in self.search.names(batch)}
                kept = self.refused.intersection(EACH.findall(batch))
                self.leaks |= {f"collection {name}: {MISPLACED.name} of a refused request" for _ in kept}


@asynccontextmanager
async def walking(stage: Stage) -> AsyncIterator[Walk]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield Walk(stage, session)
