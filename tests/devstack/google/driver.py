"""Plain HTTP against the emulator, and a client that follows sync tokens as the rules say."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from devstack.google import GoogleEmulator

SCOPE = "https://www.googleapis.com/auth/calendar"
SCOPES = ("openid", "email", "profile", SCOPE)
REDIRECT = "http://127.0.0.1:9/callback"
ANN, BOB = "ann@example.com", "bob@example.com"
Json = dict[str, Any]


def at(text: str, zone: str = "Europe/Berlin") -> Json:
    """`2026-03-02T09:00:00` or `2026-03-02` as an event's time."""
    return {"date": text} if len(text) == 10 else {"dateTime": text, "timeZone": zone}


def event(start: str, end: str, summary: str = "Talk", **more: Any) -> Json:
    return {"summary": summary, "start": at(start), "end": at(end), **more}


class Browser:
    """Calls Calendar v3 with one account's token; `status` and `headers` are those of the last answer."""

    def __init__(self, google: GoogleEmulator, session: aiohttp.ClientSession, email: str = ANN) -> None:
        self.google = google
        self.session = session
        self.token = google.grant(email, "client", SCOPES)["access_token"]
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, headers: Json | None = None, **query: Any) -> Any:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        url = f"{self.google.url}/calendar/v3/{path}"
        pairs = [(name, item) for name, v in query.items() for item in (v if isinstance(v, list) else [v])]
        async with self.session.request(method, url, params=pairs, json=body, headers=sent) as answer:
            self.status, self.headers = answer.status, answer.headers
            return await answer.json() if answer.status not in (204, 304) else None

    async def get(self, path: str, **query: Any) -> Any:
        return await self.call("GET", path, **query)

    async def events(self, calendar_id: str = "primary", **query: Any) -> Any:
        return await self.get(f"calendars/{calendar_id}/events", **query)

    async def pages(self, calendar_id: str = "primary", **query: Any) -> list[Json]:
        """All pages; every one repeats the same query."""
        pages = [await self.events(calendar_id, **query)]
        while "nextPageToken" in pages[-1]:
            pages.append(await self.events(calendar_id, pageToken=pages[-1]["nextPageToken"], **query))
        return pages

    async def listed(self, calendar_id: str = "primary", **query: Any) -> list[Json]:
        return [item for page in await self.pages(calendar_id, **query) for item in page["items"]]

    def reason(self, answer: Any) -> str:
        return str(answer["error"]["errors"][0]["reason"])


class Mirror:
    """A client's copy of a calendar, kept up to date by sync tokens."""

    def __init__(self, browser: Browser, **query: Any) -> None:
        self.browser = browser
        self.query = query
        self.token = ""
        self.items: dict[str, Json] = {}

    async def sync(self) -> None:
        query = {**self.query, **({"syncToken": self.token} if self.token else {})}
        pages = await self.browser.pages(**query)
        for page in pages:
            for item in page["items"]:
                self._apply(item)
        self.token = pages[-1]["nextSyncToken"]

    def _apply(self, item: Json) -> None:
        masters = "singleEvents" not in self.query
        if item["status"] != "cancelled" or (masters and "recurringEventId" in item):
            self.items[item["id"]] = item
            return
        self.items.pop(item["id"], None)
        if masters:
            self.items = {k: v for k, v in self.items.items() if v.get("recurringEventId") != item["id"]}


def authorization_url(google: GoogleEmulator, **more: str) -> str:
    query = {"client_id": "client", "redirect_uri": REDIRECT, "response_type": "code", "scope": " ".join(SCOPES)}
    return f"{google.url}/o/oauth2/v2/auth?{urlencode({**query, **more})}"


def answered(location: str) -> dict[str, str]:
    """The query of a redirect."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query, keep_blank_values=True).items()}
