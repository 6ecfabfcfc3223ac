"""Ten thousand secrets sealed anew while an API process reads and writes them; facts/reliability.md, F14."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pymongo import MongoClient

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.configurations.model import MASK, SECRETS
from switchboard.crypto import KeyRing
from switchboard.sealing.model import new_check
from tests.http.served import environment, serving_process
from tests.rotation.processes import rotated
from tests.rotation.stored import VALUES, Stored
from tests.sealing.test_checks import new_key

AGENTS = 1_700
EDITED = 40
READERS, EDITORS = 3, 1
OLD, NEW = new_key("old"), new_key("new")


@dataclass
class Load:
    """Readers and editors of agents, until told to stop; whatever is not as it should be is a failure."""

    api: httpx.AsyncClient
    headers: dict[str, str]
    stored: Stored
    reads: int = 0
    edits: int = 0
    failures: list[str] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.ids = list(self.stored.secrets)
        self.edited = self.ids[:EDITED]  # the editors' own, spread over all that is sealed anew

    def path(self, agent_id: str) -> str:
        return f"/v1/orgs/{self.stored.org_id}/agents/{agent_id}"

    async def read(self) -> None:
        while not self.stopped:
            agent_id = random.choice(self.ids[EDITED:])
            answer = await self.api.get(self.path(agent_id), headers=self.headers)
            self.reads += 1
            self._check(answer, self.stored.secrets[agent_id])

    async def edit(self, agents: list[str]) -> None:
        while not self.stopped:
            agent_id, path = random.choice(agents), random.choice(list(SECRETS))
            secret = f"edited-{uuid4().hex}"
            group, _, name = path.rpartition(".")
            body: dict[str, Any] = {group: {name: secret}} if group else {name: secret}
            answer = await self.api.patch(self.path(agent_id), headers={**self.headers, "If-Match": "*"}, json=body)
            self.edits += 1
            self.stored.secrets[agent_id][path] = secret
            self._check(answer, self.stored.secrets[agent_id])

    def _check(self, answer: httpx.Response, secrets: dict[str, str]) -> None:
        expected = [f"{MASK}{secrets[path][-4:]}" for path in SECRETS]
        shown = answer.json()
        if answer.status_code != 200 or expected != [_at(shown, path) for path in SECRETS]:
            self.failures.append(f"{answer.status_code} {answer.text}")

    async def until(self, work: Any) -> Any:
        """What this work comes to, while everybody reads and edits."""
        share = EDITED // EDITORS
        editors = [self.edit(self.edited[turn * share : (turn + 1) * share]) for turn in range(EDITORS)]
        running = [asyncio.create_task(each) for each in (*(self.read() for _ in range(READERS)), *editors)]
        try:
            return await work
        finally:
            self.stopped = True
            await asyncio.gather(*running)


def _at(shown: Any, path: str) -> Any:
    for name in path.split("."):
        shown = shown[name]
    return shown


@asynccontextmanager
async def served(variables: dict[str, str], folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    manager = serving_process(variables, folder)
    running = await asyncio.to_thread(manager.__enter__)
    try:
        async with httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=30) as api:
            yield api
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


@pytest.fixture
async def propelauth() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


@pytest.mark.thorough
async def test_no_read_fails_while_ten_thousand_secrets_are_sealed_anew_and_then_the_new_key_is_enough(
    mongod: Mongod, propelauth: PropelAuthEmulator, tmp_path: Path
) -> None:
    database = f"rotation_{uuid4().hex[:8]}"
    org = propelauth.add_org("Northwind")
    owner = propelauth.add_user("owner@example.com")
    propelauth.add_member(org.org_id, owner.user_id, "Owner")
    headers = {"Authorization": f"Bearer {propelauth.access_token(owner.user_id)}"}
    both, alone = [
        environment(mongod.uri, propelauth, MONGODB_DATABASE=database, SEALING_KEYS=keys, LOG_LEVEL="warning")
        for keys in (f"{NEW},{OLD}", NEW)
    ]
    with MongoClient[dict[str, Any]](mongod.uri, tz_aware=True) as client:
        stored = Stored(client[database], org.org_id)
        stored.database["sealing_checks"].insert_one(new_check(KeyRing.read(OLD), datetime.now(UTC)).model_dump())
        stored.fill(KeyRing.read(OLD), AGENTS)
        assert len(stored.values()) == AGENTS * VALUES > 10_000

        async with served(both, tmp_path) as api:
            load = Load(api, headers, stored)
            ended = await load.until(rotated(both, tmp_path, "--json"))

        assert load.failures == []
        assert load.reads > 100
        assert load.edits > 10
        assert ended.code == 0, ended.err
        assert all(line.startswith("Sealing anew: ") for line in ended.err.splitlines())
        report = ended.report
        assert (report["unreadable"], report["retired_keys"]) == (0, ["old"])
        assert report["renewed"] > 10_000 - EDITED * VALUES
        assert stored.sealed_by() == {"new"}
        assert await asyncio.to_thread(stored.check, KeyRing.read(NEW)) >= AGENTS * VALUES
        async with served(alone, tmp_path) as api:
            load = Load(api, headers, stored)
            await load.until(asyncio.sleep(0))
        assert (load.failures, load.reads >= READERS) == ([], True)
        client.drop_database(database)
