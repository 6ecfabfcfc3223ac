"""Which shape the document of a person has, and by which rule several of one person become one.

Two cases. Documents of one `user_id`, which two first sign-ins at once have made (facts/legacy.md 3.2, 9). And those of
a person whom the first version named by Google's id and the later ones by PropelAuth's. The reasons for the rules
stand in docs/decisions/0020-normalising-users.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter

from switchboard.errors import SwitchboardError
from switchboard.runs.model import Image
from switchboard.users.model import Date, fold_email

Document = Mapping[str, Any]
Result = Literal["merged", "several", "changed_meanwhile", "refused"]

# What belongs to one sign-in: parts of two would be an old token that looks fresh, or another client's.
OF_TOKENS: Final = (
    *("access_token", "refresh_token", "token_type", "token_expiration", "expires_in", "scope", "scopes"),
    *("client_id", "client_secret", "has_calendar_access", "propels_access_token"),
)
# Of these the newer one is meant, or it is worked out; that they differ says nothing to a person.
_PASSING: Final = frozenset({*OF_TOKENS, "_id", "user_id", "user_info", "created_at", "updated_at", "last_active_at"})
_DATE: Final = TypeAdapter[datetime | None](Date)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Merge:
    """What happens to the document that stays, and those that go. `conflicts` names fields that held several values."""

    survivor: Any
    before: dict[str, Any] = field(repr=False)
    after: dict[str, Any] = field(repr=False)
    removed: list[Document] = field(repr=False)
    conflicts: list[str]

    def images(self) -> list[Image]:
        """Ordered so that taking them back puts the removed ones back first."""
        change = [Image(self.survivor, self.before, self.after)] if self.after else []
        return [*change, *(Image(each["_id"], dict(each), None) for each in self.removed)]


class Outcome(NamedTuple):
    """What became of the documents with these ids; `merge` says how they were merged, or would be."""

    result: Result
    ids: list[Any]
    user_ids: list[str]
    merge: Merge | None


def merge_duplicates(documents: Sequence[Document]) -> Merge:
    """Documents of one `user_id`, the oldest `_id` first, which stays: it is the one that readers came upon.

    Of each field the newest value that is not empty wins, the tokens all from one sign-in. The refresh token is not
    lost to an empty one.
    """
    places = sorted(range(len(documents)), key=lambda place: (_written(documents[place]), place), reverse=True)
    newest = [documents[place] for place in places]
    names = dict.fromkeys(name for each in documents for name in each if name != "_id")
    merged = {name: _newest(newest, name) for name in names}
    merged |= {**_tokens(newest, merged), **_form(newest), **_dates(newest)}
    return _merge(documents[0], merged, documents[1:])


def merge_people(google: Document, propelauth: Document) -> Merge:
    """A person's document of the first version into the later one, whose own values stay.

    The older tokens count only where the later document has none.
    """
    about_person = (name for name in google if name not in {*OF_TOKENS, "_id", "user_id", "updated_at"})
    merged = {name: google[name] for name in about_person if _empty(propelauth.get(name))}
    if not _has_tokens(propelauth):
        merged |= {name: google[name] for name in OF_TOKENS if not _empty(google.get(name))}
    created_at = _dates([propelauth, google]).get("created_at")
    return _merge(propelauth, merged | ({"created_at": created_at} if created_at else {}), [google])


def same_people(documents: Iterable[Document]) -> list[list[Document]]:
    """Those of these documents that are one person's by a confirmed address, of the first version and of later ones."""
    found: dict[str, list[Document]] = {}
    for each in documents:
        address = confirmed_email(each)
        if address is not None:
            found.setdefault(address, []).append(each)
    return [group for group in found.values() if len({of_google(each) for each in group}) > 1]


def confirmed_email(document: Document) -> str | None:
    """The folded address that Google or PropelAuth confirmed; None when the document holds another one as well."""
    info = document.get("user_info")
    told = info if isinstance(info, Mapping) else {}
    if of_google(document):
        confirmed = told.get("verified_email") is True
        needed = told.get("email")
    else:
        at_top = document.get("email_confirmed") is True
        confirmed = at_top or told.get("email_confirmed") is True
        needed = document.get("email") if at_top else told.get("email")
    addresses = [address for address in (document.get("email"), told.get("email")) if not _empty(address)]
    if not confirmed or _empty(needed):
        return None
    try:
        folded = {fold_email(address) if isinstance(address, str) else "" for address in addresses}
    except SwitchboardError:
        return None
    return (folded.pop() or None) if len(folded) == 1 else None


