"""No key leaves without an entry in the audit log, and none leaves in a refusal."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.agents.conftest import Made, Team, key, number
from tests.delivery.conftest import Runner, active, done, noted, refused, runner, share
from tests.fail_points import FailPoint, failing
from tests.world import World

Factory = Callable[[], Awaitable[Team]]


def entry(made: Made, service: Runner, org_id: str, request_id: str) -> dict[str, Any]:
    return {
        "org_id": org_id,
        "actor": {"kind": "service", "id": service.key.key_id, "name": "voice runtime"},
        "action": "agent.secrets_read",
        "target": {"kind": "agent", "id": made.agent_id},
        "before": None,
        "after": None,
        "request_id": request_id,
    }


def without_own(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name not in ("entry_id", "at")} for each in entries]


async def test_each_reading_is_noted_with_the_name_of_the_key_for_the_owner(world, home) -> None:
    made = await active(home)
    expected = []
    for service in (await runner(world), await runner(world, made.team.org_id)):
        for answer in (await service.run(made), await service.answer(made.shown["phone_number"], '"old"')):
            assert answer.status_code == 200
            expected.append(entry(made, service, made.team.org_id, answer.headers["x-request-id"]))

    entries = noted(made)

    assert without_own(entries) == expected
    assert len({each["entry_id"] for each in entries}) == 4
    shown = await world.api.get(
        f"/v1/orgs/{made.team.org_id}/audit",
        params={"action": "agent.secrets_read", "target_id": made.agent_id},
        headers=made.team.people["owner"].headers,
    )
    assert [each["entry_id"] for each in shown.json()["entries"]] == [each["entry_id"] for each in reversed(entries)]


@pytest.mark.parametrize("access", ["use", "edit"])
async def test_a_reading_for_another_organization_is_noted_in_both_logs(world, team: Factory, access) -> None:
    made, other = await active(await team()), await team()
    await share(made, other, access)
    service = await runner(world, other.org_id)

    answer = await service.run(made)

    by = answer.headers["x-request-id"]
    assert without_own(noted(made)) == [entry(made, service, org_id, by) for org_id in (made.team.org_id, other.org_id)]


async def test_what_hands_out_no_key_is_not_noted(world, team: Factory) -> None:
    made, other = await active(await team()), await team()
    service, stranger = await runner(world), await runner(world, other.org_id)
    etag = (await service.run(made)).headers["etag"]
    before = noted(made)

    statuses = [(await service.run(made, etag)).status_code, (await service.run(made, "*")).status_code]
    statuses += [
        (await stranger.run(made)).status_code,
        (await stranger.answer(made.shown["phone_number"])).status_code,
    ]
    statuses += [(await (await runner(world, None, "changes.read")).run(made)).status_code]
    await done(made, "POST", "/deactivate")
    statuses += [(await service.run(made)).status_code]
    await done(made, "DELETE")
    statuses += [(await service.run(made)).status_code, (await service.answer(number())).status_code]

    assert statuses == [304, 304, 404, 404, 403, 409, 410, 404]
    assert noted(made) == before


@contextmanager
def refusing(world: World, unlike: dict[str, Any]) -> Iterator[None]:
    """An audit log that takes nothing but what is like this."""
    changed = {"collMod": "audit_log", "validator": unlike}
    world.database.command(changed)
    try:
        yield
    finally:
        world.database.command({**changed, "validator": {}})


def closed(world: World, **fault: Any) -> AbstractContextManager[FailPoint]:
    """An audit log that cannot be written to."""
    return failing(world.mongo, "insert", namespace=f"{world.database.name}.audit_log", **fault)


def nothing_left(answer: Any, status: int, *secrets: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "etag" not in answer.headers
    assert not any(secret in answer.text for secret in secrets)
    assert answer.json()["errors"] == []


async def test_what_the_log_refuses_does_not_leave(world, home) -> None:
    secret = key()
    made, service = await active(home, chatbot_key=secret), await runner(world)

    with refusing(world, {"target.id": {"$ne": made.agent_id}}):
        for answer in (await service.run(made), await service.answer(made.shown["phone_number"])):
            nothing_left(answer, 500, secret)

    assert noted(made) == []
    assert (await service.run(made)).status_code == 200


@pytest.mark.parametrize("whose", ["owner", "caller"])
async def test_one_of_two_logs_is_not_enough(world, team: Factory, whose) -> None:
    secret = key()
    made, other = await active(await team(), chatbot_key=secret), await team()
    await share(made, other)
    service = await runner(world, other.org_id)
    org_id = made.team.org_id if whose == "owner" else other.org_id

    with refusing(world, {"org_id": {"$ne": org_id}}):
        nothing_left(await service.run(made), 500, secret)


@pytest.mark.parametrize(("fault", "status"), [({"errorCode": 14031}, 503), ({"errorCode": 2}, 500)])
async def test_what_cannot_be_written_down_does_not_leave(world, home, fault, status) -> None:
    secret = key()
    made, service = await active(home, chatbot_key=secret), await runner(world)

    with closed(world, **fault):
        answer = await service.run(made)

    nothing_left(answer, status, secret)
    assert ("retry-after" in answer.headers) == (status == 503)
    etag = (await service.run(made)).headers["etag"]
    with closed(world, **fault):  # who has it already needs no entry
        assert (await service.run(made, etag)).status_code == 304


PLACES = {
    "chatbot_key": ("agents", "chatbot_key"),
    "speech": ("agent_configurations", "tts_config.tts_api_key"),
    "recognition": ("agent_configurations", "stt_config.api_key"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_key_that_cannot_be_opened_is_a_problem_without_any_detail(world, home, place) -> None:
    secret = key()
    groups = {"tts_config": {"tts_api_key": secret, "voice_id": "anna", "model": "sonic-2"}}
    sent = {"chatbot_key": secret, "stt_config": {"api_key": secret, "model": "nova-3"}, **groups}
    made, other, service = await active(home, **sent), await active(home, **sent), await runner(world)
    collection, field = world.database[PLACES[place][0]], PLACES[place][1]

    def kept(agent: Made) -> str:
        found: Any = collection.find_one({"agent_id": agent.agent_id})
        for name in field.split("."):
            found = found[name]
        return str(found)

    sealed = kept(made)
    head, _, text = sealed.rpartition(":")
    spoilt = {
        "altered": f"{head}:{text[:-8]}{'A' if text[-8] != 'A' else 'B'}{text[-7:]}",
        "cut short": f"{head}:{text[:16]}",
        "of a key that is not there": f"enc:v1:gone:{text}",
        "of another agent": kept(other),
    }
    for value in spoilt.values():
        collection.update_one({"agent_id": made.agent_id}, {"$set": {field: value}})
        for answer in (await service.run(made), await service.answer(made.shown["phone_number"])):
            nothing_left(answer, 500, secret, text, sealed, place, field)
            assert refused(answer) == (500, "sealed_value_unreadable")
            assert answer.json()["detail"] == "Something went wrong."
    assert noted(made) == []
    assert (await service.run(other)).status_code == 200
