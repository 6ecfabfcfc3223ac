"""A push channel, what comes through it, and when it is renewed.

Rules are numbered as in facts/google-calendar.md section 2.
"""

import random
import re
import secrets
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, Field

from switchboard.annotations import SECRET, Reference
from switchboard.calendars.model import Calendar
from switchboard.clients.google_errors import ChannelExists, PushAddressRefused, PushUnsupported
from switchboard.connections.model import fingerprint
from switchboard.errors import SwitchboardError, Unavailable

PATH: Final = "/v1/calendar/notifications"
LIFETIME: Final = timedelta(days=7)  # asked for; what Google gives is what counts
LONGEST_MARGIN: Final = timedelta(days=1)  # before a channel's end the next one is opened
SHORTEST_LIFE: Final = timedelta(minutes=10)
CHANGES: Final = frozenset({"exists", "not_exists"})

_CHANNEL_ID: Final = re.compile(r"[0-9a-f]{32}")


class Notification(NamedTuple):
    """What Google sends: that something happened, never what. Nothing of it is known to be true yet."""

    channel_id: str
    token: str
    resource_id: str
    state: str

    @property
    def possible(self) -> bool:
        """Whether there can be such a channel: what cannot be ours is not looked for."""
        return _CHANNEL_ID.fullmatch(self.channel_id) is not None


class Channel(BaseModel):
    """A way for Google to tell of one calendar. Of its token only a hash is kept.

    `resource_id` is Google's name for what it watches, unknown until Google has answered.
    """

    channel_id: str
    token_hash: Annotated[str, SECRET] = Field(repr=False)
    calendar_id: Annotated[str, Reference("Calendar", "keep")]
    user_id: Annotated[str, Reference("User", "cascade")]
    google_calendar_id: str
    resource_id: str | None = None
    created_at: datetime
    expires_at: datetime
    stopped_at: datetime | None = None

    def carries(self, notification: Notification) -> bool:
        """Whether this came from Google: with the token, and about the resource, once that is known (rule 54)."""
        right = self.resource_id is None or compare_digest(self.resource_id.encode(), notification.resource_id.encode())
        return compare_digest(self.token_hash, fingerprint(notification.token)) and right


def new_channel(calendar: Calendar, now: datetime) -> tuple[Channel, str]:
    """A channel with an id that none had before (rule 55), and its token."""
    token = secrets.token_urlsafe(32)
    channel = Channel(
        channel_id=secrets.token_hex(16),
        token_hash=fingerprint(token),
        calendar_id=calendar.calendar_id,
        user_id=calendar.user_id,
        google_calendar_id=calendar.google_calendar_id or "primary",
        created_at=now,
        expires_at=now + LIFETIME,
    )
    return channel, token


def renewal(expires_at: datetime, now: datetime) -> datetime:
    """When the next channel is opened: half a day to a day before the end, never the same for all.

    One that Google gives a short life is renewed in the second half of it.
    """
    margin = min(LONGEST_MARGIN, (expires_at - now) / 2) * random.uniform(0.5, 1.0)  # noqa: S311
    return max(expires_at - margin, now + SHORTEST_LIFE)


def unsupported(error: SwitchboardError) -> bool:
    """Whether Google tells nobody of this calendar; an address that it does not take is a failure of ours."""
    return isinstance(error, PushUnsupported) and not isinstance(error, PushAddressRefused)


def pause_after(error: SwitchboardError) -> timedelta:
    """How long to wait after a channel that could not be opened, never the same for all."""
    if unsupported(error):
        return timedelta(days=7) * random.uniform(1.0, 1.2)  # noqa: S311
    usual = timedelta(minutes=10) if isinstance(error, (Unavailable, ChannelExists)) else timedelta(hours=1)
    return usual * random.uniform(0.5, 1.5)  # noqa: S311
