"""A process of its own whose callers all want an access token at once: a round for each line it reads."""

import asyncio
import json
import sys
from datetime import UTC, datetime

from switchboard.bootstrap import running
from switchboard.connections.service import access_token
from switchboard.settings import load_settings


async def main(user_id: str, callers: int) -> None:
    async with running(load_settings(None)) as services:
        _tell("ready")
        while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            now = datetime.now(UTC)
            tokens = await asyncio.gather(*(access_token(services, user_id, now) for _ in range(callers)))
            _tell(json.dumps(sorted(set(tokens))))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
