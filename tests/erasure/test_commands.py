"""`switchboard delete-user` and `anonymise-user`: all that is a person's goes, and only what the rules keep stays."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from devstack.emulator import Fault
from devstack.propelauth import PropelAuthEmulator
from switchboard.erasure import documents
from switchboard.erasure.model import nobody
from tests.bookings.conftest import span
from tests.erasure.conftest import Life, Start, former_name, times
from tests.fail_points import failing, held_up
from tests.operators import Operator
from tests.world import World, environment_of, eventually

# Where the id of somebody who is gone may stand, and no name: what the registry keeps. Budgets last minutes.
NAMES_THE_ID = {
    *("audit_log", "agent_revisions", "mirror_marks", "webhook_deliveries", "pending_invites", "request_budgets"),
}
COMMANDS = ("delete-user", "anonymise-user")
PAST = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
both = pytest.mark.parametrize("command", COMMANDS)


@both
async def test_while_propelauth_knows_the_person_there_is_only_a_preview(life: Life, command: str) -> None:
    before = life.telling(life.ada.user_id)

    ended = await life.command(command)
    previewed = await life.command(command, "--dry-run")

    assert (ended.code, ended.out, previewed.code) == (1, "", 3)
    assert ended.err.startswith("PropelAuth still knows this person. Delete them there first:")
    assert "calendars.user_id\t1\tremoved\n" in previewed.out
    assert previewed.out.endswith("PropelAuth still knows this person: delete them there before the real run.\n")
    assert life.telling(life.ada.user_id) == before


@both
async def test_a_dry_run_says_what_would_go_and_writes_nothing(life: Life, command: str) -> None:
    life.gone_there()
    with life.operator.untouched():
        previewed = await life.command(command, "--dry-run", "--json")
        lines = await life.command(command, "--dry-run")
    done = await life.command(command, "--json")

    assert (previewed.code, lines.code, done.code) == (0, 0, 0)
    ran = {"dry_run": False, "left": 0, "revoked": True}
    assert {**previewed.report, **ran} == done.report
    assert (done.report["user_documents"], done.report["before_images"]) == (1, 3)
    told = {part["path"]: (part["documents"], part["becomes"]) for part in done.report["parts"]}
    assert told["calendar_events.user_id"] == (2, "removed")
    assert "calendar_events.calendar_id" not in told
    assert told["pending_invites.inviter_user_id"] == (1, "emptied")
    assert told["pending_invites.accepted_by"] == (1, "kept")
    for place in (
        *("calendars", "calendar_connections", "calendar_consents", "calendar_channels", "working_hours"),
        "user_organizations",
    ):
        assert told[f"{place}.user_id"] == (1, "removed"), told
    names = {each["path"]: each["documents"] for each in done.report["names"]}
    assert names["agent_revisions.author"] == names["pending_invites.invitee_email"] == 1
    assert names["audit_log.actor"] > 1
    assert previewed.report["left"] == sum(names.values()) + 3 + (command == "delete-user") + sum(
        count for count, becomes in told.values() if becomes != "kept"
    )
    assert "calendars.user_id\t1\tremoved\n" in lines.out
    assert "agent_revisions.author\t1\tname or address removed\n" in lines.out
    assert lines.out.endswith("Nothing was written.\n")


async def test_deleting_leaves_the_id_where_the_registry_keeps_it_and_the_name_nowhere(life: Life) -> None:
    bob, seats = life.of_bob(), life.org.counts
    life.gone_there()

    ended = await life.command("delete-user")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("The person is deleted: nothing but what is kept is left.\n")
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID
    assert life.telling(f"'{life.ada.email}'") == {}
    assert life.telling(former_name(life.ada)) == {}
    assert life.of_bob() == bob
    assert life.org.counts == (seats[0], seats[1] - 1)
    assert life.world.database["pending_invites"].count_documents({"inviter_user_id": life.ada.user_id}) == 0


async def test_anonymising_keeps_the_persons_document_with_the_id_and_its_dates(life: Life) -> None:
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


@both
async def test_what_is_left_is_readable_and_the_doctor_finds_nothing_in_it(life: Life, command: str) -> None:
    life.gone_there()
    await life.command(command)
    (agent,) = life.world.database["agents"].find({"org_id": life.org.org_id})
    for path in ("/audit", "/invites?status=accepted", "/members", f"/agents/{agent['agent_id']}/revisions"):
        answer = await life.world.api.get(f"{life.org.at}{path}", headers=life.org.owner.headers)
        assert answer.status_code == 200, answer.text
        assert f'"{life.ada.email}"' not in answer.text
    checked = await life.operator.run("doctor", "--sample", "1000", "--json")
    assert [each for each in checked.report["findings"] if life.ada.user_id in repr(each)] == []
    assert [each for each in checked.report["findings"] if life.org.org_id in repr(each)] == []


async def test_the_grant_is_revoked_at_google_and_while_google_is_down_nothing_goes(life: Life) -> None:
    life.gone_there()
    before = life.telling(life.ada.user_id)
    life.world.google.fail(Fault(path="/revoke", status=503, times=None))

    refused = await life.command("delete-user")

    assert (refused.code, refused.out) == (1, "")
    assert life.telling(life.ada.user_id) == before
    life.world.google.emulator.faults.clear()
    assert (await life.command("delete-user")).code == 0
    assert len(life.world.google.asked("/revoke")) >= 2
    assert life.world.database["users"].find_one({"user_id": life.ada.user_id}) is None


async def test_a_grant_of_another_kind_is_said_to_be_alive(life: Life) -> None:
    kind = {"$set": {"source": "stored"}}
    life.world.database["calendar_connections"].update_one({"user_id": life.ada.user_id}, kind)
    life.gone_there()

    ended = await life.command("delete-user")

    assert ended.code == 0
    assert "The grant was not revoked at Google: it came another way" in ended.out
    assert life.world.google.asked("/revoke") == []


@both
async def test_somebody_else_with_the_same_address_loses_nothing(life: Life, command: str) -> None:
    """The same human, who signed up again: what is accepted by the new id, and a grant that both rest on."""
    life.gone_there()
    again = life.world.propelauth.add_user(life.ada.email)
    other = {"email": life.ada.email, "user_id": again.user_id, "refresh_token": "theirs"}
    life.world.database["users"].insert_one(dict(other))
    theirs = {"invite_id": f"of {again.user_id}", "org_id": life.org.org_id, "status": "accepted"}
    address = {"invitee_email": life.ada.email, "email_key": life.ada.email, "accepted_by": again.user_id}
    life.world.database["pending_invites"].insert_one({**theirs, **address, "expires_at": PAST})

    ended = await life.command(command)

    assert ended.code == 0
    assert f"The same address belongs to {again.user_id}" in ended.out
    assert life.world.google.asked("/revoke") == []
    kept = life.world.database["pending_invites"].find_one({"invite_id": theirs["invite_id"]})
    assert kept["invitee_email"] == kept["email_key"] == life.ada.email
    assert life.world.database["users"].find_one({"user_id": again.user_id})["refresh_token"] == "theirs"
    mine = life.world.database["pending_invites"].find_one({"accepted_by": life.ada.user_id})
    assert mine["email_key"] == nobody(life.ada.user_id)


async def test_done_twice_it_finds_nothing_to_do_and_an_unknown_id_is_said_to_be_one(life: Life) -> None:
    life.gone_there()
    await life.command("delete-user")

    again = await life.command("delete-user")
    unknown = await life.operator.run("delete-user", "107346183461834618346")

    assert again.code == unknown.code == 0
    assert "removed" not in again.out
    assert again.out.endswith("nothing but what is kept is left.\n")
    assert unknown.out.startswith("Nothing here names this id. Is it the right one?")


@both
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_what_was_stopped_in_the_middle_is_finished_by_the_same_command(
    life: Life, command: str, how: signal.Signals
) -> None:
    """As long as the person's document is there, all that is left is found again."""
    hers = {"of_this_test": life.ada.user_id}
    bookings = life.world.database["bookings"]
    many = documents.BATCH + 500
    bookings.insert_many([{**hers, "user_id": life.ada.user_id, "event_id": uuid4().hex} for _ in range(many)])
    life.gone_there()

    with failing(life.world.mongo, "delete", after=1, namespace=bookings.full_name, **held_up(2)) as second_batch:
        process = await life.operator.start(command, life.ada.user_id)
        await second_batch.met()
        process.send_signal(how)
        stopped = await life.operator.end(process)
        left = bookings.count_documents(hers)

    assert stopped.code in (-signal.SIGKILL, 130)
    assert 0 < left < many
    assert life.world.stored(life.ada)["email"] == life.ada.email
    ended = await life.command(command)
    assert (ended.code, ended.err) == (0, "")
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID | {"users"}
    assert life.telling(f"'{life.ada.email}'") == {}


