"""What the emulator knows: accounts, OAuth clients, calendars and their events. No behaviour beyond look-ups."""

import hashlib
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from devstack.google.clock import Clock
from devstack.google.errors import not_found
from devstack.google.series import Series
from devstack.google.times import instant, zone_named

Json = dict[str, Any]
ROLES = ("freeBusyReader", "reader", "writer", "owner")


@dataclass
class Client:
    client_id: str
    client_secret: str
    redirect_uris: list[str]


@dataclass
class Entry:
    """A calendar on one account's list."""

    calendar_id: str
    access_role: str
    stamp: int
    primary: bool = False
    deleted: bool = False
    hidden: bool = False
    token_floor: int = 0


@dataclass
class Account:
    email: str
    name: str
    timezone: str
    sub: str
    entries: dict[str, Entry] = field(default_factory=dict)
    list_floor: int = 0


@dataclass
class StoredEvent:
    """One event of one calendar, as its owner sees it.

    `stamp` is its last change, `number` its place in the stable order. `dropped` are the ids that the expanded view
    once showed for it and shows no longer, with the original start (None: the event itself) and the change.
    """

    body: Json
    stamp: int
    number: int
    dropped: dict[str, tuple[float | None, int]] = field(default_factory=dict)
    rendered: dict[object, bytes] = field(default_factory=dict, repr=False)
    series: Series | None = field(default=None, repr=False)
    bounds: tuple[float, float] | None = field(default=None, repr=False)

    @property
    def cancelled(self) -> bool:
        return self.body.get("status") == "cancelled"

    @property
    def master_id(self) -> str | None:
        return self.body.get("recurringEventId")

    @property
    def recurring(self) -> bool:
        return "recurrence" in self.body

    def changed(self) -> None:
        """Forget what was computed from the body."""
        self.rendered.clear()
        self.series = None
        self.bounds = None

    def times(self, zone: tzinfo) -> tuple[float, float]:
        """Start and end in seconds since 1970."""
        if self.bounds is None:
            self.bounds = (instant(self.body["start"], zone), instant(self.body["end"], zone))
        return self.bounds

    def expansion(self) -> Series:
        if self.series is None:
            self.series = Series(self.body["start"], self.body["recurrence"])
        return self.series


@dataclass
class Calendar:
    """A calendar with its events; `expanded_until` is the latest `timeMax` anyone asked an expansion for."""

    id: str
    summary: str
    timezone: str
    owner: str
    description: str = ""
    watchable: bool = True
    events: dict[str, StoredEvent] = field(default_factory=dict)
    order: list[StoredEvent] = field(default_factory=list, repr=False)
    recent: dict[str, StoredEvent] = field(default_factory=dict, repr=False)
    children: dict[str, dict[str, StoredEvent]] = field(default_factory=dict, repr=False)
    expanded_until: float = 0.0
    version: int = 0

    @property
    def zone(self) -> tzinfo:
        return zone_named(self.timezone)

    def put(self, body: Json, stamp: int) -> StoredEvent:
        """Store a new or changed event under its id."""
        event = self.events.get(body["id"])
        if event is None:
            event = StoredEvent(body, stamp, len(self.order))
            self.add(event)
        else:
            event.body = body
        self.touch(event, stamp)
        return event

    def add(self, event: StoredEvent) -> None:
        self.events[event.body["id"]] = event
        self.order.append(event)
        if event.master_id:
            self.children.setdefault(event.master_id, {})[event.body["id"]] = event

    def touch(self, event: StoredEvent, stamp: int) -> None:
        event.stamp = stamp
        event.changed()
        event_id = event.body["id"]
        self.recent.pop(event_id, None)
        self.recent[event_id] = event
        self.version = stamp

    def changed_since(self, stamp: int) -> list[StoredEvent]:
        changed = []
        for event in reversed(self.recent.values()):
            if event.stamp <= stamp:
                break
            changed.append(event)
        return changed

    def master_of(self, event: StoredEvent) -> StoredEvent | None:
        return self.events.get(event.master_id) if event.master_id else None

    def exceptions_of(self, event_id: str) -> dict[str, StoredEvent]:
        return self.children.get(event_id, {})


@dataclass
class Store:
    clock: Clock = field(default_factory=Clock)
    accounts: dict[str, Account] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)

    def account(self, email: str) -> Account:
        """The account of an address (any capitalisation); KeyError if there is none."""
        return self.accounts[email.lower()]

    def entry(self, account: Account, calendar_id: str) -> Entry:
        """The entry of a calendar the account can see; `primary` is an alias. 404 otherwise."""
        wanted = account.email if calendar_id == "primary" else calendar_id
        entry = account.entries.get(wanted)
        if entry is None or entry.deleted or wanted not in self.calendars:
            raise not_found()
        return entry

    def calendar(self, account: Account, calendar_id: str) -> tuple[Calendar, Entry]:
        entry = self.entry(account, calendar_id)
        return self.calendars[entry.calendar_id], entry


def numeric_sub(email: str) -> str:
    """A stable 21-digit account number."""
    return "1" + str(int(hashlib.sha256(email.encode()).hexdigest(), 16))[:20]
