"""A person goes through everything on the earlier paths alone, against the whole stack as `scripts/dev` starts it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.devstack.stack.test_start_and_stop import ANY_PORTS, data, started

__all__ = ["data"]  # a fixture

EVENT = {
    "summary": "Check-up",
    "start": {"dateTime": "2030-01-07T09:00:00"},
    "end": {"dateTime": "2030-01-07T09:30:00"},
}
AGENT = {
    "chatbot_api": "https://bot.northwind.example/chat",
    "chatbot_key": "chatbot-key-of-the-tour",
    "tts_config": {
        "provider": "cartesian",
        "cartesian": {"voice_id": "anna", "tts_api_key": "k" * 20, "model": "sonic-2"},
    },
    "stt_config": {"provider": "deepgram", "deepgram": {"api_key": "d" * 20, "model": "nova-3", "language": "en"}},
    "initial_message": "Good morning!",
}


@pytest.fixture
def stack(data: Path) -> dict[str, Any]:
    return started(data, *ANY_PORTS)


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.timeout(120)
def test_from_the_sign_in_to_an_agent_that_takes_calls(stack: dict[str, Any]) -> None:
    person = stack["people"]["admin"]
    headers = {"Authorization": f"Bearer {person['token']}"}
    with httpx.Client(base_url=stack["addresses"]["api"], headers=headers, trust_env=False, timeout=20) as api:
        signed_in = ok(httpx.post(f"{api.base_url}/api/v1/auth/callback", json={"access_token": person["token"]}))
        assert (signed_in["success"], signed_in["user_id"]) == (True, person["user_id"])
        assert ok(api.get("/api/v1/auth/user"))["has_calendar_access"] is True

        assert ok(api.get("/api/v1/welcome-form/status")) == {"has_completed_welcome_form": False}
        form = {"is_doctor": False, "first_name": "Arjun", "aliases": []}
        assert ok(api.post("/api/v1/welcome-form/submit", json=form))["welcome_form_data"] == form
        assert ok(api.get("/calendar-api/welcome-form/status")) == {"has_completed_welcome_form": True}

        assert ok(api.post("/api/v1/buy-service"))["redirect_url"].startswith("http")
        assert ok(api.get("/api/v1/calendar/access")) == {"has_calendar_access": True}
        shown = ok(api.get("/calendar-api/calendar/events"))
        assert shown["calendars"]
        assert shown["events"]
        assert ok(api.post("/api/v1/calendar/events", json=EVENT))["event"]["start"]["timeZone"] == shown["timezone"]

        org_id = ok(api.post("/api/org/create-org", json={"orgName": "Hafen Praxis"}))["data"]["orgId"]
        invited = {"orgId": org_id, "email": "nina.berg@hafen.example", "role": "Member"}
        assert ok(api.post("/api/org/invite-user", json=invited))["success"] is True
        pending = ok(api.post("/api/org/fetch-pending-invites", json={"orgId": org_id}))["data"]["invites"]
        assert [each["inviteeEmail"] for each in pending] == ["nina.berg@hafen.example"]

        ok(api.post("/api/agents/update/Front desk", json={**AGENT, "organization_id": org_id}))
        ok(api.post("/api/agents/set_phone/Front desk", json={"phone_number": "+493055512345"}))
        found = ok(api.get("/api/agents/by_phone/+493055512345"))["agent"]
        assert (found["name"], found["status"]) == ("Front desk", "active")
        assert found["chatbot_key"] == "••••••••tour"
        assert [each["agentId"] for each in ok(api.get(f"/api/agents/by-org/{org_id}"))["data"]] == ["Front desk"]
