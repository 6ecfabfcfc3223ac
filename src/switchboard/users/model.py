"""A person and their embedded tokens, read from every shape the existing collection holds.

The shapes stand in facts/legacy.md section 3: a value of a wrong type reads as if it were absent, never as an error,
because one odd field must not lock a person out.
"""

import math
import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, available_timezones

import orjson
from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from switchboard.annotations import FLAT, SECRET, ReadAs
from switchboard.errors import Forbidden, Invalid, TooLarge

DEFAULT_TIMEZONE: Final = "Asia/Kolkata"
MAX_FORM_BYTES: Final = 256 * 1024
MAX_FORM_DEPTH: Final = 20
EPOCHS: Final = range(-(2**33), 2**38)

# Either of these reads calendars and their events (discovery document, calendarList.get and events.list).
READING_SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.readonly",
)


class TimezoneLocked(Forbidden):
    code = "timezone_locked"
    message = "Timezone cannot be changed after calendar access is granted to prevent scheduling conflicts"


class UnknownTimezone(Invalid):
    code = "unknown_timezone"
    message = "This is not an IANA time zone such as Europe/Berlin."


class InvalidEmail(Invalid):
    code = "invalid_email"
    message = "This is not an e-mail address."


class FormTooLarge(TooLarge):
    code = "form_too_large"
    message = "The form is larger than 256 KiB."


class FormTooDeep(Invalid):
    code = "form_too_deep"
    message = "The form is nested deeper than 20 levels."


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _date(value: object) -> datetime | None:
    """UTC from a BSON date, epoch seconds or ISO text; None for what is none of them or out of range."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    seconds = _epoch(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        return _date(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _epoch(value: object) -> int | None:
    """Epoch seconds from a number, a date or digits; None for what is none of them."""
    if isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=UTC).timestamp() if value.tzinfo is None else value.timestamp())
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value):
        value = int(value)
    if isinstance(value, (int, float)) and math.isfinite(value) and int(value) in EPOCHS:
        return int(value)
    return None


def _scopes(value: object) -> list[str]:
    """Scopes from a list, or from one text with spaces as the first version stored it."""
    texts = value if isinstance(value, list) else [value]
    return [scope for text in texts if isinstance(text, str) for scope in text.split()]


def _flag(value: object) -> bool:
    return value is True


def _json(value: object) -> Any:
    """Stored JSON as it is; types that JSON does not have (dates, ids) as text."""
    try:
        return orjson.loads(orjson.dumps(value, default=_as_json, option=orjson.OPT_NON_STR_KEYS))
    except (TypeError, ValueError):
        return None


def _object(value: object) -> Any:
    return (_json(value) if isinstance(value, dict) else None) or {}


def _as_json(value: Any) -> Any:
    # The driver makes a DBRef of any {"$ref": ..., "$id": ...}, which a form may hold as well.
    return value.as_doc() if hasattr(value, "as_doc") else str(value)


Text = Annotated[str | None, BeforeValidator(_text)]
Date = Annotated[datetime | None, BeforeValidator(_date)]
Epoch = Annotated[int | None, BeforeValidator(_epoch)]
Flag = Annotated[bool, BeforeValidator(_flag)]


class UserToken(BaseModel):
    """The Google tokens of a person, embedded flat in the user document. `token_expiration` is epoch seconds."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: Annotated[Text, SECRET] = Field(default=None, repr=False)
    refresh_token: Annotated[Text, SECRET] = Field(default=None, repr=False)
    token_type: Text = "Bearer"  # noqa: S105
    token_expiration: Epoch = None
    client_id: Text = None
    client_secret: Annotated[Text, SECRET] = Field(default=None, repr=False)
    has_calendar_access: Flag = False
    scope: Annotated[list[str], BeforeValidator(_scopes)] = []
    created_at: Date = None
    updated_at: Date = None

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, stored: Any) -> Any:
        """`scopes` counts where there is no `scope`; an empty list of it is one: that is how a disconnect leaves it."""
        if isinstance(stored, dict) and stored.get("scope") in (None, "") and "scopes" in stored:
            return {**stored, "scope": stored["scopes"]}
        return stored

    @property
    def reads_calendar(self) -> bool:
        """What the scopes say; the stored flag is stale in old documents (facts/legacy.md 8, point 8)."""
        return not set(READING_SCOPES).isdisjoint(self.scope)

    def fresh(self, now: datetime, margin: int = 120) -> bool:
        """Whether the access token works for `margin` seconds more. An unknown expiry counts as past."""
        return bool(self.access_token) and (self.token_expiration or 0) - margin > now.timestamp()


