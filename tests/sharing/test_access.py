"""What an organization that was given an agent sees and may do, and that it ends with the next request."""

from typing import Any

import pytest

from switchboard.configurations.model import MASK
from tests.agents.conftest import Made, Teams, key, keys_of, number
from tests.organizations.conftest import refused

ADDRESS = "https://bot.northwind.example/chat?token=in-the-query"
OWNERS_ALONE: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", "", {"phone_number": None}),
    ("PATCH", "", {"phone_number": "+493012345678"}),
    ("POST", "/activate", None),
    ("POST", "/deactivate", None),
    ("DELETE", "", None),
    ("GET", "/grants", None),
    ("POST", "/grants", {"org_id": "x", "access": "use"}),
    ("PATCH", "/grants/x", {"access": "use"}),
    ("DELETE", "/grants/x", None),
)
HISTORY = (
    *("/revisions", "/revisions/1", "/revisions/1/differences?to=1"),
    "/revisions/in-force?as_of=2099-01-01T00:00:00Z",
)


async def shared(team: Teams, access: str) -> tuple[Made, Made]:
    """An agent as its owner has it, and as another organization was given it."""
    here, there = await team(), await team()
    made = await here.made(chatbot_api=ADDRESS)
    return made, await made.given(there, access)


async def test_use_shows_no_mask_and_no_query_of_the_address(team: Teams) -> None:
    made, given = await shared(team, "use")

    assert keys_of(given.shown) == [None, None, None]
    assert given.shown["chatbot_api"] == "https://bot.northwind.example/chat"
    own = {"access", "chatbot_key", "chatbot_api", "tts_config", "stt_config"}
    assert {**given.shown, **dict.fromkeys(own)} == {**made.shown, **dict.fromkeys(own)}
    assert given.shown["tts_config"] == {**made.shown["tts_config"], "tts_api_key": None}
    assert MASK not in str(given.shown)


async def test_edit_shows_what_the_owner_sees(team: Teams) -> None:
    made, given = await shared(team, "edit")

    assert given.shown == {**made.shown, "access": "edit"}
    assert keys_of(given.shown)[0].startswith(MASK)


async def test_each_access_has_etags_of_its_own_so_that_no_cache_shows_more(team: Teams) -> None:
    made, given = await shared(team, "use")

    for each, other in ((made, given), (given, made)):
        assert (await each.ask("member", "GET", headers={"If-None-Match": each.etag})).status_code == 304
        assert (await each.ask("member", "GET", headers={"If-None-Match": other.etag})).status_code == 200
    await made.ok("owner", "PATCH", f"/grants/{given.team.org_id}", json={"access": "edit"})
    after = await given.ask("member", "GET", headers={"If-None-Match": given.etag})
    assert (after.status_code, after.json()["access"]) == (200, "edit")


async def test_use_changes_nothing_and_has_no_history(team: Teams) -> None:
    made, given = await shared(team, "use")
    before = made.stored()

    for body in ({"name": "Mine"}, {"chatbot_key": key()}, {}):
        assert refused(await given.ask("owner", "PATCH", json=body)) == (403, "use_only")
    assert refused(await given.ask("owner", "POST", "/revisions/1/restore")) == (403, "use_only")
    for path in HISTORY:
        assert refused(await given.ask("owner", "GET", path)) == (403, "use_only")
    assert (await given.ask("member", "GET", "/readiness")).status_code == 200
    assert made.stored() == before


@pytest.mark.parametrize("access", ["use", "edit"])
async def test_number_status_deletion_and_sharing_are_the_owners(team: Teams, access: str) -> None:
    made, given = await shared(team, access)
    before = made.stored()

    for method, path, body in OWNERS_ALONE:
        expected = "use_only" if access == "use" and path == "" and method == "PATCH" else "not_the_owner"
        assert refused(await given.ask("owner", method, path, json=body)) == (403, expected), (method, path)
    assert made.stored() == before
    await made.ok("owner", "DELETE")
    assert refused(await given.ask("owner", "POST", "/restore")) == (403, "not_the_owner")
    assert made.stored()["status"] == "deleted"


async def test_edit_changes_the_configuration_keys_included_and_reads_the_history(team: Teams) -> None:
    made, given = await shared(team, "edit")
    secret = key()

    await given.ok("editor", "PATCH", json={"name": "Theirs", "chatbot_key": secret})
    await given.ok("editor", "PATCH", json={"name": "Theirs still", "phone_number": made.shown["phone_number"]})
    await given.ok("editor", "POST", "/revisions/2/restore")

    assert (made.opened()[0], made.stored()["name"], made.stored()["org_id"]) == (secret, "Theirs", made.team.org_id)
    for path in HISTORY:
        assert (await given.ask("member", "GET", path)).status_code == 200, path
    await made.ok("owner", "GET")
    assert (made.shown["name"], made.shown["revision"]) == ("Theirs", 4)