async def test_stopped_between_the_invites_and_the_log_it_finds_the_log_again(life: Life) -> None:
    """The address in an invite is replaced already, and the log tells it as it was typed."""
    typed, instead = life.ada.email.upper(), nobody(life.ada.user_id)
    invite = await life.org.invite(f"x{life.ada.email}")
    got = {"invitee_email": instead, "email_key": instead, "status": "expired"}
    life.org.change_invite(invite, **got)
    entry = {"org_id": life.org.org_id, "target.id": invite["invite_id"]}
    life.world.database["audit_log"].update_many(entry, {"$set": {"after.invitee_email": typed}})
    life.gone_there()

    await life.command("delete-user")

    assert life.telling(typed) == {}


async def test_an_invite_that_is_over_but_not_swept_is_over_and_a_pending_one_is_told_of(life: Life) -> None:
    invite = await life.org.invite(f"x{life.ada.email}")
    mail = {"invitee_email": life.ada.email, "email_key": life.ada.email}
    life.org.change_invite(invite, **mail)
    life.gone_there()
    previewed = await life.command("delete-user", "--dry-run")
    life.org.change_invite(invite, expires_at=PAST)

    ended = await life.command("delete-user")

    assert "1 pending invites to the address stay as they are: revoke them first.\n" in previewed.out
    assert "pending" not in ended.out.replace("pending_invites", "")
    assert life.telling(f"'{life.ada.email}'") == {}


