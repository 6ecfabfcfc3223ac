"""POST /internal/v1/users/{user_id}/calendar-token: one fresh token for all who may ask, noted before it leaves."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from devstack.mongod import free_port
from switchboard.connections.model import SCOPES as GOOGLE_SCOPES
from switchboard.runtime.model import SCOPES
from tests.fail_points import failing
from tests.http.served import serving_process
from tests.organizations.conftest import Factory, Organization, refused
from tests.runtime.test_keys import made
from tests.world import Person, World, environment_of

EXPIRED = 1_600_000_000
SCOPE = "calendars.token"
Documents = list[dict[str, Any]]


async def key(**grant: Any) -> dict[str, str]:
    """What a service sends that may ask for tokens."""
    return {"X-API-Key": (await made(scopes=[SCOPE], **grant))[1]}


async def joined(person: Person, *organizations: Organization, **stored: Any) -> Person:
    """Somebody with Google tokens, as a member of these."""
    organizations[0].world.grant_tokens(person, **stored)
    for each in organizations:
        each.add("Member", person)
        await each.mirrored()
    return person


async def bound_to(organization: Organization, role: str = "Member") -> dict[str, str]:
    return await key(org_id=organization.org_id, role=role)


async def ask(api: httpx.AsyncClient, user_id: str, headers: dict[str, str]) -> httpx.Response:
    return await api.post(f"/internal/v1/users/{user_id}/calendar-token", headers=headers)


def entries(world: World, person: Person) -> Documents:
    asked = {"action": "calendar.token_read", "target.id": person.user_id}
    return list(world.database["audit_log"].find(asked, {"_id": 0}, sort=[("entry_id", 1)]))


async def test_a_service_gets_a_fresh_token_with_all_it_needs_to_use_it(world, api, ada) -> None:
    stored = world.grant_tokens(ada, timezone="Europe/Berlin")

    answer = await ask(api, ada.user_id, await key())

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    expires_at = datetime.fromtimestamp(stored["token_expiration"], UTC).isoformat().replace("+00:00", "Z")
    assert answer.json() == {
        "access_token": stored["access_token"],
        "token_type": "Bearer",
        "expires_at": expires_at,
        "user_id": ada.user_id,
        "scopes": list(GOOGLE_SCOPES),
        "timezone": "Europe/Berlin",
    }
    assert world.google.requests == []


async def test_a_token_that_ends_within_two_minutes_is_refreshed_and_works_at_google(world, api, ada) -> None:
    soon = int(datetime.now(UTC).timestamp()) + 100
    before = world.grant_tokens(ada, token_expiration=soon)

    answer = (await ask(api, ada.user_id, await key())).json()

    assert answer["access_token"] not in (None, before["access_token"])
    assert datetime.fromisoformat(answer["expires_at"]) - datetime.now(UTC) > timedelta(minutes=50)
    calendar = await world.services.google.primary_calendar(answer["access_token"])
    assert calendar.google_calendar_id == ada.email


async def test_fifty_who_ask_at_once_get_one_token_by_one_request_and_each_is_noted(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", latency=0.2))
    headers = await key()

    answers = await asyncio.gather(*(ask(api, ada.user_id, headers) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["access_token"] for answer in answers} == {world.stored(ada)["access_token"]}
    assert len(world.google.asked("/token")) == 1
    assert len(entries(world, ada)) == 50


async def test_a_key_that_is_bound_gets_tokens_of_its_members_alone(world, api, organization: Factory) -> None:
    ours, theirs = await organization(), await organization()
    member, other = await joined(world.person(), ours), await joined(world.person(), theirs)
    headers = await bound_to(ours)

    assert (await ask(api, member.user_id, headers)).status_code == 200
    strangers = [await ask(api, user_id, headers) for user_id in (other.user_id, str(uuid4()), world.person().user_id)]

    assert {refused(answer) for answer in strangers} == {(404, "user_not_found")}
    assert len({answer.json()["detail"] for answer in strangers}) == 1
    assert entries(world, other) == []


async def test_who_has_left_is_out_of_reach_from_the_next_request_on(world, api, organization: Factory) -> None:
    ours = await organization()
    person = await joined(world.person(), ours)
    headers = await bound_to(ours, "Owner")
    assert (await ask(api, person.user_id, headers)).status_code == 200

    world.propelauth.remove_member(ours.org_id, person.user_id)
    await ours.mirrored()

    assert refused(await ask(api, person.user_id, headers)) == (404, "user_not_found")


async def test_an_unknown_user_is_not_found(world, api) -> None:
    for user_id in (str(uuid4()), "$ne", "{}"):
        assert refused(await ask(api, user_id, await key())) == (404, "user_not_found")


@pytest.mark.parametrize("scope", sorted(set(SCOPES) - {SCOPE}))
async def test_another_scope_gets_no_token(world, api, organization: Factory, scope) -> None:
    ours = await organization("Owner")
    person = await joined(world.person(), ours, token_expiration=EXPIRED)

    for grant in ({}, {"org_id": ours.org_id, "role": "Owner"}):
        _, text = await made(scopes=[scope], **grant)
        assert refused(await ask(api, person.user_id, {"X-API-Key": text})) == (403, "missing_scope")
    assert (world.google.requests, entries(world, person)) == ([], [])


async def test_who_is_no_service_gets_no_token(world, api, ada) -> None:
    world.grant_tokens(ada)
    past = {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}}
    stale = {state: await made(scopes=[SCOPE]) for state in ("expired", "revoked")}
    world.database["service_keys"].update_one({"key_id": stale["expired"][0].key_id}, past)
    ended = {"$set": {"revoked_at": datetime.now(UTC)}}
    world.database["service_keys"].update_one({"key_id": stale["revoked"][0].key_id}, ended)
    sent = [{}, ada.headers, {"X-API-Key": ada.token}, {"X-API-Key": ""}, {"Authorization": (await key())["X-API-Key"]}]

    for headers in (*sent, *({"X-API-Key": text} for _, text in stale.values())):
        assert (await ask(api, ada.user_id, headers)).status_code == 401
    assert entries(world, ada) == []


async def test_a_person_without_a_connection_is_told_apart_from_nobody(world, api, organization: Factory, ada) -> None:
    world.user_document(ada, email=ada.email)
    ours = await organization("Owner")
    world.database["users"].delete_one({"user_id": ours.owner.user_id})  # a member who was never seen here

    assert refused(await ask(api, ada.user_id, await key())) == (404, "calendar_not_connected")
    assert refused(await ask(api, ours.owner.user_id, await key())) == (404, "calendar_not_connected")
    assert refused(await ask(api, ours.owner.user_id, await bound_to(ours))) == (404, "calendar_not_connected")
    assert entries(world, ada) == []


async def test_lost_access_says_so_and_google_is_asked_once(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.revoke(ada.email)
    headers = await key()

    for _ in range(3):
        assert refused(await ask(api, ada.user_id, headers)) == (409, "calendar_access_lost")

    assert len(world.google.asked("/token")) == 1
    assert entries(world, ada) == []


async def test_a_google_that_is_down_and_a_client_that_it_refuses_are_told_apart(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", times=None, status=503))
    down = await ask(api, ada.user_id, await key())
    world.google.emulator.forget()
    client = {"client_id": "wrong", "client_secret": "wrong"}
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": client})
    wrong = await ask(api, ada.user_id, await key())

    assert refused(down) == (503, "google_unavailable")
    assert int(down.headers["retry-after"]) >= 1
    assert refused(wrong) == (500, "stored_client_refused")


async def test_each_answer_is_noted_with_the_keys_name_where_the_owner_reads_it(
    world, api, organization: Factory
) -> None:
    ours = await organization()
    person = await joined(world.person(), ours)
    made_key, text = await made(scopes=[SCOPE], org_id=ours.org_id, role="Member")

    answer = await ask(api, person.user_id, {"X-API-Key": text, "X-Request-ID": "token-request-1"})

    read = await api.get(f"{ours.at}/audit?action=calendar.token_read", headers=ours.owner.headers)
    (entry,) = read.json()["entries"]
    assert entry["actor"] == {"kind": "service", "id": made_key.key_id, "name": "voice runtime"}
    assert entry["target"] == {"kind": "user", "id": person.user_id}
    assert (entry["before"], entry["after"], entry["request_id"]) == (None, None, "token-request-1")
    assert not any(secret in read.text for secret in (answer.json()["access_token"], text))


async def test_a_key_that_is_not_bound_is_noted_in_every_organization_of_the_person(
    world, api, organization: Factory
) -> None:
    places, nobody = [await organization("Owner") for _ in range(3)], world.person()
    person = await joined(world.person(), *places[:2])
    world.grant_tokens(nobody)

    for each in (person, nobody):
        assert (await ask(api, each.user_id, await key())).status_code == 200

    assert sorted(entry["org_id"] for entry in entries(world, person)) == sorted(place.org_id for place in places[:2])
    assert [entry["org_id"] for entry in entries(world, nobody)] == [""]


@pytest.mark.parametrize(("error_code", "status"), [(14031, 503), (2, 500)])
async def test_what_cannot_be_noted_does_not_leave(world, api, ada, error_code, status) -> None:
    stored = world.grant_tokens(ada)
    headers = await key()

    with failing(world.mongo, "insert", namespace=f"{world.database.name}.audit_log", errorCode=error_code):
        answer = await ask(api, ada.user_id, headers)

    assert answer.status_code == status
    assert stored["access_token"] not in answer.text
    assert entries(world, ada) == []


async def test_a_repetition_with_an_idempotency_key_is_answered_anew_and_no_copy_is_kept(world, api, ada) -> None:
    world.grant_tokens(ada)
    headers = {**await key(), "Idempotency-Key": uuid4().hex}

    first = await ask(api, ada.user_id, headers)
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"access_token": "newer"}})
    again = await ask(api, ada.user_id, headers)

    assert (first.status_code, again.status_code, again.json()["access_token"]) == (200, 200, "newer")
    assert "idempotency-replayed" not in again.headers
    assert len(entries(world, ada)) == 2
    copies = [stored for stored in everything_but_users(world) if first.json()["access_token"] in stored]
    assert copies == []


def everything_but_users(world: World) -> list[str]:
    names = [name for name in world.database.list_collection_names() if name != "users"]
    return [str(document) for name in names for document in world.database[name].find()]


async def test_no_token_and_no_key_is_in_the_log_of_a_real_process(world, ada, tmp_path: Path) -> None:
    stored = world.grant_tokens(ada, token_expiration=EXPIRED)
    headers = await key()
    variables = {**environment_of(world.settings), "SERVER_PORT": str(free_port()), "LOG_LEVEL": "debug"}
    manager = serving_process(variables, tmp_path)
    running = await asyncio.to_thread(manager.__enter__)
    try:
        async with httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=30) as client:
            answer = await ask(client, ada.user_id, headers)
            world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"token_expiration": EXPIRED}})
            body = json.dumps({"error": "invalid_grant", "error_description": headers["X-API-Key"]})
            world.google.fail(Fault(path="/token", status=400, body=body))
            await ask(client, ada.user_id, headers)
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)

    lines = [line for line in running.lines() if line.get("route", "").endswith("/calendar-token")]
    assert [line["status"] for line in lines] == [200, 409]
    secrets = [answer.json()["access_token"], *(stored[name] for name in ("access_token", "refresh_token"))]
    assert not any(secret in running.log.read_text() for secret in (*secrets, headers["X-API-Key"]))
