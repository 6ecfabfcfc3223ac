"""The older backend going on: it writes as facts/legacy.md 3 says, one `$set` by `user_id`, and reads nothing first."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

SCOPES = ["openid", "https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/calendar.events"]
REPAIRED = {"created_at", "has_calendar_access"}  # every sign-in spoils them anew (facts/legacy.md 8, point 8)
PAUSE_SECONDS = 0.003


class OldBackend:
    """Signs people in, refreshes tokens, stores names, zones and forms; `written` is what fields were set to last."""

    def __init__(self, users: Any, user_ids: list[str]) -> None:
        self.users, self.user_ids = users, user_ids
        self.written: dict[str, dict[str, Any]] = {}
        self.count = 0
        self._chosen = random.Random(7)

    def write(self) -> None:
        kinds = (self._sign_in, self._refresh, self._names, self._timezone, self._form)
        user_id, self.count = self._chosen.choice(self.user_ids), self.count + 1
        fields = {**self._chosen.choice(kinds)(), "updated_at": _now()}
        self.users.update_one({"user_id": user_id}, {"$set": fields}, upsert=True)
        self.written.setdefault(user_id, {}).update(fields)

    def lost(self) -> list[tuple[str, str]]:
        """People and fields whose stored value is not what was written last."""
        found = {stored["user_id"]: stored for stored in self.users.find({"user_id": {"$in": list(self.written)}})}
        return [
            (user_id, name)
            for user_id, fields in self.written.items()
            for name, value in fields.items()
            if name not in REPAIRED and found.get(user_id, {}).get(name) != value
        ]

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """It writes until the block ends."""
        writing = asyncio.create_task(self._go_on())
        try:
            yield
            assert not writing.done(), writing
        finally:
            writing.cancel()
            await asyncio.wait({writing})

    async def _go_on(self) -> None:
        while True:
            await asyncio.to_thread(self.write)
            await asyncio.sleep(PAUSE_SECONDS)

    def _sign_in(self) -> dict[str, Any]:
        tokens = {"access_token": f"signed-in-{self.count}", "refresh_token": f"refresh-{self.count}"}
        expires = int(datetime.now(UTC).timestamp()) + 3600
        flags = {"token_type": "Bearer", "has_calendar_access": False, "created_at": _now()}
        return {**tokens, "token_expiration": expires, "scope": SCOPES, **flags}

    def _refresh(self) -> dict[str, Any]:
        expires = int(datetime.now(UTC).timestamp()) + 3599
        return {"access_token": f"refreshed-{self.count}", "token_expiration": expires}

    def _names(self) -> dict[str, Any]:
        return {"first_name": f"First{self.count}", "last_name": f"Last{self.count}"}

    def _timezone(self) -> dict[str, Any]:
        return {"timezone": self._chosen.choice(["Asia/Kolkata", "Europe/Berlin", "America/New_York"])}

    def _form(self) -> dict[str, Any]:
        return {"welcome_form_completed": True, "welcome_form_data": {"visit": self.count, "aliases": ["a", "b"]}}


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
