"""`scripts/matrix`: every route against every caller and target; one JSON line, and what is wrong on standard error."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator

from devstack.mongod import Mongod
from switchboard.bootstrap import set_up_logging
from switchboard.settings import LogSettings
from tests.routes.escalation import DOORS, through
from tests.routes.matrix import outcomes, unmatched
from tests.routes.outcome import Outcome
from tests.routes.rows import ROUTES
from tests.routes.stage import staged
from tests.world import world


async def everything() -> AsyncIterator[list[Outcome]]:
    with Mongod() as mongod:
        async with world(mongod) as started, staged(started) as stage:
            yield list(unmatched(started))
            for route in ROUTES:
                yield await outcomes(stage, route)
            for door in DOORS:
                yield await through(stage.client, door)


async def run() -> int:
    """How many are wrong."""
    found = [outcome async for part in everything() for outcome in shown(part)]
    wrong = sum(outcome.wrong for outcome in found)
    routes = {*ROUTES, *(outcome.route for outcome in found)}
    print(json.dumps({"routes": len(routes), "combinations": len(found), "wrong": wrong}))  # noqa: T201
    return wrong


def shown(part: list[Outcome]) -> list[Outcome]:
    """The same, with what is wrong named on standard error."""
    for outcome in part:
        if outcome.wrong:
            print(outcome, file=sys.stderr, flush=True)  # noqa: T201
    return part


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/matrix",
        description="Ask every route as every caller for every target, and try every way to more rights than one has. "
        'Prints {"routes", "combinations", "wrong"} as one JSON line, and each wrong combination on standard error; '
        "the exit code is 1 if there is one.",
    )
    parser.parse_args()
    set_up_logging(LogSettings(level="error"))
    return 1 if asyncio.run(run()) else 0


if __name__ == "__main__":
    sys.exit(main())
