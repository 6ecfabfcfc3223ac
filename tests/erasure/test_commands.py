"""`switchboard delete-user` and `anonymise-user`: all that is a person's goes, and only what the rules keep stays."""

import signal
from typing import Any
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.propelauth import PropelAuthEmulator
from switchboard.erasure import documents
from switchboard.erasure.model import nobody
from tests.erasure.conftest import Life, former_name
from tests.world import eventually

# What the registry says stays: it names the person by the id alone, but for mails and the log. Budgets last minutes.
NAMES_THE_ID = {"audit_log", "mirror_marks", "webhook_deliveries", "channels", "pending_invites", "request_budgets"}
TELLS_THE_ADDRESS = {"audit_log", "pending_invites"}
MANY = 30_000
WAYS = ("delete-user", "anonymise-user")


@pytest.mark.parametrize("way", WAYS)
async def test_while_propelauth_knows_the_person_nothing_is_done(life: Life, way: str) -> None:
    for dry_run in ([], ["--dry-run"]):
        before = life.telling(life.ada.user_id)
        ended = await life.command(way, *dry_run)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("PropelAuth still knows this person. Delete them there first:")
        assert life.telling(life.ada.user_id) == before


@pytest.mark.parametrize("way", WAYS)
async def test_a_dry_run_says_what_would_go_and_writes_nothing(life: Life, way: str) -> None:
    life.gone_there()
    with life.operator.untouched():
        previewed = await life.command(way, "--dry-run", "--json")
        lines = await life.command(way, "--dry-run")
    done = await life.command(way, "--json")

    assert (previewed.code, lines.code, done.code) == (0, 0, 0)
    assert {**previewed.report, "dry_run": False} == done.report
    assert (done.report["documents"], done.report["before_images"]) == (1, 2)
    told = {part["place"]: (part["documents"], part["becomes"]) for part in done.report["parts"]}
    assert told["calendar_events.calendar_id"] == told["calendar_events.user_id"] == (2, "removed")
    assert told["pending_invites.inviter_user_id"] == (1, "emptied")
    assert told["pending_invites.accepted_by"] == (1, "kept")
    for place in ("calendars", "calendar_connections", "calendar_consents", "working_hours", "user_organizations"):
        assert told[f"{place}.user_id"] == (1, "removed"), told
    assert "calendars.user_id\t1\tremoved\n" in lines.out
    assert lines.out.endswith("Nothing was written.\n")


async def test_deleting_leaves_the_id_only_where_the_registry_keeps_it(life: Life) -> None:
    bob, seats = life.of_bob(), life.org.counts
    life.gone_there()

    ended = await life.command("delete-user")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("The person is deleted.\n")
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID
    assert life.telling(life.ada.email).keys() <= TELLS_THE_ADDRESS
    assert life.telling(former_name(life.ada)) == {}
    assert life.of_bob() == bob
    assert life.org.counts == (seats[0], seats[1] - 1)
    assert life.world.database["pending_invites"].count_documents({"inviter_user_id": life.ada.user_id}) == 0


async def test_anonymising_leaves_nothing_that_says_who_it_was(life: Life) -> None:
    bob, invites = life.of_bob(), len(life.org.invites())
    stored = life.world.stored(life.ada)
    life.gone_there()

    ended = await life.command("anonymise-user")

    assert (ended.code, ended.err) == (0, "")
    assert life.telling(f"'{life.ada.email}'") == {}
    left = life.world.stored(life.ada)
    assert left == {
        **{name: stored[name] for name in ("_id", "user_id", "created_at")},
        "updated_at": left["updated_at"],
        "enabled": False,
    }
    assert left["updated_at"] > stored["updated_at"]
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID | {"users"}
    accepted = life.world.database["pending_invites"].find_one({"accepted_by": life.ada.user_id})
    assert accepted["invitee_email"] == accepted["email_key"] == nobody(life.ada.user_id)
    assert len(life.org.invites()) == invites
    assert {entry["actor"]["name"] for entry in life.org.entries() if entry["actor"]["id"] == life.ada.user_id} == {
        None
    }
    assert life.of_bob() == bob


