"""`switchboard secrets rotate` as an operator runs it: a process of its own."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.http.served import ARGUMENTS


@dataclass(frozen=True)
class Ended:
    code: int | None
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


async def begun(variables: dict[str, str], folder: Path, *options: str) -> Process:
    arguments = [*ARGUMENTS, "secrets", "rotate", *options]
    return await asyncio.create_subprocess_exec(*arguments, cwd=folder, env=variables, stdout=PIPE, stderr=PIPE)


async def rotated(variables: dict[str, str], folder: Path, *options: str) -> Ended:
    process = await begun(variables, folder, *options)
    out, err = await asyncio.wait_for(process.communicate(), 50)
    return Ended(process.returncode, out.decode(), err.decode())
