"""Starting for real: imports that do nothing, refusals in a sentence, workers that answer at once."""

import asyncio
import json
import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import MongoClient

import switchboard
from devstack.mongod import Mongod, free_port
from devstack.propelauth import PropelAuthEmulator
from tests import fork_server
from tests.http.served import environment, served

TRAPPED = """
import builtins, importlib, io, os, socket, subprocess, sys
def refuse(*arguments, **named):
    raise AssertionError(f"an import did something: {arguments}")
opened = builtins.open
def reading(file, mode="r", *rest, **named):
    if set(mode) & set("wax+"):
        refuse(file, mode)
    return opened(file, mode, *rest, **named)
builtins.open = io.open = reading
for name in ("connect", "connect_ex", "bind", "listen", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = subprocess.Popen.__init__ = os.mkdir = os.makedirs = refuse
for module in sys.argv[1:]:
    importlib.import_module(module)
import threading
print(len(sys.argv) - 1, [thread.name for thread in threading.enumerate()])
"""


def modules() -> list[str]:
    found = pkgutil.walk_packages(switchboard.__path__, "switchboard.")
    return [module.name for module in found if not module.name.endswith("__main__")]


@pytest.fixture(scope="module")
async def propelauth() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


async def run(arguments: list[str], variables: dict[str, str], folder: Path) -> tuple[int, str, str, float]:
    started = time.monotonic()
    process = fork_server.start(["switchboard", *arguments], variables=variables, folder=folder)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode(), time.monotonic() - started


def test_importing_any_module_does_nothing(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-B", "-c", TRAPPED, *modules()]
    done = subprocess.run(command, env=kept, cwd=tmp_path, capture_output=True, text=True, timeout=30)  # noqa: S603

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"{len(modules())} ['MainThread']"
    assert list(tmp_path.iterdir()) == []


async def test_wrong_settings_end_in_sentences(tmp_path: Path, propelauth: PropelAuthEmulator) -> None:
    variables = environment("http://canary", propelauth, SERVER_WORKER="2")
    del variables["PROPELAUTH_API_KEY"]

    commands = (["serve"], ["worker"], ["duplicates"], ["settings"])
    for code, out, err, seconds in await asyncio.gather(*(run(name, variables, tmp_path) for name in commands)):
        assert (code, out) == (1, "")
        assert err.splitlines() == [
            "MONGODB_URI must start with mongodb:// or mongodb+srv://.",
            "PROPELAUTH_API_KEY is missing. .env.example explains it.",
            "SERVER_WORKER is not a setting. Did you mean SERVER_WORKERS?",
        ]
        assert seconds < 8


async def test_a_mongodb_that_does_not_answer_ends_in_a_sentence(
    tmp_path: Path, propelauth: PropelAuthEmulator
) -> None:
    uri = f"mongodb://user:canary@127.0.0.1:{free_port()}/"
    variables = environment(uri, propelauth, MONGODB_TIMEOUT="0.5", LOG_LEVEL="error")

    commands = (["serve"], ["worker"], ["duplicates"])
    for code, out, err, seconds in await asyncio.gather(*(run(name, variables, tmp_path) for name in commands)):
        assert (code, out, err) == (1, "", "MongoDB does not answer at the address in MONGODB_URI.\n")
        assert seconds < 8


async def test_an_address_that_is_none_ends_in_a_sentence(tmp_path: Path, propelauth: PropelAuthEmulator) -> None:
    code, _, err, _ = await run(["serve"], environment("mongodb://u:can@ary:x@h/", propelauth), tmp_path)

    assert code == 1
    assert err == (
        "MONGODB_URI cannot be used: in its user and password, characters such as : / @ must be percent-encoded.\n"
    )


async def test_users_with_two_documents_are_listed_and_stop_the_start(
    mongod: Mongod, tmp_path: Path, propelauth: PropelAuthEmulator
) -> None:
    variables = environment(mongod.uri, propelauth, MONGODB_DATABASE="doubled", MONGODB_USERS_COLLECTION="user_tokens")
    with MongoClient[dict[str, object]](mongod.uri) as mongo:
        found = mongo["doubled"]["user_tokens"]
        found.drop()
        found.insert_many([{"user_id": "a"}, {"user_id": "a"}, {"user_id": "a"}, {"user_id": "b"}, {"user_id": "b"}])
        found.insert_many([{"user_id": "c"}, {"name": "nobody"}, {"name": "nobody"}])

        commands = (["serve"], ["duplicates", "--json"], ["duplicates"])
        refused, as_json, as_lines = await asyncio.gather(*(run(name, variables, tmp_path) for name in commands))
        assert (refused[0], refused[2].count("\n")) == (1, 1)
        assert refused[2].startswith("The collection user_tokens holds more than one document for some users")
        assert "'switchboard duplicates'" in refused[2]
        assert as_json[0] == 3
        assert json.loads(as_json[1]) == [{"user_id": "a", "documents": 3}, {"user_id": "b", "documents": 2}]
        assert as_lines[0] == 3
        assert as_lines[1] == "a\t3 documents\nb\t2 documents\n2 users with more than one document.\n"

        found.delete_many({"user_id": {"$in": ["a", "b"]}})
        found.create_index("user_id", unique=True, sparse=True, name="made_by_hand")
        code, out, _, _ = await run(["duplicates", "--json"], variables, tmp_path)
        assert (code, out) == (0, "[]\n")


async def test_two_workers_answer_keep_alive_requests_at_once(mongod: Mongod, tmp_path: Path) -> None:
    """Without uvloop each of these takes 44 ms but the first. A unique index under another name is taken as it is."""
    with MongoClient[dict[str, object]](mongod.uri) as mongo:
        mongo["two_workers"]["users"].create_index("user_id", unique=True, sparse=True, name="made_by_hand")
    async with served(tmp_path, mongod, SERVER_WORKERS="2", MONGODB_DATABASE="two_workers") as api:
        async with api.client() as client:
            seconds = []
            for _ in range(60):
                started = time.perf_counter()
                answer = await client.get("/v1/me")
                seconds.append(time.perf_counter() - started)
                assert answer.status_code == 200
        assert min(seconds[1:]) < 0.020
        assert not [line for line in api.log.read_text().splitlines() if not line.startswith("{")]
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{api.url}/health/live")


async def test_an_idle_connection_stays_open_for_as_long_as_the_settings_say(mongod: Mongod, tmp_path: Path) -> None:
    async with served(tmp_path, mongod, SERVER_KEEP_ALIVE="1", MONGODB_DATABASE="idle") as api:
        address = urlsplit(api.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: switchboard\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(4):  # five seconds are the server's own choice
            assert not (await reader.read()).startswith(b"HTTP")
        writer.close()