class User(BaseModel):
    """A person. Names at the top of a document win over those in its `user_info`."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    user_id: str
    email: Text = None
    first_name: Text = None
    last_name: Text = None
    username: Text = None
    picture_url: Text = None
    email_confirmed: Flag = False
    has_password: Flag = False
    locked: Flag = False
    enabled: Annotated[bool, BeforeValidator(lambda value: value is not False)] = True
    mfa_enabled: Flag = False
    can_create_orgs: Flag = False
    created_at: Date = None
    last_active_at: Date = None
    update_password_required: Flag = False
    timezone: Annotated[Text, ReadAs(DEFAULT_TIMEZONE)] = None
    welcome_form_completed: Flag = False
    welcome_form_data: Annotated[JsonValue, BeforeValidator(_json)] = None
    token: Annotated[UserToken, FLAT] = UserToken()

    @model_validator(mode="before")
    @classmethod
    def _from_flat(cls, stored: Any) -> Any:
        if not isinstance(stored, dict) or isinstance(stored.get("token"), UserToken):
            return stored
        form = stored.get("welcome_form_data")  # an empty text is a form as well
        known = {**_from_user_info(stored.get("user_info")), **_present(stored)}
        return {**known, "welcome_form_data": form, "token": stored}

    @property
    def timezone_or_default(self) -> str:
        """The stored zone if it is a real one. Old documents hold any text."""
        return self.timezone if self.timezone and is_timezone(self.timezone) else DEFAULT_TIMEZONE

    def change_timezone(self, timezone: str) -> None:
        """Raise unless this person may set this zone now."""
        if not is_timezone(timezone):
            raise UnknownTimezone(fields={"timezone": UnknownTimezone.message})
        if self.token.reads_calendar and timezone != self.timezone:
            raise TimezoneLocked


class SignedUp(BaseModel):
    """What an older sign-in stored: the provider's facts as they came, and the names a person chose here."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    user_info: Annotated[dict[str, JsonValue], BeforeValidator(_object)] = {}
    first_name: Text = None
    last_name: Text = None


def fold_email(address: str) -> str:
    """The form in which addresses are compared: two that are one mailbox to a person become the same text.

    Case, full-width letters, composed and decomposed accents, and the two spellings of an international domain do not
    matter; anything else does, letters of other alphabets that look alike included. So does sharp s: case folding would
    make it the double s of another mailbox. Raises `InvalidEmail`.
    """
    try:
        found = validate_email(unicodedata.normalize("NFKC", address), check_deliverability=False)
    except EmailNotValidError:
        raise InvalidEmail(fields={"email": InvalidEmail.message}) from None
    return f"{unicodedata.normalize('NFKC', found.local_part).lower()}@{(found.ascii_domain or '').lower()}"


def domain_of(address: str) -> str:
    """The domain of an address in ASCII and lower case; empty for what is no address."""
    try:
        return fold_email(address).rpartition("@")[2]
    except InvalidEmail:
        return ""


def read_domain(text: str) -> str:
    """An internet domain in ASCII and lower case; raises `ValueError` with a sentence."""
    domain = domain_of(f"x@{text}")
    if not domain:
        raise ValueError("must be an internet domain such as example.com")
    return domain


def check_form(data: JsonValue) -> None:
    """Raise unless a welcome form is small and flat enough to keep."""
    if _depth(data) > MAX_FORM_DEPTH:
        raise FormTooDeep
    if len(orjson.dumps(data)) > MAX_FORM_BYTES:
        raise FormTooLarge


def is_timezone(name: str) -> bool:
    """Whether it is the name of a zone people live in; files of the database that are no such names are not."""
    return name in _zones()


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(
        name
        for name in available_timezones()
        if not name.startswith(("posix/", "right/")) and name not in ("localtime", "Factory", "posixrules")
    )


def zone(name: str) -> ZoneInfo:
    """The zone of a name that `is_timezone` accepts, and UTC for any other."""
    return ZoneInfo(name if is_timezone(name) else "UTC")


def _depth(value: JsonValue) -> int:
    deepest, waiting = 0, [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(item, (dict, list)):
            children = item.values() if isinstance(item, dict) else item
            waiting.extend((child, depth + 1) for child in children)
    return deepest


def _present(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if value not in (None, "")}


def _from_user_info(info: object) -> dict[str, Any]:
    """The names inside `user_info`, of PropelAuth's (later versions) or of Google's userinfo (first version)."""
    if not isinstance(info, dict):
        return {}
    aliases = {"given_name": "first_name", "family_name": "last_name", "picture": "picture_url"}
    aliases["verified_email"] = "email_confirmed"
    older = {ours: info[theirs] for theirs, ours in aliases.items() if theirs in info}
    names = ("email", "first_name", "last_name", "username", "picture_url", "email_confirmed", "can_create_orgs")
    return {**_present(older), **_present({name: info[name] for name in names if name in info})}
