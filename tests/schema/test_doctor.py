"""The doctor on a real database: a healthy one is clean, and each fault that is planted in it is found, alone."""

import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId

from switchboard.crypto import KeyRing
from switchboard.mongo import Transactions
from switchboard.schema.integrity.checks import CHECKS, OPENING
from switchboard.schema.integrity.findings import Examination, Fault, Finding, examine
from switchboard.schema.reading import read_registry
from tests.schema import clinic
from tests.schema.clinic import LONG_AGO, MEMBER, ORG, OWNER
from tests.world import World

Plant = Callable[[Any], object]


def ring() -> KeyRing:
    return KeyRing.read(f"test:{base64.b64encode(os.urandom(32)).decode()}")


RING = ring()


@pytest.fixture(scope="module")
def healthy_name() -> str:
    return f"clinic_{uuid4().hex[:8]}"


@pytest.fixture
def database(world: World, healthy_name: str) -> Any:
    """A healthy one, empty of what an earlier test planted."""
    found = world.mongo[healthy_name]
    for name in found.list_collection_names():
        found[name].delete_many({})
    clinic.fill(found, RING)
    return found


@pytest.fixture(scope="module", autouse=True)
async def _dropped(whole_world: World, healthy_name: str) -> AsyncIterator[None]:
    yield
    whole_world.mongo.drop_database(healthy_name)


def examining(world: World, name: str, keys: KeyRing) -> Examination:
    database = world.services.transactions._client[name]
    return Examination(database, read_registry(), Transactions(database), datetime.now(UTC), 5, keys)


async def found_in(world: World, name: str, keys: KeyRing = RING) -> list[Finding]:
    return await examine(examining(world, name, keys), [*CHECKS, OPENING], lambda _, __: nullcontext(lambda _: None))


def codes(findings: list[Finding]) -> dict[str, int]:
    return {finding.kind.code: finding.count for finding in findings}


async def test_in_a_healthy_database_nothing_is_wrong(world: World, database: Any) -> None:
    assert codes(await found_in(world, database.name)) == {}


async def test_an_empty_database_is_healthy(world: World) -> None:
    assert codes(await found_in(world, f"nothing_{uuid4().hex[:8]}")) == {}


def _set(of: str, fields: dict[str, Any], which: dict[str, Any] | None = None) -> Plant:
    return lambda database: database[of].update_one(which or {}, {"$set": fields})


def _unset(of: str, field: str) -> Plant:
    return lambda database: database[of].update_one({}, {"$unset": {field: ""}})


def _add(of: str, *documents: dict[str, Any]) -> Plant:
    return lambda database: database[of].insert_many([dict(each) for each in documents])


def _remove(of: str, **which: Any) -> Plant:
    return lambda database: database[of].delete_many(which)


def _twice(of: str) -> Plant:
    def plant(database: Any) -> None:
        stored = database[of].find_one()
        database[of].insert_one({**stored, "_id": clinic.old_id()})

    return plant


def _all(*plants: Plant) -> Plant:
    return lambda database: [plant(database) for plant in plants]


CONNECTION = {"_id": clinic.old_id(), "user_id": "nobody", "source": "google", "connected_at": LONG_AGO}
BUSY = {"_id": clinic.old_id(), "user_id": "nobody", "owner": "x", "until": LONG_AGO}
SPEECH, LISTENING = "tts_config.tts_api_key", "stt_config.api_key"

