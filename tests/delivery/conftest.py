"""Agents that take calls, and the services that run them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from switchboard.runtime import service as keys
from switchboard.runtime.model import ServiceKey
from switchboard.runtime.service import Grant
from tests.agents.conftest import Made, Team, names, team
from tests.world import World

__all__ = ["home", "names", "team"]  # fixtures
_homes: list[Team] = []


@pytest.fixture
async def home(team: Callable[[], Awaitable[Team]]) -> Team:
    """One organization for all tests that look at agents alone."""
    if not _homes:
        _homes.append(await team())
    return _homes[0]


@dataclass
class Runner:
    """An internal service with a key."""

    world: World
    key: ServiceKey
    text: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.text}

    async def get(self, path: str, has: str | None = None) -> httpx.Response:
        asked = {} if has is None else {"If-None-Match": has}
        return await self.world.api.get(f"/internal/v1/agents/{path}/runtime", headers={**self.headers, **asked})

    async def run(self, made: Made | str, has: str | None = None) -> httpx.Response:
        return await self.get(made if isinstance(made, str) else made.agent_id, has)

    async def answer(self, number: str, has: str | None = None) -> httpx.Response:
        return await self.get(f"by-phone/{number}", has)

    async def revoke(self) -> None:
        await keys.revoke(self.key.key_id, datetime.now(UTC))


async def runner(world: World, org_id: str | None = None, scope: str = "agents.runtime", **grant: Any) -> Runner:
    """A service that may run agents: those of an organization, or all."""
    role = {} if org_id is None else {"org_id": org_id, "role": "Member"}
    made = await keys.create("voice runtime", Grant([scope], **role, **grant), datetime.now(UTC))
    return Runner(world, *made)


async def active(team: Team, **fields: Any) -> Made:
    """An agent that takes calls."""
    made = await team.made(**fields)
    await done(made, "POST", "/activate")
    return made


async def done(made: Made, method: str, path: str = "", **more: Any) -> httpx.Response:
    """A call of the owner about an agent, which succeeds."""
    answer = await made.ask("owner", method, path, **more)
    assert answer.is_success, answer.text
    return answer


async def share(made: Made, other: Team, access: str = "use") -> None:
    await done(made, "POST", "/grants", json={"org_id": other.org_id, "access": access})
    await fresh(made)


async def fresh(made: Made) -> None:
    """Read it, for the version it has by now."""
    await done(made, "GET")


def noted(made: Made) -> list[dict[str, Any]]:
    """What the audit logs say of reading its keys, the oldest first."""
    asked = {"action": "agent.secrets_read", "target.id": made.agent_id}
    return list(made.team.world.database["audit_log"].find(asked, {"_id": 0}, sort=[("entry_id", 1)]))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem."""
    assert answer.headers.get("content-type") == "application/problem+json", answer.status_code
    return answer.status_code, str(answer.json()["code"])
