"""The clean shape of a user document, and what brings a stored one to it.

The clean shape is what the service reads (`switchboard.users.model`), stored as it is read: `scope` a list of texts,
`token_expiration` epoch seconds as an int, dates as dates, `created_at` no later than the `_id` was made, and
`has_calendar_access` what the scopes say. The shapes it comes from stand in facts/legacy.md 3.1 and 3.2, the reasons
in docs/decisions/0020-normalising-users.md.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from switchboard.merging.model import Document, variant
from switchboard.users.model import EPOCHS, READING_SCOPES, Date, Epoch, UserToken, is_timezone

Kind = Literal[
    "scope_to_list", "scopes_to_scope", "expiration_to_int", "date_to_date", "created_at_from_id", "access_from_scopes",
    "obsolete_removed",
]  # fmt: skip
# The first two are for a person to look at; the others are told, and left as they are.
Finding = Literal[
    "odd_value", "no_user_id", "unknown_timezone", "access_without_scopes", "no_creation_time", "another_client"
]  # fmt: skip
TO_LOOK_AT: Final = ("odd_value", "no_user_id")
SAMPLES: Final = 3
SLACK_SECONDS: Final = 60  # between the clocks of who made the `_id` and who wrote `created_at`
# What the older backend reads goes only on request; what this service reads of others' clients never.
OBSOLETE: Final = ("propels_access_token", "expires_in", "scopes", "client_id", "client_secret")
TEXTS: Final = (
    *("email", "name", "first_name", "last_name", "username", "picture_url", "timezone", "client_id", "client_secret"),
    *("access_token", "refresh_token", "token_type", "propels_access_token"),
)
FLAGS: Final = (
    *("email_confirmed", "has_password", "locked", "enabled", "mfa_enabled", "can_create_orgs"),
    *("update_password_required", "welcome_form_completed"),
)
DATES: Final = ("updated_at", "last_active_at")
# All that a decision looks at: the form and the facts of the sign-in, which may be large, are not read for it.
FIELDS: Final = (
    *("user_id", *TEXTS, *FLAGS, *DATES, "expires_in", "scope", "scopes", "token_expiration", "has_calendar_access"),
    *("created_at", "user_info.id"),
)

_TYPES: Final = {**dict.fromkeys(TEXTS, str), **dict.fromkeys(FLAGS, bool)}
_READING: Final = frozenset(READING_SCOPES)
_DATE: Final = TypeAdapter[datetime | None](Date)
_EPOCH: Final = TypeAdapter[int | None](Epoch)
_FIRST_ID: Final = datetime(2009, 1, 1, tzinfo=UTC).timestamp()  # MongoDB's first year; ids made by hand say any time


@dataclass(frozen=True)
class Options:
    """What an operator asked for. `client_id` is the client of our own settings."""

    drop_obsolete: bool = False
    merge_by_email: bool = False
    client_id: str | None = None


@dataclass(slots=True)
class Change:
    """What makes a document clean: fields before and after, as an `Image` has them; none, and it is clean already.

    A field that a decision only looked at is in both, with one value: so the write needs it to be still the same.
    """

    stored: Document = field(repr=False)
    before: dict[str, Any] = field(default_factory=dict, repr=False)
    after: dict[str, Any] = field(default_factory=dict, repr=False)
    kinds: tuple[tuple[Kind, str], ...] = ()
    findings: tuple[tuple[Finding, str], ...] = ()

    def put(self, kind: Kind, name: str, value: object) -> None:
        if name in self.stored:
            self.before[name] = self.stored[name]
        self.after[name] = value
        self.kinds += ((kind, name),)

    def find(self, finding: Finding, name: str) -> None:
        self.findings += ((finding, name),)

    def hold(self, name: str) -> None:
        """The write needs this field as it was read."""
        if name in self.stored and name not in self.before and name not in self.after:
            self.before[name] = self.after[name] = self.stored[name]

    def remove(self, name: str) -> None:
        if name in self.stored:
            self.before[name] = self.stored[name]
            self.after.pop(name, None)
            self.kinds += (("obsolete_removed", name),)
            self.findings = tuple(each for each in self.findings if each[1] != name)


def decide(document: Document, options: Options, now: datetime) -> Change:
    """What has to change in a stored document. Only its `FIELDS` and `_id` matter; deciding again changes nothing."""
    change = Change(document)
    scopes = _scope(change)
    _access(change, scopes)
    _expiration(change)
    _created_at(change, now)
    for name in DATES:
        if not isinstance(document.get(name), datetime):
            _date(change, name)
    _look_at_types(change)
    if options.drop_obsolete:
        _drop(change, options, scopes)
    return change


def _scope(change: Change) -> tuple[str, ...] | None:
    """The scopes once the change is made; None while none are known.

    An empty list is never written: it says that the person disconnected the calendar.
    """
    stored = change.stored.get("scope")
    if stored is None or stored == "":
        return _older_scope(change, stored)
    read = _read(stored)
    if isinstance(stored, list) and read == tuple(stored):
        return read
    if not read or not _is_texts(stored):
        change.find("odd_value", "scope")
        return read or None
    change.put("scope_to_list", "scope", list(read))
    return read


def _older_scope(change: Change, scope: str | None) -> tuple[str, ...] | None:
    stored = change.stored.get("scopes")
    read = _read(stored) if stored else ()
    if read:
        change.put("scopes_to_scope", "scope", list(read))
        change.hold("scopes")
        return read
    if stored is not None and not _is_texts(stored):
        change.find("odd_value", "scopes")
    if scope is not None:
        change.find("odd_value", "scope")
    return None


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _read(stored: object) -> tuple[str, ...]:
    """The scopes as the service reads them. There are few that differ, so they are remembered."""
    try:
        return _remembered(tuple(stored) if isinstance(stored, list) else stored)
    except TypeError:  # something that is neither text nor a list of texts
        return tuple(UserToken.model_validate({"scope": stored}).scope)


@lru_cache(maxsize=1024)
def _remembered(stored: object) -> tuple[str, ...]:
    return tuple(UserToken.model_validate({"scope": list(stored) if isinstance(stored, tuple) else stored}).scope)


def _access(change: Change, scopes: tuple[str, ...] | None) -> None:
    """The flag says what the scopes say. Where none are stored it is all that is known, so it stays."""
    stored = change.stored.get("has_calendar_access")
    if scopes is None:
        if stored is True:
            change.find("access_without_scopes", "has_calendar_access")
        elif stored is not None and stored is not False:
            change.find("odd_value", "has_calendar_access")
        return
    granted = not _READING.isdisjoint(scopes)
    if stored is not granted:
        change.put("access_from_scopes", "has_calendar_access", granted)
        change.hold("scope")


def _expiration(change: Change) -> None:
    stored = change.stored.get("token_expiration")
    if stored is None or (type(stored) is int and stored in EPOCHS):
        return
    read = _EPOCH.validate_python(stored)
    if read is None:
        change.find("odd_value", "token_expiration")
    elif not isinstance(stored, int):
        change.put("expiration_to_int", "token_expiration", read)


def _created_at(change: Change, now: datetime) -> None:
    """The earlier of what is stored and what the `_id` says: older sign-ins wrote their own time over it."""
    made_at = _made_at(change.stored.get("_id"), now)
    stored = change.stored.get("created_at")
    read = stored if isinstance(stored, datetime) and stored.tzinfo else _DATE.validate_python(stored)
    if stored is not None and read is None:
        change.find("odd_value", "created_at")
    elif made_at is not None and (read is None or read.timestamp() > made_at + SLACK_SECONDS):
        change.put("created_at_from_id", "created_at", datetime.fromtimestamp(made_at, UTC))
    elif read is None:
        change.find("no_creation_time", "created_at")
    else:
        _date(change, "created_at")


def _made_at(document_id: object, now: datetime) -> int | None:
    """When an id was made, in epoch seconds, if it says so: one made by hand holds no time that makes sense."""
    told = getattr(document_id, "binary", b"")[:4]
    made_at = int.from_bytes(told, "big") if isinstance(told, bytes) else 0
    return made_at if _FIRST_ID <= made_at <= now.timestamp() + SLACK_SECONDS else None


def _date(change: Change, name: str) -> None:
    stored = change.stored.get(name)
    if stored is None or isinstance(stored, datetime):
        return
    read = _DATE.validate_python(stored)
    if read is None:
        change.find("odd_value", name)
    else:
        change.put("date_to_date", name, read)


def _look_at_types(change: Change) -> None:
    """Values that read as absent for their type are shown to a person: nobody else knows what was meant."""
    user_id, timezone = change.stored.get("user_id"), change.stored.get("timezone")
    if not user_id or not isinstance(user_id, str):
        change.find("no_user_id", "user_id")
    for name, value in change.stored.items():
        kind = _TYPES.get(name)
        if kind is not None and type(value) is not kind and value is not None:
            change.find("odd_value", name)
    if isinstance(timezone, str) and timezone and not is_timezone(timezone):
        change.find("unknown_timezone", "timezone")


def _drop(change: Change, options: Options, scopes: tuple[str, ...] | None) -> None:
    """What nobody reads once the older backend is gone. Tokens go on being refreshed by the client they belong to."""
    change.remove("propels_access_token")
    change.remove("expires_in")
    if scopes is not None and _is_texts(change.stored.get("scopes")):
        change.hold("scope")
        change.remove("scopes")
    if change.stored.get("client_id") in (None, "", options.client_id):
        change.remove("client_id")
        change.remove("client_secret")
    else:
        change.find("another_client", "client_id")


@dataclass
class Tally:
    """What was counted, by name, and some samples of it: ids and kinds of values, never a text that is stored."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def look(self, change: Change) -> None:
        """Count a document: its variant, what is not clean about it, and what a person should look at."""
        self.counts["looked_at"] += 1
        self._one(f"variant_{variant(change.stored)}", change)
        for kind, name in dict(change.kinds).items():
            self._one(f"change_{kind}", change, name)
        for finding, name in change.findings:
            self._one(f"{'finding' if finding in TO_LOOK_AT else 'note'}_{finding}", change, name)

    def add(self, name: str, sample: dict[str, object]) -> None:
        self.counts[name] += 1
        if len(self.samples.setdefault(name, [])) < SAMPLES:
            self.samples[name].append(sample)

    def _one(self, name: str, change: Change, field_name: str | None = None) -> None:
        self.counts[name] += 1
        if len(self.samples.setdefault(name, [])) < SAMPLES:
            self.samples[name].append(_sample(change, field_name))


def _sample(change: Change, name: str | None) -> dict[str, object]:
    about = {"id": str(change.stored.get("_id")), "user_id": str(change.stored.get("user_id"))[:64]}
    if name is None:
        return {**about}
    after = {"after": _told(change.after.get(name))} if name in change.before or name in change.after else {}
    return {**about, "field": name, "before": _told(change.stored.get(name)), **after}


def _told(value: object) -> object:
    """A value as it is shown: of texts and lists the size alone, for they may hold anything."""
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, float):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, datetime)) else type(value).__name__
