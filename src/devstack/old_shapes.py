"""Documents of people and sessions as the system before this one left them, made from numbers: always the same ones.

The ten shapes of facts/legacy.md 3.2, one after the other. No value is a real token: all are hashes of the number.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

Json = dict[str, Any]

FIRST = datetime(2025, 6, 14, 8, tzinfo=UTC)
BASIC = ("openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile")
CALENDAR = ("https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/calendar.events")
SHAPES = 10
ZONES = ("Asia/Kolkata", "America/New_York", "Europe/Berlin", "IST", "GMT+5:30")


def old_user(number: int, *, duplicates: bool = False, people_twice: bool = False) -> Json:
    """The document of this number.

    With `duplicates` every tenth carries the `user_id` of the one four before it, as two first sign-ins at once leave
    it. With `people_twice` every hundredth is the later document of the person of the one five before it, whom the
    first version named by Google's id: the addresses are the same, and confirmed on both sides.
    """
    shape = number % SHAPES
    twin = number - 4 if duplicates and shape == 8 else number
    document = {"_id": _id(number), "user_id": _user_id(twin), **_MAKERS[shape](twin)}
    if twin != number:
        document |= {"access_token": _text("access", number), "updated_at": _signed_in(twin) + timedelta(seconds=1)}
    if people_twice and number % 100 == 5:
        info = {**document["user_info"], "email": _email(number - 5)}
        document |= {"email": _email(number - 5), "user_info": info}
    return document


def old_users(count: int, *, duplicates: bool = False, people_twice: bool = False) -> Iterator[Json]:
    """The first so many."""
    return (old_user(number, duplicates=duplicates, people_twice=people_twice) for number in range(count))


def old_sessions(count: int) -> Iterator[Json]:
    """The sessions of the people of the first version among the first so many: they expire at a double."""
    for number in (number for number in range(count) if number % SHAPES < 3):
        created = _signed_in(number)
        token = _text("session", number)[:43]
        expires = created.timestamp() + 24 * 3600
        yield {"session_token": token, "user_id": _user_id(number), "created_at": created, "expires_at": expires}


def _text(what: str, number: int) -> str:
    return hashlib.blake2b(f"{what} {number}".encode(), digest_size=32).hexdigest()


def _created(number: int) -> datetime:
    return FIRST + timedelta(seconds=number * 7)


def _signed_in(number: int) -> datetime:
    """The last sign-in, which wrote its time over that of the creation; of every fourth it is the first one."""
    return _created(number) + (timedelta(days=number % 30, milliseconds=137) if number % 4 else timedelta())


def _id(number: int) -> ObjectId:
    made = int(_created(number).timestamp()).to_bytes(4, "big")
    return ObjectId(made + number.to_bytes(8, "big"))


def _user_id(number: int) -> str:
    """Google's number for the first three shapes, PropelAuth's for the others."""
    if number % SHAPES < 3:
        return str(10**20 + number)
    text = _text("user", number)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _email(number: int) -> str:
    return f"person{number}@example.com"


def _names(number: int) -> tuple[str, str]:
    return f"First{number % 97}", f"Last{number % 89}"


def _tokens(number: int) -> Json:
    tokens = {"access_token": _text("access", number), "refresh_token": _text("refresh", number)}
    client = {"client_id": "old-client.apps.example.com", "client_secret": _text("client", 0)[:24]}
    return {**tokens, "token_type": "Bearer", **client, "has_calendar_access": number % 2 == 0}


def _signed(number: int, info: Json) -> Json:
    dates = {"created_at": _signed_in(number), "updated_at": _signed_in(number)}
    return {"email": _email(number), "name": " ".join(_names(number)), "user_info": info, **_tokens(number), **dates}


def _v1(number: int) -> Json:
    first, last = _names(number)
    about = {"name": f"{first} {last}", "given_name": first, "family_name": last, "picture": "https://x.example/p"}
    info = {"id": _user_id(number), "email": _email(number), "verified_email": True, **about}
    scopes = (*BASIC, *CALENDAR) if number % 2 == 0 else BASIC
    return {**_signed(number, info), "expires_in": 3599, "scope": " ".join(scopes)}


def _v1_with_names(number: int) -> Json:
    first, last = _names(number + 1)
    return {**_v1(number), "first_name": first, "last_name": last, "timezone": ZONES[number // SHAPES % len(ZONES)]}


def _v1_refreshed(number: int) -> Json:
    later = _signed_in(number) + timedelta(minutes=58)
    return {**_v1(number), "access_token": _text("later access", number), "updated_at": later}


def _propelauth(number: int) -> Json:
    first, last = _names(number)
    about = {"first_name": first, "last_name": last, "username": f"person{number}", "picture_url": None}
    ids = {"user_id": _user_id(number), "email": _email(number), "email_confirmed": True}
    return {**ids, **about, "org_id_to_org_info": {}}


def _v2(number: int) -> Json:
    told = {"propels_access_token": _text("propelauth", number), "expires_in": 1800}
    return {**_signed(number, _propelauth(number)), **told}


def _v3(number: int) -> Json:
    expires = int(_signed_in(number).timestamp()) + 3600
    scopes = [*BASIC, *CALENDAR] if number // SHAPES % 3 else list(BASIC)
    fields = {"token_expiration": float(expires) if number // SHAPES % 5 == 0 else expires, "scope": scopes}
    refreshed = {"refresh_token": None, "has_calendar_access": False} if number // SHAPES % 2 else {}
    return {**_signed(number, _propelauth(number)), **fields, **refreshed}


def _v2_then_v3(number: int) -> Json:
    return {**_v2(number), **_v3(number)}


def _welcome_only(number: int) -> Json:
    first, last = _names(number)
    texts = dict.fromkeys(("gender", "age", "experience", "registration_number", "registration_year"), "")
    lists = {"qualifications": [{"degree": "", "university": "", "year": "", "place": ""}], "aliases": []}
    form = {"is_doctor": False, "first_name": first, "last_name": last, "phone": f"+1555{number:07d}", **texts, **lists}
    return {"welcome_form_completed": True, "welcome_form_data": form, "updated_at": _created(number)}


def _welcome_then_signed_in(number: int) -> Json:
    return {**_welcome_only(number), **_v3(number)}


def _guide(number: int) -> Json:
    first, last = _names(number)
    about = {"email": _email(number), "first_name": first, "last_name": last, "timezone": "Europe/London"}
    tokens = {"access_token": _text("access", number), "refresh_token": _text("refresh", number)}
    dates = {"created_at": _created(number), "updated_at": _created(number)}
    granted = {"has_calendar_access": True, "scope": [*BASIC, *CALENDAR]}
    return {**about, **_welcome_only(number), **tokens, **granted, **dates}


# The ninth, a duplicate, has the shape of the one four before it.
_MAKERS = (
    *(_v1, _v1_with_names, _v1_refreshed, _v2, _v3, _v2_then_v3, _welcome_only, _welcome_then_signed_in),
    *(_v3, _guide),
)
