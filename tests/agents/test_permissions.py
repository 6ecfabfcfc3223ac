"""Who may do what with the agents of their organization."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.agents import service as agents
from switchboard.agents.model import Step
from switchboard.agents.service import AgentRef
from switchboard.roles.model import MissingPermission
from tests.agents.conftest import Json, Teams, complete, key, number
from tests.organizations.conftest import refused

MISSING = (403, "missing_permission")
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", "", {"name": "Other"}),
    ("POST", "/activate", None),
    ("POST", "/deactivate", None),
    ("POST", "/copy", None),
    ("POST", "/revisions/1/restore", None),
    ("POST", "/grants", {"org_id": "x", "access": "use"}),
    ("PATCH", "/grants/x", {"access": "use"}),
    ("DELETE", "/grants/x", None),
    ("DELETE", "", None),
    ("POST", "/restore", None),
)
READS = ("", "/readiness", "/revisions", "/revisions/1", "/revisions/in-force?as_of=2099-01-01T00:00:00Z")
MANAGERS_ALONE = frozenset(("/activate", "/deactivate", "/grants", "/grants/x", "/restore"))


def not_for(role: str) -> Iterator[tuple[str, str, Any]]:
    """What an editor or a Member may not do."""
    for method, path, body in WRITES:
        if role == "member" or path in MANAGERS_ALONE or method == "DELETE":
            yield method, path, body


@pytest.mark.parametrize("role", ["member", "editor"])
async def test_who_lacks_the_right_is_told_so_and_changes_nothing(team: Teams, role: str) -> None:
    here = await team()
    made = await here.made()
    before = made.stored(), made.stored("organization_agents"), len(made.revisions()), here.entries()

    for method, path, body in not_for(role):
        assert refused(await made.ask(role, method, path, json=body)) == MISSING, (method, path)
    assert refused(await made.ask(role, "GET", "/grants")) == MISSING
    assert (made.stored(), made.stored("organization_agents"), len(made.revisions()), here.entries()) == before


@pytest.mark.parametrize("role", ["owner", "admin", "editor", "member"])
async def test_everybody_in_the_organization_reads(team: Teams, role: str) -> None:
    here = await team()
    made = await here.made()

    for path in READS:
        assert (await made.ask(role, "GET", path)).status_code == 200, path
    assert (await here.ask(role, "GET")).status_code == 200


async def test_an_editor_writes_and_copies_and_goes_back(team: Teams) -> None:
    here = await team()
    made = await here.made()

    await made.ok("editor", "PATCH", json={"name": "Other", "chatbot_key": key()})
    await made.ok("editor", "POST", "/revisions/1/restore")
    assert (await made.ask("editor", "POST", "/copy")).status_code == 201
    assert (await here.ask("editor", "POST", json={"name": "New"})).status_code == 201


async def test_binding_a_number_takes_more_than_writing(team: Teams) -> None:
    here = await team()
    made, bare = await here.made(), await here.made(phone_number=None)
    before = made.shown["phone_number"]

    assert refused(await here.ask("editor", "POST", json=complete())) == MISSING
    for each, body in ((made, {"phone_number": number()}), (made, {"phone_number": None})):
        assert refused(await each.ask("editor", "PATCH", json=body)) == MISSING
    assert refused(await bare.ask("editor", "PATCH", json={"phone_number": number()})) == MISSING
    await made.ok("editor", "PATCH", json={"phone_number": before, "name": "With the number it has"})
    await bare.ok("editor", "PATCH", json={"phone_number": None, "name": "With none"})
    assert (await here.ask("editor", "POST", json=complete(phone_number=None))).status_code == 201
    await bare.ok("admin", "PATCH", json={"phone_number": number()})


async def test_a_member_may_not_create(team: Teams) -> None:
    here = await team()

    assert refused(await here.ask("member", "POST", json={"name": "New"})) == MISSING
    assert here.stored("agents") == []


async def test_a_stranger_finds_no_organization_and_who_is_nobody_must_sign_in(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    stranger = there.people["owner"].headers
    api, path = here.world.api, f"/v1/orgs/{here.org_id}/agents"
    calls: list[tuple[str, str, Json | None]] = [("GET", "", None), ("POST", "", complete())]
    calls += [(method, f"/{made.agent_id}{tail}", body) for method, tail, body in WRITES]
    calls += [("GET", f"/{made.agent_id}{tail}", None) for tail in (*READS, "/grants")]
    for method, tail, body in calls:
        sent = {"json": body, "headers": {**stranger, "If-Match": made.etag}}
        assert refused(await api.request(method, f"{path}{tail}", **sent)) == (404, "organization_not_found"), tail
        answer = await api.request(method, f"{path}{tail}", json=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), tail


async def test_rights_that_end_while_a_change_is_under_way_do_not_count(team: Teams) -> None:
    """The rights of the moment of writing decide: checked again in the transaction."""
    here = await team()
    made = await here.made()
    now, editor = datetime.now(UTC), here.people["editor"]
    services = here.world.services
    caller = services.propelauth.identify(f"Bearer {editor.token}")
    held = await agents.holding(services, caller, AgentRef(here.org_id, made.agent_id), now)
    membership = {"org_id": here.org_id, "user_id": editor.user_id}
    here.world.database["user_organizations"].update_one(membership, {"$set": {"additional_roles_in_org": []}})

    step = Step(held, "agent.updated", ("configuration",), {"name": "Too late"}, now)
    with pytest.raises(MissingPermission):
        await agents.carry_out(services, step, lambda by: by.check("agents.write"))
    assert made.stored()["name"] == "Reception"
