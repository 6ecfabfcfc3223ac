"""Activating and deactivating, deleting and restoring."""

from tests.agents.conftest import Made, Teams, key, number
from tests.organizations.conftest import refused

ROUTES = (
    *(("GET", ""), ("GET", "/readiness"), ("PATCH", ""), ("DELETE", ""), ("POST", "/copy")),
    *(("POST", "/activate"), ("POST", "/deactivate"), ("GET", "/grants"), ("POST", "/grants")),
    *(("GET", "/revisions"), ("GET", "/revisions/1"), ("GET", "/revisions/in-force")),
    *(("GET", "/revisions/1/differences"), ("POST", "/revisions/1/restore")),
    *(("PATCH", "/grants/other"), ("DELETE", "/grants/other")),
)
BODIES = {"PATCH": {"name": "x"}, "POST /grants": {"org_id": "x", "access": "use"}, "PATCH /grants/other": {}}
QUERIES = {"/revisions/in-force": {"as_of": "2030-01-01T00:00:00Z"}, "/revisions/1/differences": {"to": 1}}


async def deleted(made: Made) -> Made:
    await made.ok("owner", "DELETE")
    return made


async def test_an_agent_is_activated_once_it_is_ready_and_not_before(team: Teams) -> None:
    here = await team()
    made = await here.made(phone_number=None, tts_config={"voice_id": "anna", "tts_api_key": key()})

    answer = await made.ask("admin", "POST", "/activate")

    assert refused(answer) == (409, "agent_not_ready")
    assert {each["field"] for each in answer.json()["errors"]} == {"phone_number", "tts_config.model"}
    assert made.stored()["status"] == "inactive"
    await made.ok("owner", "PATCH", json={"phone_number": number(), "tts_config": {"model": "sonic-2"}})
    await made.ok("admin", "POST", "/activate")
    assert (made.shown["status"], made.stored()["status"]) == ("active", "active")
    assert made.shown["revision"] == 2  # the configuration is the same
    assert here.entries()[-1]["action"] == "agent.activated"


async def test_the_report_says_what_is_missing_and_reading_it_changes_nothing(team: Teams, names) -> None:
    made = await (await team()).made(phone_number=None)
    before = made.stored()

    report = (await made.ask("member", "GET", "/readiness")).json()

    found = [(each["code"], each["severity"], each["field"]) for each in report["findings"]]
    assert found == [
        ("phone_number_missing", "error", "phone_number"),
        ("endpoint_unresolved", "warning", "chatbot_api"),
    ]
    assert (report["ready"], made.stored()) == (False, before)
    names["bot.northwind.example"] = ["93.184.215.14"]
    assert len((await made.ask("member", "GET", "/readiness")).json()["findings"]) == 1


async def test_an_address_that_has_become_private_keeps_an_agent_from_being_activated(team: Teams, names) -> None:
    made = await (await team()).made()
    names["bot.northwind.example"] = ["93.184.215.14", "192.168.0.1"]

    answer = await made.ask("owner", "POST", "/activate")

    assert refused(answer) == (409, "agent_not_ready")
    assert [each["field"] for each in answer.json()["errors"]] == ["chatbot_api"]


async def test_what_is_done_twice_is_done_once(team: Teams) -> None:
    here = await team()
    made = await here.made()
    for path, action in (("/deactivate", None), ("/activate", "agent.activated"), ("/deactivate", "agent.deactivated")):
        first = await made.ask("owner", "POST", path)
        again = await made.ask("owner", "POST", path)
        assert (first.status_code, first.content, first.headers["etag"]) == (200, again.content, again.headers["etag"])
        assert not action or [each["action"] for each in here.entries()].count(action) == 1
    assert len(here.entries()) == 3


async def test_a_deleted_agent_is_gone_on_every_route_for_all_who_had_it(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    given = await made.given(there, "edit")
    await deleted(made)

    for each in (made, given):
        for method, path in ROUTES:
            body = {"json": BODIES.get(f"{method} {path}", BODIES.get(method) if not path else None)}
            body = {"json": {"access": "use"}} if method == "PATCH" and path else body
            answer = await each.ask("owner", method, path, params=QUERIES.get(path), **body)
            assert refused(answer) == (410, "agent_deleted"), (method, path)
    stored = made.stored()
    assert (stored["status"], stored["deleted_at"]) == ("deleted", stored["updated_at"])


async def test_an_active_agent_may_be_deleted_and_frees_its_number_at_once(team: Teams) -> None:
    here, there = await team(), await team()
    made = await here.made()
    await made.ok("owner", "POST", "/activate")
    await deleted(made)

    other = await there.made(phone_number=made.shown["phone_number"])

    assert other.shown["phone_number"] == made.stored()["phone_number"]
    last = here.entries()[-1]
    assert (last["action"], last["before"]["phone_number"]) == ("agent.deleted", made.shown["phone_number"])


async def test_a_restored_agent_is_inactive_and_as_it_was(team: Teams) -> None:
    here = await team()
    made = await here.made()
    before = made.shown
    await made.ok("owner", "POST", "/activate")
    await deleted(made)

    await made.ok("admin", "POST", "/restore")

    assert made.shown == {**before, "updated_at": made.shown["updated_at"]}
    assert "deleted_at" in made.stored()
    assert made.stored()["deleted_at"] is None
    assert here.entries()[-1]["action"] == "agent.restored"
    assert refused(await made.ask("owner", "POST", "/restore")) == (409, "agent_not_deleted")
    await made.ok("owner", "POST", "/activate")


async def test_an_agent_whose_number_is_taken_is_restored_without_it(team: Teams) -> None:
    here, there = await team(), await team()
    made = await deleted(await here.made())
    other = await there.made(phone_number=made.shown["phone_number"], name="Secret project")

    answer = await made.ask("owner", "POST", "/restore", json={})
    assert refused(answer) == (409, "phone_number_taken")
    assert not any(each in answer.text for each in (other.agent_id, there.org_id, "Secret"))
    assert made.stored()["status"] == "deleted"

    await made.ok("owner", "POST", "/restore", json={"without_number": True})

    assert (made.shown["phone_number"], made.shown["ready"], made.shown["status"]) == (None, False, "inactive")
    assert here.entries()[-1]["after"] == {"name": "Reception", "phone_number": None}
    last = made.revisions()[-1]
    assert (last["number"], last["configuration"]["phone_number"], bool(last["reason"])) == (2, None, True)
    assert made.stored()["phone_number"] is None
    assert made.stored("agent_configurations")["revision"] == 2


async def test_without_a_number_there_is_none_to_leave_out(team: Teams) -> None:
    made = await deleted(await (await team()).made(phone_number=None))

    await made.ok("owner", "POST", "/restore", json={"without_number": True})

    assert (made.shown["status"], len(made.revisions())) == ("inactive", 1)


async def test_a_number_that_is_free_again_comes_back(team: Teams) -> None:
    here = await team()
    made = await deleted(await here.made())
    other = await deleted(await here.made(phone_number=made.shown["phone_number"]))

    await other.ok("owner", "POST", "/restore")
    assert refused(await made.ask("owner", "POST", "/restore")) == (409, "phone_number_taken")
    await deleted(other)
    await made.ok("owner", "POST", "/restore")

    assert made.shown["phone_number"] == other.stored()["phone_number"]


async def test_what_makes_no_sense_restores_nothing(team: Teams) -> None:
    made = await deleted(await (await team()).made())

    for body in ({"without_number": "perhaps"}, {"unknown": 1}, []):
        assert refused(await made.ask("owner", "POST", "/restore", json=body)) == (422, "invalid")
    assert made.stored()["status"] == "deleted"
