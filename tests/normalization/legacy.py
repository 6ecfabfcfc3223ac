"""The older backend as it writes: single `$set`s by `user_id`, as facts/legacy.md section 3 describes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from devstack.old_shapes import BASIC, CALENDAR

Json = dict[str, Any]


class LegacyWriter:
    """Writes to a collection, and the same to a copy of it that nobody normalises, where there is one."""

    def __init__(self, users: Any, copy: Any | None, random: Random) -> None:
        self.users, self.copy, self.random = users, copy, random
        self.number = 0
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def write(self, user_id: str) -> Json:
        """Something the older backend writes; what it was."""
        acts: tuple[Callable[[], Json], ...] = (self._sign_in, self._first_version, self._refresh, self._names)
        fields = self.random.choice((*acts, self._zone, self._form, self._grant))()
        self.set(user_id, fields)
        return fields

    def set(self, user_id: str, fields: Json) -> None:
        for place in (self.users, self.copy):
            if place is not None:
                place.update_one({"user_id": user_id}, {"$set": fields}, upsert=True)

    def _stamp(self) -> tuple[str, datetime]:
        self.number += 1
        self.now += timedelta(seconds=7)
        return f"written-{self.number}", self.now

    def _sign_in(self) -> Json:
        text, now = self._stamp()
        refresh = {"refresh_token": self.random.choice((None, f"refresh-{text}"))}
        tokens = {"access_token": text, "token_type": "Bearer", "token_expiration": int(now.timestamp()) + 3600}
        scope = self.random.choice(([*BASIC, *CALENDAR], list(BASIC)))
        about = {"email": f"{text}@example.com", "name": text, "user_info": {"user_id": "x", "username": text}}
        dates = {"has_calendar_access": False, "created_at": now, "updated_at": now}
        return {**about, **tokens, **refresh, "scope": scope, **dates}

    def _first_version(self) -> Json:
        text, now = self._stamp()
        scope = " ".join(self.random.choice(((*BASIC, *CALENDAR), BASIC)))
        tokens = {"access_token": text, "refresh_token": f"refresh-{text}", "expires_in": 3599, "scope": scope}
        return {**tokens, "has_calendar_access": self.random.random() < 0.5, "created_at": now, "updated_at": now}

    def _refresh(self) -> Json:
        text, now = self._stamp()
        return {"access_token": text, "token_expiration": int(now.timestamp()) + 3599, "updated_at": now}

    def _names(self) -> Json:
        text, now = self._stamp()
        return {"first_name": text, "last_name": text, "updated_at": now}

    def _zone(self) -> Json:
        text, now = self._stamp()
        return {"timezone": self.random.choice(("Asia/Tokyo", text)), "updated_at": now}

    def _form(self) -> Json:
        text, now = self._stamp()
        return {"welcome_form_completed": True, "welcome_form_data": {"answer": text}, "updated_at": now}

    def _grant(self) -> Json:
        """It notes access when it finds scopes that allow it; here it always does, for the scopes decide in the end."""
        return {"has_calendar_access": True, "updated_at": self._stamp()[1]}
