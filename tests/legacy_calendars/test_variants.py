"""`auth/user` and the other reads for every shape of document the older backend left."""

from typing import Any

import pytest

from tests.legacy_calendars import old
from tests.legacy_calendars.site import Site
from tests.users.raw import raw
from tests.users.test_variants import ABSENT, LOCKED, ODD
from tests.users.variants import FIELDS
from tests.world import Person, World

GOOGLE = {"verified_email": True, "given_name": "Ada", "family_name": "Lovelace", "picture": "https://x.example/a"}
PROPELAUTH = {"email_confirmed": True, "username": "ada", "picture_url": None, "org_id_to_org_info": {}, "picture": ""}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"}
CUSTOM = {"name": "Augusta King", "first_name": "Augusta", "last_name": "King", "has_custom_name": True}
NAMELESS = {"name": "", "first_name": "", "last_name": "", "picture": "", "has_custom_name": False}

SHOWN: dict[str, dict[str, Any]] = {
    "v1": {**ADA, **GOOGLE, "has_custom_name": False},
    "v1_with_names": {**ADA, **GOOGLE, **CUSTOM},
    "v1_narrowed": {**ADA, **GOOGLE, "has_custom_name": False},
    "v2": {**ADA, **PROPELAUTH, "has_custom_name": False},
    "v3": {**ADA, **PROPELAUTH, "has_custom_name": False},
    "v2_then_v3": {**ADA, **PROPELAUTH, "has_custom_name": False},
    "welcome_only": NAMELESS,
    "welcome_then_sign_in": {**ADA, **PROPELAUTH, "has_custom_name": False},
    "null_everywhere": {**NAMELESS, "email": "ada@example.com"},
    "guide": {**ADA, "picture": "", "has_custom_name": True},
}
READS = ("/auth/user", "/calendar/access", "/welcome-form/status")


@pytest.fixture
def prefix() -> str:
    """One of the two: that they answer alike is what the rows show."""
    return "/calendar-api"


@pytest.fixture(params=old.VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_who_i_am(world: World, site: Site, newcomer: Person, variant: str) -> None:
    world.database["users"].insert_one(old.VARIANTS[variant](newcomer.user_id))

    answer = await site.get("/auth/user", newcomer)

    ids = {"id": newcomer.user_id, "user_id": newcomer.user_id}
    names = {"email": newcomer.email} if variant == "welcome_only" else {}
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "user": {**SHOWN[variant], **names, **ids},
        "authenticated": True,
        "has_calendar_access": variant in LOCKED,
        "timezone": "Europe/London" if variant == "guide" else "Asia/Kolkata",
    }


async def test_the_other_reads(world: World, site: Site, newcomer: Person, variant: str) -> None:
    """Their Google tokens work no more, and that is a reason to connect again: never a failure of ours."""
    google = world.settings.google
    client = {"client_id": google.client_id, "client_secret": google.client_secret.get_secret_value()}
    document = old.VARIANTS[variant](newcomer.user_id)
    world.database["users"].insert_one({**document, **{name: client[name] for name in client if name in document}})
    before = raw(world, newcomer.user_id)

    access = (await site.get("/calendar/access", newcomer)).json()
    form = (await site.get("/welcome-form/status", newcomer)).json()
    events = await site.get("/calendar/events", newcomer)

    submitted = variant in ("welcome_only", "welcome_then_sign_in", "guide")
    assert access == {"has_calendar_access": variant in LOCKED}
    assert form == {"has_completed_welcome_form": submitted}
    assert events.status_code == (409 if variant in LOCKED else 403)
    assert raw(world, newcomer.user_id) == before


async def test_the_writes(world: World, site: Site, newcomer: Person, variant: str) -> None:
    world.database["users"].insert_one(old.VARIANTS[variant](newcomer.user_id))
    names = {"first_name": "Grace", "last_name": "Hopper"}

    assert (await site.post("/update-user-names", newcomer, names)).status_code == 200
    zone = await site.post("/update-user-timezone", newcomer, {"timezone": "Asia/Tokyo"})
    assert (await site.post("/welcome-form/submit", newcomer, {"a": [1, None]})).status_code == 200

    assert zone.status_code == (403 if variant in LOCKED else 200)
    told = (await site.get("/auth/user", newcomer)).json()
    assert told["user"]["name"] == "Grace Hopper"
    assert told["user"]["has_custom_name"] is True
    stored = world.stored(newcomer)
    original = old.VARIANTS[variant](newcomer.user_id)
    touched = {*names, "timezone", "welcome_form_completed", "welcome_form_data", "updated_at"}
    assert {name: stored[name] for name in original if name not in touched} == {
        name: value for name, value in original.items() if name not in touched
    }
    old.check(stored)


async def test_no_field_of_any_type_makes_a_read_fail(world: World, site: Site) -> None:
    odd = [value for value in ODD if value is not ABSENT]
    for shift in range(0, len(odd), 2):
        person = world.person(google=False)
        document = {name: odd[(shift + place) % len(odd)] for place, name in enumerate((*FIELDS, "user_info"))}
        world.database["users"].insert_one({"user_id": person.user_id, **document, "left_by": "chance"})
        for path in READS:
            answer = await site.get(path, person)
            assert answer.status_code == 200, (path, document, answer.text)
        world.database["users"].delete_one({"user_id": person.user_id})


@pytest.mark.parametrize("half", [{"first_name": "Grace"}, {"last_name": "Hopper", "first_name": ""}])
async def test_half_a_name_is_no_custom_name(world: World, site: Site, half: dict[str, str]) -> None:
    person = world.person(google=False)
    document = {**old.VARIANTS["v3"](person.user_id), **half}
    world.database["users"].insert_one(document)

    told = (await site.get("/auth/user", person)).json()["user"]

    assert (told["first_name"], told["last_name"], told["has_custom_name"]) == ("Ada", "Lovelace", False)


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        ({"email": None, "first_name": None, "x": None}, {"email": "", "first_name": "", "x": None}),
        ({"id": "1", "user_id": "2", "has_custom_name": True}, {"has_custom_name": False}),
        ({"a": {"$ref": "x", "$id": 1}, "n": float("nan")}, {"a": {"$ref": "x", "$id": 1}, "n": None}),
    ],
)
async def test_what_a_provider_told_never_hides_who_it_is(
    world: World, site: Site, info: dict[str, Any], shown: dict[str, Any]
) -> None:
    person = world.person(google=False)
    world.database["users"].insert_one({"user_id": person.user_id, "user_info": info})

    told = (await site.get("/auth/user", person)).json()["user"]

    assert (told["id"], told["user_id"]) == (person.user_id, person.user_id)
    known = {"email": person.email, "first_name": told["first_name"]} if "email" in shown else {}
    assert {name: told[name] for name in shown} == {**shown, **known}
