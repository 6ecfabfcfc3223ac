"""Nobody learns of an organization, or changes anything in it, by an earlier path."""

from typing import Any

import pytest

from tests.routes.companies import BESIDE, UNKNOWN, Company
from tests.routes.legacy_rows import LEGACY
from tests.routes.row import Route
from tests.routes.stage import Stage
from tests.routes.watch import Watch

STRANGERS = (
    *("stranger", "owner of another organization", "removed member", "member removed just now", BESIDE),
    *("key of another organization", "key without organization", "key without the scope"),
)
KEYS_ALONE = ("/create-user",)  # which look at no token
ECHOES = ("/welcome-form/submit",)  # what was sent comes back


def aimed(route: Route, company: Company) -> tuple[Route, dict[str, Any]]:
    """The route, and a body in all spellings, aimed at an organization, a member and an agent of it."""
    target, agent = company.people["target"], next(iter(company.agents.values()))
    path = route[1].format(org_id=company.org_id, agent_id=agent.agent_id, number=agent.number)
    organization = {"orgId": company.org_id, "org_id": company.org_id, "organization_id": company.org_id}
    member = {"userId": target.user_id, "user_id": target.user_id, "email": target.email, "role": "Owner"}
    named = {"agent_name": agent.name, "agentName": agent.name, "phone_number": agent.number, "description": "Taken"}
    return (route[0], path), {**organization, **member, **named}


@pytest.mark.parametrize("route", LEGACY, ids=" ".join)
async def test_who_is_not_known_gets_401(stage: Stage, route: Route) -> None:
    there, body = aimed(route, stage.home)
    for caller in UNKNOWN:
        if caller == "malformed token beside a key" and route[1].endswith(KEYS_ALONE):
            continue
        answer = await stage.client.ask(there, await stage.headers(caller), body=body)
        assert answer.status == 401, caller


@pytest.mark.parametrize("route", LEGACY, ids=" ".join)
async def test_who_does_not_belong_there_learns_nothing_and_changes_nothing(stage: Stage, route: Route) -> None:
    there, body = aimed(route, stage.home)
    watch = Watch(stage.client.world, [stage.home])
    sent = set(body.values()) if route[1].endswith(ECHOES) else set()
    for caller in STRANGERS:
        headers = await stage.headers(caller)
        params = {"email": body["email"], "organization_id": stage.home.org_id}
        answer = await stage.client.ask(there, headers, params, body)
        told = [text for text in stage.home.told if text in answer.text and text not in sent]
        assert (answer.status < 500, told) == (True, []), f"{caller}: {answer.status}"
    assert watch.changes() == []
    _forget_forms(stage)


def _forget_forms(stage: Stage) -> None:
    """What strangers filled in names the organization, which others must not be told of."""
    fields = {"welcome_form_data": "", "welcome_form_completed": ""}
    users = stage.client.world.database["users"]
    users.update_many({"welcome_form_data.org_id": stage.home.org_id}, {"$unset": fields})