def of_google(document: Document) -> bool:
    """Whether the person is named by Google's id, as in the first version, and not by PropelAuth's."""
    user_id = document.get("user_id")
    return isinstance(user_id, str) and user_id.isascii() and user_id.isdigit()


def variant(document: Document) -> str:
    """Which of the shapes of facts/legacy.md 3.2 a document has; the ninth, duplicates, no single document shows."""
    if "user_info" not in document:
        return _not_signed_in(document)
    if document.get("welcome_form_completed") is not None:
        return "welcome_then_sign_in"
    if of_google(document):
        return _of_first_version(document)
    if "token_expiration" in document or isinstance(document.get("scope"), list):
        return "v2_then_v3" if "propels_access_token" in document or "expires_in" in document else "v3"
    return "v2" if "propels_access_token" in document else "other"


def _not_signed_in(document: Document) -> str:
    if "access_token" in document:
        return "switchboard" if "token_expiration" in document else "guide"
    if document.get("email") is None and document.get("welcome_form_completed") is not None:
        return "welcome_only"
    return "switchboard" if "created_at" in document else "other"


def _of_first_version(document: Document) -> str:
    if any(document.get(name) is not None for name in ("first_name", "last_name", "timezone")):
        return "v1_with_names"
    return "v1" if document.get("created_at") == document.get("updated_at") else "v1_refreshed"


def _merge(survivor: Document, merged: Mapping[str, Any], removed: Sequence[Document]) -> Merge:
    after = {name: value for name, value in merged.items() if name not in survivor or _differ(survivor[name], value)}
    before = {name: survivor[name] for name in after if name in survivor}
    return Merge(survivor["_id"], before, after, list(removed), _conflicts([survivor, *removed]))


def _conflicts(documents: Sequence[Document]) -> list[str]:
    names = dict.fromkeys(name for each in documents for name in each if name not in _PASSING)
    return [name for name in names if _several([each[name] for each in documents if not _empty(each.get(name))])]


def _several(values: Sequence[object]) -> bool:
    return any(_differ(values[0], value) for value in values[1:])


def _differ(one: object, other: object) -> bool:
    return type(one) is not type(other) or one != other


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _written(document: Document) -> datetime:
    return _read(document, "updated_at") or _read(document, "created_at") or _NEVER


def _read(document: Document, name: str) -> datetime | None:
    return _DATE.validate_python(document.get(name))


def _newest(newest: Sequence[Document], name: str) -> Any:
    values = [each[name] for each in newest if name in each]
    return next((value for value in values if not _empty(value)), values[0])


def _dates(documents: Sequence[Document]) -> dict[str, datetime]:
    created = [read for each in documents if (read := _read(each, "created_at"))]
    updated = [read for each in documents if (read := _read(each, "updated_at"))]
    return {**({"created_at": min(created)} if created else {}), **({"updated_at": max(updated)} if updated else {})}


def _form(newest: Sequence[Document]) -> dict[str, Any]:
    """The form that was sent last; its answers are not mixed with those of another."""
    sent = [each for each in newest if each.get("welcome_form_completed") is True]
    holder = next((each for each in sent if not _empty(each.get("welcome_form_data"))), next(iter(sent), {}))
    return {name: holder[name] for name in ("welcome_form_completed", "welcome_form_data") if name in holder}


def _has_tokens(document: Document) -> bool:
    """Whether there are tokens, or were until the person disconnected the calendar."""
    return bool(document.get("access_token") or document.get("refresh_token")) or _disconnected(document)


def _disconnected(document: Document) -> bool:
    return isinstance(document.get("scope"), list) and not document["scope"]


def _tokens(newest: Sequence[Document], merged: Mapping[str, Any]) -> dict[str, Any]:
    holder = next((each for each in newest if _has_tokens(each)), None)
    if holder is None:
        return {}
    if _disconnected(holder):
        return {name: holder.get(name) for name in OF_TOKENS if name in merged}
    taken = {name: holder[name] for name in OF_TOKENS if not _empty(holder.get(name))}
    always = {name: holder.get(name) for name in ("access_token", "token_expiration", "refresh_token")}
    taken |= {name: value for name, value in always.items() if name in merged}
    # The second version kept PropelAuth's refresh token in the place of Google's: with Google it is worth nothing.
    googles = (each for each in newest if each.get("refresh_token") and not _of_propelauth(each))
    source = next(googles, holder)
    refreshing = ("refresh_token", "client_id", "client_secret")
    return {**taken, **{name: source[name] for name in refreshing if not _empty(source.get(name))}}


def _of_propelauth(document: Document) -> bool:
    unknown = document.get("token_expiration") is None and _empty(document.get("scope"))
    return unknown and "propels_access_token" in document
