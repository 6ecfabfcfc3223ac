"""`me`: GET /v1/me through one uvicorn worker."""

from datetime import UTC, datetime
from typing import Any

import aiohttp
from motor.motor_asyncio import AsyncIOMotorClient

from devstack.bench.load import get, requests_per_second
from devstack.bench.measure import Measure, interleaved
from devstack.bench.outside import EMAIL, SCOPES
from devstack.bench.parts import Parts, parts, server

CONNECTIONS = 16


async def measure_me(runs: int, seconds: float) -> Measure:
    """Requests a second; `seconds` is the length of a round."""
    async with parts(events=1) as found:
        await _add_user(found)
        environment = found.environment()
        async with (
            server("switchboard", "serve", environment=environment, path="/health/live") as ours,
            server("devstack.bench.floor_me", environment=environment, path="/nothing") as floor,
        ):
            request = get("/v1/me", Authorization=f"Bearer {found.outside['token']}")
            await _same_answers(found.outside["token"], ours, floor)

            async def ask(port: int) -> float:
                return await requests_per_second(port, [request], seconds, CONNECTIONS)

            return await interleaved("me", "requests/s", runs, lambda: ask(ours), lambda: ask(floor))


async def _add_user(found: Parts) -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(found.mongod.uri)
    now = datetime.now(UTC)
    names = {"user_id": found.outside["user_id"], "email": EMAIL, "first_name": "Ada", "last_name": "Lovelace"}
    form = {"phone": "+49301234567", "qualifications": [{"degree": "MD", "year": "1999"}] * 3, "aliases": ["ada"]}
    rest = {"timezone": "Europe/Berlin", "welcome_form_completed": True, "welcome_form_data": form}
    tokens = {"access_token": "a" * 180, "refresh_token": "r" * 103, "token_expiration": 2_000_000_000}
    dates = {"created_at": now, "updated_at": now}
    await client[found.database]["users"].insert_one({**names, **rest, **tokens, **dates, "scope": list(SCOPES)})
    client.close()


async def _same_answers(token: str, ours: int, floor: int) -> None:
    """Both must answer the same facts, or the comparison is worth nothing."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        bodies = []
        for port in (ours, floor):
            async with http.get(f"http://127.0.0.1:{port}/v1/me") as response:
                bodies.append({name: value for name, value in (await response.json()).items() if name != "created_at"})
    if bodies[0] != bodies[1]:
        raise RuntimeError(f"the floor does not answer the same: {sorted(set(bodies[0]) ^ set(bodies[1]))}")
