"""One caller refreshes, everyone gets the result; nobody's token is another's."""

import asyncio
import json
import sys
from datetime import UTC, datetime

import pytest

from devstack.emulator import Fault
from switchboard.clients.google_errors import AccessLost, GoogleUnavailable, ScopeMissing
from switchboard.connections import service
from switchboard.connections.documents import LEASE_MILLISECONDS, ConnectionDocument
from switchboard.connections.model import SCOPES, NotConnected
from switchboard.errors import Misconfigured
from tests.world import Person, World, environment_of

EXPIRED = 1_600_000_000


def now() -> datetime:
    return datetime.now(UTC)


async def token_of(world: World, person: Person, refused: str | None = None) -> str:
    return await service.access_token(world.services, person.user_id, now(), refused=refused)


async def test_a_fresh_token_is_given_without_asking_google(world, ada) -> None:
    stored = world.grant_tokens(ada)

    assert await token_of(world, ada) == stored["access_token"]
    assert world.google.requests == []


async def test_rule_44_an_expired_token_is_refreshed_and_stored_and_nothing_else_changes(world, ada) -> None:
    before = world.grant_tokens(
        ada, token_expiration=EXPIRED, welcome_form_data={"kept": True}, propels_access_token="x"
    )

    token = await token_of(world, ada)

    after = world.stored(ada)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {"access_token", "token_expiration", "updated_at"}
    assert after["access_token"] == token
    assert isinstance(after["token_expiration"], int)
    assert after["token_expiration"] > now().timestamp() + 3000


async def test_an_expiry_that_is_only_relative_is_unknown_so_the_token_is_refreshed(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=None, expires_in=3599)

    await token_of(world, ada)

    assert len(world.google.asked("/token")) == 1


async def test_fifty_callers_make_one_request(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", latency=0.1))

    tokens = await asyncio.gather(*(token_of(world, ada) for _ in range(50)))

    assert len(set(tokens)) == 1
    assert len(world.google.asked("/token")) == 1


async def test_rule_43_fifty_callers_in_four_processes_make_one_request_in_each_of_twenty_rounds(world, ada) -> None:
    """Figure F10 of facts/reliability.md."""
    world.grant_tokens(ada)
    world.google.fail(Fault(path="/token", times=None, latency=0.05))
    command = (sys.executable, "-m", "tests.connections.refresher", ada.user_id)
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    variables = environment_of(world.settings)
    callers = ("13", "13", "12", "12")
    processes = [await asyncio.create_subprocess_exec(*command, each, **pipes, env=variables) for each in callers]
    seen = set()
    async with asyncio.timeout(60):
        for process in processes:
            assert await process.stdout.readline() == b"ready\n"
        for number in range(20):
            world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"token_expiration": EXPIRED}})
            for process in processes:
                process.stdin.write(b"go\n")
            answers = [json.loads(await process.stdout.readline()) for process in processes]
            (token,) = {token for answer in answers for token in answer}
            seen.add(token)
            assert len(world.google.asked("/token")) == number + 1
        for process in processes:
            process.stdin.close()
            await process.wait()
    world.google.emulator.faults.clear()
    assert len(seen) == 20


