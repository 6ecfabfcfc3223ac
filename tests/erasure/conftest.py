"""Somebody who did all that a person can do here, beside somebody like them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from switchboard.runs import service as runs
from switchboard.runs.model import Image
from tests.bookings.conftest import pulled, span
from tests.operators import Ended, Operator
from tests.organizations.conftest import Factory, Organization
from tests.organizations.conftest import organization as organization
from tests.worker.conftest import Start as Start
from tests.worker.conftest import start as start
from tests.working_hours.plain import sent
from tests.world import Person, World, environment_of

LONG_AGO, LONG_AHEAD = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
Documents = dict[str, list[dict[str, Any]]]


@dataclass
class Life:
    """Ada is Admin of an organization to which Bob belongs as well; `run_id` is a run that changed her document."""

    operator: Operator
    world: World
    ada: Person
    bob: Person
    org: Organization
    run_id: str

    async def command(self, name: str, *arguments: str) -> Ended:
        return await self.operator.run(name, self.ada.user_id, *arguments)

    def gone_there(self) -> None:
        self.world.propelauth.delete_user(self.ada.user_id)

    def telling(self, word: str) -> Documents:
        """All documents in which a word stands anywhere, by their collection."""
        found: Documents = {}
        for name in self.world.database.list_collection_names():
            documents = [each for each in self.world.database[name].find() if word in repr(each)]
            if documents:
                found[name] = documents
        return found

    def of_bob(self) -> Documents:
        """What is kept for him, without what others' doings bring up to date."""
        told = self.telling(self.bob.user_id)
        return {name: told[name] for name in ("users", "calendars", "calendar_events", "calendar_connections")}


@pytest.fixture
def operator(world: World, tmp_path: Path) -> Operator:
    """At the command line of the API that runs."""
    name, variables = world.settings.mongodb.database, environment_of(world.settings)
    return Operator(world.mongod, world.propelauth, world.mongo, name, tmp_path, variables)


@pytest.fixture
async def life(world: World, operator: Operator, organization: Factory) -> Life:
    org = await organization("Owner")
    ada, bob = world.person(), world.person()
    for person in (ada, bob):
        world.google.insert_event(person.email, {"summary": "Standup", **times(*span("08:00", "08:30"))})
        booker = await pulled(world, person, created_at=LONG_AGO, updated_at=LONG_AGO)
        about = {"user_id": person.user_id, "source": "google", "google_subject": f"subject of {person.user_id}"}
        world.database["calendar_connections"].insert_one({**about, "google_email": person.email})
        await booker.book(*span("10:00", "11:00"))
        invite = await org.invite(person.email)
        await _done(world, person, "POST", f"/v1/me/invites/{invite['invite_id']}/accept")
    world.propelauth.change_role(org.org_id, ada.user_id, "Admin")
    await org.mirrored()
    ada.token = world.propelauth.access_token(ada.user_id)
    await _done(world, ada, "POST", f"{org.at}/agents", json={"name": "Reception"})
    channel = {"channel_id": f"channel of {ada.user_id}", "user_id": ada.user_id, "google_calendar_id": ada.email}
    world.database["calendar_channels"].insert_one({**channel, "calendar_id": "hers", "expires_at": LONG_AHEAD})
    guest = {"email": f"guest.{ada.email}", "role_in_org": "Member"}
    await _done(world, ada, "POST", f"{org.at}/invites", json=guest)
    await _done(world, ada, "PUT", "/v1/me/working-hours", json=sent(monday=[("09:00", "17:00")]))
    await _done(world, ada, "PUT", "/v1/me/welcome-form", json={"wish": "peace", "$odd.": ada.email})
    await _done(world, ada, "POST", "/v1/me/calendar/connect")
    return Life(operator, world, ada, bob, org, await _changed_by_a_run(world, ada))


async def _done(world: World, person: Person, method: str, path: str, **more: Any) -> None:
    answer = await world.api.request(method, path, headers=person.headers, **more)
    assert answer.is_success, answer.text


def times(start: str, end: str) -> dict[str, dict[str, str]]:
    return {"start": {"dateTime": start}, "end": {"dateTime": end}}


def former_name(person: Person) -> str:
    return f"Byron, as {person.email} was called"


async def _changed_by_a_run(world: World, ada: Person) -> str:
    """A run that changed her document and removed its double, and changed another person's."""
    stored = world.stored(ada)
    async with runs.begun(uuid4().hex, {}, lambda: datetime.now(UTC)) as work:
        await work.keep("users", [Image(stored["_id"], {"last_name": former_name(ada)}, {"last_name": "Lovelace"})])
        double = {"_id": f"double of {ada.user_id}", "user_id": ada.user_id, "email": ada.email}
        await work.keep("users", [Image(double["_id"], double, None), Image("other", {"_id": "other"}, None)])
        sent = {"inviter_user_id": ada.user_id, "inviter_email": ada.email}
        await work.keep("pending_invites", [Image("an invite", sent, {"inviter_user_id": None})])
        return work.run.run_id
