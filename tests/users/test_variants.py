"""Documents of every shape: no route fails, a read changes nothing, a write changes what it names."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import bson
import pytest
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.users.model import User
from tests.users.raw import fields, raw
from tests.users.variants import FIELDS, VARIANTS
from tests.world import Person, World

READS = ("/v1/me", "/v1/me/welcome-form", "/v1/me/bootstrap", "/v1/me/calendar")
LOCKED = {"v1", "v1_with_names", "v3", "v2_then_v3", "welcome_then_sign_in", "guide"}
ABSENT = object()
ODD: tuple[Any, ...] = (
    *(ABSENT, None, "", "text", " ", "Europe/Berlin", 0, 1, -1, 2**31, Int64(5), 2**63 - 1, -(2**63), True, False),
    *(
        1.5,
        float("nan"),
        float("inf"),
        float("-inf"),
        -0.0,
        1e308,
        [],
        ["a", 1, None],
        [[["deep"]]],
        {},
        {"a": {"b": 1}},
    ),
    *({"$ref": "x", "$id": 1}, {"a.b": 1, "$set": 2, "": 3}, DBRef("x", 1), ObjectId(), Binary(b"\x00\xff", 0)),
    *(DatetimeMS(2**62), DatetimeMS(-(2**62)), DatetimeMS(0), Decimal128("NaN"), Regex("(", "i"), Code("x"), MinKey()),
    *(MaxKey(), Timestamp(1, 1), "9" * 400, "0001-01-01T00:00:00+23:59", "x" * 10_000, "2" * 12, "\ud7ff\u0301"),
    *("https://www.googleapis.com/auth/calendar", ["https://www.googleapis.com/auth/calendar.readonly"]),
)


async def check_reads(world: World, person: Person) -> None:
    before = raw(world, person.user_id)
    for path in READS:
        answer = await world.api.get(path, headers=person.headers)
        assert answer.status_code < 500, (path, world.stored(person), answer.text)
    assert raw(world, person.user_id) == before


async def check_write(world: World, person: Person, method: str, path: str, body: Any, named: set[str]) -> None:
    before = fields(world, person.user_id)
    answer = await world.api.request(method, path, json=body, headers=person.headers)
    after = fields(world, person.user_id)
    assert answer.status_code in (200, 403), (path, world.stored(person), answer.text)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {*named, "updated_at"}
    if answer.status_code == 403:
        assert not changed
    else:
        assert isinstance(world.stored(person)["updated_at"], datetime)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_read_leaves_the_document_byte_for_byte(world: World, ada: Person, variant: str) -> None:
    world.database["users"].insert_one(VARIANTS[variant](ada.user_id))

    await check_reads(world, ada)


async def test_a_write_changes_the_fields_it_names(world: World, ada: Person, variant: str) -> None:
    world.database["users"].insert_one(VARIANTS[variant](ada.user_id))

    await check_write(world, ada, "PATCH", "/v1/me", {"first_name": "Grace"}, {"first_name"})
    await check_write(world, ada, "PATCH", "/v1/me", {"timezone": "Asia/Tokyo"}, {"timezone"})
    form = {"welcome_form_data", "welcome_form_completed"}
    await check_write(world, ada, "PUT", "/v1/me/welcome-form", {"a": [1, 2.5, None]}, form)
    assert world.stored(ada)["welcome_form_data"] == {"a": [1, 2.5, None]}


async def test_the_lock_of_the_zone_follows_the_scopes_not_the_flag(world: World, ada: Person, variant: str) -> None:
    world.database["users"].insert_one(VARIANTS[variant](ada.user_id))

    me = (await world.api.get("/v1/me", headers=ada.headers)).json()
    answer = await world.api.patch("/v1/me", json={"timezone": "Asia/Tokyo"}, headers=ada.headers)

    assert me["timezone_locked"] == (variant in LOCKED)
    assert answer.status_code == (403 if variant in LOCKED else 200)


def test_names_at_the_top_win_over_those_of_the_sign_in() -> None:
    assert User.model_validate(VARIANTS["v1_with_names"]("u")).first_name == "Augusta"
    assert User.model_validate(VARIANTS["v1"]("u")).last_name == "Lovelace"


@pytest.mark.thorough
async def test_no_field_of_any_type_makes_a_route_fail(world: World) -> None:
    """Each field with each odd value, many fields to a document, every value in every field once."""
    for shift in range(len(ODD)):
        person = world.person(google=False)
        odd = {name: ODD[(shift + place) % len(ODD)] for place, name in enumerate(FIELDS)}
        document = {name: value for name, value in odd.items() if value is not ABSENT}
        world.database["users"].insert_one({"user_id": person.user_id, **document})
        before = raw(world, person.user_id)
        for path in READS[:3]:
            answer = await world.api.get(path, headers=person.headers)
            assert answer.status_code == 200, (path, document, answer.text)
        assert raw(world, person.user_id) == before
        if shift % 6 == 0:
            await check_write(world, person, "PATCH", "/v1/me", {"last_name": "H"}, {"last_name"})
            await check_write(world, person, "PATCH", "/v1/me", {"timezone": "Asia/Tokyo"}, {"timezone"})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from([odd for odd in ODD if odd is not ABSENT])))
def test_a_person_is_read_from_any_document(document: dict[str, Any]) -> None:
    stored = bson.decode(bson.encode({"_id": 1, "user_id": str(uuid4()), **document}), _codec())

    user = User.model_validate(stored)

    assert user.timezone_or_default
    user.model_dump_json()


def _codec() -> bson.CodecOptions[dict[str, Any]]:
    auto = bson.codec_options.DatetimeConversion.DATETIME_AUTO
    return bson.CodecOptions(tz_aware=True, datetime_conversion=auto, unicode_decode_error_handler="replace")
