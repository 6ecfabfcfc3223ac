"""The parts a measure runs against: a mongod of its own, the outside world, HTTP servers; ended with it."""

import asyncio
import base64
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from devstack.bench.outside import CALLBACK
from devstack.mongod import Mongod, free_port


@dataclass(frozen=True)
class Parts:
    mongod: Mongod
    outside: dict[str, Any]
    database: str

    def environment(self, **more: str) -> dict[str, str]:
        """The settings of a Switchboard that uses these parts."""
        google, propelauth = self.outside["google"], self.outside["propelauth"]
        return {
            "PATH": os.environ["PATH"],
            "MONGODB_URI": self.mongod.uri,
            "MONGODB_DATABASE": self.database,
            "MONGODB_TIMEOUT": "10",
            "PROPELAUTH_AUTH_URL": propelauth,
            "PROPELAUTH_API_ADDRESS": propelauth,
            "PROPELAUTH_API_KEY": self.outside["api_key"],
            "PROPELAUTH_VERIFIER_KEY": self.outside["verifier_key"],
            "PROPELAUTH_WEBHOOK_SECRET": self.outside["webhook_secret"],
            "SEALING_KEYS": f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "GOOGLE_CLIENT_ID": self.outside["client"][0],
            "GOOGLE_CLIENT_SECRET": self.outside["client"][1],
            "GOOGLE_REDIRECT_URI": CALLBACK,
            "GOOGLE_TOKEN_ADDRESS": f"{google}/token",
            "GOOGLE_REVOKE_ADDRESS": f"{google}/revoke",
            "GOOGLE_CERTIFICATES_ADDRESS": f"{google}/oauth2/v1/certs",
            "GOOGLE_API_ADDRESS": google,
            "SERVER_FRONT_END_ADDRESS": "http://127.0.0.1:9",
            "LOG_LEVEL": "warning",
            **more,
        }


@asynccontextmanager
async def parts(events: int) -> AsyncIterator[Parts]:
    async with Mongod() as mongod, child("devstack.bench.outside", str(events)) as outside:
        assert outside.stdout is not None  # noqa: S101
        async with asyncio.timeout(120):
            told = json.loads(await outside.stdout.readline())
        yield Parts(mongod, told, f"bench_{uuid4().hex[:8]}")


@asynccontextmanager
async def child(
    module: str, *arguments: str, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module` as a process that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=1 << 26,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def server(module: str, *arguments: str, environment: dict[str, str], path: str) -> AsyncIterator[int]:
    """An HTTP server as a child; its port once it answers `path`."""
    port = free_port()
    async with child(module, *arguments, environment={**environment, "SERVER_PORT": str(port)}) as process:
        await _ready(f"http://127.0.0.1:{port}{path}", process, module)
        yield port


async def _ready(address: str, process: asyncio.subprocess.Process, module: str) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while not await _answers(http, address):
            if process.returncode is not None:
                raise RuntimeError(f"{module} ended with {process.returncode}")
            await asyncio.sleep(0.05)


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as response:
            return response.status < 500
    except aiohttp.ClientError:
        return False
