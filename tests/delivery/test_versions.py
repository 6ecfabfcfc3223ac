"""ETags: the same as long as nothing changed, and another one at once when anything did."""

import re
from collections.abc import Awaitable, Callable

import pytest

from tests.agents.conftest import Made, Team, key, number
from tests.delivery.conftest import Runner, active, done, fresh, refused, runner, share
from tests.world import World

Factory = Callable[[], Awaitable[Team]]


@pytest.fixture
async def service(world: World) -> Runner:
    return await runner(world)


async def patched(made: Made, **fields: object) -> None:
    await done(made, "PATCH", json=fields)


async def restored(made: Made) -> None:
    await patched(made, initial_message="another")
    await done(made, "POST", "/revisions/1/restore")


async def off_and_on(made: Made) -> None:
    await done(made, "POST", "/deactivate")
    await done(made, "POST", "/activate")


async def deleted_and_back(made: Made) -> None:
    await done(made, "DELETE")
    made.shown = (await made.ask("owner", "POST", "/restore")).json()
    await done(made, "POST", "/activate")


CHANGES: dict[str, Callable[[Made], Awaitable[None]]] = {
    "a field": lambda made: patched(made, initial_message="Good evening!"),
    "its name": lambda made: patched(made, name="Night desk"),
    "its number": lambda made: patched(made, phone_number=number()),
    "a field of a group": lambda made: patched(made, conversation={"max_nudges": 2}),
    "an option": lambda made: patched(made, tts_config={"options": {"gender": "male"}}),
    "the chatbot's key": lambda made: patched(made, chatbot_key=key()),
    "the key for speech": lambda made: patched(made, tts_config={"tts_api_key": key()}),
    "the key for recognition": lambda made: patched(made, stt_config={"api_key": key()}),
    "another provider": lambda made: patched(
        made, tts_config={"provider": "openai", "tts_api_key": key(), "voice_id": "nova", "model": "tts-1"}
    ),
    "a revision restored": restored,
    "deactivated and activated": off_and_on,
    "deleted and restored": deleted_and_back,
}
STRONG = re.compile(r'"[\x21\x23-\x7e]+"')


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_gives_another_etag_at_once(home, service, change) -> None:
    made = await active(home)
    before = await service.run(made)
    etag = before.headers["etag"]
    assert (await service.run(made, etag)).status_code == 304

    await change(made)

    after = await service.run(made, etag)
    assert after.status_code == 200
    assert after.headers["etag"] != etag
    assert after.content != before.content
    assert (await service.run(made, after.headers["etag"])).status_code == 304
    at = made.shown["phone_number"]
    assert (await service.answer(at, etag)).content == after.content
    assert (await service.answer(at, after.headers["etag"])).status_code == 304


async def test_each_change_of_its_sharing_gives_another_etag(team: Factory, service) -> None:
    made, other = await active(await team()), await team()
    etags = [(await service.run(made)).headers["etag"]]
    for method, path, body in (
        ("POST", "/grants", {"org_id": other.org_id, "access": "use"}),
        ("PATCH", f"/grants/{other.org_id}", {"access": "edit"}),
        ("PATCH", f"/grants/{other.org_id}", {"access": "use"}),
        ("DELETE", f"/grants/{other.org_id}", None),
    ):
        await done(made, method, path, json=body)
        answer = await service.run(made, ", ".join(etags))
        assert answer.status_code == 200, path
        etags.append(answer.headers["etag"])
    assert len(set(etags)) == 5


async def test_what_changes_nothing_leaves_etag_and_body_as_they_are(team: Factory, service) -> None:
    made, other = await active(await team(), initial_message="Hi"), await team()
    await share(made, other)
    before = await service.run(made)

    await done(made, "PATCH", json={"initial_message": "Hi", "chatbot_key": made.shown["chatbot_key"]})
    await done(made, "POST", "/activate")
    await done(made, "POST", "/grants", json={"org_id": other.org_id, "access": "use"})
    await done(made, "GET", "/readiness")
    refusals = [await made.ask("owner", "PATCH", json={"chatbot_api": "http://x"}), await made.ask("member", "DELETE")]
    await active(made.team)

    assert [answer.status_code for answer in refusals] == [422, 403]
    after = await service.run(made)
    assert (after.headers["etag"], after.content) == (before.headers["etag"], before.content)
    assert (await service.run(made, before.headers["etag"])).status_code == 304


async def test_the_etag_is_strong_and_304_has_the_same_headers_and_no_body(home, service) -> None:
    made = await active(home)
    answer = await service.run(made)
    etag = answer.headers["etag"]
    assert STRONG.fullmatch(etag)

    same = await service.run(made, etag)

    assert (same.status_code, same.content) == (304, b"")
    assert "content-type" not in same.headers
    own = {"x-request-id", "date", "content-length", "content-type"}
    assert {name: text for name, text in same.headers.items() if name not in own} == {
        name: text for name, text in answer.headers.items() if name not in own
    }
    assert answer.headers["cache-control"] == "private, no-cache"


NAMING = ("*", "{}", "W/{}", '"x", {}', '{}, "x"', 'W/"x",{}', '"x" , ,W/{},"y"')
NOT_NAMING = ('"x"', 'W/"x"', "", "x", '"', '{} "x"', '"*"', "w/{}", "{}x", '*, "x"', "'{}'")


async def test_if_none_match_may_name_several_or_any(home, service) -> None:
    made = await active(home)
    etag = (await service.run(made)).headers["etag"]

    named = {header: (await service.run(made, header.format(etag))).status_code for header in NAMING}
    others = {header: (await service.run(made, header.format(etag))).status_code for header in NOT_NAMING}
    bare = await service.run(made, etag.strip('"'))

    assert named == dict.fromkeys(NAMING, 304)
    assert others == dict.fromkeys(NOT_NAMING, 200)
    assert bare.status_code == 200


async def test_who_has_a_version_learns_all_the_same_that_the_agent_takes_no_calls(home, service) -> None:
    made = await active(home)
    at = made.shown["phone_number"]
    etag = (await service.run(made)).headers["etag"]

    await done(made, "POST", "/deactivate")
    for has in (None, "*", etag):
        for answer in (await service.run(made, has), await service.answer(at, has)):
            assert refused(answer) == (409, "agent_inactive")
            assert "etag" not in answer.headers

    await done(made, "DELETE")
    for has in (None, "*", etag):
        assert refused(await service.run(made, has)) == (410, "agent_deleted")
        assert refused(await service.answer(at, has)) == (404, "agent_not_found")

    made.shown = (await made.ask("owner", "POST", "/restore")).json()
    assert refused(await service.run(made, etag)) == (409, "agent_inactive")
    await fresh(made)
    await done(made, "POST", "/activate")
    assert (await service.run(made, etag)).status_code == 200


async def test_two_agents_share_no_etag(home, service) -> None:
    here = home
    one, other = await active(here), await active(here)

    assert (await service.run(one, (await service.run(other)).headers["etag"])).status_code == 200
