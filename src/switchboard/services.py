"""What a running process has at hand. `bootstrap.running` makes it; app, worker and command line share it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from switchboard.clients.google import GoogleClient
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_facts import Identity
from switchboard.mongo import Session, Transactions
from switchboard.settings import Settings


@dataclass(frozen=True)
class Service:
    """An internal service that is calling. With an organization it acts there alone, in its role."""

    key_id: str
    name: str
    scopes: frozenset[str]
    org_id: str | None
    role: str | None


Principal = Identity | Service


@dataclass(frozen=True)
class Dependant:
    """Something that goes with an organization; features above organizations bring theirs (see `bootstrap`)."""

    name: str
    count: Callable[[str], Awaitable[int]]
    remove: Callable[[str, Session], Awaitable[None]]


@dataclass(frozen=True)
class Services:
    """`ping` asks MongoDB for a sign of life and raises `Unavailable` when there is none in time.

    `identify_service` knows a service by its key, now, and raises `Unauthenticated`. `dependants` go with an
    organization that is deleted, in the same transaction.
    """

    settings: Settings
    propelauth: PropelAuthClient
    google: GoogleClient
    ping: Callable[[], Awaitable[None]]
    identify_service: Callable[[str, datetime], Awaitable[Service]]
    transactions: Transactions
    dependants: tuple[Dependant, ...] = ()
