"""`switchboard secrets rotate` as an operator runs it: a process of its own."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import fork_server
from tests.fork_server import Forked


@dataclass(frozen=True)
class Ended:
    code: int | None
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def begun(variables: dict[str, str], folder: Path, *options: str) -> Forked:
    return fork_server.start(["switchboard", "secrets", "rotate", *options], variables=variables, folder=folder)


async def rotated(variables: dict[str, str], folder: Path, *options: str) -> Ended:
    process = begun(variables, folder, *options)
    out, err = await asyncio.wait_for(process.communicate(), 50)
    return Ended(process.returncode, out.decode(), err.decode())
