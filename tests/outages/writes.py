"""Every call that writes to PropelAuth: how it is prepared, and how things are once it is done."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization, person_at
from tests.world import Person, World


@dataclass
class Write:
    """A call that is ready to be made. `entries` are what the audit log says of it in the end.

    `decided`: what it says already while PropelAuth has not answered.
    """

    org: Organization
    person: Person
    method: str
    path: str
    status: int
    entries: tuple[str, ...]
    done: Callable[[], bool]
    body: Any = None
    decided: tuple[str, ...] = ()
    before: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.before = self.actions()

    async def make(self, api: httpx.AsyncClient | None = None) -> httpx.Response:
        api = api or self.org.world.api
        return await api.request(self.method, self.path, headers=self.person.headers, json=self.body)

    def actions(self) -> Counter[str]:
        return Counter(entry["action"] for entry in self.org.entries())

    def added(self) -> Counter[str]:
        """What was added to the audit log since it was prepared."""
        return self.actions() - self.before

    def wrong(self) -> list[str]:
        """What is not as it should be once the call has been answered with success."""
        org_id, world = self.org.org_id, self.org.world
        ours, theirs = here(world.database, org_id), there(world.propelauth, org_id)
        found = miscounted(world.database, org_id)
        if ours != theirs:
            found.append(f"here {ours}, at PropelAuth {theirs}")
        if not self.done():
            found.append("it is not done")
        if self.added() != Counter(self.entries):
            found.append(f"the audit log says {dict(self.added())}")
        found += [f"a change is left: {each['kind']}" for each in self.org.under_way()]
        return found


Prepare = Callable[[World], Awaitable[Write]]


class Created(Organization):
    """The organization that a call creates, once it does."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, "")
        self.name = name

    def __getattribute__(self, name: str) -> Any:
        if name == "org_id":
            made = [org.org_id for org in self.world.propelauth.world.orgs.values() if org.name == self.name]
            return made[0] if made else "none"
        return super().__getattribute__(name)


def somebody() -> str:
    """An address of its own: only so many mails go to one."""
    return f"{uuid4().hex[:12]}@example.com"


async def organization(world: World, *roles: str, **fields: Any) -> Organization:
    """One that the API knows of by the claims of its people's tokens; an invite's guest comes later."""
    made = Organization(world, world.propelauth.add_org(f"Org {uuid4().hex[:12]}", **fields).org_id)
    for role in roles or ("Owner", "Member"):
        person = made.add(role)
        person.token = world.propelauth.access_token(person.user_id)
        answer = await world.api.get(made.at, headers=person.headers)
        assert answer.status_code == 200, answer.text
    return made


async def create(world: World) -> Write:
    name, person = f"Org {uuid4().hex[:12]}", world.person(google=False)
    org = Created(world, name)

    def done() -> bool:
        named = [each for each in world.propelauth.world.orgs.values() if each.name == name]
        return (len(named), org.role(person), org.role_there(person), org.counts) == (1, "Owner", "Owner", (1, 1))

    body, entries = {"name": name, "display_name": "Ours"}, ("organization.created", "member.joined")
    return Write(org, person, "POST", "/v1/orgs", 201, entries, done, body, entries[:1])


async def update(world: World) -> Write:
    org = await organization(world)
    body = {"name": f"Renamed {uuid4().hex[:12]}", "description": "x", "max_users": 7}

    def done() -> bool:
        return {name: org.stored[name] for name in body} == body and org.stored["seat_limit"] == 7

    return Write(org, org.owner, "PATCH", org.at, 200, ("organization.updated",), done, body)


async def delete(world: World) -> Write:
    org = await organization(world)
    return Write(org, org.owner, "DELETE", org.at, 204, ("organization.deleted",), lambda: org.stored is None)


async def change_role(world: World) -> Write:
    org = await organization(world)
    path, body = f"{org.at}/members/{org.member.user_id}", {"role_in_org": "Owner"}
    return Write(
        *(org, org.owner, "PATCH", path, 200, ("member.role_changed",), lambda: org.role(org.member) == "Owner", body)
    )


async def demote(world: World) -> Write:
    org = await organization(world, "Owner", "Member")
    second = org.add("Owner")
    second.token = world.propelauth.access_token(second.user_id)
    await world.api.get(org.at, headers=second.headers)
    path, body = f"{org.at}/members/{second.user_id}", {"role_in_org": "Member"}
    return Write(org, org.owner, "PATCH", path, 200, ("member.role_changed",), lambda: org.counts == (1, 3), body)


async def remove(world: World) -> Write:
    org = await organization(world)
    path = f"{org.at}/members/{org.member.user_id}"
    return Write(org, org.owner, "DELETE", path, 204, ("member.removed",), lambda: org.counts == (1, 1))


