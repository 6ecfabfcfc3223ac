"""Changes without a version, and agents that begin to take calls as they did at the older service."""

import asyncio
from typing import Any

import pytest

from switchboard.agents.documents import AgentDocument
from switchboard.errors import PreconditionFailed
from tests.agents.conftest import key, number
from tests.legacy_agents.conftest import Old, new_name, refused, sent


def state(home: Old, called: str) -> tuple[str, bool, bool]:
    stored = home.document(called)
    return stored["status"], stored["ready"], stored["waits_to_be_ready"]


async def test_a_new_agent_takes_calls_as_soon_as_it_has_all_it_needs(home: Old) -> None:
    called = await home.made()
    assert state(home, called) == ("inactive", False, True)

    body = await home.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": number()})

    assert body["data"]["status"] == "active"
    assert state(home, called) == ("active", True, False)


async def test_a_new_agent_that_is_sent_complete_takes_calls_at_once(home: Old) -> None:
    called = await home.made(phone_number=number())

    assert state(home, called) == ("active", True, False)


async def test_a_new_agent_takes_calls_once_what_was_missing_is_sent(home: Old) -> None:
    called = await home.made(stt_config={"provider": "deepgram", "deepgram": {"api_key": key(), "language": "en"}})
    await home.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": number()})
    assert state(home, called) == ("inactive", False, True)

    await home.ok("POST", f"/agents/update/{called}", json={"stt_config": {"deepgram": {"model": "nova-3"}}})

    assert state(home, called) == ("active", True, False)


async def test_who_may_not_activate_makes_an_agent_that_waits_for_somebody_who_may(home: Old) -> None:
    called = new_name()
    await home.ok("POST", f"/agents/update/{called}", "editor", json=sent())
    agent_id = home.document(called)["agent_id"]
    etag = (await home.team.ask("owner", "GET", f"/{agent_id}")).headers["etag"]
    await home.team.ask("owner", "PATCH", f"/{agent_id}", etag=etag, json={"phone_number": number()})

    await home.ok("POST", f"/agents/update/{called}", "editor", json={"initial_message": "Ready?"})
    assert state(home, called) == ("inactive", True, True)

    await home.ok("POST", f"/agents/update/{called}", "admin", json={"initial_message": "Ready!"})
    assert state(home, called) == ("active", True, False)


async def test_without_its_number_an_agent_takes_no_calls_until_it_has_another(home: Old) -> None:
    called, _ = await home.working()

    await home.ok("DELETE", f"/agents/delete_phone/{called}")
    assert state(home, called) == ("inactive", False, True)
    await home.ok("DELETE", f"/agents/delete_phone/{called}")
    await home.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": number()})

    assert state(home, called) == ("active", True, False)


async def test_what_was_deactivated_on_the_new_pages_stays_so(home: Old) -> None:
    called, _ = await home.working()
    agent_id = home.document(called)["agent_id"]
    etag = (await home.team.ask("owner", "GET", f"/{agent_id}")).headers["etag"]
    await home.team.ask("owner", "POST", f"/{agent_id}/deactivate", etag=etag)

    await home.ok("POST", f"/agents/update/{called}", json={"initial_message": "Changed"})
    await home.ok("DELETE", f"/agents/delete_phone/{called}")
    await home.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": number()})

    assert state(home, called) == ("inactive", True, False)


async def test_an_agent_that_waits_and_is_deactivated_on_the_new_pages_waits_no_more(home: Old) -> None:
    called = await home.made()
    agent_id = home.document(called)["agent_id"]
    etag = (await home.team.ask("owner", "GET", f"/{agent_id}")).headers["etag"]
    await home.team.ask("owner", "POST", f"/{agent_id}/deactivate", etag=etag)

    await home.ok("POST", f"/agents/add_phonenumber/{called}", json={"phone_number": number()})

    assert state(home, called) == ("inactive", True, False)