async def test_an_address_in_the_log_goes_and_an_invite_that_another_id_accepted_stays(life: Life) -> None:
    """The invite that the log tells of went with its organization; the other id had the address before."""
    entry = next(each for each in life.org.entries() if each["action"] == "invite.created")
    gone = {
        "entry_id": uuid4().hex,
        "target": {"kind": "invite", "id": "gone"},
        "after": {"invitee_email": life.ada.email},
    }
    life.world.database["audit_log"].insert_one({**entry, **gone})
    mail = {"invitee_email": life.ada.email, "email_key": life.ada.email, "accepted_by": str(uuid4())}
    other = {"invite_id": uuid4().hex, "org_id": life.org.org_id, "status": "accepted", "expires_at": PAST, **mail}
    life.world.database["pending_invites"].insert_one(dict(other))
    life.gone_there()

    await life.command("delete-user")

    ((stored,),) = life.telling(f"'{life.ada.email}'").values()
    assert {**stored, **other} == stored


async def test_a_seat_that_an_accept_under_way_holds_is_free_again(life: Life) -> None:
    seats, nina = life.org.counts, life.world.person(google=False)
    invite = await life.org.invite(nina.email)
    life.world.propelauth.emulator.fail(Fault("/add_user$", "POST", times=None, status=503))
    answer = await life.world.api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=nina.headers)
    assert answer.status_code == 503
    life.world.propelauth.emulator.faults.clear()
    life.world.propelauth.delete_user(nina.user_id)

    ended = await life.operator.run("delete-user", nina.user_id)

    assert (ended.code, ended.err) == (0, "")
    assert life.world.database["membership_changes"].count_documents({"user_id": nina.user_id}) == 0
    pending = life.world.database["pending_invites"].count_documents({"org_id": life.org.org_id, "status": "pending"})
    members = life.world.database["user_organizations"].count_documents({"org_id": life.org.org_id})
    assert life.org.counts == (seats[0], members + pending)


