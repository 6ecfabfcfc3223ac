"""GET /v1/roles, and `can` of an organization: what the table says is what people get."""

from typing import Any

import httpx

from switchboard.roles.model import PERMISSIONS, ROLES, Rights
from tests.organizations.conftest import Factory
from tests.world import Person


async def table(api: httpx.AsyncClient, person: Person) -> dict[str, Any]:
    answer = await api.get("/v1/roles", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_table_that_is_served_is_the_one_that_decides(api: httpx.AsyncClient, ada: Person) -> None:
    found = await table(api, ada)

    assert found["roles"] == ["Owner", "Admin", "Member"] == list(ROLES)
    assert found["additional_roles"] == ["agent_editor"]
    assert found["permissions"] == [
        {
            "name": each.name,
            "title": each.title,
            "roles": list(each.roles),
            "additional_roles": list(each.additional),
        }
        for each in PERMISSIONS
    ]
    assert all(each.title for each in PERMISSIONS)


async def test_every_role_can_in_its_organization_what_the_served_table_gives_it(
    api: httpx.AsyncClient, organization: Factory
) -> None:
    org = await organization()
    served = await table(api, org.owner)

    for role, person in org.people.items():
        shown = (await api.get(org.at, headers=person.headers)).json()
        expected = sorted(row["name"] for row in served["permissions"] if role in row["roles"])
        assert shown["role_in_org"] == role
        assert shown["can"] == expected == sorted(Rights(role).permissions)
