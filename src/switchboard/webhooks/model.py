"""A delivery that was accepted, and what it asks us to look at."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.clients.propelauth_webhooks import Hint

State = Literal["waiting", "done", "given_up"]
Subject = Literal["member", "organization", "invites", "person", "nothing"]

FIRST_TRY: Final = timedelta(seconds=20)  # longer than the request that brought it may take
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_TRIES: Final = 40

_SUBJECTS: Final[dict[str, Subject]] = {
    "user.added_to_org": "member",
    "user.removed_from_org": "member",
    "user.role_changed_within_org": "member",
    "user.invited_to_org": "invites",
    "org.created": "organization",
    "org.updated": "organization",
    "org.deleted": "organization",
    "org.saml_setup": "organization",
    "org.saml_went_live": "organization",
    "org.saml_removed": "organization",
    "user.created": "person",
    "user.updated": "person",
    "user.deleted": "person",
    "user.enabled": "person",
    "user.disabled": "person",
    "user.locked": "person",
}


class WebhookDelivery(BaseModel):
    """An event that PropelAuth told of. `delivery_id` is the sender's, the same on every attempt; times are UTC."""

    delivery_id: str
    event_type: str
    org_id: Annotated[str | None, Reference("Organization", "keep")] = None
    user_id: Annotated[str | None, Reference("User", "keep")] = None
    received_at: datetime
    state: State = "waiting"
    tries: int = 0
    next_try_at: datetime

    @property
    def subject(self) -> Subject:
        """What to look at; nothing for an event that is not about what we mirror, or does not say whom it is about."""
        subject = _SUBJECTS.get(self.event_type, "nothing")
        needs = {"member": (self.org_id, self.user_id), "person": (self.user_id,), "nothing": ()}
        return subject if all(needs.get(subject, (self.org_id,))) else "nothing"

    def pause(self) -> timedelta:
        """How long to wait after one more try that failed."""
        return min(timedelta(seconds=2 ** min(self.tries, 20)), LONGEST_PAUSE)


def delivery_of(hint: Hint, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        delivery_id=hint.delivery_id,
        event_type=hint.event_type,
        org_id=hint.org_id,
        user_id=hint.user_id,
        received_at=now,
        next_try_at=now + FIRST_TRY,
    )
