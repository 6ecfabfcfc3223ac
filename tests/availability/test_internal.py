"""POST /internal/v1/availability: the same for services, by the scope and the organization of their key."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from switchboard.runtime import service as keys
from switchboard.runtime.model import SCOPES
from switchboard.runtime.service import Grant
from tests.availability.conftest import HOUR, Team, told
from tests.organizations.conftest import Factory, refused
from tests.world import Person

DAY = 24 * HOUR
SCOPE = "calendars.availability"


async def key(scope: str = SCOPE, org_id: str | None = None) -> dict[str, str]:
    """What a service sends."""
    grant = Grant([scope]) if org_id is None else Grant([scope], org_id, "Member")
    return {"X-API-Key": (await keys.create("voice runtime", grant, datetime.now(UTC)))[1]}


async def ask(team: Team, person: Person, monday: datetime, headers: dict[str, str], **more: Any) -> httpx.Response:
    named = {"org_id": team.org.org_id, "all_of": [person.user_id], "duration_minutes": 60, "granularity_minutes": 60}
    body = {**named, "from": told(monday), "to": told(monday + DAY), **more}
    return await team.world.api.post("/internal/v1/availability", headers=headers, json=body)


async def test_a_service_gets_what_a_member_gets(team: Team, monday: datetime) -> None:
    ada = await team.person()
    team.busy(ada, monday + 10 * HOUR, 6)
    expected = await team.slots([ada], monday, monday + DAY, granularity_minutes=60)
    assert [slot["start"] for slot in expected["slots"]] == [told(monday + 9 * HOUR), told(monday + 16 * HOUR)]

    for headers in (await key(), await key(org_id=team.org.org_id)):
        answer = await ask(team, ada, monday, headers)
        assert (answer.status_code, answer.json()) == (200, expected)
        assert answer.headers["cache-control"] == "no-store"


async def test_a_service_of_one_organization_learns_of_no_other(
    team: Team, organization: Factory, monday: datetime
) -> None:
    ada, other = await team.person(), await organization("Owner")
    headers = await key(org_id=other.org_id)

    there = await ask(team, ada, monday, headers)
    nowhere = await ask(team, ada, monday, headers, org_id=str(uuid4()))
    here = await ask(team, ada, monday, headers, org_id=other.org_id)

    assert refused(there) == refused(nowhere) == (404, "organization_not_found")
    assert {**there.json(), "request_id": ""} == {**nowhere.json(), "request_id": ""}
    assert refused(here) == (404, "member_not_found")


async def test_a_service_of_none_has_to_name_one_that_is_there(team: Team, monday: datetime) -> None:
    ada = await team.person()
    assert refused(await ask(team, ada, monday, await key(), org_id=str(uuid4()))) == (404, "organization_not_found")
    assert refused(await ask(team, ada, monday, await key(), org_id=None)) == (422, "invalid")


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != SCOPE])
async def test_another_scope_is_not_enough(team: Team, monday: datetime, scope: str) -> None:
    ada = await team.person()
    for org_id in (None, team.org.org_id):
        assert refused(await ask(team, ada, monday, await key(scope, org_id))) == (403, "missing_scope")


async def test_people_are_not_served(team: Team, monday: datetime) -> None:
    ada = await team.person()
    for headers in ({}, ada.headers, team.headers):
        assert refused(await ask(team, ada, monday, headers)) == (401, "unauthenticated")


async def test_a_choice_to_show_nothing_holds_for_services_as_well(team: Team, monday: datetime) -> None:
    ada = await team.person()
    await team.shows(ada, "nothing")

    answer = (await ask(team, ada, monday, await key())).json()

    assert (answer["slots"], answer["people"][0]["state"]) == ([], "hidden")


async def test_the_number_of_queries_does_not_grow_with_the_people(team: Team, monday: datetime) -> None:
    people, headers = await team.people(20), await key()
    for person in people:
        team.busy(person, monday + 10 * HOUR)
    found = []
    for count in (1, 20):
        found.append(await queries(team, people[:count], monday, headers))

    assert found[0] == found[1]
    assert len(found[0]) <= 11


async def queries(team: Team, people: list[Person], monday: datetime, headers: dict[str, str]) -> list[str]:
    """The collections that one answer reads, by MongoDB's profiler."""
    database = team.world.database
    database.command("profile", 2)
    try:
        answer = await ask(team, people[0], monday, headers, all_of=[person.user_id for person in people])
    finally:
        database.command("profile", 0)
    assert answer.status_code == 200
    seen = database["system.profile"].find({"appName": "switchboard", "op": {"$in": ["query", "command", "getmore"]}})
    names = sorted(entry["ns"] for entry in seen)
    database["system.profile"].drop()
    return names
