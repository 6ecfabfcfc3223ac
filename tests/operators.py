"""An operator at a command line: commands run as processes of their own, on a database of their own."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from devstack.mongod import Mongod
from devstack.propelauth import PropelAuthEmulator
from tests import fork_server
from tests.fork_server import Forked
from tests.http.served import environment


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        """What `--json` printed: standard output holds nothing else."""
        return json.loads(self.out)


@dataclass
class Operator:
    mongod: Mongod
    propelauth: PropelAuthEmulator
    mongo: MongoClient[dict[str, Any]]
    name: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Any:
        return self.mongo[self.name]

    async def start(self, *arguments: str, **variables: str) -> Forked:
        """A command that is left running, to be stopped or killed by the test."""
        known = environment(self.mongod.uri, self.propelauth, MONGODB_DATABASE=self.name)
        given = {**known, **self.variables, **variables}
        return fork_server.start(["switchboard", *arguments], variables=given, folder=self.folder)

    async def run(self, *arguments: str, timeout: float = 45, **variables: str) -> Ended:
        return await self.end(await self.start(*arguments, **variables), timeout)

    async def end(self, process: Forked, timeout: float = 45) -> Ended:
        """Wait for a command to end; it is killed when it does not."""
        try:
            out, err = await asyncio.wait_for(process.communicate(), timeout)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Nothing is written to the database meanwhile: every collection hashes the same, and the oplog is silent."""
        position, before = self._position(), self._hash()
        yield
        which = {"ts": {"$gt": position}, "ns": {"$regex": f"^{self.name}\\."}}
        written = list(self.mongo["local"]["oplog.rs"].find(which, {"op": 1, "ns": 1}))
        inside = {"ts": {"$gt": position}, "o.applyOps.ns": {"$regex": f"^{self.name}\\."}}
        assert (written, list(self.mongo["local"]["oplog.rs"].find(inside, {"op": 1}))) == ([], [])
        assert self._hash() == before

    def _position(self) -> Any:
        return self.mongo["local"]["oplog.rs"].find_one(sort=[("$natural", -1)])["ts"]  # type: ignore[index]

    def _hash(self) -> Any:
        told = self.database.command("dbHash")
        indexes = {each: sorted(self.database[each].index_information()) for each in told["collections"]}
        return told["collections"], indexes
