"""Idempotency-Key over HTTP: the same request with the same key happens once and is answered the same."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.idempotency.model import UNDER_WAY
from tests.world import Person, World


async def create(api: httpx.AsyncClient, person: Person, key: str, **body: Any) -> httpx.Response:
    headers = {**person.headers, "Idempotency-Key": key}
    return await api.post("/v1/orgs", headers=headers, json={"name": f"Org {key[:40]}", **body})


@pytest.fixture
def key() -> str:
    return uuid4().hex


def organizations(world: World, key: str) -> int:
    return sum(org.name == f"Org {key[:40]}" for org in world.propelauth.world.orgs.values())


async def test_a_repeated_request_gets_the_first_ones_answer(world, api, ada, key) -> None:
    first = await create(api, ada, key)
    again = await create(api, ada, key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert organizations(world, key) == 1


async def test_a_new_token_of_the_same_person_is_the_same_caller(world, api, ada, key) -> None:
    first = await create(api, ada, key)
    renewed = Person(ada.user_id, ada.email, world.propelauth.access_token(ada.user_id, minutes=7))

    assert (await create(api, renewed, key)).json() == first.json()


async def test_another_persons_key_is_another_key(world, api, ada, key) -> None:
    await create(api, ada, key)
    other = await create(api, world.person(google=False), key)

    assert (other.status_code, other.json()["code"]) == (409, "organization_name_refused")


async def test_a_key_is_bound_to_its_request(api, ada, key) -> None:
    await create(api, ada, key)
    other = await create(api, ada, key, description="another")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ü"])
async def test_a_key_that_is_none_is_refused(api, ada, key) -> None:
    headers = {**{name: value.encode() for name, value in ada.headers.items()}, "Idempotency-Key": key.encode()}
    answer = await api.post("/v1/orgs", headers=headers, json={"name": "Never"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")


async def test_nobody_gets_an_answer_without_saying_who_they_are(api, ada, key) -> None:
    await create(api, ada, key)
    answer = await api.post("/v1/orgs", headers={"Idempotency-Key": key}, json={"name": f"Org {key}"})

    assert answer.status_code == 401


async def test_many_at_once_make_one(world, api, ada, key) -> None:
    answers = await asyncio.gather(*(create(api, ada, key) for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_under_way"}
    assert organizations(world, key) == 1
    assert (await create(api, ada, key)).status_code == 201


async def test_what_failed_is_done_by_its_repetition(world, api, ada, key) -> None:
    world.propelauth.emulator.fail(Fault(path="/org/$", method="POST", status=500))
    failed = await create(api, ada, key)
    again = await create(api, ada, key)

    assert (failed.status_code, again.status_code) == (503, 201)


async def test_what_was_refused_is_decided_anew(world, api, ada, key) -> None:
    world.propelauth.world.users[ada.user_id].can_create_orgs = False
    refused = await create(api, ada, key)
    world.propelauth.world.users[ada.user_id].can_create_orgs = True

    assert (refused.status_code, (await create(api, ada, key)).status_code) == (403, 201)


async def test_a_request_that_died_does_not_hold_its_key_for_ever(world, api, ada, key) -> None:
    await create(api, ada, key)
    keys = world.database["idempotency_keys"]
    stored = keys.find_one({"status": 201}, sort=[("begun_at", -1)])
    keys.update_one({"_id": stored["_id"]}, {"$set": {"status": None}})

    assert (await create(api, ada, key)).json()["code"] == "request_under_way"
    keys.update_one(
        {"_id": stored["_id"]}, {"$set": {"begun_at": stored["begun_at"] - UNDER_WAY - timedelta(seconds=1)}}
    )
    assert (await create(api, ada, key)).json()["code"] == "organization_name_refused"


async def test_neither_the_key_nor_a_token_is_kept(world, api, ada, key) -> None:
    await create(api, ada, key)
    stored = str(list(world.database["idempotency_keys"].find({}, {"body": 0})))

    assert key not in stored
    assert ada.token not in stored


async def test_a_read_takes_no_notice_of_the_key(world, api, ada, key) -> None:
    before = world.database["idempotency_keys"].count_documents({})
    answer = await api.get("/v1/me", headers={**ada.headers, "Idempotency-Key": key})

    assert answer.status_code == 200
    assert world.database["idempotency_keys"].count_documents({}) == before
