"""The older calendar backend as a front end calls it, below one of its prefixes."""

from dataclasses import dataclass
from typing import Any

import httpx

from switchboard.legacy_calendars.model import CALENDAR_SCOPES
from tests.world import Person, World


@dataclass
class Site:
    world: World
    prefix: str

    async def get(self, path: str, person: Person | None = None) -> httpx.Response:
        return await self.call("GET", path, person)

    async def post(self, path: str, person: Person | None = None, body: Any = None) -> httpx.Response:
        return await self.call("POST", path, person, {} if body is None else body)

    async def call(self, method: str, path: str, person: Person | None = None, body: Any = None) -> httpx.Response:
        headers = person.headers if person else {}
        return await self.world.api.request(method, f"{self.prefix}{path}", headers=headers, json=body)

    async def sign_in(self, person: Person) -> httpx.Response:
        """What the dashboard does whenever it is loaded."""
        return await self.post("/auth/callback", body={"access_token": person.token})

    def link(self, person: Person, *, scopes: Any = CALENDAR_SCOPES, account: str = "", **grant: Any) -> dict[str, Any]:
        """Have the person sign in with Google at PropelAuth; the tokens it holds from then on."""
        google = self.world.google
        client_id = self.world.settings.google.client_id
        granted = google.grant(account or person.email, client_id, list(scopes), **grant)
        kept = {name: granted[name] for name in ("access_token", "refresh_token") if name in granted}
        kept |= {"token_expiration": int(google.clock.now()) + 3000, "authorized_scopes": list(scopes)}
        self.world.propelauth.link_social(person.user_id, "google", kept)
        return kept


def failed(answer: httpx.Response, status: int, sentence: str | None = None) -> dict[str, Any]:
    """A failure as every page can read it: the same sentence in all three places."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told: dict[str, Any] = answer.json()
    assert told["detail"] == told["error"] == told["message"]
    assert told["detail"] == sentence or sentence is None
    assert answer.headers["content-length"] == str(len(answer.content))
    return told
