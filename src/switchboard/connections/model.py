"""A person's connection to Google: how it was made, whether it still works. The tokens are on the user."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator, Field

from switchboard.annotations import SECRET, Reference
from switchboard.clients.google_oauth import TokenGrant
from switchboard.errors import Conflict, Gone, NotFound
from switchboard.users.model import READING_SCOPES, UserToken

SCOPES: Final = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.events",
)
CONSENT_LIFETIME: Final = timedelta(minutes=10)
TIME_TO_CONNECT: Final = timedelta(minutes=1)

Source = Literal["google", "propelauth", "stored"]


class NotConnected(NotFound):
    code = "calendar_not_connected"
    message = "No Google calendar is connected."


class ConsentExpired(Gone):
    code = "consent_expired"
    message = "This consent was used already, is older than ten minutes, or was begun by someone else. Connect again."


class OtherAccount(Conflict):
    code = "other_google_account"
    message = "A calendar of another Google account is connected. Disconnect it first."


class SignIn(NamedTuple):
    """The scopes of the tokens that a sign-in left at PropelAuth; whether a consent to the calendar was taken up."""

    scopes: tuple[str, ...]
    consented: bool


class Consent(BaseModel):
    """A consent that a person began at Google. `state_hash` is all that is kept of the state."""

    state_hash: str
    user_id: Annotated[str, Reference("User", "cascade")]
    verifier: Annotated[str, SECRET] = Field(repr=False)
    nonce: Annotated[str, SECRET] = Field(repr=False)
    expires_at: datetime

    @classmethod
    def begun(cls, user_id: str, secrets: tuple[str, str, str], now: datetime) -> "Consent":
        """`secrets` are the state, the PKCE verifier and the nonce, each random and for this consent only."""
        state, verifier, nonce = secrets
        return cls(
            state_hash=fingerprint(state),
            user_id=user_id,
            verifier=verifier,
            nonce=nonce,
            expires_at=now + CONSENT_LIFETIME,
        )

    @property
    def challenge(self) -> str:
        """The S256 challenge of the verifier (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def check(self, now: datetime) -> None:
        """Raise unless it is young enough."""
        if now >= self.expires_at:
            raise ConsentExpired


def _source(value: object) -> object:
    """One that a newer version knows and this one does not counts as of unknown origin."""
    return value if value in get_args(Source) else "stored"


class Connection(BaseModel):
    """How a person is connected. `lost_fingerprint` names the grant that Google refused; another one starts afresh."""

    user_id: Annotated[str, Reference("User", "cascade")]
    source: Annotated[Source, BeforeValidator(_source)] = "stored"
    google_subject: str | None = None
    google_email: str | None = None
    connected_at: datetime | None = None
    lost_at: datetime | None = None
    lost_fingerprint: str | None = None
    lost_reason: str | None = None

    def lost(self, token: UserToken) -> bool:
        """Whether Google refused just this grant."""
        return self.lost_fingerprint is not None and self.lost_fingerprint == grant_fingerprint(token)

    def check_adoption(self, token: UserToken) -> None:
        """Raise while a consent of the person's own works: whose account PropelAuth's tokens are is not known."""
        if self.google_subject is not None and token.reads_calendar and not self.lost(token):
            raise OtherAccount

    def outlasts(self, token: UserToken, grant: TokenGrant, now: datetime) -> bool:
        """Whether what is stored stays when a sign-in brings this grant (facts/legacy.md section 8, points 8 and 9).

        A sign-in takes no access away, moves nobody to another account, and puts no older token over a newer one.
        """
        brought = UserToken(access_token=grant.access_token, refresh_token=grant.refresh_token)
        reads = grant_reads(grant)
        if token.reads_calendar and (not reads or (self.google_subject is not None and not self.lost(token))):
            return True
        if self.lost(token):
            return self.lost(brought)
        known = grant.refresh_token in (None, token.refresh_token) and set(grant.scopes) <= set(token.scope)
        return known and (token.token_expiration or 0) >= int(now.timestamp()) + grant.expires_in

    def renews(self, token: UserToken, grant: TokenGrant) -> bool:
        """Whether a grant only renews what is stored. Another consent may be another account's."""
        same = grant.refresh_token in (None, token.refresh_token)
        return same and self.source == "propelauth" and token.reads_calendar and not self.lost(token)

    def check_account(self, subject: str, token: UserToken, now: datetime) -> None:
        """Raise when another Google account is connected, or just being connected: switching is a step of its own.

        A connection whose tokens are not there and have had time to come is what a crash or other software left.
        """
        being_connected = self.connected_at is not None and now - self.connected_at < TIME_TO_CONNECT
        if self.google_subject not in (None, subject) and (token.reads_calendar or being_connected):
            raise OtherAccount


def fingerprint(secret: str) -> str:
    """What stands for a secret where only equality matters."""
    return hashlib.sha256(secret.encode()).hexdigest()


def grant_fingerprint(token: UserToken) -> str:
    """What stands for a grant: its refresh token, else the only token there is."""
    return fingerprint(token.refresh_token or token.access_token or "")


def grant_reads(grant: TokenGrant) -> bool:
    """Whether a grant lets us read the calendar."""
    return not set(READING_SCOPES).isdisjoint(grant.scopes)


def token_fields(grant: TokenGrant, now: datetime) -> dict[str, Any]:
    """What a grant sets on the user, in the types already there: epoch seconds as an int, scopes as a list.

    A refresh token is set where there is one: none never takes the place of one that is stored.
    """
    renewed = {"refresh_token": grant.refresh_token} if grant.refresh_token else {}
    return {
        **renewed,
        "access_token": grant.access_token,
        "token_expiration": int(now.timestamp()) + grant.expires_in,
        "token_type": "Bearer",
        "scope": list(grant.scopes),
        "has_calendar_access": grant_reads(grant),
        "updated_at": now,
    }


def no_token_fields(now: datetime) -> dict[str, Any]:
    """What a disconnect sets on the user: the same fields, emptied."""
    return {
        "access_token": "",
        "refresh_token": None,
        "token_expiration": 0,
        "scope": [],
        "has_calendar_access": False,
        "updated_at": now,
    }
