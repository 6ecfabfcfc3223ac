"""`switchboard doctor --fix`: what can be mended is, the rest stays, and `runs undo` takes all of it back."""

import signal
from typing import Any
from uuid import uuid4

import pytest

from switchboard.crypto import KeyRing
from tests.http.served import SEALING_KEY
from tests.operators import Operator
from tests.schema import clinic
from tests.schema.clinic import LONG_AGO, MEMBER, ORG
from tests.schema.test_doctor import found_in
from tests.world import World, eventually

RUNS = ("runs", "before_images")


@pytest.fixture
def ill(operator: Operator) -> Any:
    """A database with a fault of each kind that can be mended."""
    database = operator.database
    clinic.fill(database, KeyRing.read(SEALING_KEY))
    gone = {"_id": clinic.old_id(), "user_id": "gone"}
    database["calendar_connections"].insert_one({**gone, "source": "google", "connected_at": LONG_AGO})
    database["working_hours"].insert_one({**gone, "timezone": "UTC"})
    database["calendars"].insert_one(clinic.calendar("gone", "calendar-9", org_ids=[]))
    database["calendar_events"].insert_many(
        [clinic.event(number, "gone", "calendar-9", org_ids=[]) for number in range(450)]
    )
    database["calendar_events"].update_one({"calendar_id": clinic.CALENDAR}, {"$set": {"org_ids": ["org-9"]}})
    database["calendars"].update_one({"calendar_id": clinic.CALENDAR}, {"$set": {"org_ids": []}})
    database["pending_invites"].update_one({}, {"$set": {"inviter_user_id": "gone"}})
    database["user_organizations"].insert_one(clinic.membership(MEMBER, "Owner", "org-2"))
    told = {"entry_id": uuid4().hex, "org_id": "org-2", "at": LONG_AGO, "action": "organization.deleted"}
    about = {"actor": {"kind": "system", "id": "switchboard"}, "target": {"kind": "organization", "id": "org-2"}}
    database["audit_log"].insert_one({**told, **about})
    database["organizations"].update_one({}, {"$set": {"owner_count": 5}, "$unset": {"seats_used": ""}})
    database["agents"].update_one({}, {"$set": {"org_ids": []}})
    database["organization_agents"].delete_many({})
    return database


def contents(database: Any) -> dict[str, list[Any]]:
    """All documents but those of runs, by collection."""
    names = sorted(set(database.list_collection_names()) - set(RUNS))
    found = {name: sorted(database[name].find(), key=lambda each: str(each["_id"])) for name in names}
    return {name: documents for name, documents in found.items() if documents}


async def test_what_is_mended_is_clean_and_undoing_brings_back_every_document(
    world: World, operator: Operator, ill: Any
) -> None:
    before = contents(ill)
    with operator.untouched():
        looked = await operator.run("doctor", "--fix", "--dry-run", "--json")
    assert (looked.code, looked.report["run_id"]) == (3, None), looked.err
    planted = {finding["code"]: finding["count"] for finding in looked.report["findings"]}
    assert planted == {finding["code"]: finding["fixable"] for finding in looked.report["findings"]}
    assert planted["references.calendar_events.user_id"] == 450

    mended = await operator.run("doctor", "--fix", "--json")
    assert (mended.code, mended.report["left"]) == (0, 0), (mended.out, mended.err)
    assert {finding["code"] for finding in mended.report["findings"]} <= planted.keys()
    assert await found_in(world, ill.name, KeyRing.read(SEALING_KEY)) == []
    assert ill["organizations"].find_one({}, {"_id": 0, "owner_count": 1, "seats_used": 1}) == {
        "owner_count": 1,
        "seats_used": 3,
    }
    assert [link["access"] for link in ill["organization_agents"].find()] == ["owner"]

    undone = await operator.run("runs", "undo", mended.report["run_id"], "--json")
    assert (undone.code, undone.report["changed_since"]) == (0, 0), undone.err
    assert contents(ill) == before


async def test_nothing_is_removed_where_it_is_the_target_that_may_be_lost(operator: Operator) -> None:
    database = operator.database
    clinic.fill(database, KeyRing.read(SEALING_KEY))
    for lost in ("organizations", "users", "user_organizations"):
        database[lost].delete_many({})
    database["audit_log"].insert_one({"entry_id": "1", "org_id": ORG, "at": LONG_AGO, "action": "organization.deleted"})
    before = contents(database)

    fixed = await operator.run("doctor", "--fix", "--json", "--only", "references")

    assert fixed.code == 3
    assert fixed.report["run_id"] is None, "there was nothing that may be mended"
    assert all(finding["fixable"] == 0 for finding in fixed.report["findings"])
    assert contents(database) == before


async def test_ctrl_c_leaves_a_run_that_the_next_doctor_goes_on_with(operator: Operator, ill: Any) -> None:
    process = await operator.start("doctor", "--fix", "--json")
    await eventually(lambda: ill["runs"].find_one({"counts.changed": {"$gt": 0}}), 30)
    process.send_signal(signal.SIGINT)
    ended = await operator.end(process)

    rest = await operator.run("doctor", "--fix", "--json")

    assert ended.code in (130, 0), ended.err
    assert (rest.code, rest.report["left"]) == (0, 0), rest.err
    if ended.code == 130:
        assert "goes on from there" in ended.err
        assert ill["runs"].count_documents({"name": "doctor"}) == 1


async def test_a_document_without_its_keys_is_found_and_does_not_end_the_doctor(operator: Operator, ill: Any) -> None:
    agent = ill["agents"].find_one()
    ill["organization_agents"].insert_one({"agent_id": agent["agent_id"], "access": "use"})
    ill["membership_changes"].insert_one({"org_id": "org-1", "user_id": "nobody"})
    ill["user_organizations"].insert_one({"org_id": "org-1"})

    ended = await operator.run("doctor", "--json")

    assert ended.code == 3, ended.err
    codes = {finding["code"] for finding in ended.report["findings"]}
    assert {
        f"unreadable.{name}" for name in ("organization_agents", "membership_changes", "user_organizations")
    } <= codes
