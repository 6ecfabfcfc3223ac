"""What a running process has at hand. `bootstrap.running` makes it; app, worker and command line share it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from switchboard.clients.endpoint_connections import Endpoints
from switchboard.clients.google import GoogleClient
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_facts import Identity
from switchboard.crypto import KeyRing
from switchboard.errors import Forbidden
from switchboard.mongo import Session, Transactions
from switchboard.settings import Settings


class MissingScope(Forbidden):
    code = "missing_scope"
    message = "This service key does not have the scope for this. 'switchboard keys create' makes one that has."


@dataclass(frozen=True)
class Service:
    """An internal service that is calling. With an organization it acts there alone, in its role."""

    key_id: str
    name: str
    scopes: frozenset[str]
    org_id: str | None
    role: str | None

    def check(self, scope: str) -> None:
        """Raise `MissingScope` unless the key has this scope."""
        if scope not in self.scopes:
            raise MissingScope


Principal = Identity | Service


@dataclass(frozen=True)
class Dependant:
    """Something that goes with an organization; features above organizations bring theirs (see `bootstrap`).

    `remove` gets the organization, the time and the transaction.
    """

    name: str
    count: Callable[[str], Awaitable[int]]
    remove: Callable[[str, datetime, Session], Awaitable[None]]


@dataclass(frozen=True)
class Services:
    """`ping` asks MongoDB for a sign of life and raises `Unavailable` when there is none in time.

    `identify_service` knows a service by its key, now, and raises `Unauthenticated`. `dependants` go with an
    organization that is deleted, in the same transaction. `may_ask_google` says whether the work in the background may
    send one more request to Google this minute, counted for a person where one is named.
    """

    settings: Settings
    propelauth: PropelAuthClient
    google: GoogleClient
    ping: Callable[[], Awaitable[None]]
    identify_service: Callable[[str, datetime], Awaitable[Service]]
    transactions: Transactions
    key_ring: KeyRing
    endpoints: Endpoints
    may_ask_google: Callable[[str | None, datetime], Awaitable[bool]]
    dependants: tuple[Dependant, ...] = ()
