"""PropelAuth's webhooks, which Svix delivers: who signed them, and what they hint at.

facts/propelauth.md section 4: the signature covers the raw bytes, five minutes of tolerance, the body is a flat JSON
object with `event_type`. Only ids are read from it: what happened is asked of PropelAuth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from switchboard.clients.propelauth_facts import ID
from switchboard.errors import Unverified

_HEADERS: Final = ("id", "timestamp", "signature")
LONGEST: Final = 200


class InvalidSignature(Unverified):
    code = "invalid_signature"
    message = "The request could not be verified."


@dataclass(frozen=True)
class Hint:
    """Something happened to a person or an organization; `delivery_id` is the same on every attempt to tell us."""

    delivery_id: str
    event_type: str
    org_id: str | None
    user_id: str | None


def read_hint(secret: SecretStr, headers: Mapping[str, str], body: bytes) -> Hint:
    """The hint in a delivery; raises `InvalidSignature` for anything that is not PropelAuth's, and says no more."""
    names = {f"webhook-{name}": headers.get(f"svix-{name}", "") for name in _HEADERS}
    try:
        # The library raises its own error, ValueError, binascii.Error and UnicodeDecodeError (section 0, point 7).
        event = Webhook(secret.get_secret_value()).verify(body, names)
    except (WebhookVerificationError, ValueError, TypeError, RecursionError):
        raise InvalidSignature from None
    if not isinstance(event, dict):
        raise InvalidSignature
    delivery_id, kind = names["webhook-id"], event.get("event_type")
    if not isinstance(kind, str) or len(delivery_id) > LONGEST:
        raise InvalidSignature
    kind = kind[:LONGEST].encode("utf-8", "replace").decode()  # half a surrogate pair cannot be kept
    user_id = event.get("removed_user_id") or event.get("user_id")
    return Hint(delivery_id, kind, _id(event.get("org_id")), _id(user_id))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and ID.fullmatch(value) else None
