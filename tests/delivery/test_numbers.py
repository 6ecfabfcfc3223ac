"""The agent at a phone number, however the number is written in the address."""

from typing import Any

import pytest

from tests.agents.conftest import number
from tests.delivery.conftest import Runner, active, done, refused, runner
from tests.world import World

MALFORMED = ("x", "+", "%2B", "12", "+12", "+0", "%24ne", "{}", "+4930123;ext=5", "+49301234567890123", "é")


@pytest.fixture
async def service(world: World) -> Runner:
    return await runner(world)


@pytest.mark.parametrize("written", ["{}", "%2B{}", "%2b{}", "+{}", "%20{}", " +{}", "%2B%2049%20(30)%20{rest}"])
async def test_the_plus_may_be_encoded_or_left_out(home, service, written) -> None:
    made = await active(home)
    digits = made.shown["phone_number"].removeprefix("+")

    answer = await service.answer(written.format(digits, rest=digits.removeprefix("4930")))

    assert answer.status_code == 200
    assert answer.json()["agent_id"] == made.agent_id
    assert answer.content == (await service.run(made)).content


async def test_a_number_that_no_agent_has_is_not_found(home, service) -> None:
    made = await active(home)
    agents = service.world.database["agents"]
    agents.update_one({"agent_id": made.agent_id}, {"$set": {"phone_number": None}})

    for asked in (number(), made.shown["phone_number"], "+4930" + "1" * 8):
        assert refused(await service.answer(asked)) == (404, "agent_not_found")


@pytest.mark.parametrize("written", MALFORMED)
async def test_what_is_no_number_is_refused_and_not_repeated(service, written) -> None:
    answer = await service.answer(written)

    assert refused(answer) == (422, "invalid_phone_number")
    assert answer.json()["errors"][0]["field"] == "phone_number"
    assert len(written) < 4 or written not in answer.text


async def test_what_is_too_long_for_a_number_is_refused(service) -> None:
    for written in ("+49" + "1" * 38, "1" * 3000, "%2B" * 50):
        assert refused(await service.answer(written)) == (422, "invalid_phone_number")


async def test_the_number_leads_to_whoever_has_it_now(world, team, service) -> None:
    here, there = await team(), await team()
    first = await active(here)
    at = first.shown["phone_number"]
    second = await active(there)

    async def at_number() -> Any:
        answer = await service.answer(at)
        return answer.json()["agent_id"] if answer.status_code == 200 else refused(answer)

    assert await at_number() == first.agent_id
    await done(first, "DELETE")
    assert await at_number() == (404, "agent_not_found")
    await done(second, "PATCH", json={"phone_number": at})
    assert await at_number() == second.agent_id
    await done(second, "POST", "/deactivate")
    assert await at_number() == (409, "agent_inactive")
    assert refused(await service.run(first)) == (410, "agent_deleted")
    bound = await runner(world, here.org_id)
    assert refused(await bound.answer(at)) == (404, "agent_not_found")
