"""An internal service that follows the feed, and agents that change."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import orjson

from switchboard.changes.documents import AgentChangeDocument
from switchboard.changes.model import AgentChange, Kind, new_change
from switchboard.runtime.documents import ServiceKeyDocument
from switchboard.runtime.model import ServiceKey, hash_of, new_key, prefix_of
from tests.world import World


@dataclass
class Follower:
    api: httpx.AsyncClient
    headers: dict[str, str] = field(repr=False)
    cursor: str | None = None

    async def ask(self, **params: Any) -> httpx.Response:
        """The feed from where this follower is; the cursor stays."""
        asked = {"wait": 0, **({"cursor": self.cursor} if self.cursor else {}), **params}
        return await self.api.get("/internal/v1/changes", params=asked, headers=self.headers)

    async def follow(self, **params: Any) -> list[dict[str, Any]]:
        """One step on."""
        answer = await self.ask(**params)
        assert answer.status_code == 200, answer.text
        self.cursor = answer.json()["cursor"]
        changes: list[dict[str, Any]] = answer.json()["changes"]
        return changes

    @property
    def position(self) -> str:
        """The token of MongoDB in the cursor; later ones are greater."""
        assert self.cursor is not None
        return str(orjson.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))[0])

    @staticmethod
    def cursor_at(position: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([position])).decode()

    async def agents(self, **params: Any) -> list[str]:
        """One step on; which agents changed."""
        return [change["agent_id"] for change in await self.follow(**params)]


async def key(org_id: str | None = None, scopes: Iterable[str] = ("changes.read",)) -> dict[str, str]:
    """Headers of a service; its organization need not be there."""
    stored, text = service_key(org_id, scopes)
    await ServiceKeyDocument.add(stored)
    return {"X-API-Key": text}


def service_key(org_id: str | None = None, scopes: Iterable[str] = ("changes.read",)) -> tuple[ServiceKey, str]:
    """What is kept of a key, and its text."""
    text = new_key()
    role = "Member" if org_id else None
    kept = {"key_id": uuid4().hex, "name": "runtime", "prefix": prefix_of(text), "key_hash": hash_of(text)}
    return ServiceKey(**kept, scopes=list(scopes), org_id=org_id, role=role, created_at=datetime.now(UTC)), text


async def follower(world: World, org_id: str | None = None) -> Follower:
    """One that starts here."""
    started = Follower(world.api, await key(org_id))
    assert await started.follow() == []
    return started


def changed(*org_ids: str, agent_id: str | None = None, kinds: Iterable[Kind] = ("configuration",)) -> AgentChange:
    now = datetime.now(UTC).replace(microsecond=5000)  # MongoDB keeps milliseconds
    return new_change(agent_id or uuid4().hex, org_ids or ["org"], kinds, uuid4().hex, now)


async def commit(world: World, *changes: AgentChange) -> None:
    """In one transaction."""

    async def write(session: Any) -> None:
        for change in changes:
            await AgentChangeDocument.add(change, session)

    await world.services.transactions.run(write)
