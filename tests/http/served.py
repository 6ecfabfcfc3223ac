"""The API as it runs for real: `switchboard serve` in a process of its own, on a mongod of its own."""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devstack.mongod import Mongod, free_port
from devstack.propelauth import PropelAuthEmulator
from tests import fork_server
from tests.fork_server import Forked
from tests.world import CALLBACK, FRONT_END

SEALING_KEY = f"test:{base64.b64encode(os.urandom(32)).decode()}"

ARGUMENTS = (sys.executable, "-m", "switchboard")


def environment(mongodb_uri: str, propelauth: PropelAuthEmulator, **variables: str) -> dict[str, str]:
    """Variables of a process that uses these parts, and nothing of ours from this one's environment."""
    ours = {
        "MONGODB_URI": mongodb_uri,
        "PROPELAUTH_AUTH_URL": propelauth.auth_url,
        "PROPELAUTH_API_KEY": propelauth.api_key,
        "PROPELAUTH_VERIFIER_KEY": propelauth.verifier_key_pem.replace("\n", "\\n"),
        "PROPELAUTH_WEBHOOK_SECRET": propelauth.webhook_secret,
        "SEALING_KEYS": SEALING_KEY,
        "PROPELAUTH_API_ADDRESS": propelauth.url,
        "GOOGLE_CLIENT_ID": "client",
        "GOOGLE_CLIENT_SECRET": "secret",
        "GOOGLE_REDIRECT_URI": CALLBACK,
        "GOOGLE_API_ADDRESS": FRONT_END,
        "SERVER_FRONT_END_ADDRESS": FRONT_END,
        "SERVER_PORT": str(free_port()),
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
    return {**kept, **ours, **variables}


@dataclass
class Served:
    url: str
    pid: int
    log: Path
    mongod: Mongod | None = None
    propelauth: PropelAuthEmulator | None = None

    def token(self) -> str:
        assert self.propelauth is not None
        user = self.propelauth.add_user(f"{time.monotonic_ns()}@example.com")
        return self.propelauth.access_token(user.user_id)

    def client(self, **headers: str) -> httpx.AsyncClient:
        sent = {"Authorization": f"Bearer {self.token()}", **headers}
        return httpx.AsyncClient(base_url=self.url, headers=sent, trust_env=False, timeout=30)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def serving_process(variables: dict[str, str], folder: Path) -> Iterator[Served]:
    """Run it in `folder` until it answers; ended by its own id."""
    log = folder / "api.log"
    url = f"http://127.0.0.1:{variables['SERVER_PORT']}"
    process = fork_server.start(["switchboard", "serve"], variables=variables, folder=folder, log=log)
    try:
        _until_it_answers(url, process, log)
        yield Served(url, process.pid, log)
    finally:
        process.terminate()
        process.wait(20)


def _until_it_answers(url: str, process: Forked, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/live", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(log.read_text())


@asynccontextmanager
async def served(folder: Path, mongod: Mongod, **variables: str) -> AsyncIterator[Served]:
    async with PropelAuthEmulator() as propelauth:
        manager = serving_process(environment(mongod.uri, propelauth, **variables), folder)
        running = await asyncio.to_thread(manager.__enter__)
        running.mongod, running.propelauth = mongod, propelauth
        try:
            yield running
        finally:
            await asyncio.to_thread(manager.__exit__, None, None, None)
