"""What the API writes into a real database is what the registry says, and a difference is found."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.mongod import Mongod
from switchboard.agents.documents import AgentDocument
from switchboard.calendars.documents import CalendarDocument
from switchboard.comparison import service as comparison
from switchboard.runs import service as runs
from switchboard.runs.model import Image
from switchboard.runtime import service as runtime
from switchboard.runtime.service import Grant
from switchboard.schema.reading import read_registry
from tests.agents.conftest import Teams, number, team
from tests.calendars.conftest import connect, event, pull_due, soon
from tests.operators import Operator
from tests.pulls.conftest import only_due
from tests.schema.stored import differences
from tests.webhooks.conftest import Sender
from tests.world import World
from tests.world import world as started

__all__ = ["connect", "event", "soon", "team"]  # fixtures

UNWRITTEN = {  # by no call of this test: a push channel needs a public address, steps are applied by `migrate`
    "calendar_channels", "applied_steps", "membership_changes", "organization_creations",
    "calendar_consents", "turns", "sealing_checks",
}  # fmt: skip


@pytest.fixture
async def world(mongod: Mongod) -> AsyncIterator[World]:
    """One of its own: in the shared one other tests leave documents of any shape."""
    async with started(mongod) as own:
        yield own


async def test_what_the_api_writes_is_what_the_registry_says(world, team: Teams, connect, event) -> None:
    ours, theirs = await team(), await team()
    await an_agent(ours, theirs)
    await people_and_invites(world, ours)
    await calendars(world, ours, connect, event)
    told = Sender(world)
    assert (await told.deliver(told.event("org.updated", org_id=ours.org_id))).status_code < 300
    await runtime.create("Phones", Grant(["agents.runtime"], ours.org_id, "Member", 9), datetime.now(UTC))
    async with runs.begun("a run", {"of": "this test"}, lambda: datetime.now(UTC)) as work:
        await work.keep("users", [Image("1", {"a": 1}, {"a": 2})])

    registry = read_registry()
    assert differences(world.database, registry) == []
    empty = {name for name in registry.collections() if world.database[name].find_one() is None}
    assert empty <= UNWRITTEN


async def an_agent(ours: Any, theirs: Any) -> None:
    made = await ours.made()
    await made.ok("owner", "PATCH", json={"phone_number": number(), "conversation": {"max_nudges": 2}})
    await made.given(theirs, "edit")


async def people_and_invites(world: World, ours: Any) -> None:
    owner, at = ours.people["owner"].headers, f"/v1/orgs/{ours.org_id}"
    kim = world.person(google=False)
    asked = {**owner, "Idempotency-Key": uuid4().hex}
    invite = {"email": kim.email, "role_in_org": "Member"}
    made = await world.api.post(f"{at}/invites", headers=asked, json=invite)
    assert made.status_code == 201, made.text
    accepted = await world.api.post(f"/v1/me/invites/{made.json()['invite_id']}/accept", headers=kim.headers)
    assert accepted.status_code == 200, accepted.text
    another = {"email": f"{uuid4().hex}@example.com", "role_in_org": "Admin"}
    other = await world.api.post(f"{at}/invites", headers=owner, json=another)
    await world.api.delete(f"{at}/invites/{other.json()['invite_id']}", headers=owner)
    new = {"name": f"Org {uuid4().hex[:8]}"}
    assert (await world.api.post("/v1/orgs", headers=kim.headers, json=new)).status_code == 201
    changed = await world.api.patch(at, headers=owner, json={"display_name": "Ours", "max_users": 20})
    assert changed.status_code == 200, changed.text


async def calendars(world: World, ours: Any, connect: Any, event: Any) -> None:
    ada, api = world.person(), world.api
    world.propelauth.add_member(ours.org_id, ada.user_id, "Member")
    await comparison.compare(world.services, ours.org_id, datetime.now(UTC))
    assert (await connect(ada)).status_code == 200
    place = world.google.events.place(ada.email, "primary")
    world.google.events.insert(place, event("Standup", attendees=[{"email": "kim@example.com"}]))
    assert await pull_due(world, only_due(world, ada))
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    wish = {"title": "Call", "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    booked = await api.post("/v1/me/events", headers=ada.headers, json=wish)
    assert booked.status_code == 201, booked.text
    hours = {"timezone": "Europe/Berlin", "weekly": {"monday": [{"from": "08:00", "to": "12:00"}]}}
    assert (await api.put("/v1/me/working-hours", headers=ada.headers, json=hours)).status_code == 200
    shown = await api.put(f"/v1/orgs/{ours.org_id}/calendar-sharing", headers=ada.headers, json={"shows": "details"})
    assert shown.status_code == 200, shown.text


def test_a_difference_is_found(operator: Operator) -> None:
    database = operator.database
    for document in (AgentDocument, CalendarDocument):
        database[document.Settings.name].create_indexes(document.Settings.indexes)
    assert not [each for each in differences(database, read_registry()) if not each.startswith("users")]
    database["leftovers"].insert_one({"a": 1})
    database["agents"].drop_index("org_id_status")
    database["agents"].create_index("name", name="name")
    database["calendars"].drop_index("user_id")
    database["calendars"].create_index("user_id", name="user_id", unique=True)
    kept = {"user_id": "u", "owner": "o", "until": datetime.now(UTC), "extra": 1}
    database["turns"].insert_one(kept)
    database["bookings"].insert_one({"event_id": 7, "user_id": None, "calendar_id": "c", "google_event_id": "g"})
    database["runs"].insert_one(
        {"run_id": "r", "name": "n", "state": "odd", "holder": "h", "leased_until": kept["until"]}
    )
    database["audit_log"].insert_one({"entry_id": "e", "actor": {"kind": "user", "id": "u", "shoe": 43}})

    found = set(differences(database, read_registry()))

    assert {
        "leftovers: unknown collection",
        "agents: no index org_id_status",
        "agents: unknown index name",
        "calendars: another index user_id",
        "turns.extra: unknown field",
        "bookings.event_id: int, not string",
        "bookings.user_id: null",
        "bookings.forget_at: missing",
        "runs.state: not one of its choices",
        "audit_log.actor.shoe: unknown field",
    } <= found