async def test_an_agent_of_the_new_pages_is_not_activated_by_a_change_of_the_older_ones(home: Old) -> None:
    made = await home.team.made(phone_number=None)

    await home.ok("POST", f"/agents/add_phonenumber/{made.agent_id}", json={"phone_number": number()})

    (stored,) = home.team.stored("agents", agent_id=made.agent_id)
    assert (stored["status"], stored["ready"]) == ("inactive", True)


async def test_a_restored_agent_waits_for_nothing(home: Old) -> None:
    called = await home.made()
    agent_id = home.document(called)["agent_id"]
    await home.ok("DELETE", f"/agents/delete/{called}")
    await home.team.ask("owner", "POST", f"/{agent_id}/restore")

    await home.ok("POST", f"/agents/add_phonenumber/{agent_id}", json={"phone_number": number()})

    (stored,) = home.team.stored("agents", agent_id=agent_id)
    assert (stored["status"], stored["legacy_id"], stored["waits_to_be_ready"]) == ("inactive", None, False)


async def test_a_change_that_would_leave_an_active_agent_unable_is_refused(home: Old) -> None:
    called, _ = await home.working()
    body = {"tts_config": {"provider": "openai", "openai": {"api_key": key(), "voice": "nobody", "model": "tts-1"}}}

    answer = await home.ask("POST", f"/agents/update/{called}", json=body)

    assert (refused(answer)[0], answer.json()["code"]) == (409, "agent_not_ready")


async def test_many_who_make_one_agent_at_once_make_one_and_all_their_changes_are_kept(home: Old) -> None:
    called = new_name()
    texts = {"nudge_text": "a", "system_prompt": "b", "model_name": "c", "model_provider": "d", "initial_message": "e"}

    answers = await asyncio.gather(
        *(
            home.ask("POST", f"/agents/update/{called}", json={**_plain(sent()), name: text})
            for name, text in texts.items()
        )
    )

    assert {each.status_code for each in answers} == {200}, [each.text for each in answers]
    body = await home.ok("GET", f"/agents/info/{called}")
    assert {name: body[name] for name in texts} == texts
    assert home.document(called)["revision"] == len(texts)


def _plain(whole: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in ("chatbot_api", "chatbot_key", "tts_config", "stt_config")}


async def test_somebody_who_is_faster_every_time_leads_to_503(home: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    called = await home.made()

    async def never(*_: object) -> None:
        raise PreconditionFailed

    monkeypatch.setattr(AgentDocument, "change", never)
    answer = await home.ask("POST", f"/agents/update/{called}", json={"initial_message": "Changed"})

    assert refused(answer)[0] == 503
    assert "retry-after" in answer.headers


async def test_a_repeated_update_with_an_idempotency_key_is_answered_as_before(home: Old) -> None:
    path, once = f"/agents/update/{new_name()}", {"Idempotency-Key": key()}
    headers = {**home.team.people["owner"].headers, **once}
    whole = sent()

    first, again = [await home.ask("POST", path, headers=headers, json=whole) for _ in range(2)]

    assert (first.status_code, first.json()) == (200, again.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_changes_stand_in_history_audit_log_and_feed_like_any_other(home: Old) -> None:
    called, _ = await home.working()
    await home.ok("DELETE", f"/agents/delete/{called}")

    (deleted,) = home.team.entries("agent.deleted")[-1:]
    agent_id = deleted["target"]["id"]
    actions = [each["action"] for each in home.team.entries() if each["target"]["id"] == agent_id]

    assert actions == ["agent.created", "agent.updated", "agent.activated", "agent.deleted"]
    assert [each["number"] for each in home.team.stored("agent_revisions", agent_id=agent_id)] == [1, 2]
    changes = home.world.database["agent_changes"].find({"agent_id": agent_id}, sort=[("_id", 1)])
    assert [each["kinds"] for each in changes] == [["created"], ["configuration"], ["status"], ["deleted"]]
