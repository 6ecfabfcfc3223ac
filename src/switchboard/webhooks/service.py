"""What events lead to: a look at PropelAuth, which then is mirrored. What the event itself says is not believed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter

from switchboard.clients.propelauth_webhooks import read_hint
from switchboard.comparison import service as comparison
from switchboard.errors import NotFound, SwitchboardError
from switchboard.invites import service as invites
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.webhooks.documents import WebhookDeliveryDocument
from switchboard.webhooks.model import WebhookDelivery, delivery_of

EVENTS: Final = Counter("switchboard_webhook_events", "Events of PropelAuth by what was looked at", ("subject",))
log = structlog.get_logger()


async def receive(services: Services, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Keep a delivery and act on it at once; what fails now is tried again by the worker.

    Raises `InvalidSignature`. One that came before does nothing.
    """
    hint = read_hint(services.settings.propelauth.webhook_secret, headers, body)
    delivery = delivery_of(hint, now)
    if await WebhookDeliveryDocument.add(delivery):
        EVENTS.labels(delivery.subject).inc()
        await _act(services, delivery, now)


async def act_on_waiting(services: Services, now: datetime) -> bool:
    """Try one delivery again; whether there was one."""
    delivery = await WebhookDeliveryDocument.claim_waiting(now)
    if delivery is not None:
        await _act(services, delivery, now)
    return delivery is not None


async def _act(services: Services, delivery: WebhookDelivery, now: datetime) -> None:
    try:
        await _look(services, delivery, now)
    except NotFound:  # it is about something that is gone
        await WebhookDeliveryDocument.done(delivery.delivery_id)
    except SwitchboardError as error:
        log.warning("webhook.failed", event_type=delivery.event_type, code=error.code, tries=delivery.tries)
        await WebhookDeliveryDocument.failed(delivery, now)
    else:
        await WebhookDeliveryDocument.done(delivery.delivery_id)


async def _look(services: Services, delivery: WebhookDelivery, now: datetime) -> None:
    look = Look("webhook", now)
    org_id, user_id = delivery.org_id or "", delivery.user_id or ""
    if delivery.subject == "member":
        await organizations.refresh_member(services, org_id, user_id, look)
        await invites.settle(services, org_id, user_id, now)
    elif delivery.subject == "organization":
        await organizations.refresh_organization(services, org_id, look)
    elif delivery.subject == "invites":
        await comparison.compare_invites(services, org_id, now)
    elif delivery.subject == "person":
        await _look_at_person(services, user_id, look)


async def _look_at_person(services: Services, user_id: str, look: Look) -> None:
    person = await services.propelauth.organizations.person(user_id)
    if person is None:
        await organizations.forget_person(services, user_id, look)
        await users.close(user_id, look.at)
    else:
        await users.keep_profile(user_id, person.profile, look.at)
