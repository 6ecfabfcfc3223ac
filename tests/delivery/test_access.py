"""Which key runs which agent: from the next request on after each change, ETags included."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import httpx
import pytest

from switchboard.runtime.model import SCOPES
from tests.agents.conftest import Made, Team, key, number
from tests.delivery.conftest import Runner, active, done, fresh, noted, refused, runner, share

Factory = Callable[[], Awaitable[Team]]
NOT_FOUND = (404, "agent_not_found")


async def both(service: Runner, made: Made, has: str | None = None) -> list[httpx.Response]:
    """By id and by number."""
    return [await service.run(made, has), await service.answer(made.shown["phone_number"], has)]


def words(answer: httpx.Response) -> dict[str, object]:
    return {name: text for name, text in answer.json().items() if name != "request_id"}


async def test_who_has_an_agent_runs_it_with_its_keys_and_a_stranger_finds_nothing(world, team: Factory) -> None:
    owner, user, editor, stranger = [await team() for _ in range(4)]
    secret = key()
    made = await active(owner, chatbot_key=secret)
    await share(made, user, "use")
    await share(made, editor, "edit")

    for org_id in (owner.org_id, user.org_id, editor.org_id, None):
        for answer in await both(await runner(world, org_id), made):
            assert (answer.status_code, answer.json()["chatbot_key"]) == (200, secret)
    outside = await runner(world, stranger.org_id)
    for has in (None, "*", (await (await runner(world)).run(made)).headers["etag"]):
        assert [refused(answer) for answer in await both(outside, made, has)] == [NOT_FOUND] * 2


async def test_what_a_stranger_is_told_is_what_everybody_is_told_of_nothing(world, team: Factory) -> None:
    mine, theirs = await team(), await team()
    outside = await runner(world, mine.org_id)
    made, inactive, gone = await active(theirs), await theirs.made(), await active(theirs)
    await done(gone, "DELETE")

    answers = [await outside.run(uuid4().hex), await outside.answer(number()), await outside.run("by-phone")]
    for agent in (made, inactive, gone):
        answers += await both(outside, agent)

    assert {refused(answer) for answer in answers} == {NOT_FOUND}
    assert all(words(answer) == words(answers[0]) for answer in answers)


@pytest.mark.parametrize("access", ["use", "edit"])
async def test_access_that_was_taken_away_ends_with_the_next_request(world, team: Factory, access) -> None:
    made, other = await active(await team()), await team()
    await share(made, other, access)
    bound, owners = await runner(world, other.org_id), await runner(world, made.team.org_id)
    answer = await bound.run(made)
    etag = answer.headers["etag"]
    assert answer.status_code == 200

    await done(made, "DELETE", f"/grants/{other.org_id}")

    for has in (etag, None, "*"):
        assert [refused(each) for each in await both(bound, made, has)] == [NOT_FOUND] * 2
    assert (await owners.run(made, etag)).status_code == 200
    await fresh(made)
    await share(made, other, access)
    assert (await bound.run(made, etag)).status_code == 200


async def test_another_scope_runs_nothing_and_learns_nothing(world, home) -> None:
    made, inactive, gone = await active(home), await home.made(), await active(home)
    await done(gone, "DELETE")

    for scope, org_id in product(set(SCOPES) - {"agents.runtime"}, (None, home.org_id)):
        service = await runner(world, org_id, scope)
        answers = [await service.run(uuid4().hex), await service.answer(number()), await service.answer("no-number")]
        for agent in (made, inactive, gone):
            answers += await both(service, agent, "*")
        assert {refused(answer) for answer in answers} == {(403, "missing_scope")}
    assert noted(made) == []


async def test_who_is_no_service_runs_nothing(world, api, home) -> None:
    made = await active(home)
    past, ended = await runner(world, days=1), await runner(world)
    before = {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    world.database["service_keys"].update_one({"key_id": past.key.key_id}, {"$set": before})
    etag = (await ended.run(made)).headers["etag"]
    await ended.revoke()
    owner = made.team.people["owner"]
    strangers = [
        *(past.headers, ended.headers, {}, {"X-API-Key": ""}, {"X-API-Key": "sbk_unknown"}, owner.headers),
        *({"X-API-Key": owner.token}, {"Authorization": f"Bearer {ended.text}"}, {"X-API-Key": ended.key.key_hash}),
    ]

    for headers in strangers:
        for path in (made.agent_id, f"by-phone/{made.shown['phone_number']}", "by-phone/no-number", uuid4().hex):
            for has in ({}, {"If-None-Match": etag}, {"If-None-Match": "*"}):
                answer = await api.get(f"/internal/v1/agents/{path}/runtime", headers={**headers, **has})
                assert answer.status_code == 401, (headers, path)
    assert len(noted(made)) == 1


async def test_with_its_organization_an_agent_goes_and_so_do_the_keys(world, api, team: Factory) -> None:
    owner, other = await team(), await team()
    made, others = await active(owner), await active(other)
    await share(made, other, "edit")
    unbound, bound, theirs = await runner(world), await runner(world, owner.org_id), await runner(world, other.org_id)
    etag = (await unbound.run(made)).headers["etag"]

    gone = await api.delete(f"/v1/orgs/{owner.org_id}", headers=owner.people["owner"].headers)

    assert gone.status_code == 204
    assert [answer.status_code for answer in await both(bound, made, etag)] == [401, 401]
    for service in (unbound, theirs):
        assert [refused(answer) for answer in await both(service, made, etag)] == [NOT_FOUND] * 2
        assert (await service.run(others)).status_code == 200


async def test_an_organization_that_was_given_an_agent_goes_without_it(world, api, team: Factory) -> None:
    owner, other = await team(), await team()
    made = await active(owner)
    await share(made, other)
    unbound, theirs = await runner(world), await runner(world, other.org_id)
    etag = (await theirs.run(made)).headers["etag"]

    await api.delete(f"/v1/orgs/{other.org_id}", headers=other.people["owner"].headers)

    assert (await theirs.run(made, etag)).status_code == 401
    answer = await unbound.run(made, etag)
    assert (answer.status_code, answer.headers["etag"] != etag) == (200, True)


async def test_configurations_are_read_and_nothing_else(world, api, home) -> None:
    made, service = await active(home), await runner(world)

    for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE"):
        answer = await api.request(method, f"/internal/v1/agents/{made.agent_id}/runtime", headers=service.headers)
        assert answer.status_code == 405
    assert noted(made) == []
