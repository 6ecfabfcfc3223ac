"""What the doctor decides, with plain objects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from switchboard.agents.model import Agent
from switchboard.annotations import Reference
from switchboard.configurations.model import SECRETS
from switchboard.crypto import KeyRing
from switchboard.errors import NotFound
from switchboard.schema.integrity.agents import NO_CONFIGURATION, NO_OWNER, ORG_IDS, Kept
from switchboard.schema.integrity.calendars import CALENDARS, EVENTS, Placed
from switchboard.schema.integrity.cardinality import places as unique_places
from switchboard.schema.integrity.checks import CHECKS
from switchboard.schema.integrity.documents import unreadable
from switchboard.schema.integrity.findings import GRACE, Fault, Finding, Kind, selected
from switchboard.schema.integrity.organizations import Tally, corrected
from switchboard.schema.integrity.references import checked, suspicious
from switchboard.schema.integrity.secrets import places as sealed_places
from switchboard.schema.integrity.secrets import secret_at
from switchboard.schema.reading import read_registry
from tests.http.served import SEALING_KEY
from tests.schema import clinic

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SETTLED = NOW - GRACE
KIND = Kind("things.wrong", "things", "It is wrong.")


def test_an_organization_is_corrected_only_in_the_counts_that_differ() -> None:
    stored = {"_id": 1, "owner_count": 2, "seats_used": 5}
    image = corrected(stored, Tally(owners=1, seats=5))
    assert image is not None
    assert (image.before, image.after) == ({"owner_count": 2}, {"owner_count": 1})
    assert corrected(stored, Tally(owners=2, seats=5)) is None


def test_a_count_that_was_never_written_is_not_put_back_as_something() -> None:
    image = corrected({"_id": 1, "owner_count": 1}, Tally(owners=1, seats=0))
    assert image is not None
    assert (image.before, image.after) == ({}, {"seats_used": 0})


def kept(org_ids: list[str], *links: tuple[str, str], configured: bool = True) -> Kept:
    agent = {"_id": 1, "agent_id": "a", "org_id": "own", "org_ids": org_ids, "created_at": NOW}
    linked = [{"_id": number, "org_id": org, "access": access} for number, (org, access) in enumerate(links)]
    return Kept(agent, linked, configured)


def test_an_agent_has_a_configuration_a_link_of_its_owner_and_one_of_each_that_has_it() -> None:
    owned, shared = ("own", "owner"), ("other", "use")
    assert kept(["own", "other"], owned, shared).kinds == []
    assert kept(["other", "own"], owned, shared).kinds == [], "in whatever order it was given"
    assert kept(["own"], owned, configured=False).kinds == [NO_CONFIGURATION]
    assert kept(["own", "other"], owned).kinds == [ORG_IDS]
    assert kept(["own"], owned, shared).kinds == [ORG_IDS]
    assert kept(["own"], ("own", "edit")).kinds == [NO_OWNER]
    assert kept(["own", "other"], shared).kinds == [NO_OWNER]


def test_mending_an_agent_goes_by_its_links_and_never_takes_it_from_its_owner() -> None:
    of, image = kept(["lost", "other"], ("other", "use"), ("third", "edit")).change(ORG_IDS)
    assert (of, image.after) == ("agents", {"org_ids": ["other", "own", "third"]})
    of, image = kept(["own"]).change(NO_OWNER)
    assert image.after is not None
    assert (of, image.before, image.after["access"]) == ("organization_agents", None, "owner")
    assert isinstance(image.id, ObjectId)
    _, image = kept(["own"], ("own", "use")).change(NO_OWNER)
    assert (image.before, image.after) == ({"access": "use"}, {"access": "owner"})


def placed(org_ids: list[str], wanted: list[str], events: int = 0, **fields: Any) -> Placed:
    return Placed({"_id": 1, "calendar_id": "c", "status": "synced", "org_ids": org_ids, **fields}, wanted, events)


def kinds(found: Placed) -> list[Kind]:
    return found.kinds(NOW, SETTLED)


def test_events_that_the_worker_will_not_come_to_are_a_fault() -> None:
    ahead = NOW + timedelta(minutes=5)
    assert kinds(placed(["a"], ["a"])) == []
    assert kinds(placed(["a"], ["a"], 3, next_sync_at=ahead)) == [EVENTS], "its calendar seems right to the worker"
    assert kinds(placed(["a"], ["b"], 3, next_sync_at=ahead)) == [], "the next pull places both"
    assert kinds(placed(["a"], ["b"], 3, next_sync_at=NOW - timedelta(minutes=1))) == [], "it is due just now"
    assert kinds(placed(["a"], ["b"], 3, next_sync_at=SETTLED - GRACE)) == [EVENTS, CALENDARS], "nobody pulls"
    assert kinds(placed(["a"], ["b"], 3)) == [EVENTS, CALENDARS], "it is pulled no more"


def test_a_calendar_that_is_being_pulled_or_emptied_is_left_alone() -> None:
    held = {"lease_until": NOW + timedelta(seconds=9)}
    assert kinds(placed(["a"], ["b"], 3, **held)) == []
    assert kinds(placed(["a"], ["a"], 3, status="disconnected", next_sync_at=NOW)) == []
    assert kinds(placed(["a"], ["b"], 0, lease_until=NOW - timedelta(seconds=1))) == [CALENDARS]


@pytest.mark.parametrize(
    ("missing", "distinct", "is_so"),
    [(1, 1, False), (20, 20, False), (21, 21, True), (21, 42, False), (22, 43, True), (100_001, 10**7, True)],
)
def test_when_most_of_the_targets_are_missing_the_holders_are_not_to_blame(
    missing: int, distinct: int, is_so: bool
) -> None:
    assert suspicious(missing, distinct) is is_so


def test_every_reference_that_must_hold_is_checked() -> None:
    registry = read_registry()
    names = {(each.holder, each.field) for each in checked(registry)}
    holding = {
        (entity.name, field.name)
        for entity in registry
        for field in entity.fields
        if isinstance(field.reference, Reference) and field.reference.on_delete != "keep" and entity.owner is None
    }
    assert names == holding
    assert ("UserToken", "user_id") not in names, "it stands in the very document"


def test_orphans_of_what_is_removed_are_looked_for_after_it() -> None:
    order = [each.holder for each in checked(read_registry())]
    for target, holder in (("Agent", "AgentConfiguration"), ("Agent", "AgentRevision"), ("Calendar", "CalendarEvent")):
        assert max(i for i, name in enumerate(order) if name == target) < order.index(holder)


def test_every_sealed_field_is_known_to_what_opens_it() -> None:
    found = sealed_places(read_registry())
    assert {secret_at(path) for _, path in found} == set(SECRETS)
    assert len(found) == 6


def test_what_only_one_may_have_comes_from_the_unique_indexes() -> None:
    names = {f"{collection}.{index.name}" for collection, index in unique_places(read_registry())}
    assert {
        *("users.user_id_unique", "agents.one_live_agent_per_number", "pending_invites.one_pending_per_email"),
        *("agent_configurations.agent_id_unique", "user_organizations.user_id_org_id_unique"),
    } <= names


def test_a_document_is_unreadable_by_the_names_of_its_fields_alone() -> None:
    lacking = ["created_at", "etag", "name", "org_id", "org_ids", "updated_at"]
    assert unreadable(Agent, {"agent_id": "s3cret", "org_id": 7}) == lacking
    assert unreadable(Agent, clinic.agent(KeyRing.read(SEALING_KEY))["agents"]) is None


def test_a_finding_counts_and_keeps_a_few_samples() -> None:
    async def mend(_: object) -> list[Any]:
        return []

    finding = Finding(KIND)
    for number in range(4):
        finding.add(Fault(KIND, (number, "x"), 3, mend if number else None), 3)
    finding.fixed = 5
    assert (finding.count, finding.fixable, finding.left) == (12, 9, 7)
    assert finding.samples == ["0", "x", "1"]
    told = Finding(Kind("a", "b", "c", for_information=True), 5)
    assert told.left == 0


def test_a_check_is_chosen_by_its_name() -> None:
    assert [check.name for check in selected(CHECKS, [])] == [check.name for check in CHECKS]
    assert [check.name for check in selected(CHECKS, ["users", "agents"])] == ["agents", "users"]
    with pytest.raises(NotFound, match=r"There is no check agnets\. There are: references, "):
        selected(CHECKS, ["agnets"])


def test_what_mends_comes_before_what_only_looks() -> None:
    mends = [check.mends for check in CHECKS]
    assert mends == sorted(mends, reverse=True)
