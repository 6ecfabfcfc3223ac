"""Bodies of the older calendar backend, field for field (facts/legacy.md section 1.2)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from switchboard.clients.propelauth_errors import NoGoogleTokens
from switchboard.legacy_calendars.model import TIMEZONES, NameRequired, NoAccessToken, Shown
from switchboard.users.model import SignedUp, User

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
ZoneName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class Body(BaseModel):
    """Fields that nobody asked for are left out of account."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class NamesSent(Body):
    first_name: Name | None = None
    last_name: Name | None = None

    def checked(self) -> dict[str, str]:
        """Both names; raises `NameRequired`."""
        if not self.first_name:
            raise NameRequired
        if not self.last_name:
            raise NameRequired("Last name is required")
        return {"first_name": self.first_name, "last_name": self.last_name}


class NamesUpdated(BaseModel):
    message: Literal["User names updated successfully"] = "User names updated successfully"
    first_name: str
    last_name: str


class ZoneSent(Body):
    timezone: ZoneName | None = None


class ZoneUpdated(BaseModel):
    message: Literal["User timezone updated successfully"] = "User timezone updated successfully"
    timezone: str


class TokenSent(Body):
    access_token: Annotated[str, StringConstraints(strip_whitespace=True)] | None = Field(default=None, repr=False)

    def checked(self) -> str:
        """The token; raises `NoAccessToken`."""
        if not self.access_token:
            raise NoAccessToken
        return self.access_token


class TokensStored(BaseModel):
    success: Literal[True] = True
    user_id: str
    message: Literal["User authenticated and tokens stored."] = "User authenticated and tokens stored."


class TokensChecked(BaseModel):
    """`authorized_scopes` only with tokens, `error` only without."""

    message: str
    has_google_tokens: bool
    has_calendar_access: bool
    authorized_scopes: list[str] | None = None
    error: str | None = None

    @classmethod
    def of(cls, user: User, scopes: tuple[str, ...] | None) -> "TokensChecked":
        access = user.token.reads_calendar
        if scopes is None:
            told = {"message": NoGoogleTokens.message, "error": NoGoogleTokens.message}
            return cls(has_google_tokens=False, has_calendar_access=access, **told)
        found = "Google tokens found"
        return cls(message=found, has_google_tokens=True, has_calendar_access=access, authorized_scopes=list(scopes))


class Health(BaseModel):
    status: Literal["healthy"] = "healthy"
    timestamp: datetime
    service: Literal["calendar-backend"] = "calendar-backend"
    version: Literal["1.0.0"] = "1.0.0"


class Address(BaseModel):
    auth_url: str


class AddressWithState(Address):
    state: str


class AddressWithMessage(Address):
    message: Literal["Calendar access OAuth URL"] = "Calendar access OAuth URL"


class Redirect(BaseModel):
    redirect_url: str
    message: Literal["Redirecting to Google for calendar access"] = "Redirecting to Google for calendar access"


class SignedOut(BaseModel):
    message: Literal["Logged out successfully"] = "Logged out successfully"


class Access(BaseModel):
    has_calendar_access: bool


class SignedIn(BaseModel):
    """`user` is what the sign-in provider once told, completed; `id` and `user_id` are always there."""

    user: dict[str, JsonValue]
    authenticated: Literal[True] = True
    has_calendar_access: bool
    timezone: str

    @classmethod
    def of(cls, user: User, older: SignedUp) -> "SignedIn":
        access, timezone = user.token.reads_calendar, user.timezone_or_default
        return cls(user=_shown(user, older), has_calendar_access=access, timezone=timezone)


def _shown(user: User, older: SignedUp) -> dict[str, JsonValue]:
    """The texts that pages read are never null; names that a person chose here win over the provider's."""
    names = _names(user.first_name or "", user.last_name or "")
    texts: dict[str, JsonValue] = {"email": user.email or "", "picture": user.picture_url or "", **names}
    told = {name: value for name, value in older.user_info.items() if value is not None or name not in texts}
    custom = _names(older.first_name, older.last_name) if older.first_name and older.last_name else {}
    ids = {"id": user.user_id, "user_id": user.user_id}
    return {**texts, **told, **ids, **custom, "has_custom_name": bool(custom)}


def _names(first: str, last: str) -> dict[str, JsonValue]:
    return {"name": f"{first} {last}".strip(), "first_name": first, "last_name": last}


class CalendarShown(BaseModel):
    """`calendars` and `events` are items as Google's API has them; `calendars` is never empty."""

    calendars: list[dict[str, Any]]
    events: list[dict[str, Any]]
    timezone: str

    @classmethod
    def of(cls, found: Shown) -> "CalendarShown":
        return cls(calendars=found.calendars, events=found.events, timezone=found.timezone)


class EventCreated(BaseModel):
    message: Literal["Event created successfully"] = "Event created successfully"
    event: dict[str, Any]
    timezone: str


class FormStatus(BaseModel):
    has_completed_welcome_form: bool


class FormSubmitted(BaseModel):
    message: Literal["Welcome form submitted successfully"] = "Welcome form submitted successfully"
    welcome_form_data: JsonValue


class TimezoneOption(BaseModel):
    label: str
    value: str
    description: str


class TimezoneOptions(BaseModel):
    timezones: list[TimezoneOption] = [TimezoneOption(**option) for option in TIMEZONES]
