"""What PropelAuth says of a person is brought into their document: what it alone decides, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from switchboard.clients.propelauth_facts import Profile
from switchboard.errors import NotFound
from switchboard.users import service
from tests.users.raw import fields, raw
from tests.users.variants import VARIANTS
from tests.world import Person, World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE = Profile(
    email="ada@example.com",
    first_name="Theirs",
    last_name="Theirs",
    username="theirs",
    picture_url="https://theirs.example/a",
    email_confirmed=True,
    has_password=True,
    locked=True,
    enabled=False,
    mfa_enabled=True,
    can_create_orgs=True,
    last_active_at=NOW,
)
DECIDED_THERE = {"email", "email_confirmed", "has_password", "locked", "enabled", "mfa_enabled", "can_create_orgs"}


def put(world: World, document: dict[str, Any]) -> str:
    world.database["users"].insert_one(document)
    return str(document["user_id"])


@pytest.mark.parametrize("variant", VARIANTS)
async def test_in_a_document_of_any_shape_only_what_propelauth_decides_changes(world: World, variant: str) -> None:
    user_id = put(world, {**VARIANTS[variant](uuid4().hex), "$odd": {"a.b": [1]}, "left": None})
    before = fields(world, user_id)

    await service.keep_profile(user_id, PROFILE, NOW)

    after = fields(world, user_id)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed - {"updated_at"} <= DECIDED_THERE
    assert list(after)[: len(before)] == list(before)
    stored = world.database["users"].find_one({"user_id": user_id})
    told = vars(PROFILE)
    user = await service.UserDocument.find(user_id)
    assert {name: getattr(user, name) for name in DECIDED_THERE} == {name: told[name] for name in DECIDED_THERE}
    assert "Theirs" not in str({name: stored.get(name) for name in ("first_name", "last_name", "username")})


async def test_the_same_again_writes_nothing(world: World) -> None:
    user_id = put(world, VARIANTS["v3"](uuid4().hex))
    await service.keep_profile(user_id, PROFILE, NOW)
    before = raw(world, user_id)

    await service.keep_profile(user_id, PROFILE, datetime.now(UTC))

    assert raw(world, user_id) == before


async def test_what_propelauth_does_not_say_empties_nothing(world: World) -> None:
    kept = {"email": "kept@example.com", "first_name": "Ada", "username": "ada", "last_active_at": NOW}
    user_id = put(world, {"user_id": uuid4().hex, **kept, "enabled": False, "locked": True})
    nothing = replace(PROFILE, email=None, first_name=None, username=None, picture_url=None, last_active_at=None)

    await service.keep_profile(user_id, nothing, NOW)

    stored = world.database["users"].find_one({"user_id": user_id})
    assert {name: stored[name] for name in kept} == kept


async def test_who_has_no_document_gets_one_with_the_whole_profile_and_no_nulls(world: World) -> None:
    user_id = uuid4().hex

    await service.keep_profile(user_id, replace(PROFILE, picture_url=None), NOW)

    stored = world.database["users"].find_one({"user_id": user_id}, {"_id": 0})
    expected = {name: fact for name, fact in vars(PROFILE).items() if name != "picture_url"}
    assert stored == {"user_id": user_id, **expected, "created_at": NOW, "updated_at": NOW}


async def test_an_e_mail_changed_and_confirmed_at_propelauth_arrives_and_names_changed_here_stay(world, api) -> None:
    ada = world.person(google=False)
    await api.patch("/v1/me", headers=ada.headers, json={"first_name": "Augusta"})
    world.propelauth.change_email(ada.user_id, new := f"{uuid4().hex}@example.org")
    person = await world.services.propelauth.organizations.person(ada.user_id)

    await service.keep_profile(ada.user_id, person.profile, NOW)

    me = (await api.get("/v1/me", headers=ada.headers)).json()
    assert (me["email"], me["first_name"], me["last_name"]) == (new, "Augusta", "Lovelace")


async def test_a_person_who_is_gone_at_propelauth_is_kept_and_closed(world: World) -> None:
    user_id = put(world, VARIANTS["v3"](uuid4().hex))
    before = fields(world, user_id)

    await service.close(user_id, NOW)
    await service.close(uuid4().hex, NOW)

    after = fields(world, user_id)
    assert {name: value for name, value in after.items() if name not in ("enabled", "updated_at")} == {
        name: value for name, value in before.items() if name != "updated_at"
    }
    assert world.database["users"].find_one({"user_id": user_id})["enabled"] is False


def identity(world: World, person: Person) -> Any:
    return world.services.propelauth.identify(person.headers["Authorization"])


async def confirmed(world: World, person: Person) -> str | None:
    return await service.confirmed_email(world.services, identity(world, person), NOW)


async def test_a_confirmed_e_mail_that_is_stored_is_not_asked_for(world: World) -> None:
    ada = world.person(google=False)
    world.user_document(ada, email=ada.email, email_confirmed=True)

    assert await confirmed(world, ada) == ada.email
    assert world.propelauth.emulator.requests == []


@pytest.mark.parametrize("known", [{}, {"email": "old@example.com"}])
async def test_where_it_is_not_known_propelauth_says_whether_it_is_confirmed(world: World, known: Any) -> None:
    ada, eve = world.person(google=False), world.person(google=False, email_confirmed=False)
    world.user_document(ada, **known)
    world.user_document(eve, **known)

    assert await confirmed(world, ada) == ada.email
    assert await confirmed(world, eve) is None


async def test_who_propelauth_does_not_know_has_no_confirmed_e_mail(world: World) -> None:
    ada = world.person(google=False)
    world.user_document(ada, email=ada.email)
    world.propelauth.delete_user(ada.user_id)

    with pytest.raises(NotFound):
        await confirmed(world, ada)