async def test_what_others_still_read_of_the_organization_is_readable(life: Life) -> None:
    life.gone_there()
    await life.command("anonymise-user")
    headers = life.org.owner.headers
    for path in ("/audit", "/invites?status=accepted", "/members"):
        answer = await life.world.api.get(f"{life.org.at}{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert f'"{life.ada.email}"' not in answer.text


async def test_the_grant_is_taken_back_at_google_and_while_google_is_down_nothing_goes(life: Life) -> None:
    stored = life.world.stored(life.ada)
    life.gone_there()
    life.world.google.fail(Fault(path="/revoke", status=503, times=None))

    refused = await life.command("delete-user")

    assert (refused.code, refused.out) == (1, "")
    assert life.world.stored(life.ada) == stored
    life.world.google.emulator.faults.clear()
    assert (await life.command("delete-user")).code == 0
    asked = life.world.google.asked("/revoke")
    assert len(asked) >= 2
    assert life.world.database["users"].find_one({"user_id": life.ada.user_id}) is None


async def test_done_twice_it_finds_nothing_and_a_person_never_seen_is_nobody(life: Life) -> None:
    life.gone_there()
    await life.command("delete-user")
    life.world.database["audit_log"].delete_many({"$or": [{"actor.id": life.ada.user_id}]})
    for name in NAMES_THE_ID:
        for stored in life.telling(life.ada.user_id).get(name, []):
            life.world.database[name].delete_one({"_id": stored["_id"]})

    again = await life.command("delete-user")
    unknown = await life.operator.run("delete-user", "107346183461834618346", "--json")

    assert (again.code, again.out) == (0, "There is nothing of this person here.\n")
    assert (unknown.code, unknown.report["parts"]) == (0, [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_what_was_stopped_in_the_middle_is_finished_by_the_same_command(
    life: Life, way: str, how: signal.Signals
) -> None:
    """As long as the person's document is there, all that is left is found again."""
    hers = {"organizer_of_test": life.ada.user_id}
    bookings = life.world.database["bookings"]
    bookings.insert_many([{**hers, "user_id": life.ada.user_id, "event_id": uuid4().hex} for _ in range(MANY)])
    life.gone_there()

    process = await life.operator.start(way, life.ada.user_id)
    await eventually(lambda: bookings.count_documents(hers) < MANY)
    process.send_signal(how)
    stopped = await life.operator.end(process)

    assert stopped.code in (-signal.SIGKILL, 130)
    assert bookings.count_documents(hers) > 0
    assert life.world.stored(life.ada)["email"] == life.ada.email
    ended = await life.command(way)
    assert (ended.code, ended.err) == (0, "")
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID | {"users"}
    assert life.telling(f"'{life.ada.email}'").keys() <= (TELLS_THE_ADDRESS if way == "delete-user" else set())


async def test_with_the_keys_of_another_project_nobody_is_gone(life: Life) -> None:
    async with PropelAuthEmulator() as other:
        variables = {"PROPELAUTH_AUTH_URL": other.auth_url, "PROPELAUTH_API_KEY": other.api_key}
        variables |= {"PROPELAUTH_API_ADDRESS": other.url, "PROPELAUTH_VERIFIER_KEY": other.verifier_key_pem}
        ended = await life.operator.run("delete-user", life.ada.user_id, **variables)

    assert ended.code == 1
    assert ended.err.startswith("PropelAuth knows none of the organizations and people that are here")
    assert life.world.stored(life.ada)["email"] == life.ada.email


async def test_more_than_a_batch_goes_and_other_peoples_stay(life: Life, monkeypatch: Any) -> None:
    events = life.world.database["calendar_events"]
    events.insert_many([{"user_id": life.ada.user_id, "event_id": f"{life.ada.user_id}{n}"} for n in range(2500)])
    others = events.count_documents({"user_id": {"$ne": life.ada.user_id}})
    assert documents.BATCH < 2500
    life.gone_there()

    assert (await life.command("delete-user")).code == 0

    assert events.count_documents({"user_id": life.ada.user_id}) == 0
    assert events.count_documents({}) == others
