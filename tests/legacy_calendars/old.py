"""What the older backend stored, and the rules it reads by (facts/legacy.md sections 3.1 to 3.3)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import bson
from bson.raw_bson import RawBSONDocument

from tests.users.raw import RAW
from tests.users.variants import BASIC, VARIANTS, v3
from tests.world import Person

__all__ = ["BASIC", "TOKENS", "VARIANTS", "check", "check_all", "fill", "signed_in", "strangers"]

TOKENS = ("access_token", "refresh_token", "token_type", "token_expiration", "scope", "client_id", "client_secret")
STRANGER = "a stranger"


def signed_in(person: Person) -> dict[str, Any]:
    """The document of a person whom the older backend knows."""
    document = v3(person.user_id)
    return {**document, "email": person.email, "user_info": {**document["user_info"], "email": person.email}}


def fill(database: Any) -> None:
    """Documents of every variant, of an older identity provider as well, and the sessions of the first version."""
    for variant in VARIANTS.values():
        for user_id in (str(uuid4()), str(uuid4().int)[:21]):
            database["users"].insert_one({**variant(user_id), "left_by": STRANGER})
    database["users"].insert_one({"email": "nobody@example.com", "left_by": STRANGER})
    session = {"session_token": "x" * 43, "user_id": "1084", "created_at": datetime.now(UTC), "expires_at": 1.75e9}
    database["sessions"].insert_one(session)


def strangers(database: Any) -> list[bytes]:
    """The documents that no test has a reason to touch, as bytes."""
    found: Any = database["users"].with_options(codec_options=RAW).find({"left_by": STRANGER}).sort("_id")
    return [bytes(document.raw) for document in found]


def check_all(database: Any) -> None:
    for document in database["users"].find({}):
        check(document)


def check(document: dict[str, Any]) -> None:
    """Every field has a type that the older backend reads."""
    for name, kinds in TYPES.items():
        if name in document:
            assert isinstance(document[name], kinds), (name, type(document[name]))
    scope = document.get("scope")
    assert not isinstance(scope, list) or all(isinstance(one, str) for one in scope)
    kept = RawBSONDocument(bson.encode(document), RAW)
    assert "token_expiration" not in document or kept["token_expiration"] in range(2**31)


_MAYBE_TEXT = (str, type(None))
TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("user_id", "name", "client_id", "client_secret", "propels_access_token"), str),
    **dict.fromkeys(("email", "first_name", "last_name", "timezone", "token_type"), _MAYBE_TEXT),
    **dict.fromkeys(("access_token", "refresh_token"), _MAYBE_TEXT),
    "user_info": dict,
    "token_expiration": int,
    "expires_in": (int, type(None)),
    "scope": (str, list, type(None)),
    "has_calendar_access": bool,
    "welcome_form_completed": bool,
    **dict.fromkeys(("created_at", "updated_at"), datetime),
}
