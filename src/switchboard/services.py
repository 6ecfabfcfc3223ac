"""What a running process has at hand. `bootstrap.running` makes it; app, worker and command line share it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchboard.clients.google import GoogleClient
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.settings import Settings


@dataclass(frozen=True)
class Services:
    """`ping` asks MongoDB for a sign of life and raises `Unavailable` when there is none in time."""

    settings: Settings
    propelauth: PropelAuthClient
    google: GoogleClient
    ping: Callable[[], Awaitable[None]]