async def test_a_holder_that_died_is_succeeded_when_its_lease_ends(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    await ConnectionDocument.claim_refresh(ada.user_id, "dead")
    waiting = asyncio.ensure_future(token_of(world, ada))
    await asyncio.sleep(0)
    connections = world.database["calendar_connections"]

    connections.update_one({"user_id": ada.user_id}, {"$set": {"refresh_until": datetime(2020, 1, 1, tzinfo=UTC)}})

    assert await waiting == world.stored(ada)["access_token"]


async def test_a_late_holder_does_not_free_its_successors_lease(world, ada) -> None:
    world.grant_tokens(ada)
    await ConnectionDocument.claim_refresh(ada.user_id, "successor")

    await ConnectionDocument.release_refresh(ada.user_id, "late")

    assert await ConnectionDocument.claim_refresh(ada.user_id, "third") is False


async def test_tokens_of_two_people_refreshed_at_once_stay_apart(world) -> None:
    people = [world.person() for _ in range(8)]
    for person in people:
        world.grant_tokens(person, token_expiration=EXPIRED)

    await asyncio.gather(*(token_of(world, person) for person in people for _ in range(4)))

    for person in people:
        calendar = await world.services.google.primary_calendar(world.stored(person)["access_token"])
        assert calendar.google_calendar_id == person.email
    assert len(world.google.asked("/token")) == len(people)


async def test_a_refused_token_is_replaced_once_for_all_who_saw_it_refused(world, ada) -> None:
    refused = world.grant_tokens(ada)["access_token"]

    tokens = await asyncio.gather(*(token_of(world, ada, refused) for _ in range(20)))

    assert len(set(tokens)) == 1
    assert refused not in tokens
    assert len(world.google.asked("/token")) == 1


async def test_a_login_during_the_refresh_is_not_overwritten(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", latency=0.2))
    refreshing = asyncio.ensure_future(token_of(world, ada))
    newer = {"access_token": "newer", "refresh_token": "newer", "token_expiration": 2_000_000_000}

    async with asyncio.timeout(5):
        while not world.google.asked("/token"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": newer})
    await refreshing

    assert {name: world.stored(ada)[name] for name in newer} == newer


async def test_rule_45_a_revoked_grant_is_access_lost_and_google_is_not_asked_again(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.revoke(ada.email)

    for _ in range(3):
        with pytest.raises(AccessLost):
            await token_of(world, ada)

    assert len(world.google.asked("/token")) == 1


async def test_a_newer_grant_ends_lost_access(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.revoke(ada.email)
    with pytest.raises(AccessLost):
        await token_of(world, ada)
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    world.database["users"].update_one(
        {"user_id": ada.user_id}, {"$set": {"refresh_token": grant["refresh_token"], "token_expiration": EXPIRED}}
    )

    assert await token_of(world, ada)


async def test_rule_48_a_refresh_that_lost_the_calendar_scope_is_access_lost(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    body = '{"access_token": "a", "expires_in": 3599, "scope": "openid email", "token_type": "Bearer"}'
    world.google.fail(Fault(path="/token", status=200, body=body))

    with pytest.raises(AccessLost, match=ScopeMissing.message):
        await token_of(world, ada)


async def test_rule_46_a_wrong_client_marks_nobody_lost(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED, client_id="wrong", client_secret="wrong")

    with pytest.raises(Misconfigured):
        await token_of(world, ada)

    found = world.database["calendar_connections"].find_one({"user_id": ada.user_id})
    assert not (found or {}).get("lost_fingerprint")


async def test_rule_46_a_token_endpoint_that_is_down_marks_nobody_lost(world, ada) -> None:
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", times=None, status=503))

    with pytest.raises(GoogleUnavailable):
        await token_of(world, ada)
    world.google.emulator.forget()

    assert await token_of(world, ada)


async def test_an_older_grant_is_refreshed_with_the_client_it_was_issued_to(world, ada) -> None:
    world.google.add_client("older-client", "older-secret", ["http://127.0.0.1:9/x"])
    grant = world.google.grant(ada.email, "older-client", list(SCOPES))
    client = {"client_id": "older-client", "client_secret": "older-secret"}
    world.grant_tokens(ada, token_expiration=EXPIRED, refresh_token=grant["refresh_token"], **client)

    assert await token_of(world, ada)


async def test_a_grant_that_was_stored_with_our_former_secret_is_refreshed(world, ada) -> None:
    client = {"client_id": world.settings.google.client_id, "client_secret": "former-secret"}
    world.grant_tokens(ada, token_expiration=EXPIRED, **client)

    assert await token_of(world, ada)


@pytest.mark.parametrize("shape", ["text", "scopes"])
async def test_scopes_are_read_in_every_stored_shape(world, ada, shape) -> None:
    fields = {"scope": " ".join(SCOPES)} if shape == "text" else {"scope": None, "scopes": list(SCOPES)}
    stored = world.grant_tokens(ada, **fields)

    assert await token_of(world, ada) == stored["access_token"]


async def test_without_tokens_there_is_no_connection(world, ada) -> None:
    world.user_document(ada, email=ada.email)

    with pytest.raises(NotConnected):
        await token_of(world, ada)


async def test_a_refresh_ends_before_its_lease_does_and_gives_it_back(world, ada, monkeypatch) -> None:
    assert service.REFRESH_SECONDS * 1000 < LEASE_MILLISECONDS
    monkeypatch.setattr(service, "REFRESH_SECONDS", 0.1)
    world.grant_tokens(ada, token_expiration=EXPIRED)
    world.google.fail(Fault(path="/token", latency=1.0))

    with pytest.raises(GoogleUnavailable):
        await token_of(world, ada)

    assert await ConnectionDocument.claim_refresh(ada.user_id, "next")
