"""Organizations made cheaply: at PropelAuth directly, then one comparison mirrors them with all their people."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.propelauth import Org
from switchboard.comparison import service as comparison
from tests.world import Person, World

ROLES = ("Owner", "Admin", "Member")


@dataclass
class Organization:
    """An organization with the people in it, the first of each role by name."""

    world: World
    org_id: str
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return f"/v1/orgs/{self.org_id}"

    @property
    def owner(self) -> Person:
        return self.people["Owner"]

    @property
    def admin(self) -> Person:
        return self.people["Admin"]

    @property
    def member(self) -> Person:
        return self.people["Member"]

    @property
    def there(self) -> Org:
        """As PropelAuth has it."""
        return self.world.propelauth.world.orgs[self.org_id]

    @property
    def stored(self) -> dict[str, Any]:
        """As it is mirrored."""
        found: dict[str, Any] = self.world.database["organizations"].find_one({"org_id": self.org_id})
        return found

    @property
    def counts(self) -> tuple[int, int]:
        """Owners and seats, as they are counted."""
        return self.stored["owner_count"], self.stored["seats_used"]

    def add(self, role: str, person: Person | None = None, additional: tuple[str, ...] = ()) -> Person:
        """Make somebody a member at PropelAuth; `mirrored` brings it here."""
        person = person or self.world.person(google=False)
        self.world.propelauth.add_member(self.org_id, person.user_id, role, additional)
        self.people.setdefault(role, person)
        return person

    async def mirrored(self) -> None:
        await comparison.compare(self.world.services, self.org_id, datetime.now(UTC))

    def role(self, person: Person) -> str | None:
        """As it is mirrored."""
        found = self.world.database["user_organizations"].find_one(self._of(person))
        return found and str(found["role_in_org"])

    def role_there(self, person: Person) -> str | None:
        found = self.world.propelauth.membership(self.org_id, person.user_id)
        return found and found.role

    def entries(self, action: str | None = None) -> list[dict[str, Any]]:
        """Of the audit log, the oldest first."""
        asked = {"org_id": self.org_id, **({"action": action} if action else {})}
        return list(self.world.database["audit_log"].find(asked, {"_id": 0}, sort=[("entry_id", 1)]))

    def under_way(self) -> list[dict[str, Any]]:
        return list(self.world.database["membership_changes"].find({"org_id": self.org_id}))

    def forget_entries(self) -> None:
        """So that a test sees its own alone."""
        self.world.database["audit_log"].delete_many({"org_id": self.org_id})

    async def invite(self, email: str, role: str = "Member", **fields: Any) -> dict[str, Any]:
        """An invite by the Owner."""
        body = {"email": email, "role_in_org": role, **fields}
        answer = await self.world.api.post(f"{self.at}/invites", headers=self.owner.headers, json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def invites(self) -> list[dict[str, Any]]:
        return list(self.world.database["pending_invites"].find({"org_id": self.org_id}, sort=[("created_at", 1)]))

    def change_invite(self, invite: dict[str, Any], **fields: Any) -> None:
        """Put other fields into a stored invite: the passing of time."""
        self.world.database["pending_invites"].update_one({"invite_id": invite["invite_id"]}, {"$set": fields})

    def _of(self, person: Person) -> dict[str, str]:
        return {"org_id": self.org_id, "user_id": person.user_id}


Factory = Callable[..., Awaitable[Organization]]


@pytest.fixture
def organization(world: World) -> Factory:
    """Make one with a person in each of these roles; `fields` are PropelAuth's."""

    async def make(*roles: str, **fields: Any) -> Organization:
        made = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex[:12]}", **fields).org_id)
        for role in roles or ROLES:
            made.add(role)
        await made.mirrored()
        return made

    return make


@pytest.fixture
def additional_roles(world: World) -> Iterator[None]:
    """PropelAuth's project with several roles a member, as they need it."""
    settings = world.propelauth.settings
    roles, multi_role = settings.roles, settings.multi_role
    settings.roles, settings.multi_role = {**roles, "agent_editor": [], "auditor": []}, True
    yield
    settings.roles, settings.multi_role = roles, multi_role


def person_at(world: World, domain: str, **fields: Any) -> Person:
    """Somebody with an address at this domain."""
    email = f"{uuid4().hex[:12]}@{domain}"
    user = world.propelauth.add_user(email, **fields)
    return Person(user.user_id, email, world.propelauth.access_token(user.user_id))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem."""
    return answer.status_code, str(answer.json()["code"])
