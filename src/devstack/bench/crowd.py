"""Many people's calendars at Google in a process of its own, which changes them on order and lets requests fail.

Started with a `Crowd` as JSON. Says one JSON line when it is ready, then one for each line it reads: `go` begins
changes and faults, `halt` ends them, anything else only asks how far it is. Ends when its standard input closes.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from devstack.bench.history import History, histories
from devstack.bench.outside import CALLBACK, SCOPES
from devstack.emulator import Fault
from devstack.google import GoogleEmulator
from devstack.propelauth import PropelAuthEmulator

TEAM = 10  # people who share one calendar
NEVER = 10**9
SLICE_SECONDS = 0.02
LISTING = r"/calendar/v3/calendars/.*/events$"
ANYWHERE = r"^/(calendar/v3/|token$)"
NO_TOKEN = '{"error": {"code": 410, "errors": [{"domain": "calendar", "reason": "fullSyncRequired"}]}}'
TOO_FAST = '{"error": {"code": 403, "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded"}]}}'


@dataclass(frozen=True)
class Crowd:
    """`events` are those everybody begins with. `changes` are so many a second, over all. `faults` is the share of
    requests that fail, `latency` how long those of them take in seconds that are too slow: longer than callers wait.
    Every third of the others takes `slow` seconds.
    """

    people: int
    events: int
    seed: int = 0
    changes: float = 0.0
    faults: float = 0.0
    latency: float = 3.0
    slow: float = 0.2

    def argument(self) -> str:
        return json.dumps(asdict(self))

    def faults_by_kind(self) -> list[Fault]:
        """Shares as in facts/reliability.md, figure F12: 5xx 10, 429/403 5, timeout 5, truncated 5, 410 2; drops 3."""
        kinds: list[tuple[float, dict[str, Any]]] = [
            (4, {"path": ANYWHERE, "status": 503, "body": "{}"}),
            (3, {"path": ANYWHERE, "status": 500, "body": "oops", "content_type": "text/plain", "empty_reason": True}),
            (3, {"path": ANYWHERE, "status": 502, "body": "<html>", "content_type": "text/html"}),
            (2, {"path": ANYWHERE, "status": 429, "body": "{}", "headers": {"Retry-After": "1"}}),
            (3, {"path": LISTING, "status": 403, "body": TOO_FAST}),
            (5, {"path": ANYWHERE, "latency": self.latency}),
            (5, {"path": LISTING, "truncate": True}),
            (3, {"path": ANYWHERE, "drop": True}),
            (2, {"path": LISTING, "status": 410, "body": NO_TOKEN}),
        ]
        whole = sum(weight for weight, _ in kinds)
        failing = [Fault(times=None, chance=self.faults * weight / whole, **fields) for weight, fields in kinds]
        return [*failing, Fault(path=ANYWHERE, times=None, chance=1 / 3, latency=self.slow)]


class Outside:
    """The emulator with its people; what was asked and changed is counted."""

    def __init__(self, crowd: Crowd, google: GoogleEmulator) -> None:
        self.crowd = crowd
        self.google = google
        self.histories: list[History] = []
        self.asked = 0
        self.changes = 0
        self.late = 0
        self.told = 0
        self._changing: asyncio.Task[None] | None = None

    def fill(self) -> list[dict[str, Any]]:
        """Everybody with an own calendar, a third with a second one, another third with one they share."""
        switches = self.google.switches
        switches.quota_per_minute = switches.quota_per_minute_per_user = NEVER
        client = self.google.add_client("bench", "bench-secret", [CALLBACK])
        people = [self._person(number) for number in range(self.crowd.people)]
        self.histories = histories(self.google, people, self.crowd.seed)
        for history in self.histories:
            self.google.bulk_insert(history.email, history.beginning(self.crowd.events))
        return [
            {"email": email, "calendars": calendars, "grant": self.google.grant(email, client.client_id, SCOPES)}
            for email, calendars in people
        ]

    def _person(self, number: int) -> tuple[str, list[str]]:
        email = f"person{number}@example.com"
        self.google.add_account(email, timezone="Europe/Berlin")
        if number % 3 == 1:
            own = f"second{number}@group.calendar.google.com"
            self.google.add_calendar(email, own, "Second", "America/New_York")
            return email, [email, own]
        if number % 3 == 2:
            team = f"team{number // TEAM}@group.calendar.google.com"
            self.google.add_calendar(email, team, "Team", "Europe/Berlin", "writer")
            return email, [email, team]
        return email, [email]

    def go(self) -> None:
        self.google.emulator.faults = self.crowd.faults_by_kind() if self.crowd.faults else []
        self._changing = asyncio.create_task(self._change())

    async def halt(self) -> None:
        if self._changing is not None:
            self._changing.cancel()
            await asyncio.wait({self._changing})
            if not self._changing.cancelled():
                self._changing.result()
        self.google.emulator.faults = []
        switches = self.google.switches
        switches.drop_notifications = switches.duplicate_notifications = switches.reorder_notifications = False

    async def _change(self) -> None:
        """As many changes as are due, a few at a time so that requests are answered in between."""
        chosen, began, made = random.Random(self.crowd.seed), time.monotonic(), 0
        while True:
            await asyncio.sleep(SLICE_SECONDS)
            due = (time.monotonic() - began) * self.crowd.changes
            ends = time.monotonic() + SLICE_SECONDS
            self._tell_badly()
            while made < due and time.monotonic() < ends:
                self.changes += chosen.choice(self.histories).step()
                made += 1
            self.late = max(self.late, int(due - made))

    def _tell_badly(self) -> None:
        """For now; notifications are lost, doubled and out of order as often as requests fail."""
        switches, share = self.google.switches, self.crowd.faults
        switches.drop_notifications = random.random() < share
        switches.duplicate_notifications = random.random() < share
        switches.reorder_notifications = random.random() < share

    def state(self) -> dict[str, Any]:
        self._count()
        return {"asked": self.asked, "changes": self.changes, "late": self.late, "told": self.told, "now": time.time()}

    async def counting(self) -> None:
        """What was asked is counted and forgotten: a long run would pile it up."""
        while True:
            await asyncio.sleep(1)
            self._count()

    def _count(self) -> None:
        self.asked += len(self.google.requests)
        self.google.requests.clear()
        self.told += len(self.google.channels.sent)
        self.google.channels.sent.clear()


async def main(crowd: Crowd) -> None:
    random.seed(crowd.seed)
    async with GoogleEmulator() as google, PropelAuthEmulator() as propelauth:
        outside = Outside(crowd, google)
        _say(
            {
                "google": google.url,
                "propelauth": propelauth.url,
                "api_key": propelauth.api_key,
                "verifier_key": propelauth.verifier_key_pem,
                "webhook_secret": propelauth.webhook_secret,
                "client": ["bench", "bench-secret"],
                "people": outside.fill(),
            }
        )
        counting = asyncio.create_task(outside.counting())
        while order := (await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)).strip():
            if order == "go":
                outside.go()
            if order == "halt":
                await outside.halt()
            _say(outside.state())
        counting.cancel()


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Crowd(**json.loads(sys.argv[1]))))