FAULTS: dict[str, tuple[Plant, dict[str, int]]] = {
    "a connection of nobody": (
        _add("calendar_connections", CONNECTION),
        {"references.calendar_connections.user_id": 1},
    ),
    "a connection of what is no id": (
        _add("calendar_connections", {**CONNECTION, "user_id": {"of": 1}}),
        {"references.calendar_connections.user_id": 1, "unreadable.calendar_connections": 1},
    ),
    "a turn of nobody": (_add("turns", BUSY), {"references.turns.user_id": 1}),
    "events without their calendar": (
        _remove("calendars"),
        {"references.calendar_events.calendar_id": 3},
    ),
    "an invite by nobody": (
        _set("pending_invites", {"inviter_user_id": "nobody"}),
        {"references.pending_invites.inviter_user_id": 1},
    ),
    "a member without a document": (
        _all(_remove("users", user_id=MEMBER)),
        {"references.user_organizations.user_id": 1},
    ),
    "an organization that a member lacks": (
        _add("user_organizations", clinic.membership(MEMBER, "Owner", "org-2")),
        {"references.user_organizations.org_id": 1},
    ),
    "an agent in an organization that is not there": (
        _set("agents", {"org_ids": [ORG, "org-2"]}),
        {"references.agents.org_ids": 1, "agents.org_ids": 1},
    ),
    "a configuration of no agent": (
        _set("agent_configurations", {"agent_id": "nothing"}),
        {"references.agent_configurations.agent_id": 1, "agents.no_configuration": 1}
        | {"unopened.agent_configurations.tts_config.tts_api_key": 1}
        | {"unopened.agent_configurations.stt_config.api_key": 1},
    ),
    "an agent without the link of its owner": (_remove("organization_agents"), {"agents.no_owner_link": 1}),
    "an owner that may only use the agent": (
        _set("organization_agents", {"access": "use"}),
        {"agents.no_owner_link": 1},
    ),
    "seats that are miscounted": (_set("organizations", {"seats_used": 9}), {"organizations.counts": 1}),
    "Owners that are miscounted": (_set("organizations", {"owner_count": 2}), {"organizations.counts": 1}),
    "an organization without an Owner": (
        _all(
            _set("user_organizations", {"role_in_org": "Admin"}, {"user_id": OWNER}),
            _set("organizations", {"owner_count": 0}),
        ),
        {"organizations.no_owner": 1},
    ),
    "events of somebody who is no member": (
        _set("calendar_events", {"org_ids": ["org-9"]}),
        {"events.org_ids": 1},
    ),
    "a calendar under an organization of others that is pulled no more": (
        _set("calendars", {"org_ids": [ORG, "org-9"]}),
        {"calendars.org_ids": 1},
    ),
    "an event of somebody else than its calendar": (
        _set("calendar_events", {"user_id": MEMBER}),
        {"events.other_owner": 1},
    ),
    "an event under another id": (
        _set("calendar_events", {"event_id": "other"}),
        {"duplicates.calendar_events.event_id": 1},
    ),
    "two documents of one person": (_add("users", clinic.person(OWNER)), {"duplicates.users.user_id_unique": 1}),
    "two memberships of one person": (
        _all(_add("user_organizations", clinic.membership(MEMBER)), _set("organizations", {"seats_used": 4})),
        {"duplicates.user_organizations.user_id_org_id_unique": 1},
    ),
    "two pending invites for one address": (
        _all(_add("pending_invites", clinic.invite("invite-2")), _set("organizations", {"seats_used": 4})),
        {"duplicates.pending_invites.one_pending_per_email": 1},
    ),
    "two live agents with one number": (
        _all(
            _set("agents", {"phone_number": "+49301234567"}),
            _twice("agents"),
            _set("agents", {"agent_id": "second", "chatbot_key": None}),
        ),
        {
            "duplicates.agents.one_live_agent_per_number": 1,
            "agents.no_configuration": 1,
            "agents.no_owner_link": 1,
        },
    ),
    "two configurations of one agent": (
        _twice("agent_configurations"),
        {"duplicates.agent_configurations.agent_id_unique": 1},
    ),
    "a key in the clear": (_set("agents", {"chatbot_key": clinic.WORD}), {"secrets.agents.chatbot_key": 1}),
    "a key of speech in the clear": (
        _set("agent_configurations", {SPEECH: clinic.WORD}),
        {f"secrets.agent_configurations.{SPEECH}": 1},
    ),
    "a key in the clear in a revision": (
        _set("agent_revisions", {f"configuration.{LISTENING}": clinic.WORD}),
        {f"secrets.agent_revisions.configuration.{LISTENING}": 1},
    ),
    "a key that no key opens": (
        _set("agents", {"chatbot_key": "enc:v1:lost:AAAA"}),
        {"unopened.agents.chatbot_key": 1},
    ),
    "an expiry that is a date": (
        _set("users", {"token_expiration": LONG_AGO}),
        {"users.token_expiration": 1},
    ),
    "scopes in one text": (_set("users", {"scope": "openid email"}), {"users.scope": 1}),
    "a person who began at no time": (_set("users", {"created_at": "2025"}), {"users.created_at": 1}),
    "a person without an id": (
        _add("users", {"email": "a@example.com", "created_at": LONG_AGO}),
        {"users.user_id": 1, "unreadable.users": 1},
    ),
    "a flag beside its scopes": (
        _set("users", {"has_calendar_access": True, "scope": []}),
        {"users.access_without_scope": 1},
    ),
    "a calendar of before there were lanes": (_unset("calendars", "lane"), {"migrations.calendar_lanes": 1}),
    "an invite that is overdue": (_set("pending_invites", {"expires_at": LONG_AGO}), {"invites.overdue": 1}),
    "an event that cannot be read": (
        _set("calendar_events", {"start_time": "noon"}),
        {"unreadable.calendar_events": 1},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_is_found_and_nothing_else(world: World, database: Any, name: str) -> None:
    plant, expected = FAULTS[name]
    plant(database)

    findings = await found_in(world, database.name)

    assert codes(findings) == expected
    assert all(finding.left > 0 or finding.kind.for_information for finding in findings)
    assert all(finding.samples for finding in findings)
    assert clinic.WORD not in repr(findings)


async def faults_of(world: World, database: Any, code: str) -> list[Fault]:
    examination = examining(world, database.name, RING)
    found: list[Fault] = []
    for check in CHECKS:
        found += [fault async for fault in check.run(examination) if check.mends and fault.kind.code == code]
    return found


def deleted(org_id: str) -> dict[str, Any]:
    """What the audit log says of an organization that is gone."""
    told = {"entry_id": uuid4().hex, "org_id": org_id, "at": LONG_AGO, "action": "organization.deleted"}
    by = {"kind": "system", "id": "switchboard"}
    return {**told, "actor": by, "target": {"kind": "organization", "id": org_id}}


async def test_what_was_inserted_a_moment_ago_may_name_what_is_not_there_yet(world: World, database: Any) -> None:
    young = {**clinic.membership(MEMBER, org_id="org-2"), "_id": ObjectId()}
    database["user_organizations"].insert_one(young)
    database["audit_log"].insert_one(deleted("org-2"))

    assert codes(await found_in(world, database.name)) == {}


async def test_an_orphan_whose_target_came_back_is_none_any_more(world: World, database: Any) -> None:
    database["user_organizations"].insert_one(clinic.membership(MEMBER, org_id="org-2"))
    database["audit_log"].insert_one(deleted("org-2"))
    [fault] = await faults_of(world, database, "references.user_organizations.org_id")
    assert fault.mend is not None
    transactions = examining(world, database.name, RING).transactions
    assert [of for of, _ in await transactions.run(fault.mend)] == ["user_organizations"]

    database["organizations"].insert_one(clinic.organization("org-2"))
    assert await transactions.run(fault.mend) == []


async def test_what_belongs_to_somebody_goes_only_once_they_are_gone(world: World, database: Any) -> None:
    """Who is a member of something is known to PropelAuth: then their document is what is missing."""
    code = "references.calendar_connections.user_id"
    database["users"].delete_one({"user_id": OWNER})
    [member] = await faults_of(world, database, code)
    database["user_organizations"].delete_one({"user_id": OWNER})
    [stranger] = await faults_of(world, database, code)

    assert member.mend is None
    assert stranger.mend is not None
    database["user_organizations"].insert_one(clinic.membership(OWNER, "Owner"))
    assert await examining(world, database.name, RING).transactions.run(stranger.mend) == []


async def test_an_organization_is_gone_only_when_the_audit_log_says_so(world: World, database: Any) -> None:
    database["user_organizations"].insert_one(clinic.membership(MEMBER, org_id="org-2"))
    code = "references.user_organizations.org_id"
    assert [fault.mend for fault in await faults_of(world, database, code)] == [None]


async def test_counts_are_mended_as_they_stand_when_they_are_written(world: World, database: Any) -> None:
    database["organizations"].update_one({}, {"$set": {"seats_used": 9}})
    [fault] = await faults_of(world, database, "organizations.counts")
    assert fault.mend is not None
    transactions = examining(world, database.name, RING).transactions

    database["user_organizations"].insert_one(clinic.membership("third"))
    [(_, image)] = await transactions.run(fault.mend)
    database["organizations"].update_one({}, {"$set": {"seats_used": 4}})

    assert (image.before, image.after) == ({"seats_used": 9}, {"seats_used": 4})
    assert await transactions.run(fault.mend) == []


async def test_changes_under_way_count_as_the_service_counts_them(world: World, database: Any) -> None:
    at = {"org_id": ORG, "at": LONG_AGO, "look_again_at": LONG_AGO, "actor": {"kind": "system", "id": "x"}}
    joins = {"change_id": "1", "user_id": "third", "kind": "join", "role_in_org": "Member", **at}
    leaves = {"change_id": "2", "user_id": OWNER, "kind": "leave", "role_in_org": None, **at}
    of_itself = {"change_id": "3", "user_id": None, "kind": "organization", "digest": "d", **at}
    database["users"].insert_one(clinic.person("third"))
    database["membership_changes"].insert_many([joins, leaves, of_itself])
    database["organizations"].update_one({}, {"$set": {"seats_used": 4, "owner_count": 0}})
    assert codes(await found_in(world, database.name)) == {}

    database["organizations"].update_one({}, {"$set": {"seats_used": 3, "owner_count": 1}})
    assert codes(await found_in(world, database.name)) == {"organizations.counts": 1}


async def test_types_in_peoples_documents_are_left_to_normalizing(world: World, database: Any) -> None:
    odd = {"token_expiration": 1.5, "scope": "openid", "access_token": clinic.WORD}
    database["users"].update_one({"user_id": MEMBER}, {"$set": odd})
    database["users"].update_one({"user_id": OWNER}, {"$set": {"has_calendar_access": True, "scope": []}})

    told = {finding.kind.code: finding for finding in await found_in(world, database.name)}

    advised = {code: (finding.kind.advice, finding.left) for code, finding in told.items()}
    normalize = "'switchboard normalize-users' sets it right."
    assert advised == {
        "users.token_expiration": (normalize, 1),
        "users.scope": (normalize, 1),
        "users.access_without_scope": (None, 0),
    }
    assert clinic.WORD not in repr(told)


def test_every_check_has_a_fault_that_it_finds() -> None:
    kinds = {code.partition(".")[0] for _, expected in FAULTS.values() for code in expected}
    assert kinds == {
        *("references", "duplicates", "organizations", "invites", "agents", "calendars", "events"),
        *("secrets", "unopened", "users", "unreadable", "migrations"),
    }