async def test_edit_takes_the_rights_of_an_editor_in_ones_own_organization(team: Teams) -> None:
    _, given = await shared(team, "edit")

    assert refused(await given.ask("member", "PATCH", json={"name": "x"})) == (403, "missing_permission")


async def test_edit_cannot_send_a_key_of_the_owner_anywhere_else(team: Teams) -> None:
    made, given = await shared(team, "edit")
    elsewhere: tuple[Any, ...] = (
        {"chatbot_api": "https://evil.example/"},
        {"tts_config": {"provider": "evil"}},
        {"stt_config": {"provider": "evil", "options": {"url": "https://evil.example/"}}},
    )
    for body in elsewhere:
        assert refused(await given.ask("owner", "PATCH", json=body)) == (422, "key_needed_again")
    await made.ok("owner", "PATCH", json={"chatbot_api": "https://new.example/", "chatbot_key": key()})
    await given.ok("owner", "GET")
    await given.ok("owner", "POST", "/revisions/1/restore")  # back where it was entered for
    assert made.stored()["chatbot_api"] == ADDRESS


@pytest.mark.parametrize("access", ["use", "edit"])
async def test_taken_away_is_gone_with_the_next_request_etags_and_lists_included(team: Teams, access: str) -> None:
    made, given = await shared(team, access)
    has = {"If-None-Match": given.etag}
    assert (await given.ask("member", "GET", headers=has)).status_code == 304

    await made.ok("owner", "DELETE", f"/grants/{given.team.org_id}")

    gone = (404, "agent_not_found")
    assert refused(await given.ask("member", "GET", headers=has)) == gone
    assert refused(await given.ask("member", "GET", headers={"If-None-Match": "*"})) == gone
    assert refused(await given.ask("owner", "PATCH", json={"name": "Late"})) == gone
    for method, path, body in OWNERS_ALONE:
        assert refused(await given.ask("owner", method, path, json=body)) == gone, path
    for path in ("/readiness", *HISTORY):
        assert refused(await given.ask("owner", "GET", path)) == gone
    for path in ("/copy", "/restore", "/revisions/1/restore"):
        assert refused(await given.ask("owner", "POST", path)) == gone
    for query in ({}, {"status": "deleted"}, {"number": made.shown["phone_number"]}, {"name": "Rec"}):
        assert (await given.team.ask("owner", "GET", params=query)).json()["agents"] == []
    assert made.stored()["name"] == "Reception"


async def test_a_version_that_was_read_before_access_was_lowered_writes_nothing(team: Teams) -> None:
    made, given = await shared(team, "edit")

    await made.ok("owner", "PATCH", f"/grants/{given.team.org_id}", json={"access": "use"})

    assert refused(await given.ask("owner", "PATCH", json={"name": "Late"})) == (403, "use_only")


async def test_authors_of_another_organization_are_told_without_their_names(team: Teams) -> None:
    made, given = await shared(team, "edit")
    await given.ok("owner", "PATCH", json={"name": "Theirs"})
    await made.ok("owner", "GET")
    await made.ok("owner", "PATCH", json={"name": "Ours"})
    ours, theirs = made.team.people["owner"], given.team.people["owner"]

    for each, own in ((made, ours), (given, theirs)):
        rows = (await each.ask("member", "GET", "/revisions")).json()["revisions"]
        assert [row["author"]["id"] for row in rows] == [ours.user_id, theirs.user_id, ours.user_id]
        names = [person.email if person is own else None for person in (ours, theirs, ours)]
        assert [row["author"]["name"] for row in rows] == names
        for row, name in zip(rows, names, strict=True):
            one = (await each.ask("member", "GET", f"/revisions/{row['number']}")).json()
            assert one["author"]["name"] == name
            stranger = theirs if own is ours else ours
            assert stranger.email not in str(one)


async def test_a_change_by_a_grantee_is_in_both_logs_and_one_by_the_owner_in_its_own(team: Teams) -> None:
    made, given = await shared(team, "edit")
    await given.ok("owner", "PATCH", json={"name": "Theirs"})
    await made.ok("owner", "GET")
    await made.ok("owner", "PATCH", json={"name": "Ours", "phone_number": number()})

    ours, theirs = made.team.entries("agent.updated"), given.team.entries("agent.updated")
    assert [each["after"]["name"] for each in ours] == ["Theirs", "Ours"]
    assert [each["after"]["name"] for each in theirs] == ["Theirs"]
    stranger = given.team.people["owner"]
    assert [each["actor"]["name"] for each in ours] == [None, made.team.people["owner"].email]
    assert (theirs[0]["actor"]["name"], ours[0]["actor"]["id"]) == (stranger.email, stranger.user_id)


async def test_a_grant_to_one_is_none_to_another(team: Teams) -> None:
    made, _ = await shared(team, "edit")
    third = await team()

    assert refused(await third.ask("owner", "GET", f"/{made.agent_id}")) == (404, "agent_not_found")
    other = await made.team.made()
    assert refused(await third.ask("owner", "GET", f"/{other.agent_id}")) == (404, "agent_not_found")
