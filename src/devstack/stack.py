"""The local stack: mongod, both emulators, the demo front end, the API and the worker, started and stopped as one."""

import asyncio
import base64
import os
import secrets
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from subprocess import TimeoutExpired

import aiohttp
import orjson

from devstack import demo, ports
from devstack.data_folder import DataFolder, Json, read_json, write_private
from devstack.description import described
from devstack.front_end import FrontEnd
from devstack.google import GoogleEmulator
from devstack.memory import Memory
from devstack.mongod import Mongod
from devstack.processes import Child, start_child
from devstack.propelauth import PropelAuthEmulator
from devstack.social_refresh import refresher

READY_SECONDS = 40.0
CHILD_SECONDS = 9.0
WATCH_SECONDS = 0.25
SAVE_SECONDS = 3.0
LAST_LINES, LINE = 8, 400


class StackFailed(Exception):
    """The stack did not come up, or did not stay up; the message says why."""


@dataclass(frozen=True)
class Options:
    """`ports` are those asked for by name (0: any free one). `mongodb_uri` uses that server instead of our own."""

    data: DataFolder
    ports: dict[str, int | None] = field(default_factory=dict)
    mongodb_uri: str = ""
    mongodb_database: str = "switchboard"


class Stack:
    """One start of it: `start()`, then `watch()` until told to stop, then `stop()`, which is due in any case."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.data = options.data
        self.google = GoogleEmulator()
        self.propelauth = PropelAuthEmulator()
        self.memory = Memory(self.data, self.google, self.propelauth)
        self.mongod: Mongod | None = None
        self.front_end: FrontEnd | None = None
        self.ports: dict[str, int] = {}
        self.client: Json = {}
        self.sealing_key = ""
        self.children: dict[str, Child] = {}
        self._open = AsyncExitStack()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def mongodb_uri(self) -> str:
        return self.mongod.uri if self.mongod else self.options.mongodb_uri

    async def start(self) -> Json:
        """Return when the API can work, with the description that is also in the data folder."""
        self.data.description.unlink(missing_ok=True)
        self._choose()
        mongod = asyncio.create_task(asyncio.to_thread(self._start_mongod))
        try:
            await self._start_vendors()
        finally:
            await mongod
        self.children["api"] = self._start_child("api", "serve")
        await self._ready()
        self.children["worker"] = self._start_child("worker", "worker")  # not earlier: it would slow the first answer
        description = await described(self)
        write_private(self.data.description, _bytes(description))
        return description

    async def watch(self, stop: asyncio.Event) -> None:
        """Keep the emulators' state on disk until `stop`; raises `StackFailed` when a part ends by itself."""
        loop = asyncio.get_running_loop()
        next_save = loop.time() + SAVE_SECONDS
        while not stop.is_set():
            self._check_children()
            if loop.time() >= next_save:
                self.memory.save()
                next_save = loop.time() + SAVE_SECONDS
            await _wait(stop, WATCH_SECONDS)

    async def stop(self) -> None:
        """Those who use others first. Safe after a start that failed half-way."""
        self.data.description.unlink(missing_ok=True)
        await _end(self.children.values())
        self.children.clear()
        await self._open.aclose()
        if self.mongod is not None:
            await asyncio.to_thread(self.mongod.stop)

    def environment(self) -> dict[str, str]:
        """The settings with which an API or a worker belongs to this stack."""
        google, propelauth = self.google.url, self.propelauth.url
        return {
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_DATABASE": self.options.mongodb_database,
            "PROPELAUTH_AUTH_URL": propelauth,
            "PROPELAUTH_API_ADDRESS": propelauth,
            "PROPELAUTH_API_KEY": self.propelauth.api_key,
            "PROPELAUTH_VERIFIER_KEY": self.propelauth.verifier_key_pem,
            "PROPELAUTH_WEBHOOK_SECRET": self.propelauth.webhook_secret,
            "SEALING_KEYS": self.sealing_key,
            "GOOGLE_CLIENT_ID": self.client["client_id"],
            "GOOGLE_CLIENT_SECRET": self.client["client_secret"],
            "GOOGLE_REDIRECT_URI": f"{self.api}/v1/calendar/callback",
            "GOOGLE_AUTHORIZATION_ADDRESS": f"{google}/o/oauth2/v2/auth",
            "GOOGLE_TOKEN_ADDRESS": f"{google}/token",
            "GOOGLE_REVOKE_ADDRESS": f"{google}/revoke",
            "GOOGLE_CERTIFICATES_ADDRESS": f"{google}/oauth2/v1/certs",
            "GOOGLE_API_ADDRESS": google,
            "CALENDAR_PUSH_ADDRESS": self.api,
            "SERVER_HOST": "127.0.0.1",
            "SERVER_PORT": str(self.ports["api"]),
            "SERVER_FRONT_END_ADDRESS": f"http://127.0.0.1:{self.ports['front_end']}",
            "SERVER_CORS_ORIGINS": f'["http://127.0.0.1:{self.ports["front_end"]}"]',
            "SERVER_DOCUMENTATION": "true",
            "LOG_FORMAT": "console",
        }

    def _choose(self) -> None:
        """Ports, the OAuth client and the sealing key: as last time, if there was one."""
        known = read_json(self.data.choices) or {}
        self.ports = ports.choose(self.options.ports, known.get("ports", {}), self.say)
        new = {"client_id": f"{secrets.token_hex(8)}.apps.example.com", "client_secret": secrets.token_urlsafe(24)}
        self.client = known.get("google_client") or new
        self.sealing_key = known.get("sealing_key") or f"dev:{base64.b64encode(secrets.token_bytes(32)).decode()}"
        choices = {"ports": self.ports, "google_client": self.client, "sealing_key": self.sealing_key}
        write_private(self.data.choices, _bytes(choices))

    def _start_mongod(self) -> None:
        if not self.options.mongodb_uri:
            self.mongod = Mongod(self.data.mongod, port=self.ports["mongod"])
            self.mongod.start()

    async def _start_vendors(self) -> None:
        known = self.memory.restore()
        self.google.add_client(**self.client, redirect_uris=[f"{self.api}/v1/calendar/callback"])
        self.propelauth.webhook_url = f"{self.api}/v1/webhooks/propelauth"
        self.propelauth.on_refresh = refresher(self.propelauth, self.google, self.client["client_id"])
        if not known:
            self.say("Making the demo data ...")
            demo.build(self.propelauth, self.google, self.client["client_id"])
        self.memory.save()
        self._open.callback(self.memory.save)
        await self.google.start(self.ports["google"])
        self._open.push_async_callback(self.google.stop)
        await self.propelauth.start(self.ports["propelauth"])
        self._open.push_async_callback(self.propelauth.stop)
        self.front_end = FrontEnd(self.propelauth, self.google, self.api)
        await self.front_end.start(self.ports["front_end"])
        self._open.push_async_callback(self.front_end.stop)

    def _start_child(self, name: str, command: str) -> Child:
        # The rest of the environment goes along, so that CALENDAR_POLL_SECONDS=10 or LOG_LEVEL=debug can be given.
        variables = {**os.environ, **self.environment(), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        if "LOG_FORMAT" in os.environ:
            variables["LOG_FORMAT"] = os.environ["LOG_FORMAT"]
        return start_child([sys.executable, "-m", "switchboard", command], log=self.data.log(name), variables=variables)

    async def _ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while not await _answers(http, f"{self.api}/health/ready"):
                self._check_children()
                if asyncio.get_running_loop().time() > deadline:
                    raise StackFailed(f"The API was not ready in {READY_SECONDS:.0f} s. {self._said('api')}")
                await asyncio.sleep(0.03)

    def _check_children(self) -> None:
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                raise StackFailed(f"The {name} ended by itself (exit code {code}). {self._said(name)}")
        if self.mongod is not None and not self.mongod.running:
            raise StackFailed(f"mongod ended by itself. Its log is {self.mongod.log_path}.")

    def _said(self, name: str) -> str:
        log = self.data.log(name)
        lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:] if log.exists() else []
        return (
            "\n".join([f"It said last ({log}):", *(line[:LINE] for line in lines)])
            if lines
            else f"It said nothing ({log})."
        )


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _end(children: Iterable[Child]) -> None:
    running = [child for child in children if child.poll() is None]
    for child in running:
        child.terminate()
    await asyncio.gather(*(asyncio.to_thread(_wait_or_kill, child) for child in running))


def _wait_or_kill(child: Child) -> None:
    try:
        child.wait(CHILD_SECONDS)
    except TimeoutExpired:
        child.kill()
        child.wait()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _bytes(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
