"""The table of who may do what, written out by hand from the design, against the one that the service keeps."""

import pytest

from switchboard.roles.model import PERMISSIONS, ROLES
from tests.routes.companies import BOUND_KEYS, MEMBERS, Rights
from tests.routes.rows import BOUND
from tests.routes.stage import Stage

EVERYBODY = {"Owner", "Admin", "Member"}
MANAGERS = {"Owner", "Admin"}

# Permission: the roles that have it, and the additional roles that add it to any of them.
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "org.read": (EVERYBODY, set()),
    "org.update": (MANAGERS, set()),
    "org.update_access": ({"Owner"}, set()),
    "org.delete": ({"Owner"}, set()),
    "org.transfer": ({"Owner"}, set()),
    "members.read": (EVERYBODY, set()),
    "members.change_role": (MANAGERS, set()),
    "members.remove": (MANAGERS, set()),
    "invites.read": (MANAGERS, set()),
    "invites.create": (MANAGERS, set()),
    "invites.resend": (MANAGERS, set()),
    "invites.revoke": (MANAGERS, set()),
    "agents.read": (EVERYBODY, set()),
    "agents.write": (MANAGERS, {"agent_editor"}),
    "agents.activate": (MANAGERS, set()),
    "agents.delete": (MANAGERS, set()),
    "agents.restore": (MANAGERS, set()),
    "agents.share": (MANAGERS, set()),
    "agents.bind_number": (MANAGERS, set()),
    "calendar.read": (EVERYBODY, set()),
    "audit.read": (MANAGERS, set()),
    "audit.read_own": (EVERYBODY, set()),
}


def test_the_table_is_the_one_of_the_design() -> None:
    assert {each.name: (set(each.roles), set(each.additional)) for each in PERMISSIONS} == TABLE
    assert len(PERMISSIONS) == len(TABLE)
    assert ROLES == ("Owner", "Admin", "Member")


async def test_the_table_that_is_served_is_the_one_of_the_design(stage: Stage) -> None:
    served = (await stage.client.ask(("GET", "/v1/roles"), await stage.headers("stranger"))).json()
    found = {each["name"]: (set(each["roles"]), set(each["additional_roles"])) for each in served["permissions"]}
    assert found == TABLE
    assert (served["roles"], served["additional_roles"]) == (["Owner", "Admin", "Member"], ["agent_editor"])


def test_every_permission_in_an_organization_is_asked_for_by_a_route() -> None:
    needed = {ask.needs for row in BOUND.values() for ask in row.asks if ask.needs is not None}
    assert needed == set(TABLE)


def held(rights: Rights) -> set[str]:
    role, additional = rights
    known = role in EVERYBODY
    return {name for name, (roles, more) in TABLE.items() if role in roles or (known and more & set(additional))}


@pytest.mark.parametrize("caller", [*MEMBERS, *BOUND_KEYS])
async def test_an_organization_tells_each_caller_what_they_can_do(stage: Stage, caller: str) -> None:
    rights = {**MEMBERS, **BOUND_KEYS}[caller]
    answer = await stage.client.ask(("GET", f"/v1/orgs/{stage.home.org_id}"), await stage.headers(caller))
    if "org.read" not in held(rights):
        assert answer.status == 403
        return
    shown = answer.json()
    assert (shown["role_in_org"], tuple(shown["additional_roles_in_org"])) == rights
    assert shown["can"] == sorted(held(rights))


@pytest.mark.parametrize("caller", [*MEMBERS, *BOUND_KEYS])
async def test_the_audit_log_shows_what_others_did_to_managers_alone(stage: Stage, caller: str) -> None:
    path = f"/v1/orgs/{stage.home.org_id}/audit"
    answer = await stage.client.ask(("GET", path), await stage.headers(caller))
    shown = answer.json().get("entries", [])
    assert bool(shown) == ("audit.read" in held({**MEMBERS, **BOUND_KEYS}[caller]))
    assert {entry["actor"]["kind"] for entry in shown} <= {"propelauth", "user", "service"}
