"""The parts every test runs against: a real mongod, both emulators, the API behind a real socket."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo import MongoClient

from devstack.google import GoogleEmulator
from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from switchboard.app import create_app
from switchboard.connections.model import SCOPES
from switchboard.services import Services
from switchboard.settings import (
    CalendarSettings,
    GoogleSettings,
    LogSettings,
    MongoSettings,
    OrganizationSettings,
    PropelAuthSettings,
    SealingSettings,
    ServerSettings,
    Settings,
)

FRONT_END = "http://127.0.0.1:9"
CALLBACK = "http://127.0.0.1:9/v1/calendar/callback"


@dataclass
class Person:
    """Someone known to PropelAuth, with a Google account of the same e-mail."""

    user_id: str
    email: str
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class World:
    mongod: Mongod
    mongo: MongoClient[dict[str, Any]]
    google: GoogleEmulator
    propelauth: PropelAuthEmulator
    settings: Settings
    app: FastAPI
    api: httpx.AsyncClient
    url: str

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @property
    def database(self) -> Any:
        return self.mongo[self.settings.mongodb.database]

    def person(self, *, google: bool = True, **fields: Any) -> Person:
        """A new person; each test makes its own, so no test sees another's."""
        email = f"{uuid4().hex[:12]}@example.com"
        user = self.propelauth.add_user(email, **{"first_name": "Ada", "last_name": "Lovelace", **fields})
        if google:
            self.google.add_account(email, name="Ada Lovelace", timezone="Europe/Berlin")
        return Person(user.user_id, email, self.propelauth.access_token(user.user_id))

    def user_document(self, person: Person, **fields: Any) -> dict[str, Any]:
        """Put a document of some shape into the users collection, as others did before us; returns it as stored."""
        document = {"user_id": person.user_id, **fields}
        self.database["users"].insert_one(document)
        return self.stored(person)

    def stored(self, person: Person) -> dict[str, Any]:
        found: dict[str, Any] = self.database["users"].find_one({"user_id": person.user_id})
        return found

    def grant_tokens(self, person: Person, *, offline: bool = True, **fields: Any) -> dict[str, Any]:
        """Store a document with working Google tokens, as a sign-in by the older backend leaves it."""
        client_id = self.settings.google.client_id
        grant = self.google.grant(person.email, client_id, list(SCOPES), offline=offline)
        expires = int(self.google.clock.now()) + 3000
        tokens = {"access_token": grant["access_token"], "refresh_token": grant.get("refresh_token")}
        shape = {"token_type": "Bearer", "token_expiration": expires, "scope": list(SCOPES)}
        return self.user_document(person, **{"email": person.email, **tokens, **shape, **fields})


def elsewhere(name: str) -> str | None:
    """What the tests are to use in place of a database of their own: see tests/operations/test_move.py."""
    return os.environ.get(f"SWITCHBOARD_TESTS_{name}")


def new_sealing_key() -> str:
    return f"test:{base64.b64encode(os.urandom(32)).decode()}"


def settings_for(mongod: Mongod, google: GoogleEmulator, propelauth: PropelAuthEmulator, database: str) -> Settings:
    """Settings of an API that uses these parts. Keys are the emulators' own, made at run time."""
    client = google.add_client(f"client-{uuid4().hex[:8]}", uuid4().hex, [CALLBACK])
    return Settings.model_construct(
        mongodb=MongoSettings(uri=SecretStr(mongod.uri), database=database, timeout=5.0),
        propelauth=PropelAuthSettings(
            auth_url=propelauth.auth_url,
            api_key=SecretStr(propelauth.api_key),
            verifier_key=propelauth.verifier_key_pem,
            webhook_secret=SecretStr(propelauth.webhook_secret),
            api_address=propelauth.url,
            timeout=5.0,
        ),
        google=GoogleSettings(
            client_id=client.client_id,
            client_secret=SecretStr(client.client_secret),
            redirect_uri=CALLBACK,
            authorization_address=f"{google.url}/o/oauth2/v2/auth",
            token_address=f"{google.url}/token",
            revoke_address=f"{google.url}/revoke",
            certificates_address=f"{google.url}/oauth2/v1/certs",
            api_address=google.url,
            timeout=2.0,
        ),
        calendar=CalendarSettings(page_size=250),
        organization=OrganizationSettings(),
        sealing=SealingSettings(keys=SecretStr(elsewhere("SEALING_KEYS") or new_sealing_key())),
        server=ServerSettings(front_end_address=FRONT_END, cors_origins=(FRONT_END,), documentation=True),
        log=LogSettings(),
    )


async def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (the condition is somebody else's state)
            await asyncio.sleep(0.01)


def let_go(mongod: Mongod) -> int:
    """End the transactions of dead processes, as MongoDB does by itself after a minute; how many there were."""
    of_the_dead = {"$match": {"type": "idleSession", "transaction": {"$exists": True}}}
    with MongoClient[dict[str, Any]](mongod.uri) as mongo:
        found = mongo.admin.aggregate([{"$currentOp": {"allUsers": True, "idleSessions": True}}, of_the_dead]).to_list()
        mongo.admin.command("killSessions", [{"id": each["lsid"]["id"]} for each in found])
    return len(found)


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that make another process use the same parts."""
    variables = {}
    for group, values in settings.model_dump().items():
        for name, value in values.items():
            secret = value.get_secret_value() if isinstance(value, SecretStr) else value
            text = json.dumps(secret) if isinstance(secret, (list, tuple, bool)) else str(secret)
            variables[f"{group}_{name}".upper()] = text
    return {**variables, "PATH": os.environ["PATH"]}


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real socket in this event loop; its address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, http="httptools", log_config=None, access_log=False, timeout_keep_alive=75))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:
        if running.done():
            await running
            raise RuntimeError("the application did not start")
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


class _Server(uvicorn.Server):
    """Leaves signals to pytest."""

    def capture_signals(self) -> Any:  # type: ignore[override]
        from contextlib import nullcontext

        return nullcontext()


@asynccontextmanager
async def world(mongod: Mongod) -> AsyncIterator[World]:
    """Everything, started; a database of its own."""
    async with GoogleEmulator() as google, PropelAuthEmulator() as propelauth:
        settings = settings_for(mongod, google, propelauth, elsewhere("DATABASE") or f"test_{uuid4().hex[:8]}")
        app = create_app(settings)
        async with serving(app) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as api:
            mongo: MongoClient[dict[str, Any]] = MongoClient(
                mongod.uri, tz_aware=True, datetime_conversion="DATETIME_AUTO"
            )
            try:
                yield World(mongod, mongo, google, propelauth, settings, app, api, url)
            finally:
                mongo.close()
