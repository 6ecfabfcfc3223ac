"""What a running process has at hand. `bootstrap.running` makes it; app, worker and command line share it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from switchboard.clients.google import GoogleClient
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.settings import Settings


@dataclass(frozen=True)
class Service:
    """An internal service that is calling. With an organization it acts there alone, in its role."""

    key_id: str
    name: str
    scopes: frozenset[str]
    org_id: str | None
    role: str | None


@dataclass(frozen=True)
class Services:
    """`ping` asks MongoDB for a sign of life and raises `Unavailable` when there is none in time.

    `identify_service` knows a service by its key, now, and raises `Unauthenticated`.
    """

    settings: Settings
    propelauth: PropelAuthClient
    google: GoogleClient
    ping: Callable[[], Awaitable[None]]
    identify_service: Callable[[str, datetime], Awaitable[Service]]
