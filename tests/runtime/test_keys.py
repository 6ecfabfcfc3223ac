"""Service keys: made, used, listed and revoked by operators; of the key itself only a hash is kept."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from switchboard.errors import Invalid
from switchboard.runtime import service
from switchboard.runtime.model import (
    RoleAndOrganization,
    ServiceKey,
    UnknownScope,
    check_grant,
    hash_of,
    new_key,
    prefix_of,
)
from tests.world import World, environment_of


async def switchboard(world: World, *arguments: str) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "switchboard", *arguments)
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, **pipes, env=environment_of(world.settings))
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def made(**grant: object) -> tuple[ServiceKey, str]:
    scopes = {"scopes": ["agents.runtime"], **grant}
    return await service.create("voice runtime", service.Grant(**scopes), datetime.now(UTC))


async def test_a_key_made_on_the_command_line_is_listed_works_and_ends_when_revoked(world, api) -> None:
    code, out, _ = await switchboard(world, "keys", "create", "scheduler", "--scope", "calendars.token")
    created = json.loads(out)
    first = await api.get("/internal/v1/self", headers={"X-API-Key": created["key"]})
    _, listed, _ = await switchboard(world, "keys", "list")
    revoked, _, _ = await switchboard(world, "keys", "revoke", created["key_id"])
    again, _, sentence = await switchboard(world, "keys", "revoke", created["key_id"])
    after = await api.get("/internal/v1/self", headers={"X-API-Key": created["key"]})

    assert code == 0
    assert first.json() == {
        "key_id": created["key_id"],
        "name": "scheduler",
        "scopes": ["calendars.token"],
        "org_id": None,
        "role": None,
    }
    assert f"{created['key_id']}\t{created['key'][:12]}\tactive\tscheduler" in listed
    assert created["key"] not in listed
    assert (revoked, again, after.status_code) == (0, 1, 401)
    assert sentence == "This service key was revoked before.\n"


async def test_only_a_hash_of_the_key_is_kept(world) -> None:
    key, text = await made()

    assert text not in str(world.database["service_keys"].find_one({"key_id": key.key_id}))


async def test_no_key_and_a_wrong_key_are_refused(api) -> None:
    missing = await api.get("/internal/v1/self")
    wrong = await api.get("/internal/v1/self", headers={"X-API-Key": new_key()})

    assert (missing.status_code, missing.json()["code"]) == (401, "unauthenticated")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_service_key")


async def test_a_persons_token_is_no_service_key(api, ada) -> None:
    answer = await api.get("/internal/v1/self", headers={**ada.headers, "X-API-Key": ada.token})

    assert answer.status_code == 401


async def test_a_service_key_is_no_persons_token(api) -> None:
    _, text = await made()

    answer = await api.get("/v1/me", headers={"X-API-Key": text, "Authorization": f"Bearer {text}"})

    assert answer.status_code == 401


async def test_an_expired_key_is_refused(world, api) -> None:
    key, text = await made(days=1)
    past = datetime.now(UTC) - timedelta(seconds=1)
    world.database["service_keys"].update_one({"key_id": key.key_id}, {"$set": {"expires_at": past}})

    assert (await api.get("/internal/v1/self", headers={"X-API-Key": text})).status_code == 401


async def test_the_last_use_is_noted_once_a_minute_at_most(world, api) -> None:
    key, text = await made()
    keys = world.database["service_keys"]

    await api.get("/internal/v1/self", headers={"X-API-Key": text})
    first = keys.find_one({"key_id": key.key_id})["last_used_at"]
    await api.get("/internal/v1/self", headers={"X-API-Key": text})

    assert first is not None
    assert keys.find_one({"key_id": key.key_id})["last_used_at"] == first


async def test_revoking_what_is_not_there_says_so(world) -> None:
    code, _, sentence = await switchboard(world, "keys", "revoke", "nothing")

    assert code == 1
    assert "There is no service key with this id" in sentence


@pytest.mark.parametrize(
    ("scopes", "org_id", "role", "refused"),
    [
        ([], None, None, UnknownScope),
        (["everything"], None, None, UnknownScope),
        (["agents.runtime"], "org", None, RoleAndOrganization),
        (["agents.runtime"], None, "Admin", RoleAndOrganization),
        (["agents.runtime"], "org", "Emperor", RoleAndOrganization),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(scopes, org_id, role, refused: type[Invalid]) -> None:
    with pytest.raises(refused):
        check_grant(scopes, org_id, role)


def test_keys_are_random_and_show_only_their_prefix() -> None:
    keys = {new_key() for _ in range(100)}

    assert len(keys) == len({hash_of(key) for key in keys}) == 100
    assert all(len(prefix_of(key)) == 12 and len(key) > 50 for key in keys)
