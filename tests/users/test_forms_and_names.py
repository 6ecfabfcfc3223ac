"""What a person may send about themselves."""

import json
from typing import Any

import httpx
import pytest

from tests.world import Person, World


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


FORMS: list[Any] = [
    *(
        "",
        "text",
        0,
        -1,
        1.0,
        -0.0,
        1e308,
        5e-324,
        True,
        False,
        [],
        {},
        2**63 - 1,
        -(2**63),
        2**53 + 1,
        "é😀\u2028\ud7ff",
    ),
    *({"": {"": ""}}, {"a.b": 1, "a": {"b": 2}}, {"$set": {"timezone": "x"}}, {"$gt": ""}, {"$where": "sleep(9)"}),
    *({"__proto__": {"admin": True}}, {"constructor": 1}, {"_id": 1, "user_id": "other"}, {"$ref": "x", "$id": 1}),
    *({"z": 2, "$id": {"$oid": "5"}, "$ref": "x", "$db": "d"}, {"$ref": 5, "$id": 1}, [{"$unset": {"email": ""}}]),
    *({"$date": "2020-01-01"}, {"$numberLong": "5"}, {"null": None, "list": [None, [None]]}, {" ": 1, "A": 1, "a": 2}),
    *(["2020-01-01T00:00:00Z", "ObjectId(5)"], {"$currentDate": {"updated_at": True}}, nested(20), "x" * 200_000),
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
async def test_a_form_comes_back_exactly_and_stays_data(
    api: httpx.AsyncClient, world: World, ada: Person, form: Any
) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)

    put = await api.put("/v1/me/welcome-form", json=form, headers=ada.headers)
    got = await api.get("/v1/me/welcome-form", headers=ada.headers)

    assert put.status_code == 200
    assert json.dumps(put.json(), sort_keys=True) == json.dumps({"completed": True, "data": form}, sort_keys=True)
    assert got.json() == put.json()
    after = world.stored(ada)
    ours = ("welcome_form_data", "welcome_form_completed", "updated_at")
    assert {name: value for name, value in after.items() if name not in ours} == {
        name: value for name, value in before.items() if name not in ours
    }


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        (nested(21), 422, "form_too_deep"),
        ("x" * 256 * 1024, 413, "form_too_large"),
        ({"k": ["y" * 1000] * 262}, 413, "form_too_large"),
    ],
    ids=["deep", "text", "list"],
)
async def test_a_form_has_bounds(api: httpx.AsyncClient, ada: Person, form: Any, status: int, code: str) -> None:
    answer = await api.put("/v1/me/welcome-form", json=form, headers=ada.headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_form_of_just_256_kib_is_kept(api: httpx.AsyncClient, ada: Person) -> None:
    answer = await api.put("/v1/me/welcome-form", json="x" * (256 * 1024 - 2), headers=ada.headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "name", ["Ada", "李", "O'Brien", "  Ada  ", "x" * 200, "{$gt: 1}", "$first", "<b>", "Ａ\u0301"]
)
async def test_names_are_kept_without_the_space_around_them(
    api: httpx.AsyncClient, world: World, ada: Person, name: str
) -> None:
    answer = await api.patch("/v1/me", json={"first_name": name}, headers=ada.headers)

    assert answer.json()["first_name"] == name.strip() == world.stored(ada)["first_name"]


@pytest.mark.parametrize("name", [None, "", "   ", 5, True, ["a"], {"$gt": ""}, "x" * 201, "a\x00b", "\ud800"])
@pytest.mark.parametrize("field", ["first_name", "last_name", "timezone"])
async def test_what_is_no_name_changes_nothing(
    api: httpx.AsyncClient, world: World, ada: Person, field: str, name: object
) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)

    body = json.dumps({field: name})
    answer = await api.patch("/v1/me", content=body, headers={**ada.headers, "Content-Type": "application/json"})

    assert answer.status_code == 422
    assert world.stored(ada) == before


@pytest.mark.parametrize(
    "field", ["user_id", "_id", "email", "locked", "scope", "refresh_token", "created_at", "can_create_orgs", "$set"]
)
async def test_no_other_field_can_be_set(api: httpx.AsyncClient, world: World, ada: Person, field: str) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)

    answer = await api.patch("/v1/me", json={"first_name": "Grace", field: "x"}, headers=ada.headers)

    assert answer.status_code == 422
    assert world.stored(ada) == before


async def test_a_change_of_nothing_writes_nothing(api: httpx.AsyncClient, world: World, ada: Person) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)

    assert (await api.patch("/v1/me", json={}, headers=ada.headers)).status_code == 200
    assert world.stored(ada) == before
