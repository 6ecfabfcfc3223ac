"""An agent that is changed all the time is read whole: never half of one revision and half of another."""

import asyncio
from itertools import count
from typing import Any

import pytest

from tests.agents.conftest import Made
from tests.delivery.conftest import Runner, active, done, noted, refused, runner
from tests.world import World

READERS = 20
REVISIONS = 12


def marked(mark: object) -> dict[str, Any]:
    """Fields of the agent and of what is kept beside it, keys included, all with the same mark."""
    text = f"mark-{mark}"
    groups = {"tts_config": {"tts_api_key": text, "voice_id": text}, "stt_config": {"api_key": text, "language": text}}
    own = {"name": text, "chatbot_key": text, "initial_message": text, "reason": text}
    return {**own, **groups, "conversation": {"system_prompt": text, "nudge_text": text}}


def marks(body: dict[str, Any]) -> set[str]:
    speech, recognition, conversation = body["tts_config"], body["stt_config"], body["conversation"]
    return {
        *(body["name"], body["chatbot_key"], body["initial_message"]),
        *(speech["tts_api_key"], speech["voice_id"], recognition["api_key"], recognition["language"]),
        *(conversation["system_prompt"], conversation["nudge_text"]),
    }


@pytest.fixture
async def service(world: World) -> Runner:
    return await runner(world)


async def test_twenty_readers_never_get_a_mix_of_two_revisions(home, service) -> None:
    made = await active(home)
    await done(made, "PATCH", json=marked(0))
    at, over = made.shown["phone_number"], asyncio.Event()
    bodies: dict[str, bytes] = {}
    statuses: list[int] = []

    async def read() -> None:
        etag, last = None, 0
        for turn in count():
            if over.is_set() and turn > 1:
                return
            answer = await (service.run(made, etag) if turn % 2 else service.answer(at, etag))
            statuses.append(answer.status_code)
            if answer.status_code != 200:
                assert answer.status_code == 304
                continue
            [mark] = marks(answer.json())
            number = int(mark.removeprefix("mark-"))
            assert number >= last
            etag, last = answer.headers["etag"], number
            assert bodies.setdefault(etag, answer.content) == answer.content

    readers = [asyncio.ensure_future(read()) for _ in range(READERS)]
    try:
        for number in range(1, REVISIONS + 1):
            await done(made, "PATCH", json=marked(number))
    finally:
        over.set()
        await asyncio.gather(*readers)

    assert set(statuses) <= {200, 304}
    assert len(bodies) > REVISIONS / 4
    assert len(noted(made)) == statuses.count(200)


async def between(made: Made, **fields: Any) -> None:
    """As if somebody had changed the agent after it was read, and before what is beside it was."""
    asked = {"agent_id": made.agent_id}
    later = {"revision": made.shown["revision"] + 1, "conversation.system_prompt": "later", **fields}
    made.team.world.database["agent_configurations"].update_one(asked, {"$set": later})


async def test_who_is_overtaken_by_a_change_gets_the_revision_that_was_begun_with(home, service) -> None:
    made = await active(home)
    await done(made, "PATCH", json=marked(1))
    before = await service.run(made)

    await between(made)

    after = await service.run(made)
    assert (after.status_code, after.headers["etag"]) == (200, before.headers["etag"])
    assert after.content == before.content


async def test_without_that_revision_the_same_call_works_later(world, home, service) -> None:
    made = await active(home)
    await between(made)
    world.database["agent_revisions"].delete_many({"agent_id": made.agent_id})

    answer = await service.run(made)

    assert refused(answer) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"
    assert noted(made) == []
    await between(made, revision=made.shown["revision"])
    assert (await service.run(made)).status_code == 200


async def test_readers_see_a_change_in_the_first_request_after_it(home, service) -> None:
    made = await active(home)
    for number in range(10):
        await done(made, "PATCH", json=marked(number))
        answers = await asyncio.gather(*(service.run(made) for _ in range(5)))
        assert [marks(answer.json()) for answer in answers] == [{f"mark-{number}"}] * 5
