"""The key with which a program on this machine is an internal service of the running stack."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import orjson

from devstack.data_folder import read_json, write_private

NAME = "devstack"
SCOPES = ("agents.runtime", "calendars.token", "calendars.availability", "calendars.book", "changes.read")
SECONDS = 20.0


class NoServiceKey(Exception):
    """No key could be made; the message is what the command said."""


async def service_key(api: str, file: Path, settings: dict[str, str]) -> str:
    """The key of last time if the API still knows it, else one that `switchboard keys create` made now."""
    known = read_json(file) or {}
    if "key" in known and await _works(api, known["key"]):
        return str(known["key"])
    created = await _created(settings)
    write_private(file, created)
    key: str = orjson.loads(created)["key"]
    return key


async def _works(api: str, key: str) -> bool:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
        http.get(f"{api}/internal/v1/self", headers={"X-API-Key": key}) as response,
    ):
        return response.status == 200


async def _created(settings: dict[str, str]) -> bytes:
    scopes = [argument for scope in SCOPES for argument in ("--scope", scope)]
    command = (sys.executable, "-m", "switchboard", "keys", "create", NAME, *scopes)
    pipe = asyncio.subprocess.PIPE
    variables = {**os.environ, **settings}
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=variables)
    async with asyncio.timeout(SECONDS):
        out, said = await process.communicate()
    if process.returncode:
        raise NoServiceKey(f"No service key could be made: {said.decode().strip()}")
    return out
