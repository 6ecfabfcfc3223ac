"""The outside world of a measure in a process of its own: both emulators with one person and their calendar.

Prints one JSON line when it is ready, and ends when its standard input closes.
"""

import asyncio
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from devstack.google import GoogleEmulator
from devstack.propelauth import PropelAuthEmulator

EMAIL = "ada@example.com"
CALLBACK = "http://127.0.0.1:9/v1/calendar/callback"
SCOPES = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.events",
)
WORDS = """agenda where we stand what comes next who does it please bring your numbers for the quarter and the open
points of last time dial in by phone or join the room on the second floor coffee is there notes are shared with all"""


def events(count: int) -> list[dict[str, Any]]:
    """Events of an hour each with three guests and a few lines of text, spread over the year ahead."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    step = timedelta(days=360) / count
    return [_event(number, start + number * step) for number in range(count)]


def _event(number: int, start: datetime) -> dict[str, Any]:
    guests = [{"email": f"guest{number % 50 + guest}@example.com"} for guest in range(3)]
    chosen = random.Random(number)
    return {
        "summary": f"Meeting {number}",
        "description": " ".join(chosen.choices(WORDS.split(), k=32)),
        "location": f"Room {number % 20}",
        "start": {"dateTime": start.isoformat(), "timeZone": "Europe/Berlin"},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat(), "timeZone": "Europe/Berlin"},
        "attendees": guests,
    }


async def main(count: int) -> None:
    async with GoogleEmulator() as google, PropelAuthEmulator() as propelauth:
        user = propelauth.add_user(EMAIL, first_name="Ada", last_name="Lovelace")
        google.add_account(EMAIL, name="Ada Lovelace", timezone="Europe/Berlin")
        client = google.add_client("bench", "bench-secret", [CALLBACK])
        google.bulk_insert(EMAIL, events(count))
        told = {
            "google": google.url,
            "propelauth": propelauth.url,
            "api_key": propelauth.api_key,
            "verifier_key": propelauth.verifier_key_pem,
            "webhook_secret": propelauth.webhook_secret,
            "user_id": user.user_id,
            "token": propelauth.access_token(user.user_id, minutes=600),
            "grant": google.grant(EMAIL, client.client_id, SCOPES),
            "client": [client.client_id, client.client_secret],
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
