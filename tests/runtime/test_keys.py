"""Service keys: made, used, listed and revoked by operators; of the key itself only a hash is kept."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from switchboard.errors import Invalid
from switchboard.runtime import service
from switchboard.runtime.model import (
    InvalidName,
    RoleAndOrganization,
    ServiceKey,
    UnknownOrganization,
    UnknownScope,
    check_grant,
    checked_name,
    hash_of,
    new_key,
    prefix_of,
)
from tests import fork_server
from tests.organizations.conftest import Factory
from tests.world import World, environment_of


async def switchboard(world: World, *arguments: str) -> tuple[int, str, str]:
    variables = environment_of(world.settings)
    process = fork_server.start(["switchboard", *arguments], variables=variables, folder=Path.cwd())
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def made(**grant: object) -> tuple[ServiceKey, str]:
    scopes = {"scopes": ["agents.runtime"], **grant}
    return await service.create("voice runtime", service.Grant(**scopes), datetime.now(UTC))


async def test_a_key_made_on_the_command_line_is_listed_works_and_ends_when_revoked(world, api) -> None:
    asked = ("--scope", "calendars.token", "--scope", "agents.runtime", "--days", "30")
    code, out, _ = await switchboard(world, "keys", "create", "scheduler", *asked)
    created = json.loads(out)
    first = await api.get("/internal/v1/self", headers={"X-API-Key": created["key"]})
    (_, lines, _), (_, listed, _) = await asyncio.gather(
        switchboard(world, "keys", "list"), switchboard(world, "keys", "list", "--json")
    )
    revoked, ended, _ = await switchboard(world, "keys", "revoke", created["key_id"], "--json")
    again, _, sentence = await switchboard(world, "keys", "revoke", created["key_id"])
    after = await api.get("/internal/v1/self", headers={"X-API-Key": created["key"]})

    assert code == 0
    assert first.json() == {
        "key_id": created["key_id"],
        "name": "scheduler",
        "scopes": ["agents.runtime", "calendars.token"],
        "org_id": None,
        "role": None,
    }
    (shown,) = [each for each in json.loads(listed) if each["key_id"] == created["key_id"]]
    assert created.keys() - shown.keys() == {"key"}
    assert all(shown[name] == created[name] for name in ("name", "prefix", "scopes", "org_id", "role", "state"))
    assert (created["prefix"], created["last_used_at"]) == (created["key"][:12], None)
    (line,) = [line for line in lines.splitlines() if line.startswith(created["key_id"])]
    assert line.split("\t") == [
        *(created["key_id"], created["prefix"], "active", "scheduler", "agents.runtime,calendars.token"),
        "any organization",
        f"expires {created['expires_at'][:19]}Z",
        f"last used {shown['last_used_at'][:19]}Z",
    ]
    assert not any(secret in lines + listed + ended for secret in (created["key"], hash_of(created["key"])))
    assert (revoked, json.loads(ended)["state"], again, after.status_code) == (0, "revoked", 1, 401)
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


async def test_what_cannot_be_done_is_a_sentence_and_exit_code_1(world) -> None:
    scope = ("--scope", "agents.runtime")
    refusals = {
        ("revoke", "nothing"): "There is no service key with this id. 'switchboard keys list' shows them.\n",
        ("create", "x", *scope, "--organization", "nowhere", "--role", "Admin"): f"{UnknownOrganization.message}\n",
        ("create", "a\tb", *scope): f"{InvalidName.message}\n",
    }
    before = world.database["service_keys"].count_documents({})

    found = await asyncio.gather(*(switchboard(world, "keys", *arguments) for arguments in refusals))

    assert found == [(1, "", sentence) for sentence in refusals.values()]
    assert world.database["service_keys"].count_documents({}) == before


async def test_a_key_is_bound_to_an_organization_that_is_there(api, organization: Factory) -> None:
    ours = await organization("Owner")
    key, text = await made(org_id=ours.org_id, role="Member")

    known = (await api.get("/internal/v1/self", headers={"X-API-Key": text})).json()
    assert (known["org_id"], known["role"], key.prefix) == (ours.org_id, "Member", text[:12])
    with pytest.raises(UnknownOrganization):
        await made(org_id=str(uuid4()), role="Member")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\tb", "a\x1bb", "a\u202eb", "\ud800"])
def test_a_name_that_would_spoil_a_list_or_a_log_is_refused(name) -> None:
    with pytest.raises(InvalidName):
        checked_name(name)
    assert checked_name(" Käthe's scheduler ") == "Käthe's scheduler"


async def test_keys_of_a_deleted_organization_are_refused_and_no_others(world, api, organization: Factory) -> None:
    gone, stays = await organization("Owner"), await organization("Owner")
    bound, revoked, other, free = [
        await made(scopes=["organizations"], org_id=gone.org_id, role="Admin"),
        await made(scopes=["organizations"], org_id=gone.org_id, role="Owner"),
        await made(scopes=["organizations"], org_id=stays.org_id, role="Admin"),
        await made(),
    ]
    await service.revoke(revoked[0].key_id, datetime.now(UTC) - timedelta(days=1))
    before = world.database["service_keys"].find_one({"key_id": revoked[0].key_id})
    preview = (await api.get(f"{gone.at}/deletion", headers=gone.owner.headers)).json()

    assert (await api.delete(gone.at, headers=gone.owner.headers)).status_code == 204

    assert preview["goes"]["service_keys"] == 1
    for path in ("/internal/v1/self", gone.at, f"{gone.at}/members"):
        refused = await api.get(path, headers={"X-API-Key": bound[1]})
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_service_key")
    for _, text in (other, free):
        assert (await api.get("/internal/v1/self", headers={"X-API-Key": text})).status_code == 200
    states = {key.key_id: key.state(datetime.now(UTC)) for key in await service.listed()}
    assert [states[key.key_id] for key, _ in (bound, revoked, other, free)] == ["revoked"] * 2 + ["active"] * 2
    assert world.database["service_keys"].find_one({"key_id": revoked[0].key_id}) == before


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