async def leave(world: World) -> Write:
    org = await organization(world)
    return Write(org, org.member, "POST", f"{org.at}/leave", 204, ("member.left",), lambda: org.counts == (1, 1))


async def transfer(world: World) -> Write:
    org = await organization(world)

    def done() -> bool:
        return (org.role(org.owner), org.role(org.member), org.counts) == ("Admin", "Owner", (1, 2))

    body = {"user_id": org.member.user_id}
    return Write(org, org.owner, "POST", f"{org.at}/transfer", 200, ("ownership.transferred",), done, body)


async def join(world: World) -> Write:
    domain = f"{uuid4().hex[:8]}.example"
    person = person_at(world, domain)
    org = await organization(world, domain=domain, domain_autojoin=True)
    return Write(org, person, "POST", f"{org.at}/join", 200, ("member.joined",), lambda: org.counts == (1, 3))


async def invite(world: World) -> Write:
    org = await organization(world)
    body = {"email": somebody(), "role_in_org": "Admin"}
    return Write(
        *(org, org.owner, "POST", f"{org.at}/invites", 201, ("invite.created",), lambda: org.counts == (1, 3), body)
    )


async def resend(world: World) -> Write:
    org = await organization(world)
    made = await org.invite(somebody())
    earlier = datetime.now(UTC) - timedelta(hours=2)
    org.change_invite(made, last_sent_at=earlier, expires_at=earlier + timedelta(days=5))

    def done() -> bool:
        stored = org.invites()[0]
        return stored["sends"] == 2 and stored["expires_at"] > earlier + timedelta(days=5, hours=1)

    path = f"{org.at}/invites/{made['invite_id']}/resend"
    return Write(org, org.owner, "POST", path, 200, ("invite.resent",), done)


async def revoke(world: World) -> Write:
    org = await organization(world)
    made = await org.invite(somebody())
    path = f"{org.at}/invites/{made['invite_id']}"
    return Write(org, org.owner, "DELETE", path, 200, ("invite.revoked",), lambda: org.counts == (1, 2))


async def accept(world: World) -> Write:
    org, guest = await organization(world), world.person(google=False)
    made = await org.invite(guest.email, "Admin")
    entries = ("invite.accepted", "member.joined")

    def done() -> bool:
        return (org.role(guest), org.counts, org.invites()[0]["status"]) == ("Admin", (1, 3), "accepted")

    path = f"/v1/me/invites/{made['invite_id']}/accept"
    return Write(org, guest, "POST", path, 200, entries, done, decided=entries[:1])


async def accept_as_member(world: World) -> Write:
    """The invitee is a member already, with a lower role: an invite raises it."""
    org, guest = await organization(world), world.person(google=False)
    made = await org.invite(guest.email, "Admin")
    org.add("Member", guest)
    guest.token = world.propelauth.access_token(guest.user_id)
    await world.api.get(org.at, headers=guest.headers)
    entries = ("invite.accepted", "member.role_changed")

    def done() -> bool:
        return (org.role(guest), org.counts, org.invites()[0]["status"]) == ("Admin", (1, 3), "accepted")

    path = f"/v1/me/invites/{made['invite_id']}/accept"
    return Write(org, guest, "POST", path, 200, entries, done, decided=entries[:1])


async def decline(world: World) -> Write:
    org, guest = await organization(world), world.person(google=False)
    made = await org.invite(guest.email)
    path = f"/v1/me/invites/{made['invite_id']}/decline"
    return Write(org, guest, "POST", path, 204, ("invite.declined",), lambda: org.counts == (1, 2))


WRITES: dict[str, Prepare] = {
    each.__name__: each
    for each in (
        *(create, update, delete, change_role, demote, remove, leave, transfer, join),
        *(invite, resend, revoke, accept, accept_as_member, decline),
    )
}
# The routes of these; the one left out answers for each row apart.
ROUTES = {
    ("POST", "/v1/orgs"),
    ("PATCH", "/v1/orgs/{org_id}"),
    ("DELETE", "/v1/orgs/{org_id}"),
    ("PATCH", "/v1/orgs/{org_id}/members/{user_id}"),
    ("DELETE", "/v1/orgs/{org_id}/members/{user_id}"),
    ("POST", "/v1/orgs/{org_id}/leave"),
    ("POST", "/v1/orgs/{org_id}/transfer"),
    ("POST", "/v1/orgs/{org_id}/join"),
    ("POST", "/v1/orgs/{org_id}/invites"),
    ("POST", "/v1/orgs/{org_id}/invites/{invite_id}/resend"),
    ("DELETE", "/v1/orgs/{org_id}/invites/{invite_id}"),
    ("POST", "/v1/me/invites/{invite_id}/accept"),
    ("POST", "/v1/me/invites/{invite_id}/decline"),
}
ROW_BY_ROW = {("POST", "/v1/orgs/{org_id}/invites/bulk")}
