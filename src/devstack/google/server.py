"""`GoogleEmulator`: the parts put together, with the methods that tests, demo data and the local stack use."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from devstack.emulator import Emulator, Fault, RecordedRequest
from devstack.google import snapshot
from devstack.google.authorization import Authorization
from devstack.google.changes import Changes
from devstack.google.channels import Channels
from devstack.google.clock import Clock
from devstack.google.control import ControlRoutes
from devstack.google.discovery import rooted
from devstack.google.event_routes import EventRoutes
from devstack.google.events import Events
from devstack.google.freebusy import FreeBusyRoutes
from devstack.google.gateway import Gateway
from devstack.google.grants import Grants, Issue, ordered
from devstack.google.ics import ImportReport, import_ics
from devstack.google.keys import SigningKey
from devstack.google.list_routes import ListRoutes
from devstack.google.listing import Listing
from devstack.google.oauth_routes import OAuthRoutes
from devstack.google.push_routes import PushRoutes
from devstack.google.state import ROLES, Account, Calendar, Client, Entry, Json, Store, numeric_sub
from devstack.google.switches import Switches
from devstack.google.times import zone_named
from devstack.google.tokens import TokenSeal


class GoogleEmulator:
    """Google's OAuth and Calendar v3, served on 127.0.0.1. Accounts are addressed by e-mail, in any capitalisation."""

    def __init__(self) -> None:
        self.store = Store()
        self.switches = Switches()
        self.seal = TokenSeal(secrets.token_bytes(32))
        self.grants = Grants(self.store, SigningKey())
        self.authorization = Authorization(self.store, self.grants)
        self.changes = Changes(self.store, self.switches)
        self.events = Events(self.store, self.changes)
        self.listing = Listing(self.store, self.seal, self.switches)
        self.channels = Channels(self.store, self.switches)
        self.changes.listeners.append(self.channels.calendar_changed)
        self.gateway = Gateway(self.store, self.grants, self.switches)
        self.emulator = Emulator(self._application())

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        EventRoutes(self.events, self.listing).add_to(app, self.gateway)
        ListRoutes(self.store, self.seal).add_to(app, self.gateway)
        FreeBusyRoutes(self.store).add_to(app, self.gateway)
        PushRoutes(self.store, self.channels).add_to(app, self.gateway)
        ControlRoutes(self).add_to(app)
        app.cleanup_ctx.append(self.channels.running)
        OAuthRoutes(self.store, self.grants, self.authorization, self.switches).add_to(app)
        app.router.add_get("/discovery/v1/apis/calendar/v3/rest", self._discovery)
        return app

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(rooted(f"{request.scheme}://{request.host}"))

    @property
    def clock(self) -> Clock:
        return self.store.clock

    @property
    def url(self) -> str:
        return self.emulator.url

    @property
    def requests(self) -> list[RecordedRequest]:
        return self.emulator.requests

    def fail(self, fault: Fault) -> Fault:
        return self.emulator.fail(fault)

    def asked(self, path: str, method: str | None = None) -> list[RecordedRequest]:
        return self.emulator.asked(path, method)

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (port 0: any free one); the base address without a trailing slash."""
        return await self.emulator.start(port)

    async def stop(self) -> None:
        await self.emulator.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def add_client(self, client_id: str, client_secret: str, redirect_uris: Iterable[str]) -> Client:
        """Register an OAuth client; redirect addresses must match exactly later."""
        client = Client(client_id, client_secret, list(redirect_uris))
        self.store.clients[client_id] = client
        return client

    def add_account(self, email: str, name: str = "", timezone: str = "UTC", sub: str | None = None) -> Account:
        """Create an account with its primary calendar, whose id is the e-mail address."""
        email = email.lower()
        zone_named(timezone)
        account = Account(email, name or email.partition("@")[0], timezone, sub or numeric_sub(email))
        self.store.accounts[email] = account
        self.add_calendar(email, email, email, timezone)
        return account

    def add_calendar(
        self, email: str, calendar_id: str, summary: str, timezone: str = "UTC", access_role: str = "owner"
    ) -> Calendar:
        """Put a calendar on an account's list; a calendar that exists already is shared, not made anew."""
        account = self.store.account(email)
        if access_role not in ROLES:
            raise ValueError(f"access role {access_role!r} is none of {ROLES}")
        zone_named(timezone)
        calendar = self.store.calendars.get(calendar_id)
        if calendar is None:
            calendar = self.store.calendars[calendar_id] = Calendar(calendar_id, summary, timezone, account.email)
        primary = calendar_id == account.email
        account.entries[calendar_id] = Entry(calendar_id, access_role, self.clock.stamp(), primary)
        self.channels.list_changed(account.email)
        return calendar

    def remove_calendar(self, email: str, calendar_id: str) -> None:
        """Take a calendar off an account's list; from its owner's list it disappears for everybody."""
        account = self.store.account(email)
        calendar, entry = self.store.calendar(account, calendar_id)
        if calendar.owner == account.email:
            del self.store.calendars[calendar.id]
        for other in self.store.accounts.values():
            known = other.entries.get(entry.calendar_id)
            if known is not None and (other is account or calendar.owner == account.email):
                known.deleted, known.stamp = True, self.clock.stamp()
                self.channels.list_changed(other.email)

    def set_access_role(self, email: str, calendar_id: str, access_role: str) -> None:
        """Change what an account may do; its sync tokens for that calendar become invalid."""
        entry = self.store.entry(self.store.account(email), calendar_id)
        entry.access_role, entry.stamp, entry.token_floor = access_role, self.clock.stamp(), self.clock.stamp()
        self.channels.list_changed(email.lower())

    def insert_event(self, email: str, body: Mapping[str, Any], calendar_id: str = "primary") -> Json:
        return dict(self.events.insert(self.events.place(email, calendar_id), body))

    def update_event(self, email: str, event_id: str, body: Mapping[str, Any], calendar_id: str = "primary") -> Json:
        return dict(self.events.update(self.events.place(email, calendar_id), event_id, body))

    def patch_event(self, email: str, event_id: str, patch: Mapping[str, Any], calendar_id: str = "primary") -> Json:
        return dict(self.events.patch(self.events.place(email, calendar_id), event_id, patch))

    def delete_event(self, email: str, event_id: str, calendar_id: str = "primary") -> None:
        self.events.delete(self.events.place(email, calendar_id), event_id)

    def move_event(self, email: str, event_id: str, destination: str, calendar_id: str = "primary") -> Json:
        source, target = self.events.place(email, calendar_id), self.events.place(email, destination)
        return dict(self.events.move(source, event_id, target))

    def bulk_insert(self, email: str, bodies: Iterable[Mapping[str, Any]], calendar_id: str = "primary") -> int:
        """Insert many events fast: no copies for attendees, one notification; how many there were."""
        return self.events.bulk_insert(self.events.place(email, calendar_id), bodies)

    def grant(self, email: str, client_id: str, scopes: Iterable[str], offline: bool = True) -> Json:
        """Tokens as a token response gives them, without anybody clicking."""
        account = self.store.account(email)
        issue = Issue(account, client_id, tuple(ordered(scopes)), offline)
        return self.grants.issue(issue, self.switches.refresh_token_lifetime)

    def expire_access_tokens(self, email: str) -> None:
        self.grants.expire_access_tokens(email.lower())

    def revoke(self, email: str) -> None:
        """The user takes back every grant: API calls get 401, refreshes invalid_grant."""
        self.grants.revoke(email.lower(), self.switches.revoke_lag)

    def invalidate_sync_tokens(self, email: str | None = None) -> None:
        """All sync tokens given so far, of one account or of all, are answered with 410."""
        accounts = self.store.accounts.values() if email is None else [self.store.account(email)]
        for account in accounts:
            account.list_floor = self.clock.stamp()
            for entry in account.entries.values():
                entry.token_floor = self.clock.stamp()

    async def approve(self, url: str, email: str, scopes: Iterable[str] | None = None) -> str:
        """Consent to an authorization address as a person would; where the browser is sent. `scopes` None: all asked.

        AuthorizationRefused if the page would only show an error.
        """
        parameters = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        self.authorization.check(parameters)
        chosen = parameters["scope"].split() if scopes is None else scopes
        return self.authorization.allow(parameters, self.store.account(email), chosen)

    def import_ics(self, data: bytes, email: str) -> ImportReport:
        """Load an exported calendar into the primary calendar; the same file again updates."""
        return import_ics(data, self.events.place(email), self.events)

    async def settled(self) -> None:
        """Wait until all push notifications so far were delivered or given up."""
        await self.channels.settled()

    def snapshot(self) -> Json:
        """The whole state, keys included, as a JSON value; it shares its parts with the emulator, so write it out."""
        return snapshot.taken(self)

    def restore(self, state: Json) -> None:
        """Go on where a snapshot was taken: all tokens it gave out stay good."""
        snapshot.restored(self, state)