async def test_a_membership_of_an_organization_that_is_not_here_goes_as_well(life: Life) -> None:
    (membership,) = life.world.database["user_organizations"].find({"user_id": life.ada.user_id}, {"_id": 0})
    life.world.database["user_organizations"].insert_one({**membership, "org_id": str(uuid4())})
    life.gone_there()

    assert (await life.command("delete-user")).code == 0
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID


async def test_with_the_keys_of_another_project_nobody_is_gone(life: Life) -> None:
    async with PropelAuthEmulator() as other:
        variables = {"PROPELAUTH_AUTH_URL": other.auth_url, "PROPELAUTH_API_KEY": other.api_key}
        variables |= {"PROPELAUTH_API_ADDRESS": other.url, "PROPELAUTH_VERIFIER_KEY": other.verifier_key_pem}
        for user_id in (life.ada.user_id, "107346183461834618346"):
            ended = await life.operator.run("delete-user", user_id, **variables)
            assert ended.code == 1
            assert ended.err.startswith("PropelAuth knows none of the organizations and people that are here")
    assert life.world.stored(life.ada)["email"] == life.ada.email


async def test_the_last_person_may_go(world: World, tmp_path: Path) -> None:
    name, gone = f"lonely_{uuid4().hex[:8]}", str(uuid4())
    operator = Operator(world.mongod, world.propelauth, world.mongo, name, tmp_path, environment_of(world.settings))
    operator.variables["MONGODB_DATABASE"] = name
    operator.variables["MONGODB_USERS_COLLECTION"] = "people"
    people = operator.database["people"]
    people.insert_many([{"user_id": gone, "email": 7, "$odd": {"a.b": 1}}, {"user_id": str(uuid4()), "enabled": False}])

    ended = await operator.run("delete-user", gone)

    assert (ended.code, ended.err) == (0, "")
    assert "people\t1\tremoved\n" in ended.out
    assert people.count_documents({}) == 1
    world.mongo.drop_database(name)


async def test_more_than_a_batch_goes_and_other_peoples_stay(life: Life) -> None:
    events = life.world.database["calendar_events"]
    events.insert_many([{"user_id": life.ada.user_id, "event_id": f"{life.ada.user_id}{n}"} for n in range(2500)])
    others = events.count_documents({"user_id": {"$ne": life.ada.user_id}})
    assert documents.BATCH < 2500
    life.gone_there()

    assert (await life.command("delete-user")).code == 0

    assert events.count_documents({"user_id": life.ada.user_id}) == 0
    assert events.count_documents({}) == others


async def test_a_worker_that_pulls_the_calendar_meanwhile_brings_nothing_back(life: Life, start: Start) -> None:
    for number in range(200):
        life.world.google.insert_event(life.ada.email, {"summary": f"Call {number}", **times(*span("12:00", "12:30"))})
    hers = {"user_id": life.ada.user_id}
    due = {"$set": {"next_sync_at": PAST, "sync_token": None, "lane": "whole", "status": "waiting"}}
    life.world.database["calendars"].update_one(hers, due)
    life.world.google.fail(Fault(path="/events$", method="GET", times=None, latency=0.2))
    worker = start(page_size=10)
    events = life.world.database["calendar_events"]
    await eventually(lambda: events.count_documents({**hers, "title": {"$regex": "^Call"}}), 20)
    life.gone_there()

    ended = await life.command("delete-user")

    assert (ended.code, ended.err) == (0, "")
    asked = len(life.world.google.asked("/events$"))
    worker.terminate()
    assert await asyncio.to_thread(worker.wait, 20) == 0
    assert asked < 20, "it was in the middle"
    assert life.telling(life.ada.user_id).keys() <= NAMES_THE_ID
