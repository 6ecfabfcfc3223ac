"""User documents in every shape the existing collection holds (facts/legacy.md 3.1 and 3.2), as plain functions.

Each takes the `user_id` and gives a new document without `_id`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]

CALENDAR = "https://www.googleapis.com/auth/calendar"
BASIC = ("openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile")
WRITTEN = datetime(2025, 7, 1, 9, 30, 15, 123_000, tzinfo=UTC)


def _google_info() -> Document:
    names = {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}
    return {"id": "1084", "email": "ada@example.com", "verified_email": True, **names, "picture": "https://x.example/a"}


def _propelauth_info(user_id: str) -> Document:
    info = {"user_id": user_id, "email": "ada@example.com", "email_confirmed": True, "username": "ada"}
    return {**info, "first_name": "Ada", "last_name": "Lovelace", "picture_url": None, "org_id_to_org_info": {}}


def v1(user_id: str) -> Document:
    """Google's user id in real life; scopes in one text, a relative expiry."""
    tokens = {"access_token": "v1-access", "refresh_token": "v1-refresh", "token_type": "Bearer", "expires_in": 3599}
    client = {"client_id": "old-client", "client_secret": "old-secret", "has_calendar_access": True}
    known = {"email": "ada@example.com", "name": "Ada Lovelace", "user_info": _google_info()}
    dates = {"created_at": WRITTEN, "updated_at": WRITTEN}
    return {"user_id": user_id, **known, **tokens, "scope": " ".join((*BASIC, CALENDAR)), **client, **dates}


def v1_with_names(user_id: str) -> Document:
    return {**v1(user_id), "first_name": "Augusta", "last_name": "King", "timezone": "Mars/Olympus"}


def v1_narrowed(user_id: str) -> Document:
    """A plain sign-in after the calendar one took the scope away again."""
    return {**v1(user_id), "access_token": "v1-later", "scope": " ".join(BASIC), "has_calendar_access": False}


def v2(user_id: str) -> Document:
    """Tokens of PropelAuth in the place of Google's; no scope."""
    document = {**v1(user_id), "user_info": _propelauth_info(user_id), "propels_access_token": "propel-access"}
    del document["scope"]
    return document


def v3(user_id: str) -> Document:
    document = {**v1(user_id), "user_info": _propelauth_info(user_id), "token_expiration": 1_751_365_000}
    del document["expires_in"]
    return {**document, "scope": [*BASIC, CALENDAR], "refresh_token": None}


def v2_then_v3(user_id: str) -> Document:
    return {**v2(user_id), **v3(user_id)}


def welcome_only(user_id: str) -> Document:
    form = {"companyName": "Analytical Engines", "agents": "3", "goals": ["calls"]}
    return {"user_id": user_id, "welcome_form_completed": True, "welcome_form_data": form, "updated_at": WRITTEN}


def welcome_then_sign_in(user_id: str) -> Document:
    return {**welcome_only(user_id), **v3(user_id)}


def null_everywhere(user_id: str) -> Document:
    """What a sign-in without Google tokens leaves behind."""
    nulls = ("refresh_token", "access_token", "scope", "expires_in", "first_name", "last_name", "picture_url")
    return {"user_id": user_id, "email": "ada@example.com", **dict.fromkeys(nulls), "updated_at": WRITTEN}


def guide(user_id: str) -> Document:
    """The shape that exists in the documentation only."""
    names = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "timezone": "Europe/London"}
    form = {"welcome_form_completed": True, "welcome_form_data": {"companyName": "AE"}}
    tokens = {"access_token": "a", "refresh_token": "r", "has_calendar_access": True, "scope": [CALENDAR]}
    return {"user_id": user_id, **names, **form, **tokens, "created_at": WRITTEN, "updated_at": WRITTEN}


VARIANTS: dict[str, Callable[[str], Document]] = {
    made.__name__: made
    for made in (v1, v1_with_names, v1_narrowed, v2, v3, v2_then_v3, welcome_only, welcome_then_sign_in)
} | {"null_everywhere": null_everywhere, "guide": guide}

FIELDS = (
    *("email", "name", "user_info", "access_token", "propels_access_token", "refresh_token", "token_type", "username"),
    *("expires_in", "token_expiration", "scope", "scopes", "client_id", "client_secret", "has_calendar_access"),
    *("created_at", "updated_at", "first_name", "last_name", "timezone", "picture_url", "email_confirmed", "enabled"),
    *("can_create_orgs", "last_active_at", "welcome_form_completed", "welcome_form_data", "locked", "mfa_enabled"),
    *("token", "revision_id", "id", "model", "Settings", "unknown field"),
)
